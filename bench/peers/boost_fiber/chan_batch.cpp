/* SPDX-License-Identifier: MIT */
/*
 * chan_batch.cpp - chan_1to1.cpp with a receiver that takes what is there, up to 64 items at once.
 *
 * Idiom: pop, which waits, and try_pop until there is nothing more. Fair: there is no call for
 * several.
 */
#include "channel.hpp"

/* How many; 0: it is closed and empty. */
static size_t pop_batch(buffered &from, uint64_t *items)
{
	size_t n = 0;

	if (from.pop(items[0]) != fibers::channel_op_status::success)
		return 0;
	do
		n++;
	while (n < WORK_BATCH && from.try_pop(items[n]) == fibers::channel_op_status::success);
	return n;
}

static uint64_t pop_batches(buffered &from)
{
	uint64_t items[WORK_BATCH], sum = 0;

	while (size_t n = pop_batch(from, items)) {
		while (n)
			sum += items[--n];
	}
	return sum;
}

void peer_chan_batch(const struct peer *p)
{
	buffered items(WORK_ROOM);

	channel_flow(p, items, 1, pop_batches);
}
