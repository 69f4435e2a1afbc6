/* SPDX-License-Identifier: MIT */
/*
 * mutex - pthread_mutex_t, of one thread and of 1,000.  The one is not the only one of its process:
 * glibc takes a mutex without a locked instruction where there is but one.
 */
#include "threads.h"

struct work {
	uint64_t count;
	pthread_mutex_t mutex;
	uint64_t counter;
};

static void lock_often(struct work *work, uint64_t times)
{
	for (; times; times--) {
		pthread_mutex_lock(&work->mutex);
		work->counter++;
		pthread_mutex_unlock(&work->mutex);
	}
}

static void lock_all(struct member *me)
{
	struct work *work = me->work;

	lock_often(work, work->count);
}

static void lock_share(struct member *me)
{
	struct work *work = me->work;

	lock_often(work, work_share(work->count, me->number));
}

void peer_mutex(const struct peer *p)
{
	struct work work = {.count = p->count, .mutex = PTHREAD_MUTEX_INITIALIZER};
	double n = (double)p->count;
	uint64_t nothing = 0;

	threads_stay(p);
	peer_figure("uncontended", "ns", (double)threads_run(lock_all, &work, 1, &nothing) / n);
	peer_figure("1000 tasks", "ns",
		    (double)threads_run(lock_share, &work, WORK_TASKS, &nothing) / n);
	peer_sum(work.counter);
}
