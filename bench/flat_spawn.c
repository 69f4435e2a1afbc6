/* SPDX-License-Identifier: MIT */
/*
 * flat_spawn.c - one task spawns many that do nothing, keeps their handles and joins them in order.
 *
 * In order means that the first join waits for the oldest task, at the far end of the queue: no
 * task can run in place.  The handles' array is touched before the clock starts.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

struct work {
	uint64_t count;
	uint64_t sum;
	int64_t spawned_ns;
	struct bench_span span;
	struct thrum_future **tasks;
};

static intptr_t echo(void *arg)
{
	return (intptr_t)arg;
}

static intptr_t spawn_all_join_all(void *arg)
{
	struct work *work = arg;
	int64_t start_ns = bench_now_ns();

	bench_span_begin(&work->span);
	for (uint64_t i = 0; i < work->count; i++)
		work->tasks[i] = thrum_spawn(echo, (void *)i);
	work->spawned_ns = bench_now_ns() - start_ns;
	for (uint64_t i = 0; i < work->count; i++)
		work->sum += thrum_join(work->tasks[i]);
	bench_span_end(&work->span);
	return 0;
}

static void flat_spawn(struct bench *b, unsigned workers)
{
	size_t bytes = b->count * sizeof(struct thrum_future *);
	struct work work = {.count = b->count, .tasks = bench_alloc(bytes)};

	memset(work.tasks, 0, bytes);
	bench_run(workers, spawn_all_join_all, &work);
	bench_check("the sum of the results", work.sum, b->count * (b->count - 1) / 2);
	bench_figure_span(b, "spawn all, join all", workers, "ns a task", &work.span,
			  (double)b->count);
	bench_figure(b, "of it until all were spawned", workers, "ns a task",
		     (double)work.spawned_ns / (double)b->count);
	bench_once(b, "task", "ns", (double)work.span.wall_ns / (double)b->count);
	bench_once_sum(b, work.sum);
	free(work.tasks);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "flat_spawn",
	    .about = "spawn many no-op tasks from one, then join all in order",
	    .counted = "tasks",
	    .count = 1000000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {flat_spawn};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
