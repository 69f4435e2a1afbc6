/* SPDX-License-Identifier: MIT */
/*
 * chan_1to1 - two threads and the ring.
 */
#include "ring.h"

void peer_chan_1to1(const struct peer *p)
{
	ring_flow(p, 1, 1, 1);
}
