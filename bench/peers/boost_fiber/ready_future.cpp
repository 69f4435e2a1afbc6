/* SPDX-License-Identifier: MIT */
/*
 * ready_future.cpp - makes a promise and its future, sets it, gets the value, releases both.
 *
 * Idiom: fibers::promise and fibers::future as they are, one allocation for the shared state.
 * Fair: get() finds the value there, nothing switches.
 */
#include "fibers.hpp"

void peer_ready_future(const struct peer *p)
{
	uint64_t sum = 0;
	int64_t ns = 0;

	run_fibers(p->workers, [&] {
		ns = peer_now_ns();
		for (uint64_t i = 0; i < p->count; i++) {
			fibers::promise<uint64_t> promise;
			fibers::future<uint64_t> future = promise.get_future();

			promise.set_value(i);
			sum += future.get();
		}
		ns = peer_now_ns() - ns;
	});
	peer_figure("future", "ns", (double)ns / (double)p->count);
	peer_sum(sum);
}
