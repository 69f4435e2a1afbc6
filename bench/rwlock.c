/* SPDX-License-Identifier: MIT */
/*
 * rwlock.c - a lock of readers and writers around two words that must be the same.  An operation is
 * a lock and an unlock, of a reader or a writer.
 *
 * "read" is one task that reads, alone.  "1000 tasks" share it, and one of 20 operations writes;
 * nobody holds it for longer than the words take, so few find it held.  "over a yield" is the same
 * with the lock held over one, so that on one worker too readers hold it together and writers wait
 * for them.  How many readers come between two writers is the lock's choice: here a writer keeps
 * new ones out, and lets in all that wait when it leaves.  The tasks' starts and ends are counted.
 */
#include "harness.h"
#include "work.h"

struct work {
	uint64_t count;
	bool yields; /* while it is held */
	struct thrum_rwlock lock;
	uint64_t a, b; /* writes so far */
	uint64_t sum;  /* operations that found them the same */
	struct bench_span span;
};

static int pause_inside(const struct work *work)
{
	return work->yields ? thrum_yield() : 0;
}

static int read_once(struct work *work, uint64_t *same)
{
	int err = thrum_rwlock_read_lock(&work->lock);
	uint64_t a;

	if (err)
		return err;
	a = work->a;
	err = pause_inside(work);
	*same += a == work->b;
	thrum_rwlock_read_unlock(&work->lock);
	return err;
}

static int write_once(struct work *work, uint64_t *same)
{
	int err = thrum_rwlock_write_lock(&work->lock);

	if (err)
		return err;
	work->a++;
	err = pause_inside(work);
	*same += work->a == ++work->b;
	thrum_rwlock_write_unlock(&work->lock);
	return err;
}

static intptr_t read_alone(void *arg)
{
	struct work *work = arg;
	int err = 0;

	bench_span_begin(&work->span);
	for (uint64_t i = 0; i < work->count && !err; i++)
		err = read_once(work, &work->sum);
	bench_span_end(&work->span);
	return err;
}

static intptr_t read_and_write(void *arg)
{
	struct bench_member *me = arg;
	struct work *work = me->work;
	uint64_t n = work_share(work->count, me->number);
	int err = 0;

	for (uint64_t i = 0; i < n && !err; i++) {
		if ((me->number + i) % WORK_OF_WHICH_ONE_WRITES)
			err = read_once(work, &me->sum);
		else
			err = write_once(work, &me->sum);
	}
	return err;
}

static intptr_t together(void *arg)
{
	struct work *work = arg;
	int err;

	bench_span_begin(&work->span);
	err = bench_together(read_and_write, work, WORK_TASKS, &work->sum);
	bench_span_end(&work->span);
	return err;
}

static uint64_t run(struct bench *b, unsigned workers, const char *name, thrum_fn fn, bool yields)
{
	struct work work = {.count = b->count, .yields = yields, .lock = THRUM_RWLOCK_INIT};
	double n = (double)b->count;

	bench_run(workers, fn, &work);
	thrum_rwlock_fini(&work.lock);
	bench_check("operations that found nobody halfway", work.sum, b->count);
	bench_figure_span(b, name, workers, "ns", &work.span, n);
	bench_once(b, name, "ns", (double)work.span.wall_ns / n);
	return work.sum;
}

static void rwlock(struct bench *b, unsigned workers)
{
	uint64_t sum = run(b, workers, "read", read_alone, false);

	sum += run(b, workers, "1000 tasks", together, false);
	bench_once_sum(b, sum + run(b, workers, "over a yield", together, true));
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "rwlock",
	    .about = "a lock of readers and writers: reads of one task; 1000 tasks, 1 of 20 writes",
	    .counted = "locks, for each of the three",
	    .count = 1000000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {rwlock};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
