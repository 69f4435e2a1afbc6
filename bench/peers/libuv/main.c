/* SPDX-License-Identifier: MIT */
/*
 * main.c - libuv: an event loop with callbacks, and a pool of threads beside it. It has no tasks
 * that call each other or wait: fork_join, yield, ping_pong and the like have no counterpart.
 */
#include "../peer.h"

int main(int argc, char **argv)
{
	static const struct peer_workload workloads[] = {
	    {"flat_spawn", peer_flat_spawn},       {"idle", peer_idle},
	    {"parked_memory", peer_parked_memory}, {"sleepers", peer_sleepers},
	    {"submit_wake", peer_submit_wake},
	};

	return peer_main(workloads, sizeof(workloads) / sizeof(*workloads), argc, argv);
}
