/* SPDX-License-Identifier: MIT */
/*
 * mutex.cpp - a mutex around a counter, of one fiber and of 1,000.
 *
 * Idiom: fibers::mutex and a lock_guard. Fair: it is the plainest of its mutexes.
 */
#include "fibers.hpp"

struct counter {
	fibers::mutex mutex;
	uint64_t n = 0;

	void lock_often(uint64_t times)
	{
		for (; times; times--) {
			std::lock_guard<fibers::mutex> lock(mutex);

			n++;
		}
	}
};

void peer_mutex(const struct peer *p)
{
	counter alone, shared;
	int64_t alone_ns = 0, shared_ns = 0;

	run_fibers(p->workers, [&] {
		alone_ns = peer_now_ns();
		alone.lock_often(p->count);
		shared_ns = peer_now_ns();
		alone_ns = shared_ns - alone_ns;
		together(WORK_TASKS, [&](uint64_t task) {
			shared.lock_often(work_share(p->count, task));
			return 0;
		});
		shared_ns = peer_now_ns() - shared_ns;
	});
	peer_figure("uncontended", "ns", (double)alone_ns / (double)p->count);
	peer_figure("1000 tasks", "ns", (double)shared_ns / (double)p->count);
	peer_sum(alone.n + shared.n);
}
