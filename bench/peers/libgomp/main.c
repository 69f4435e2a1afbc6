/* SPDX-License-Identifier: MIT */
/*
 * OpenMP by gcc (libgomp): tasks and loops in a parallel region of W threads, as OpenMP's own
 * specification writes them.  The same sources, compiled by clang, are the peer libomp.
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
	    {"sort", peer_sort},
	};

	return peer_main(workloads, sizeof(workloads) / sizeof(workloads[0]), argc, argv);
}
