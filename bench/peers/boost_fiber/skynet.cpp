/* SPDX-License-Identifier: MIT */
/*
 * skynet.cpp - a tree of fibers, ten children each; the leaves' numbers are summed on the way up.
 *
 * Idiom: Boost's own skynet programs (libs/fiber/performance/fiber): launch::dispatch, so that a
 * leaf is over before its parent makes the next, and small stacks (theirs are two pages; four here,
 * for a node that keeps ten futures). Futures bring the sums. Fair: what its authors measure it by.
 */
#include "fibers.hpp"

#define CHILDREN 10
#define STACK_BYTES (16 << 10)

static uint64_t skynet(uint64_t first, uint64_t leaves)
{
	fibers::future<uint64_t> children[CHILDREN];
	uint64_t sum = 0;

	if (leaves == 1)
		return first;
	leaves /= CHILDREN;
	for (auto &child : children) {
		child = fibers::async(fibers::launch::dispatch, std::allocator_arg,
				      fibers::fixedsize_stack(STACK_BYTES), skynet, first, leaves);
		first += leaves;
	}
	for (auto &child : children)
		sum += child.get();
	return sum;
}

void peer_skynet(const struct peer *p)
{
	uint64_t sum = 0;
	int64_t ns = 0;

	peer_skynet_count(p->count);
	/* Those that aren't leaves wait for their children all at once. */
	need_memory_for(p->count / 8, STACK_BYTES);
	run_fibers(p->workers, [&] {
		ns = peer_now_ns();
		sum = skynet(0, p->count);
		ns = peer_now_ns() - ns;
	});
	peer_check("the sum of the leaves", sum, p->count * (p->count - 1) / 2);
	peer_figure("tree", "ms", (double)ns / 1e6);
	peer_sum(sum);
}
