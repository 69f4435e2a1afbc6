/* SPDX-License-Identifier: MIT */
/*
 * Plain serial code, the floor of what computes: no runtime, no threads; one core whatever
 * --workers says.
 */
#include "../peer.h"

int main(int argc, char **argv)
{
	static const struct peer_workload workloads[] = {
	    {"fork_join", peer_fork_join},
	    {"parallel_for", peer_parallel_for},
	    {"skynet", peer_skynet},
	    {"sort", peer_sort},
	};

	return peer_main(workloads, sizeof(workloads) / sizeof(workloads[0]), argc, argv);
}
