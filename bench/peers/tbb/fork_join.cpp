/* SPDX-License-Identifier: MIT */
/*
 * fork_join - a task_group in each call, as TBB's documentation writes fib: run one half, compute
 * the other, wait.
 */
#include <tbb/task_group.h>

#include "../peer.h"
#include "arena.h"

static uint64_t fib(uint64_t n)
{
	if (n < 2)
		return n;

	uint64_t a, b;
	tbb::task_group group;

	group.run([&] { a = fib(n - 1); });
	b = fib(n - 2);
	group.wait();
	return a + b;
}

extern "C" void peer_fork_join(const struct peer *p)
{
	in_arena(p->workers, [&] {
		int64_t start_ns = peer_now_ns();
		uint64_t sum = fib(p->count);

		peer_fork_join_figure(p->count, peer_now_ns() - start_ns);
		peer_sum(sum);
	});
}
