/* SPDX-License-Identifier: MIT */
/*
 * main.cpp - Boost.Fiber: stackful fibers with futures, channels and locks of their own, scheduled
 * by an algorithm that the user picks for each thread (fibers.hpp says which and how).
 */
#include "../peer.h"

int main(int argc, char **argv)
{
	static const struct peer_workload workloads[] = {
	    {"flat_spawn", peer_flat_spawn},
	    {"fork_join", peer_fork_join},
	    {"idle", peer_idle},
	    {"parked_memory", peer_parked_memory},
	    {"ping_pong", peer_ping_pong},
	    {"ready_future", peer_ready_future},
	    {"skynet", peer_skynet},
	    {"sleepers", peer_sleepers},
	    {"yield", peer_yield},
	};

	return peer_main(workloads, sizeof(workloads) / sizeof(*workloads), argc, argv);
}
