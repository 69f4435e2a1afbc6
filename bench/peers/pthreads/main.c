/* SPDX-License-Identifier: MIT */
/*
 * What C programs do without a runtime: plain threads, a mutex, condition variables, and a bare
 * futex pair as the floor of what a wake costs.
 */
#include "../peer.h"

int main(int argc, char **argv)
{
	static const struct peer_workload workloads[] = {
	    {"flat_spawn", peer_flat_spawn},
	    {"idle", peer_idle},
	    {"ping_pong", peer_ping_pong},
	    {"submit_wake", peer_submit_wake},
	};

	return peer_main(workloads, sizeof(workloads) / sizeof(workloads[0]), argc, argv);
}
