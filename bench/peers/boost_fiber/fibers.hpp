/* SPDX-License-Identifier: MIT */
/*
 * fibers.hpp - threads for Boost.Fiber's fibers, set up as its documentation does.
 *
 * One worker has the default scheduler, round_robin. With more, every thread, the caller's among
 * them, joins algo::work_stealing(workers); the others wait in a fiber condition variable until it
 * is over. work_stealing's second parameter (suspend) keeps its default, false: a thread with
 * nothing to do goes on looking. With true it sleeps until a fiber of its own wakes, and nobody
 * tells it that there is something to steal: once out of work, it may stay so to the end.
 *
 * Stacks are malloc'd without a guard page (fixedsize_stack), 128 KiB unless a workload says
 * otherwise.
 */
#ifndef THRUM_BENCH_FIBERS_HPP
#define THRUM_BENCH_FIBERS_HPP

/* Boost's checks of itself are for debug builds. */
#ifndef NDEBUG
#define NDEBUG
#endif
#include <boost/fiber/all.hpp>

#include <mutex>
#include <thread>
#include <vector>

#include "../peer.h"

namespace fibers = boost::fibers;

/* Runs fn as a fiber with so many threads; returns when it has. */
template <typename Fn> void run_fibers(unsigned workers, Fn fn)
{
	fibers::mutex mutex;
	fibers::condition_variable ended;
	bool over = false;
	std::vector<std::thread> threads;

	for (unsigned i = 1; i < workers; i++) {
		threads.emplace_back([&] {
			fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(workers);
			std::unique_lock<fibers::mutex> lock(mutex);
			ended.wait(lock, [&] { return over; });
		});
	}
	if (workers > 1)
		fibers::use_scheduling_algorithm<fibers::algo::work_stealing>(workers);
	fibers::fiber(fn).join();
	{
		std::lock_guard<fibers::mutex> lock(mutex);
		over = true;
	}
	ended.notify_all();
	for (auto &thread : threads)
		thread.join();
}

/* In a fiber: runs fn in n others, with their numbers, until the last has ended; adds up what they
 * return. */
template <typename Fn> uint64_t together(uint64_t n, Fn fn)
{
	std::vector<fibers::fiber> members;
	std::vector<uint64_t> sums(n);
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		members.emplace_back([&, i] { sums[i] = fn(i); });
	for (uint64_t i = 0; i < n; i++) {
		members[i].join();
		sum += sums[i];
	}
	return sum;
}

/* Leaves the workload out where so many fibers, alive at once, would not fit into memory. */
inline void need_memory_for(uint64_t n, uint64_t bytes_each)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[200];
	uint64_t kib = 0;

	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "MemAvailable:", 13))
			kib = strtoull(line + 13, NULL, 10);
	}
	if (file)
		fclose(file);
	if (kib && n * bytes_each / 1024 > kib)
		peer_skip("%" PRIu64 " fibers alive at once need %" PRIu64 " MiB", n,
			  n * bytes_each >> 20);
}

#endif
