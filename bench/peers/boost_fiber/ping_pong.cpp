/* SPDX-License-Identifier: MIT */
/*
 * ping_pong.cpp - two fibers wake each other: a number goes there and comes back.
 *
 * Idiom: two unbuffered_channels, Boost.Fiber's rendezvous for exactly this. Fair: a promise for
 * each message would allocate, a condition variable would have a mutex beside it.
 */
#include "fibers.hpp"

void peer_ping_pong(const struct peer *p)
{
	fibers::unbuffered_channel<uint64_t> there, back;
	uint64_t trips = 0;
	int64_t ns = 0;

	run_fibers(p->workers, [&] {
		fibers::fiber pong([&] {
			uint64_t ball;

			while (there.pop(ball) == fibers::channel_op_status::success)
				back.push(ball);
		});

		ns = peer_now_ns();
		for (uint64_t i = 0; i < p->count; i++) {
			there.push(i);
			trips += back.value_pop() == i;
		}
		ns = peer_now_ns() - ns;
		there.close();
		pong.join();
	});
	peer_figure("round trip", "ns", (double)ns / (double)p->count);
	peer_sum(trips);
}
