/* SPDX-License-Identifier: MIT */
/*
 * loop.h - what the workloads of the libuv peer share: failing calls, and who is one thread.
 *
 * A libuv loop is one thread with callbacks; its pool (uv_queue_work, UV_THREADPOOL_SIZE threads)
 * is for what blocks or computes. So --workers is the pool's size where a workload uses the pool,
 * and anything but 1 is left out where it is the loop's own.
 */
#ifndef THRUM_BENCH_LOOP_H
#define THRUM_BENCH_LOOP_H

#include <uv.h>

#include "../peer.h"

/* Ends the process if a call of libuv failed. */
static inline void must(const char *what, int result)
{
	if (result < 0)
		peer_fail("%s: %s", what, uv_strerror(result));
}

static inline void need_one_thread(const struct peer *p)
{
	if (p->workers != 1)
		peer_skip("a libuv loop is one thread");
}

/* Before the pool's first work. */
static inline void set_pool_size(unsigned workers)
{
	char size[16];

	snprintf(size, sizeof(size), "%u", workers);
	if (setenv("UV_THREADPOOL_SIZE", size, 1))
		peer_fail("the environment cannot be written");
}

#endif
