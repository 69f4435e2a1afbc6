/* SPDX-License-Identifier: MIT */
/*
 * chan_batch - two threads and the ring; who has locked it takes what is there.
 */
#include "ring.h"

void peer_chan_batch(const struct peer *p)
{
	ring_flow(p, 1, 1, WORK_BATCH);
}
