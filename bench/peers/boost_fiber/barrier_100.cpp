/* SPDX-License-Identifier: MIT */
/*
 * barrier_100.cpp - 100 fibers meet at a barrier, again and again.
 *
 * Idiom: fibers::barrier. Fair: it is what Boost.Fiber has for it.
 */
#include "fibers.hpp"

#include <atomic>

void peer_barrier_100(const struct peer *p)
{
	fibers::barrier barrier(WORK_PARTIES);
	std::atomic<uint64_t> at[WORK_PARTIES] = {}; /* the meeting that each has come to */
	uint64_t in_step = 0;
	int64_t ns = 0;

	run_fibers(p->workers, [&] {
		auto meet = [&](uint64_t number) {
			auto &next = at[(number + 1) % WORK_PARTIES];
			uint64_t good = 0;

			for (uint64_t n = 1; n <= p->count; n++) {
				at[number].store(n, std::memory_order_relaxed);
				barrier.wait();
				good += next.load(std::memory_order_relaxed) >= n;
			}
			return good;
		};

		ns = peer_now_ns();
		in_step = together(WORK_PARTIES, meet);
		ns = peer_now_ns() - ns;
	});
	peer_barrier_figure(in_step, p->count, ns);
}
