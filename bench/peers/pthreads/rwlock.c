/* SPDX-License-Identifier: MIT */
/*
 * rwlock - pthread_rwlock_t as it comes, which lets readers pass writers that wait; of one thread
 * and of 1,000, without and with a sched_yield while it is held.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdbool.h>

#include "threads.h"

struct work {
	uint64_t count;
	bool yields; /* while it is held */
	pthread_rwlock_t lock;
	uint64_t a, b; /* writes so far */
};

static bool read_once(struct work *work)
{
	uint64_t a;
	bool same;

	pthread_rwlock_rdlock(&work->lock);
	a = work->a;
	if (work->yields)
		sched_yield();
	same = a == work->b;
	pthread_rwlock_unlock(&work->lock);
	return same;
}

static bool write_once(struct work *work)
{
	bool same;

	pthread_rwlock_wrlock(&work->lock);
	work->a++;
	if (work->yields)
		sched_yield();
	same = work->a == ++work->b;
	pthread_rwlock_unlock(&work->lock);
	return same;
}

static void read_alone(struct member *me)
{
	struct work *work = me->work;

	for (uint64_t i = 0; i < work->count; i++)
		me->sum += read_once(work);
}

static void read_and_write(struct member *me)
{
	struct work *work = me->work;
	uint64_t n = work_share(work->count, me->number);

	for (uint64_t i = 0; i < n; i++) {
		if ((me->number + i) % WORK_OF_WHICH_ONE_WRITES)
			me->sum += read_once(work);
		else
			me->sum += write_once(work);
	}
}

void peer_rwlock(const struct peer *p)
{
	struct work work = {.count = p->count, .lock = PTHREAD_RWLOCK_INITIALIZER};
	double n = (double)p->count;
	uint64_t sum = 0;

	threads_stay(p);
	peer_figure("read", "ns", (double)threads_run(read_alone, &work, 1, &sum) / n);
	peer_figure("1000 tasks", "ns",
		    (double)threads_run(read_and_write, &work, WORK_TASKS, &sum) / n);
	work.yields = true;
	peer_figure("over a yield", "ns",
		    (double)threads_run(read_and_write, &work, WORK_TASKS, &sum) / n);
	pthread_rwlock_destroy(&work.lock);
	peer_sum(sum);
}
