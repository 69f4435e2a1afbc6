/* SPDX-License-Identifier: MIT */
/*
 * leave.c - tasks that wait at one semaphore are cancelled, one after the other and each out of the
 * middle of the queue; until all have ended.
 *
 * A queue that had to be searched for the one that leaves would grow it by the factor of its
 * length.
 */
#include "harness.h"
#include "work.h"

#include <stdlib.h>

#include "base/atomic.h"

struct work {
	uint64_t count;
	struct thrum_sem sem;
	struct thrum_future **tasks;
	struct atomic64 standing;
	uint64_t told;
	struct bench_span span;
};

static intptr_t stand(void *arg)
{
	struct work *work = arg;

	fetch_add_relaxed(&work->standing, 1);
	return thrum_sem_wait(&work->sem);
}

static intptr_t cancel_all(void *arg)
{
	struct work *work = arg;

	for (uint64_t i = 0; i < work->count; i++) {
		work->tasks[i] = thrum_spawn(stand, work);
		if (!work->tasks[i])
			return -ENOMEM;
		if (i % 1024 == 1023)
			thrum_yield();
	}
	while (load_relaxed(&work->standing) < work->count)
		thrum_sleep(THRUM_MS(1));
	thrum_sleep(THRUM_MS(20)); /* none is on its way to its wait any more */
	bench_span_begin(&work->span);
	for (uint64_t i = 0; i < work->count; i++)
		thrum_cancel(work->tasks[work_scattered(i, work->count)]);
	for (uint64_t i = 0; i < work->count; i++)
		work->told += thrum_join(work->tasks[i]) == -ECANCELED;
	bench_span_end(&work->span);
	return 0;
}

static void leave(struct bench *b, unsigned workers)
{
	struct work work = {.count = b->count,
			    .sem = THRUM_SEM_INIT(0),
			    .tasks = bench_alloc(b->count * sizeof(struct thrum_future *))};

	bench_run_unspared(workers, cancel_all, &work);
	bench_check("tasks that were told", work.told, b->count);
	bench_check("permits", thrum_sem_value(&work.sem), 0);
	thrum_sem_fini(&work.sem);
	bench_figure_span(b, "cancel, until all have ended", workers, "ns a task", &work.span,
			  (double)b->count);
	free(work.tasks);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "leave",
	    .about = "tasks that wait at one semaphore are cancelled out of the middle",
	    .counted = "tasks that wait",
	    .count = 10000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {leave};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
