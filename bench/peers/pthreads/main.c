/* SPDX-License-Identifier: MIT */
/*
 * What C programs do without a runtime: plain threads, a mutex, condition variables, and a bare
 * futex pair as the floor of what a wake costs.
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
	    {"idle", peer_idle},
	    {"mutex", peer_mutex},
	    {"ping_pong", peer_ping_pong},
	    {"rwlock", peer_rwlock},
	    {"semaphore", peer_semaphore},
	    {"submit_wake", peer_submit_wake},
	};

	return peer_main(workloads, sizeof(workloads) / sizeof(workloads[0]), argc, argv);
}
