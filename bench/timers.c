/* SPDX-License-Identifier: MIT */
/*
 * timers.c - many tasks that start later and have no stack until then (thrum_spawn_after).
 *
 * "fire" sets each to a random time and lets them all start: CPU of the whole process from the
 * first one set until the last has run, lateness from each one's own deadline.  The times span a
 * microsecond for each timer, so that few and many come equally thick: 1,000,000 in a second.
 * "cancel" sets them far off and cancels them in the order they were set: none runs, and each must
 * have been dropped.
 */
#include "harness.h"
#include "work.h"

#include <stdlib.h>

#include "base/atomic.h"

#define FIRE_GAP_NS THRUM_US(1)
#define FAR_OFF_NS THRUM_SEC(3600)

struct timers {
	uint64_t count;
	struct atomic64 left;
	struct atomic64 wrong; /* ran early, or ran at all */
	struct thrum_future *all_fired;
	int64_t *deadline_ns; /* of each, and then how late it was */
	struct thrum_future **handles;
	double cpu_s;
	struct bench_span set;
	struct bench_span cancel;
};

static struct timers *timers;

static intptr_t fire(void *arg)
{
	uint64_t index = (uintptr_t)arg;
	int64_t late_ns = bench_now_ns() - timers->deadline_ns[index];

	timers->deadline_ns[index] = late_ns;
	if (late_ns < 0)
		fetch_add_relaxed(&timers->wrong, 1);
	if (fetch_sub_acq_rel(&timers->left, 1) == 1)
		thrum_future_set(timers->all_fired, 0);
	return 0;
}

static intptr_t fire_all(void *arg)
{
	double cpu_s = bench_cpu_s();
	uint64_t state = 1, span_ns = timers->count * (uint64_t)FIRE_GAP_NS;
	intptr_t result;

	(void)arg;
	for (uint64_t i = 0; i < timers->count; i++) {
		int64_t ns = (int64_t)(work_xorshift64(&state) % span_ns);
		struct thrum_future *task;

		timers->deadline_ns[i] = bench_now_ns() + ns;
		task = thrum_spawn_after(ns, fire, (void *)i);
		if (!task)
			return -ENOMEM;
		thrum_release(task);
		/* Those that are due get their turn while the others are set. */
		if (i % 1024 == 1023)
			thrum_yield();
	}
	result = thrum_await(timers->all_fired);
	timers->cpu_s = bench_cpu_s() - cpu_s;
	return result;
}

static void run_fire(struct bench *b, unsigned workers)
{
	struct timers all = {.count = b->count, .left = {b->count}};
	double *late_ms = bench_alloc(b->count * sizeof(double));

	timers = &all;
	all.all_fired = thrum_future_create();
	all.deadline_ns = bench_alloc(b->count * sizeof(int64_t));
	bench_run(workers, fire_all, NULL);
	bench_check("timers left", load_acquire(&all.left), 0);
	bench_check("timers that fired early", load_relaxed(&all.wrong), 0);
	for (uint64_t i = 0; i < b->count; i++)
		late_ms[i] = (double)all.deadline_ns[i] / 1e6;
	bench_figure(b, "fire: CPU", workers, "s", all.cpu_s);
	bench_figure(b, "fire: lateness p50", workers, "ms",
		     bench_percentile(late_ms, b->count, 0.5));
	bench_figure(b, "fire: lateness p99", workers, "ms", late_ms[b->count * 99 / 100]);
	bench_once(b, "cpu", "s", all.cpu_s);
	bench_once(b, "late p99", "ms", late_ms[b->count * 99 / 100]);
	bench_once_sum(b, b->count - load_relaxed(&all.left));
	thrum_release(all.all_fired);
	free(all.deadline_ns);
	free(late_ms);
}

static intptr_t never(void *arg)
{
	(void)arg;
	fetch_add_relaxed(&timers->wrong, 1);
	return 0;
}

static void drop(void *arg)
{
	(void)arg;
	fetch_sub_relaxed(&timers->left, 1);
}

static intptr_t cancel_all(void *arg)
{
	(void)arg;
	bench_span_begin(&timers->set);
	for (uint64_t i = 0; i < timers->count; i++) {
		timers->handles[i] = thrum_spawn_after_drop(FAR_OFF_NS, never, NULL, drop);
		if (!timers->handles[i])
			return -ENOMEM;
	}
	bench_span_end(&timers->set);
	bench_span_begin(&timers->cancel);
	for (uint64_t i = 0; i < timers->count; i++)
		thrum_cancel(timers->handles[i]);
	for (uint64_t i = 0; i < timers->count; i++) {
		if (thrum_join(timers->handles[i]) != -ECANCELED)
			fetch_add_relaxed(&timers->wrong, 1);
	}
	bench_span_end(&timers->cancel);
	return 0;
}

static void run_cancel(struct bench *b, unsigned workers)
{
	struct timers all = {.count = b->count, .left = {b->count}};
	double n = (double)b->count;

	timers = &all;
	all.handles = bench_alloc(b->count * sizeof(*all.handles));
	bench_run(workers, cancel_all, NULL);
	bench_check("timers that were not dropped", load_acquire(&all.left), 0);
	bench_check("cancelled timers that ran", load_relaxed(&all.wrong), 0);
	bench_figure_span(b, "cancel: set", workers, "ns a timer", &all.set, n);
	bench_figure_span(b, "cancel: cancel and join", workers, "ns a timer", &all.cancel, n);
	bench_once(b, "set", "ns", (double)all.set.wall_ns / n);
	bench_once(b, "cancel", "ns", (double)all.cancel.wall_ns / n);
	free(all.handles);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "timers",
	    .about = "tasks that start later, without a stack until then: fired, and cancelled",
	    .counted = "timers",
	    .count = 1000000,
	    .runs = 3,
	    .workers = "1,2",
	    .no_warm_up = true,
	};
	static const bench_fn workloads[] = {run_fire, run_cancel};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 2);
	return bench_end(&b);
}
