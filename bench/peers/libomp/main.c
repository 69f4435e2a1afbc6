/* SPDX-License-Identifier: MIT */
/*
 * OpenMP by clang (LLVM's libomp): the sources of ../libgomp but for its sort, which is part of
 * gcc's C++ library.
 */
#include "../peer.h"

int main(int argc, char **argv)
{
	static const struct peer_workload workloads[] = {
	    {"flat_spawn", peer_flat_spawn},
	    {"fork_join", peer_fork_join},
	    {"idle", peer_idle},
	    {"parallel_for", peer_parallel_for},
	    {"scope", peer_scope},
	    {"skynet", peer_skynet},
	};

	return peer_main(workloads, sizeof(workloads) / sizeof(workloads[0]), argc, argv);
}
