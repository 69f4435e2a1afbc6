/* SPDX-License-Identifier: MIT */
/*
 * yield.cpp - two fibers on one thread hand it to each other.
 *
 * Idiom: this_fiber::yield under round_robin, the default scheduler. Fair: nothing else is ready,
 * and each yield goes through the ready queue, as thrum's does.
 */
#include "fibers.hpp"

void peer_yield(const struct peer *p)
{
	uint64_t turns[2] = {0, 0};
	int64_t ns = 0;

	if (p->workers != 1)
		peer_skip("yield is between two fibers of one worker");
	run_fibers(1, [&] {
		auto take_turns = [&](uint64_t &mine) {
			for (; mine < p->count; mine++)
				boost::this_fiber::yield();
		};

		ns = peer_now_ns();
		fibers::fiber one([&] { take_turns(turns[0]); });
		fibers::fiber other([&] { take_turns(turns[1]); });
		one.join();
		other.join();
		ns = peer_now_ns() - ns;
	});
	peer_figure("yield", "ns", (double)ns / (2.0 * (double)p->count));
	peer_sum(turns[0] + turns[1]);
}
