/* SPDX-License-Identifier: MIT */
/*
 * idle.cpp - what the scheduler's threads use when no fiber is ready.
 *
 * Idiom: a thread runs fibers, they work and sleep a little, then all wait. Fair: under round_robin
 * the one thread sleeps in a condition variable. Under work_stealing each thread looks for work
 * without pause (fibers.hpp says why that is the setting), and the figure is a CPU for each.
 */
#include "fibers.hpp"

#include <future>

#define FIBERS 1000

static void work()
{
	for (int i = 0; i < FIBERS; i++) {
		fibers::async([i] {
			if (i % 2)
				boost::this_fiber::sleep_for(std::chrono::microseconds(100));
		}).wait();
	}
}

void peer_idle(const struct peer *p)
{
	std::promise<void> worked;
	fibers::promise<void> end;
	std::thread runtime([&] {
		run_fibers(p->workers, [&] {
			work();
			worked.set_value();
			end.get_future().wait();
		});
	});

	worked.get_future().wait();
	peer_idle_seconds(p->count);
	end.set_value();
	runtime.join();
}
