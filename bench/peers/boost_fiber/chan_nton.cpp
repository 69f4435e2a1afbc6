/* SPDX-License-Identifier: MIT */
/*
 * chan_nton.cpp - a buffered_channel, four fibers that push and four that pop.
 *
 * Idiom: the same channel, which is for several of both. Fair: nothing else is needed.
 */
#include "channel.hpp"

void peer_chan_nton(const struct peer *p)
{
	buffered items(WORK_ROOM);

	channel_flow(p, items, WORK_ENDS, pop_all<buffered>);
}
