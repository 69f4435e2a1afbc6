/* SPDX-License-Identifier: MIT */
/*
 * behind_hog.c - a task makes a child and then computes for 10 ms, while another worker has nothing
 * to do: how long until the child's first instruction there.  It is forked, which hides it from
 * others until one asks; and spawned.
 *
 * Between two children the other worker sleeps, as it would beside a program that computes: a wake
 * by the kernel is in every figure.  On one worker the child comes when its maker is done.
 */
#include "harness.h"
#include "work.h"

#include <stdlib.h>

struct work {
	uint64_t n;
	bool spawned;
	double *latency_us;
	uint64_t sum;
};

struct child {
	int64_t made_ns;
	int64_t waited_ns;
};

static intptr_t first_instruction(void *arg)
{
	struct child *child = arg;

	child->waited_ns = bench_now_ns() - child->made_ns;
	return 1;
}

static void compute(int64_t since_ns)
{
	while (bench_now_ns() - since_ns < WORK_HOG_NS)
		;
}

static intptr_t fork_and_compute(struct child *child)
{
	struct thrum_fork j;

	thrum_fork(&j, first_instruction, child);
	compute(child->made_ns);
	return thrum_fork_join(&j);
}

static intptr_t spawn_and_compute(struct child *child)
{
	struct thrum_future *f = thrum_spawn(first_instruction, child);

	if (!f)
		bench_fail("no task");
	compute(child->made_ns);
	return thrum_join(f);
}

static intptr_t hog(void *arg)
{
	struct work *work = arg;

	for (uint64_t i = 0; i < work->n; i++) {
		struct child child = {.made_ns = bench_now_ns()};

		work->sum += (uint64_t)(work->spawned ? spawn_and_compute(&child)
						      : fork_and_compute(&child));
		work->latency_us[i] = (double)child.waited_ns / 1e3;
	}
	return 0;
}

/* As the table and as tools/bench have it. */
static void record(struct bench *b, unsigned workers, const struct work *work, double share,
		   const char *figure, const char *once)
{
	double us = bench_percentile(work->latency_us, work->n, share);

	bench_figure(b, figure, workers, "us", us);
	bench_once(b, once, "us", us);
}

static void behind_hog(struct bench *b, unsigned workers, bool spawned)
{
	struct work work = {.n = b->count, .spawned = spawned};

	work.latency_us = bench_alloc(work.n * sizeof(double));
	bench_run(workers, hog, &work);
	bench_check("the sum of the results", work.sum, work.n);
	if (spawned) {
		record(b, workers, &work, 0.5, "spawned: p50", "spawned p50");
		record(b, workers, &work, 0.99, "spawned: p99", "spawned p99");
	} else {
		record(b, workers, &work, 0.5, "forked: p50", "p50");
		record(b, workers, &work, 0.99, "forked: p99", "p99");
		bench_once_sum(b, work.sum);
	}
	free(work.latency_us);
}

static void forked(struct bench *b, unsigned workers)
{
	behind_hog(b, workers, false);
}

static void spawned(struct bench *b, unsigned workers)
{
	behind_hog(b, workers, true);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "behind_hog",
	    .about = "a child of a task that computes: until another worker begins with it",
	    .counted = "children",
	    .count = 200,
	    .runs = 5,
	    .workers = "2",
	};
	static const bench_fn workloads[] = {forked, spawned};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 2);
	return bench_end(&b);
}
