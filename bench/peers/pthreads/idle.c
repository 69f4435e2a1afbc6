/* SPDX-License-Identifier: MIT */
/*
 * idle - the pool's threads wait for a condition variable.
 */
#include "pool.h"

#include "../peer.h"

static intptr_t echo(intptr_t arg)
{
	return arg;
}

void peer_idle(const struct peer *p)
{
	struct job job = {.fn = echo};
	struct pool pool;

	pool_init(&pool, p->workers);
	for (int i = 0; i < 1000; i++) {
		pool_add(&pool, &job);
		pool_wait(&pool, &job);
	}
	peer_idle_seconds(p->count);
	pool_fini(&pool);
}
