/* SPDX-License-Identifier: MIT */
/*
 * chan_rendezvous.cpp - an unbuffered_channel between two fibers.
 *
 * Idiom: push, which waits until the item was taken, and pop. Fair: it is the same rendezvous.
 */
#include "channel.hpp"

void peer_chan_rendezvous(const struct peer *p)
{
	unbuffered items;

	channel_flow(p, items, 1, pop_all<unbuffered>);
}
