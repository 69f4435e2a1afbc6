/* SPDX-License-Identifier: MIT */
/*
 * flat_spawn - all tasks from one thread, then taskwait.  OpenMP has no handle of a task: each
 * writes its result into an array, which is read in order after.  Both libraries run a task at once
 * in the thread that spawns it when many wait already, and with one thread.
 */
#include "../peer.h"
#include "team.h"

static uint64_t spawn_all_wait_all(uint64_t *results, uint64_t n)
{
	uint64_t sum = 0;

#pragma omp parallel
#pragma omp single
	{
		for (uint64_t i = 0; i < n; i++) {
#pragma omp task firstprivate(i)
			results[i] = i;
		}
#pragma omp taskwait
	}
	for (uint64_t i = 0; i < n; i++)
		sum += results[i];
	return sum;
}

void peer_flat_spawn(const struct peer *p)
{
	uint64_t *results = peer_alloc(p->count * sizeof(*results));
	int64_t start_ns;
	uint64_t sum;

	memset(results, 0xff, p->count * sizeof(*results));
	team_start(p->workers);
	start_ns = peer_now_ns();
	sum = spawn_all_wait_all(results, p->count);
	peer_figure("task", "ns", (double)(peer_now_ns() - start_ns) / (double)p->count);
	peer_sum(sum);
	free(results);
}
