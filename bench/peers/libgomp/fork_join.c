/* SPDX-License-Identifier: MIT */
/*
 * fork_join - a task for one half, the other in place, taskwait.
 */
#include "../peer.h"
#include "team.h"

static uint64_t fib(uint64_t n)
{
	uint64_t a, b;

	if (n < 2)
		return n;
#pragma omp task shared(a)
	a = fib(n - 1);
	b = fib(n - 2);
#pragma omp taskwait
	return a + b;
}

void peer_fork_join(const struct peer *p)
{
	uint64_t sum = 0;
	int64_t start_ns;

	team_start(p->workers);
	start_ns = peer_now_ns();
#pragma omp parallel
#pragma omp single
	sum = fib(p->count);
	peer_fork_join_figure(p->count, peer_now_ns() - start_ns);
	peer_sum(sum);
}
