/* SPDX-License-Identifier: MIT */
/*
 * mutex.c - a mutex around a counter.  An operation is a lock and an unlock.
 *
 * "uncontended" is one task alone.  "1000 tasks" share it, each with its part of the operations one
 * after the other: as many want it at once as there are workers, until one has to wait for it and
 * others run.  Their starts and ends are counted.
 */
#include "harness.h"
#include "work.h"

struct work {
	uint64_t count;
	struct thrum_mutex mutex;
	uint64_t counter;
	struct bench_span span;
};

static int lock_often(struct work *work, uint64_t times)
{
	for (; times; times--) {
		int err = thrum_mutex_lock(&work->mutex);

		if (err)
			return err;
		work->counter++;
		thrum_mutex_unlock(&work->mutex);
	}
	return 0;
}

static intptr_t alone(void *arg)
{
	struct work *work = arg;
	int err;

	bench_span_begin(&work->span);
	err = lock_often(work, work->count);
	bench_span_end(&work->span);
	return err;
}

static intptr_t lock_share(void *arg)
{
	struct bench_member *me = arg;
	struct work *work = me->work;

	return lock_often(work, work_share(work->count, me->number));
}

static intptr_t together(void *arg)
{
	struct work *work = arg;
	uint64_t nothing = 0;
	int err;

	bench_span_begin(&work->span);
	err = bench_together(lock_share, work, WORK_TASKS, &nothing);
	bench_span_end(&work->span);
	return err;
}

static uint64_t run(struct bench *b, unsigned workers, const char *name, thrum_fn fn)
{
	struct work work = {.count = b->count, .mutex = THRUM_MUTEX_INIT};
	double n = (double)b->count;

	bench_run(workers, fn, &work);
	thrum_mutex_fini(&work.mutex);
	bench_check("what was counted under the mutex", work.counter, b->count);
	bench_figure_span(b, name, workers, "ns", &work.span, n);
	bench_once(b, name, "ns", (double)work.span.wall_ns / n);
	return work.counter;
}

static void mutex(struct bench *b, unsigned workers)
{
	uint64_t sum = run(b, workers, "uncontended", alone);

	bench_once_sum(b, sum + run(b, workers, "1000 tasks", together));
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "mutex",
	    .about = "a mutex around a counter, of one task and of 1000",
	    .counted = "locks, for each of the two",
	    .count = 1000000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {mutex};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
