/* SPDX-License-Identifier: MIT */
/*
 * parked_memory.cpp - what a fiber costs that has started and waits for good.
 *
 * Idiom: fibers that wait in one condition variable. Boost.Fiber cannot cancel a fiber, so the end
 * is a notify_all and a join of each. Stacks are the default: 128 KiB from malloc, no guard page.
 * Fair with that said: an overflow is silent corruption, where thrum's fibers have a guard page.
 * With protected_fixedsize_stack each guard splits a mapping: with vm.max_map_count at its default
 * of 65,530, std::bad_alloc is thrown after 32,770 fibers.
 */
#include "fibers.hpp"

/* A stack's touched pages and the header of its block. */
#define FIBER_BYTES (13 << 10)

void peer_parked_memory(const struct peer *p)
{
	std::vector<fibers::fiber> parked(p->count);
	int64_t base = peer_memory_bytes(), start_ns = 0, made_ns = 0, bytes = 0, end_ns = 0;
	fibers::mutex mutex;
	fibers::condition_variable end;
	bool over = false;
	uint64_t waiting = 0, woken = 0;

	need_memory_for(p->count, FIBER_BYTES);
	run_fibers(p->workers, [&] {
		auto park = [&] {
			std::unique_lock<fibers::mutex> lock(mutex);

			waiting++;
			end.wait(lock, [&] { return over; });
			woken++;
		};

		start_ns = peer_now_ns();
		for (auto &fiber : parked)
			fiber = fibers::fiber(fibers::launch::dispatch, park);
		std::unique_lock<fibers::mutex> lock(mutex);
		while (waiting < p->count) {
			lock.unlock();
			boost::this_fiber::yield();
			lock.lock();
		}
		made_ns = peer_now_ns();
		bytes = peer_memory_bytes() - base;
		end_ns = peer_now_ns();
		over = true;
		lock.unlock();
		end.notify_all();
		for (auto &fiber : parked)
			fiber.join();
		end_ns = peer_now_ns() - end_ns;
	});
	peer_figure("bytes", "B", (double)bytes / (double)p->count);
	peer_figure("create", "s", (double)(made_ns - start_ns) / 1e9);
	peer_figure("end", "s", (double)end_ns / 1e9);
	peer_sum(woken);
}
