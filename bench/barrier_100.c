/* SPDX-License-Identifier: MIT */
/*
 * barrier_100.c - 100 tasks meet at a barrier, again and again.  An operation is one task's part in
 * one meeting: it comes, waits, and goes on.
 *
 * Before each meeting a task notes its number; after it the next one's note must be as new.
 */
#include "harness.h"
#include "work.h"

#include "base/atomic.h"

struct work {
	uint64_t count;
	struct thrum_barrier barrier;
	struct atomic64 at[WORK_PARTIES]; /* the meeting that each has come to, from 1 on */
	uint64_t sum;                     /* parts that were in step */
	struct bench_span span;
};

static intptr_t meet(void *arg)
{
	struct bench_member *me = arg;
	struct work *work = me->work;
	struct atomic64 *next = &work->at[(me->number + 1) % WORK_PARTIES];
	uint64_t in_step = 0;

	for (uint64_t n = 1; n <= work->count; n++) {
		int place;

		store_relaxed(&work->at[me->number], n);
		place = thrum_barrier_wait(&work->barrier);
		if (place < 0)
			return place;
		in_step += load_relaxed(next) >= n;
	}
	me->sum = in_step;
	return 0;
}

static intptr_t together(void *arg)
{
	struct work *work = arg;
	int err;

	bench_span_begin(&work->span);
	err = bench_together(meet, work, WORK_PARTIES, &work->sum);
	bench_span_end(&work->span);
	return err;
}

static void barrier_100(struct bench *b, unsigned workers)
{
	struct work work = {.count = b->count};
	double n = WORK_PARTIES * (double)b->count;

	thrum_barrier_init(&work.barrier, WORK_PARTIES);
	bench_run(workers, together, &work);
	thrum_barrier_fini(&work.barrier);
	bench_check("parts that were in step", work.sum, WORK_PARTIES * b->count);
	bench_figure_span(b, "a task's part in a meeting", workers, "ns", &work.span, n);
	bench_once(b, "part", "ns", (double)work.span.wall_ns / n);
	bench_once_sum(b, work.sum);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "barrier_100",
	    .about = "100 tasks meet at a barrier",
	    .counted = "meetings",
	    .count = 5000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {barrier_100};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
