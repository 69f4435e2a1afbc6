/* SPDX-License-Identifier: MIT */
/*
 * waiters.c - a wake while so many others wait, too.  An operation is a permit handed on: a post,
 * the wake of the first in the semaphore's queue, and the way of who posted to its end.
 *
 * There is one permit, and one task more than wait: who has the permit posts it, which wakes the
 * first, and waits again, behind all others.  So all are woken in turn, and it is always the one
 * that has been out of the caches for longest: where the stacks and descriptors of so many do not
 * fit there, the misses are in the figure, too.  A queue that is searched would grow it by the
 * factor of its length.
 */
#include "harness.h"

#include "base/atomic.h"

#define WAKES 200000

struct work {
	uint64_t count;
	struct thrum_sem sem;
	struct atomic64 standing;
	uint64_t left; /* wakes to come; whoever has the permit has this, too */
	uint64_t sum;
	struct bench_span span;
};

/* When all stand in the queue: the first wake. */
static int begin(struct work *work)
{
	while (load_relaxed(&work->standing) <= work->count)
		thrum_yield();
	thrum_sleep(THRUM_MS(20)); /* none is on its way to its wait any more */
	bench_span_begin(&work->span);
	return thrum_sem_post(&work->sem);
}

static intptr_t stand(void *arg)
{
	struct bench_member *me = arg;
	struct work *work = me->work;
	bool over = false;

	if (me->number == 0)
		return begin(work);
	fetch_add_relaxed(&work->standing, 1);
	while (!over) {
		int err = thrum_sem_wait(&work->sem);

		if (err)
			return err;
		over = !work->left;
		if (!over) {
			me->sum++;
			if (!--work->left)
				bench_span_end(&work->span);
		}
		thrum_sem_post(&work->sem);
	}
	return 0;
}

static intptr_t together(void *arg)
{
	struct work *work = arg;

	return bench_together(stand, work, work->count + 2, &work->sum);
}

static void waiters(struct bench *b, unsigned workers)
{
	struct work work = {.count = b->count, .sem = THRUM_SEM_INIT(0), .left = WAKES};

	bench_run(workers, together, &work);
	bench_check("permits", thrum_sem_value(&work.sem), 1);
	thrum_sem_fini(&work.sem);
	bench_check("wakes", work.sum, WAKES);
	bench_figure_span(b, "hand the permit on", workers, "ns", &work.span, WAKES);
	bench_once(b, "wake", "ns", (double)work.span.wall_ns / WAKES);
	bench_once_sum(b, work.sum);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "waiters",
	    .about = "a wake while others wait at the same semaphore",
	    .counted = "tasks that wait",
	    .count = 10000,
	    .runs = 7,
	    .workers = "1,2",
	    .no_warm_up = true, /* the first wakes of so many are next to nothing */
	};
	static const bench_fn workloads[] = {waiters};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
