/* SPDX-License-Identifier: MIT */
/*
 * flat_spawn - all tasks in one task_group, then wait for the group.  TBB has no handle of a single
 * task that gives a result: each task writes its own into an array, which is read in order after.
 */
#include <tbb/task_group.h>
#include <vector>

#include "../peer.h"
#include "arena.h"

static uint64_t spawn_all_wait_all(std::vector<uint64_t> &results, uint64_t n)
{
	tbb::task_group group;
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		group.run([i, &results] { results[i] = i; });
	group.wait();
	for (uint64_t i = 0; i < n; i++)
		sum += results[i];
	return sum;
}

extern "C" void peer_flat_spawn(const struct peer *p)
{
	std::vector<uint64_t> results(p->count);

	in_arena(p->workers, [&] {
		int64_t start_ns = peer_now_ns();
		uint64_t sum = spawn_all_wait_all(results, p->count);

		peer_figure("task", "ns", (double)(peer_now_ns() - start_ns) / (double)p->count);
		peer_sum(sum);
	});
}
