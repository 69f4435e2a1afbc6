/* SPDX-License-Identifier: MIT */
/*
 * main.cpp - Boost.Fiber: stackful fibers with futures, channels and locks of their own, scheduled
 * by an algorithm that the user picks for each thread (fibers.hpp says which and how). It has no
 * select over channels, no semaphore and no lock of readers and writers.
 */
#include "../peer.h"

int main(int argc, char **argv)
{
	static const struct peer_workload workloads[] = {
	    {"barrier_100", peer_barrier_100},
	    {"chan_1to1", peer_chan_1to1},
	    {"chan_batch", peer_chan_batch},
	    {"chan_nton", peer_chan_nton},
	    {"chan_rendezvous", peer_chan_rendezvous},
	    {"cond_ping_pong", peer_cond_ping_pong},
	    {"flat_spawn", peer_flat_spawn},
	    {"fork_join", peer_fork_join},
	    {"idle", peer_idle},
	    {"mutex", peer_mutex},
	    {"parked_memory", peer_parked_memory},
	    {"ping_pong", peer_ping_pong},
	    {"ready_future", peer_ready_future},
	    {"skynet", peer_skynet},
	    {"sleepers", peer_sleepers},
	    {"yield", peer_yield},
	};

	return peer_main(workloads, sizeof(workloads) / sizeof(*workloads), argc, argv);
}
