/* SPDX-License-Identifier: MIT */
/*
 * main.cpp - Asio, the stand-alone one: handlers on an io_context or a thread_pool, and C++20
 * coroutines on top of them. A coroutine is started, not joined: fork_join and skynet, where each
 * parent waits for the children's results, are left to runtimes with tasks.
 */
#include "../peer.h"

int main(int argc, char **argv)
{
	static const struct peer_workload workloads[] = {
	    {"flat_spawn", peer_flat_spawn},       {"idle", peer_idle},
	    {"parked_memory", peer_parked_memory}, {"ping_pong", peer_ping_pong},
	    {"ready_future", peer_ready_future},   {"sleepers", peer_sleepers},
	    {"submit_wake", peer_submit_wake},     {"yield", peer_yield},
	};

	return peer_main(workloads, sizeof(workloads) / sizeof(*workloads), argc, argv);
}
