/* SPDX-License-Identifier: MIT */
/*
 * chan_nton - four threads that send into the ring, four that receive from it.
 */
#include "ring.h"

void peer_chan_nton(const struct peer *p)
{
	ring_flow(p, WORK_ENDS, WORK_ENDS, 1);
}
