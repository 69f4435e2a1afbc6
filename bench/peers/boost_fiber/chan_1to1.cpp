/* SPDX-License-Identifier: MIT */
/*
 * chan_1to1.cpp - a buffered_channel between two fibers.
 *
 * Idiom: push and pop. Fair: it is what the channel is for.
 */
#include "channel.hpp"

void peer_chan_1to1(const struct peer *p)
{
	buffered items(WORK_ROOM);

	channel_flow(p, items, 1, pop_all<buffered>);
}
