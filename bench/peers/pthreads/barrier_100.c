/* SPDX-License-Identifier: MIT */
/*
 * barrier_100 - pthread_barrier_t and 100 threads.
 */
#include "threads.h"

#include "base/atomic.h"

struct work {
	uint64_t count;
	pthread_barrier_t barrier;
	struct atomic64 at[WORK_PARTIES]; /* the meeting that each has come to, from 1 on */
};

static void meet(struct member *me)
{
	struct work *work = me->work;
	struct atomic64 *next = &work->at[(me->number + 1) % WORK_PARTIES];

	for (uint64_t n = 1; n <= work->count; n++) {
		store_relaxed(&work->at[me->number], n);
		pthread_barrier_wait(&work->barrier);
		me->sum += load_relaxed(next) >= n;
	}
}

void peer_barrier_100(const struct peer *p)
{
	struct work work = {.count = p->count};
	uint64_t in_step = 0;
	int64_t ns;

	threads_stay(p);
	pthread_barrier_init(&work.barrier, NULL, WORK_PARTIES);
	ns = threads_run(meet, &work, WORK_PARTIES, &in_step);
	pthread_barrier_destroy(&work.barrier);
	peer_barrier_figure(in_step, p->count, ns);
}
