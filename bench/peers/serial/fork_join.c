/* SPDX-License-Identifier: MIT */
/*
 * fork_join - fib by plain recursion, optimised as the compiler likes (it unrolls some levels of
 * it): what the same function costs without any tasks.
 */
#include "../peer.h"

static uint64_t fib(uint64_t n)
{
	return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

void peer_fork_join(const struct peer *p)
{
	int64_t start_ns = peer_now_ns();
	uint64_t sum = peer_opaque(fib(peer_opaque(p->count)));

	peer_fork_join_figure(p->count, peer_now_ns() - start_ns);
	peer_sum(sum);
}
