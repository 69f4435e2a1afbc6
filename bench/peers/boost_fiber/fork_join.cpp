/* SPDX-License-Identifier: MIT */
/*
 * fork_join.cpp - fib with a fiber for the first half and a call for the second.
 *
 * Idiom: fibers::async and future::get; launch::dispatch, so that a child runs before its parent
 * goes on, as Boost's own skynet programs do. Fair as far as it goes: both stock schedulers serve
 * their queue first in, first out, so the tree unfolds breadth first whatever the launch policy,
 * with some 0.6 * fib(n) fibers alive at once. Nearly half of the time is the kernel's, for stack
 * pages that are touched the first time. Where they don't fit into memory the workload is left out,
 * and says so: fib(35) would take 80 GiB, fib(27) takes 1.7.
 */
#include "fibers.hpp"

/* A stack's touched pages, the header of its block and the future. */
#define FIBER_BYTES (15 << 10)

static uint64_t fib(uint64_t n)
{
	if (n < 2)
		return n;
	fibers::future<uint64_t> one = fibers::async(fibers::launch::dispatch, fib, n - 1);
	uint64_t other = fib(n - 2);

	return one.get() + other;
}

void peer_fork_join(const struct peer *p)
{
	uint64_t sum = 0;
	int64_t ns = 0;

	need_memory_for(work_fib(p->count) / 10 * 6, FIBER_BYTES);
	run_fibers(p->workers, [&] {
		ns = peer_now_ns();
		sum = fib(p->count);
		ns = peer_now_ns() - ns;
	});
	peer_check("fib", sum, work_fib(p->count));
	peer_fork_join_figure(p->count, ns);
	peer_sum(sum);
}
