/* SPDX-License-Identifier: MIT */
/*
 * semaphore - sem_t, of one thread and of 1,000; those hold their permit over a sched_yield.  Who
 * comes may take the permit that another one was woken for.
 */
#include <sched.h>
#include <semaphore.h>

#include "threads.h"

struct work {
	uint64_t count;
	sem_t sem;
};

static void take(struct work *work)
{
	while (sem_wait(&work->sem))
		; /* a signal */
}

static void take_alone(struct member *me)
{
	struct work *work = me->work;

	for (; me->sum < work->count; me->sum++) {
		take(work);
		sem_post(&work->sem);
	}
}

static void hold_often(struct member *me)
{
	struct work *work = me->work;

	for (uint64_t share = work_share(work->count, me->number); me->sum < share; me->sum++) {
		take(work);
		sched_yield();
		sem_post(&work->sem);
	}
}

void peer_semaphore(const struct peer *p)
{
	struct work work = {.count = p->count};
	double n = (double)p->count;
	uint64_t sum = 0;
	int left = 0;

	threads_stay(p);
	sem_init(&work.sem, 0, WORK_PERMITS);
	peer_figure("uncontended", "ns", (double)threads_run(take_alone, &work, 1, &sum) / n);
	peer_figure("10 permits", "ns",
		    (double)threads_run(hold_often, &work, WORK_TASKS, &sum) / n);
	sem_getvalue(&work.sem, &left);
	peer_check("permits that are left", (uint64_t)left, WORK_PERMITS);
	sem_destroy(&work.sem);
	peer_sum(sum);
}
