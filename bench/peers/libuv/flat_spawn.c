/* SPDX-License-Identifier: MIT */
/*
 * flat_spawn.c - many jobs for the pool, each with a result; the loop hears of each one's end.
 *
 * Idiom: uv_queue_work with an after-work callback, the requests in one array. Fair: it is how a
 * libuv program gives work away, though meant for jobs of milliseconds: one queue under one mutex,
 * a condition variable for each, and the results in the order of their ends, not of the requests.
 * The pool has --workers threads; the loop's thread, which queues and collects, is one more.
 */
#include "loop.h"

struct job {
	uv_work_t work;
	uint64_t i;
	uint64_t result;
};

static uint64_t sum;

static void echo(uv_work_t *work)
{
	struct job *job = (struct job *)work;

	job->result = job->i;
}

static void collect(uv_work_t *work, int status)
{
	must("a job", status);
	sum += ((struct job *)work)->result;
}

void peer_flat_spawn(const struct peer *p)
{
	struct job *jobs = (struct job *)peer_alloc(p->count * sizeof(*jobs));
	uv_loop_t *loop = uv_default_loop();
	int64_t ns;

	set_pool_size(p->workers);
	ns = peer_now_ns();
	for (uint64_t i = 0; i < p->count; i++) {
		jobs[i].i = i;
		must("uv_queue_work", uv_queue_work(loop, &jobs[i].work, echo, collect));
	}
	must("uv_run", uv_run(loop, UV_RUN_DEFAULT));
	ns = peer_now_ns() - ns;
	peer_figure("task", "ns", (double)ns / (double)p->count);
	peer_sum(sum);
	free(jobs);
}
