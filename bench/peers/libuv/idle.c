/* SPDX-License-Identifier: MIT */
/*
 * idle.c - what a loop and its pool use when there is nothing to do.
 *
 * Idiom: the loop runs on a thread of its own, held open by the uv_async_t that will end it; pool
 * and timers have been used before. Fair: it sleeps in epoll_wait without a timeout, the pool in a
 * condition variable.
 */
#include "loop.h"

#define JOBS 1000

struct idler {
	uv_loop_t loop;
	uv_async_t end;
	uv_sem_t worked;
	uv_work_t jobs[JOBS];
	uv_timer_t timer;
	uint64_t done;
};

static void nothing(uv_work_t *work)
{
	(void)work;
}

static void count_ends(struct idler *idler)
{
	if (++idler->done == JOBS + 1)
		uv_sem_post(&idler->worked);
}

static void job_ended(uv_work_t *work, int status)
{
	must("a job", status);
	count_ends((struct idler *)work->data);
}

static void timer_ended(uv_timer_t *timer)
{
	count_ends((struct idler *)timer->data);
}

static void end_loop(uv_async_t *end)
{
	struct idler *idler = (struct idler *)end->data;

	uv_close((uv_handle_t *)&idler->timer, NULL);
	uv_close((uv_handle_t *)&idler->end, NULL);
}

static void run_loop(void *arg)
{
	struct idler *idler = (struct idler *)arg;

	idler->timer.data = idler;
	must("uv_timer_init", uv_timer_init(&idler->loop, &idler->timer));
	must("uv_timer_start", uv_timer_start(&idler->timer, timer_ended, 1, 0));
	for (int i = 0; i < JOBS; i++) {
		uv_work_t *job = &idler->jobs[i];

		job->data = idler;
		must("uv_queue_work", uv_queue_work(&idler->loop, job, nothing, job_ended));
	}
	must("uv_run", uv_run(&idler->loop, UV_RUN_DEFAULT));
}

void peer_idle(const struct peer *p)
{
	static struct idler idler;
	uv_thread_t thread;

	set_pool_size(p->workers);
	must("uv_loop_init", uv_loop_init(&idler.loop));
	idler.end.data = &idler;
	must("uv_async_init", uv_async_init(&idler.loop, &idler.end, end_loop));
	must("uv_sem_init", uv_sem_init(&idler.worked, 0));
	must("uv_thread_create", uv_thread_create(&thread, run_loop, &idler));
	uv_sem_wait(&idler.worked);
	peer_idle_seconds(p->count);
	must("uv_async_send", uv_async_send(&idler.end));
	must("uv_thread_join", uv_thread_join(&thread));
	must("uv_loop_close", uv_loop_close(&idler.loop));
	uv_sem_destroy(&idler.worked);
}
