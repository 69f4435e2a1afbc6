/* SPDX-License-Identifier: MIT */
/*
 * sleepers.c - many fibers, each in one sleep of a random length up to a second.
 *
 * Lateness is counted from each call's own deadline: the time before thrum_sleep plus its argument.
 * CPU is the whole process's, creation counted, from the first spawn until the last has woken.
 */
#include "harness.h"

#include <stdlib.h>

#include "base/atomic.h"

#define SLEEP_MAX_NS THRUM_SEC(1)

struct sleepers {
	uint64_t count;
	struct atomic64 left;
	struct atomic64 early;
	struct thrum_future *all_woke;
	float *late_ms; /* of each sleeper */
	double cpu_s;
	double wall_s;
};

/* Each index has its own length (splitmix64), the same in every run. */
static int64_t length_ns(uint64_t index)
{
	uint64_t x = (index + 1) * 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (int64_t)((x ^ x >> 31) % (uint64_t)SLEEP_MAX_NS);
}

static struct sleepers *sleepers;

static intptr_t sleep_once(void *arg)
{
	uint64_t index = (uintptr_t)arg;
	int64_t ns = length_ns(index);
	int64_t deadline_ns = bench_now_ns() + ns;
	int error = thrum_sleep(ns);
	int64_t late_ns = bench_now_ns() - deadline_ns;

	sleepers->late_ms[index] = (float)late_ns / 1e6f;
	if (error || late_ns < 0)
		fetch_add_relaxed(&sleepers->early, 1);
	if (fetch_sub_acq_rel(&sleepers->left, 1) == 1)
		thrum_future_set(sleepers->all_woke, 0);
	return 0;
}

static intptr_t sleep_all(void *arg)
{
	double cpu_s = bench_cpu_s();
	int64_t start_ns = bench_now_ns();
	intptr_t result;

	(void)arg;
	for (uint64_t i = 0; i < sleepers->count; i++) {
		int error = thrum_go(sleep_once, (void *)i);

		if (error)
			return error;
		/* Let them start: a sleep's deadline counts from its call. */
		if (i % 1024 == 1023)
			thrum_yield();
	}
	result = thrum_await(sleepers->all_woke);
	sleepers->cpu_s = bench_cpu_s() - cpu_s;
	sleepers->wall_s = (double)(bench_now_ns() - start_ns) / 1e9;
	return result;
}

static void record_lateness(struct bench *b, unsigned workers)
{
	double *late_ms = bench_alloc(b->count * sizeof(double));

	for (uint64_t i = 0; i < b->count; i++)
		late_ms[i] = sleepers->late_ms[i];
	bench_figure(b, "lateness p50", workers, "ms", bench_percentile(late_ms, b->count, 0.5));
	bench_figure(b, "lateness p99", workers, "ms", late_ms[b->count * 99 / 100]);
	bench_figure(b, "lateness max", workers, "ms", late_ms[b->count - 1]);
	bench_once(b, "late p99", "ms", late_ms[b->count * 99 / 100]);
	free(late_ms);
}

static void run_sleepers(struct bench *b, unsigned workers)
{
	struct sleepers all = {.count = b->count, .left = {b->count}};

	sleepers = &all;
	all.all_woke = thrum_future_create();
	all.late_ms = bench_alloc(b->count * sizeof(float));
	bench_run(workers, sleep_all, NULL);
	bench_check("sleepers left", load_acquire(&all.left), 0);
	bench_check("sleepers that failed or woke early", load_relaxed(&all.early), 0);
	bench_figure(b, "CPU", workers, "s", all.cpu_s);
	bench_figure(b, "wall", workers, "s", all.wall_s);
	bench_once(b, "cpu", "s", all.cpu_s);
	record_lateness(b, workers);
	bench_once_sum(b, b->count - load_relaxed(&all.left));
	thrum_release(all.all_woke);
	free(all.late_ms);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "sleepers",
	    .about = "fibers that sleep once for 0 to 1000 ms: CPU with creation, lateness",
	    .counted = "sleepers",
	    .count = 1000000,
	    .runs = 3,
	    .workers = "1,2",
	    .no_warm_up = true,
	};
	static const bench_fn workloads[] = {run_sleepers};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
