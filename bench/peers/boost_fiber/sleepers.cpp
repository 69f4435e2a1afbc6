/* SPDX-License-Identifier: MIT */
/*
 * sleepers.cpp - many fibers, each in one sleep of a random length up to a second.
 *
 * Idiom: this_fiber::sleep_for in a detached fiber; launch::dispatch, so that each sleeps as soon
 * as it is made. Stacks of two pages, as in Boost's own performance programs: a million of the
 * default size touch half as much memory again. Fair: with more workers an idle thread goes on
 * looking for work (fibers.hpp), which is in the CPU time, as it would be in a user's program.
 */
#include "fibers.hpp"

#include <atomic>

#define STACK_BYTES (8 << 10)

void peer_sleepers(const struct peer *p)
{
	std::vector<double> late_ms(p->count);
	std::atomic<uint64_t> left(p->count);
	fibers::promise<void> all_woke;
	int64_t cpu_ns = 0;

	need_memory_for(p->count, STACK_BYTES + 1024);
	run_fibers(p->workers, [&] {
		fibers::fixedsize_stack stack(STACK_BYTES);
		uint64_t state = 1;
		auto sleep_once = [&](uint64_t i, int64_t ns) {
			int64_t deadline_ns = peer_now_ns() + ns;

			boost::this_fiber::sleep_for(std::chrono::nanoseconds(ns));
			late_ms[i] = (double)(peer_now_ns() - deadline_ns) / 1e6;
			if (--left == 0)
				all_woke.set_value();
		};

		cpu_ns = peer_cpu_ns();
		for (uint64_t i = 0; i < p->count; i++) {
			int64_t ns = (int64_t)(work_xorshift64(&state) % 1000000000);

			fibers::fiber(fibers::launch::dispatch, std::allocator_arg, stack,
				      sleep_once, i, ns)
			    .detach();
		}
		all_woke.get_future().wait();
		cpu_ns = peer_cpu_ns() - cpu_ns;
	});
	peer_figure("cpu", "s", (double)cpu_ns / 1e9);
	peer_figure("late p99", "ms", peer_percentile(late_ms.data(), p->count, 0.99));
	peer_sum(p->count - left);
}
