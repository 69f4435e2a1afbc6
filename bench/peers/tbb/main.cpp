/* SPDX-License-Identifier: MIT */
/*
 * oneTBB: task_group and the parallel algorithms in an arena of W threads, of which the calling
 * thread is one, as a program that uses TBB has it.
 */
#include "../peer.h"

int main(int argc, char **argv)
{
	static const struct peer_workload workloads[] = {
	    {"behind_hog", peer_behind_hog},
	    {"flat_spawn", peer_flat_spawn},
	    {"fork_join", peer_fork_join},
	    {"idle", peer_idle},
	    {"parallel_for", peer_parallel_for},
	    {"scope", peer_scope},
	    {"skynet", peer_skynet},
	    {"sort", peer_sort},
	    {"submit_wake", peer_submit_wake},
	};

	return peer_main(workloads, sizeof(workloads) / sizeof(workloads[0]), argc, argv);
}
