/* SPDX-License-Identifier: MIT */
/*
 * channel.hpp - what the workloads of channels share: fibers that push the numbers below the count,
 * dealt out among them, and fibers that pop until the channel is closed and empty.
 *
 * Of a buffered_channel's slots, a power of two, one stays empty: with 128 it has room for 127.
 */
#ifndef THRUM_BENCH_CHANNEL_HPP
#define THRUM_BENCH_CHANNEL_HPP

#include "fibers.hpp"

using buffered = fibers::buffered_channel<uint64_t>;
using unbuffered = fibers::unbuffered_channel<uint64_t>;

/* A receiver that takes one item after the other. */
template <typename Channel> uint64_t pop_all(Channel &items)
{
	uint64_t item, sum = 0;

	while (items.pop(item) == fibers::channel_op_status::success)
		sum += item;
	return sum;
}

/* So many senders and so many receivers; the figure and the sum of all items. */
template <typename Channel, typename Receive>
void channel_flow(const struct peer *p, Channel &items, uint64_t ends, Receive receive)
{
	uint64_t sum = 0;
	int64_t ns = 0;

	run_fibers(p->workers, [&] {
		ns = peer_now_ns();
		fibers::fiber receivers(
		    [&] { sum = together(ends, [&](uint64_t) { return receive(items); }); });
		together(ends, [&](uint64_t first) {
			for (uint64_t i = first; i < p->count; i += ends)
				items.push(i);
			return 0;
		});
		items.close();
		receivers.join();
		ns = peer_now_ns() - ns;
	});
	peer_channel_figure(sum, p->count, ns);
}

#endif
