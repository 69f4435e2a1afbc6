/* SPDX-License-Identifier: MIT */
/*
 * spawn_await.c - one task at a time: spawned, waited for, its handle given back.
 *
 * join may run the task in place on the caller's stack; await parks the caller, so the task goes
 * through the worker's loop.
 */
#include "harness.h"

struct work {
	uint64_t count;
	uint64_t sum;
	struct bench_span span;
};

static intptr_t echo(void *arg)
{
	return (intptr_t)arg;
}

static intptr_t spawn_and_join(void *arg)
{
	struct work *work = arg;

	bench_span_begin(&work->span);
	for (uint64_t i = 0; i < work->count; i++)
		work->sum += thrum_join(thrum_spawn(echo, (void *)i));
	bench_span_end(&work->span);
	return 0;
}

static intptr_t spawn_and_await(void *arg)
{
	struct work *work = arg;

	bench_span_begin(&work->span);
	for (uint64_t i = 0; i < work->count; i++) {
		struct thrum_future *task = thrum_spawn(echo, (void *)i);

		work->sum += thrum_await(task);
		thrum_release(task);
	}
	bench_span_end(&work->span);
	return 0;
}

static void measure(struct bench *b, unsigned workers, thrum_fn fn, const char *figure,
		    const char *once)
{
	struct work work = {.count = b->count};

	bench_run(workers, fn, &work);
	bench_check("the sum of the results", work.sum, b->count * (b->count - 1) / 2);
	bench_figure_span(b, figure, workers, "ns a task", &work.span, (double)b->count);
	bench_once(b, once, "ns", (double)work.span.wall_ns / (double)b->count);
}

static void join(struct bench *b, unsigned workers)
{
	measure(b, workers, spawn_and_join, "spawn, join", "join");
	bench_once_sum(b, b->count * (b->count - 1) / 2); /* checked above, and below */
}

static void await(struct bench *b, unsigned workers)
{
	measure(b, workers, spawn_and_await, "spawn, await, release", "await");
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "spawn_await",
	    .about = "spawn a task that returns its argument and wait for it, one at a time",
	    .counted = "tasks",
	    .count = 1000000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {join, await};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 2);
	return bench_end(&b);
}
