/* SPDX-License-Identifier: MIT */
/*
 * semaphore.c - permits taken and given back.  An operation is a wait and a post.
 *
 * "uncontended" is one task alone.  "10 permits" are shared by 1,000 tasks; each holds its permit
 * over a yield, so that, on one worker too, ten hold one and all others wait: an operation there
 * has a wait, its wake and a yield in it.  The tasks' starts and ends are counted.
 */
#include "harness.h"
#include "work.h"

struct work {
	uint64_t count;
	struct thrum_sem sem;
	uint64_t sum; /* permits that were had */
	struct bench_span span;
};

static intptr_t alone(void *arg)
{
	struct work *work = arg;

	bench_span_begin(&work->span);
	for (uint64_t i = 0; i < work->count; i++) {
		int err = thrum_sem_wait(&work->sem);

		if (err)
			return err;
		work->sum++;
		thrum_sem_post(&work->sem);
	}
	bench_span_end(&work->span);
	return 0;
}

static intptr_t hold_often(void *arg)
{
	struct bench_member *me = arg;
	struct work *work = me->work;
	int err = 0;

	for (uint64_t left = work_share(work->count, me->number); left && !err; left--) {
		err = thrum_sem_wait(&work->sem);
		if (err)
			return err;
		me->sum++;
		err = thrum_yield();
		thrum_sem_post(&work->sem);
	}
	return err;
}

static intptr_t together(void *arg)
{
	struct work *work = arg;
	int err;

	bench_span_begin(&work->span);
	err = bench_together(hold_often, work, WORK_TASKS, &work->sum);
	bench_span_end(&work->span);
	return err;
}

static uint64_t run(struct bench *b, unsigned workers, const char *name, thrum_fn fn)
{
	struct work work = {.count = b->count, .sem = THRUM_SEM_INIT(WORK_PERMITS)};
	double n = (double)b->count;

	bench_run(workers, fn, &work);
	bench_check("permits that were had", work.sum, b->count);
	bench_check("permits that are left", thrum_sem_value(&work.sem), WORK_PERMITS);
	thrum_sem_fini(&work.sem);
	bench_figure_span(b, name, workers, "ns", &work.span, n);
	bench_once(b, name, "ns", (double)work.span.wall_ns / n);
	return work.sum;
}

static void semaphore(struct bench *b, unsigned workers)
{
	uint64_t sum = run(b, workers, "uncontended", alone);

	bench_once_sum(b, sum + run(b, workers, "10 permits", together));
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "semaphore",
	    .about = "a semaphore, of one task alone and of 1000 with 10 permits",
	    .counted = "permits taken, for each of the two",
	    .count = 1000000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {semaphore};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
