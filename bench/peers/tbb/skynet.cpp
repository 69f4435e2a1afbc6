/* SPDX-License-Identifier: MIT */
/*
 * skynet - ten tasks in a task_group at each node; the sums come back through an array in the
 * parent's frame.
 */
#include <tbb/task_group.h>

#include "../peer.h"
#include "arena.h"

static uint64_t subtree(uint64_t first, uint64_t leaves)
{
	if (leaves == 1)
		return first;

	uint64_t sums[10], sum = 0;
	tbb::task_group group;

	for (uint64_t i = 0; i < 10; i++)
		group.run(
		    [=, &sums] { sums[i] = subtree(first + i * (leaves / 10), leaves / 10); });
	group.wait();
	for (uint64_t one : sums)
		sum += one;
	return sum;
}

extern "C" void peer_skynet(const struct peer *p)
{
	peer_skynet_count(p->count);
	in_arena(p->workers, [&] {
		int64_t start_ns = peer_now_ns();
		uint64_t sum = subtree(0, p->count);

		peer_figure("tree", "ms", (double)(peer_now_ns() - start_ns) / 1e6);
		peer_sum(sum);
	});
}
