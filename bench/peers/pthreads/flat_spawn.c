/* SPDX-License-Identifier: MIT */
/*
 * flat_spawn - jobs for a pool of W threads; the main thread adds them all, then waits for each in
 * order.  A thread for each job would cost some 10 us and is not what anybody does with a million.
 */
#include "pool.h"

#include "../peer.h"

static intptr_t echo(intptr_t arg)
{
	return arg;
}

static int64_t spawn_all_join_all(struct pool *pool, struct job *jobs, uint64_t n, uint64_t *sum)
{
	int64_t start_ns = peer_now_ns();

	for (uint64_t i = 0; i < n; i++) {
		jobs[i].fn = echo;
		jobs[i].arg = (intptr_t)i;
		pool_add(pool, &jobs[i]);
	}
	for (uint64_t i = 0; i < n; i++)
		*sum += (uint64_t)pool_wait(pool, &jobs[i]);
	return peer_now_ns() - start_ns;
}

void peer_flat_spawn(const struct peer *p)
{
	struct job *jobs = peer_alloc(p->count * sizeof(*jobs));
	uint64_t sum = 0, ignored = 0;
	struct pool pool;
	int64_t ns;

	memset(jobs, 0, p->count * sizeof(*jobs));
	pool_init(&pool, p->workers);
	if (p->workers <= p->count) /* the threads have started */
		spawn_all_join_all(&pool, jobs, p->workers, &ignored);
	ns = spawn_all_join_all(&pool, jobs, p->count, &sum);
	pool_fini(&pool);
	free(jobs);
	peer_figure("task", "ns", (double)ns / (double)p->count);
	peer_sum(sum);
}
