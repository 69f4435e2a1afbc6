/* SPDX-License-Identifier: MIT */
/*
 * sync_storm_crowd.h - for sync_storm.c: many wait for one thing, more than are let go at a time.
 *
 * One crowd is patient: all come through an event, a semaphore, a condition, a barrier.  The other
 * one waits for an event, at a barrier of three, for a group, each a while or until it is
 * cancelled.  Exactly: nobody goes on before the event is set or the group is done; at the barrier
 * each number is given as often; who was let go and who gave up are all.
 */
#ifndef THRUM_STRESS_SYNC_STORM_CROWD_H
#define THRUM_STRESS_SYNC_STORM_CROWD_H

#include <string.h>

#include "sync_storm.h"

#define CROWD 80
#define TOGETHER 3

static struct crowd {
	struct thrum_event event;
	struct thrum_sem sem;
	struct thrum_mutex lock;
	struct thrum_cond opened;
	bool is_open;
	struct thrum_barrier barrier;
	struct atomic32 came[CROWD]; /* with that number */
	struct thrum_wait_group group;
} crowd;

static inline intptr_t task_in_crowd(void *unused)
{
	int number;

	(void)unused;
	CHECK(thrum_event_wait(&crowd.event) == 0);
	CHECK(thrum_sem_wait(&crowd.sem) == 0);
	CHECK(thrum_mutex_lock(&crowd.lock) == 0);
	while (!crowd.is_open)
		CHECK(thrum_cond_wait(&crowd.opened, &crowd.lock) == 0);
	thrum_mutex_unlock(&crowd.lock);
	number = thrum_barrier_wait(&crowd.barrier);
	CHECK(number >= 0 && number < CROWD);
	CHECK(fetch_add_relaxed(&crowd.came[number], 1) == 0);
	thrum_wait_group_done(&crowd.group);
	return 0;
}

static inline void yield_often(void)
{
	for (int i = 0; i < CROWD; i++)
		CHECK(thrum_yield() == 0);
}

static inline void run_crowd(void)
{
	memset(&crowd, 0, sizeof(crowd));
	thrum_barrier_init(&crowd.barrier, CROWD);
	thrum_wait_group_add(&crowd.group, CROWD);
	for (int i = 0; i < CROWD; i++)
		CHECK(thrum_go(task_in_crowd, NULL) == 0);
	yield_often();
	thrum_event_set(&crowd.event);
	yield_often();
	CHECK(thrum_sem_post_many(&crowd.sem, CROWD) == 0);
	yield_often();
	CHECK(thrum_mutex_lock(&crowd.lock) == 0);
	crowd.is_open = true;
	thrum_mutex_unlock(&crowd.lock);
	thrum_cond_broadcast(&crowd.opened);
	CHECK(thrum_wait_group_wait(&crowd.group) == 0);
	fetch_add_relaxed(&n.calls, (uint64_t)6 * CROWD);
	CHECK(thrum_sem_value(&crowd.sem) == 0);
	thrum_event_fini(&crowd.event);
	thrum_sem_fini(&crowd.sem);
	thrum_cond_fini(&crowd.opened);
	thrum_barrier_fini(&crowd.barrier);
	thrum_wait_group_fini(&crowd.group);
}

/* ---- Those who give up ---- */

struct impatient {
	uint64_t random;
	struct thrum_future *task;
};

static struct {
	struct thrum_event event;
	struct thrum_barrier barrier;
	struct thrum_wait_group group;
	struct atomic32 may_set, may_be_done;
	struct atomic32 came[TOGETHER];
	struct atomic64 let_go, gave_up;
	struct impatient all[CROWD];
} impatient;

/* What a wait returned.  True: it was let go. */
static inline bool was_let_go(intptr_t r)
{
	fetch_add_relaxed(&n.calls, 1);
	if (r >= 0) {
		fetch_add_relaxed(&impatient.let_go, 1);
		return true;
	}
	CHECK(r == -ETIMEDOUT || (r == -ECANCELED && thrum_cancel_requested() == THRUM_HARD));
	fetch_add_relaxed(r == -ETIMEDOUT ? &n.late : &n.cancelled, 1);
	fetch_add_relaxed(&impatient.gave_up, 1);
	return false;
}

/* A third waits until it is cancelled, if it need be. */
static inline int64_t a_while(struct impatient *i)
{
	if (random_below(&i->random, 3) == 0)
		return THRUM_FOREVER;
	return thrum_now() + THRUM_US((int64_t)random_below(&i->random, 400));
}

static inline void come_to_barrier(int64_t until_ns)
{
	int number = thrum_barrier_wait_until(&impatient.barrier, until_ns);

	CHECK(number < TOGETHER);
	if (was_let_go(number))
		fetch_add_relaxed(&impatient.came[number], 1);
}

static inline intptr_t task_is_impatient(void *one)
{
	struct impatient *i = one;

	if (was_let_go(thrum_event_wait_until(&impatient.event, a_while(i))))
		CHECK(load_acquire(&impatient.may_set));
	come_to_barrier(a_while(i));
	if (was_let_go(thrum_wait_group_wait_until(&impatient.group, a_while(i))))
		CHECK(load_acquire(&impatient.may_be_done));
	return 0;
}

/* Some have not left the barrier yet when another one comes. */
static inline void cancel_some(uint64_t *random)
{
	for (int i = 0; i < CROWD / 8; i++) {
		(void)thrum_cancel(impatient.all[random_below(random, CROWD)].task);
		come_to_barrier(thrum_now());
	}
	for (uint64_t i = random_below(random, CROWD); i > 0; i--)
		CHECK(thrum_yield() == 0);
}

static inline void run_impatient_crowd(uint64_t *random)
{
	memset(&impatient, 0, sizeof(impatient));
	thrum_barrier_init(&impatient.barrier, TOGETHER);
	thrum_wait_group_add(&impatient.group, 1);
	for (int i = 0; i < CROWD; i++) {
		struct impatient *one = &impatient.all[i];

		one->random = stir(random_below(random, UINT64_MAX));
		CHECK((one->task = thrum_spawn(task_is_impatient, one)));
	}
	cancel_some(random);
	store_release(&impatient.may_set, 1);
	thrum_event_set(&impatient.event);
	cancel_some(random);
	store_release(&impatient.may_be_done, 1);
	thrum_wait_group_done(&impatient.group);
	cancel_some(random);
	for (int i = 0; i < CROWD; i++)
		(void)thrum_cancel(impatient.all[i].task);
	for (int i = 0; i < CROWD; i++)
		CHECK(thrum_join(impatient.all[i].task) == 0);
	for (int i = 1; i < TOGETHER; i++)
		CHECK(load_relaxed(&impatient.came[i]) == load_relaxed(&impatient.came[0]));
	CHECK(count(&impatient.let_go) + count(&impatient.gave_up) ==
	      (uint64_t)3 * (CROWD + CROWD / 8));
	fetch_add_relaxed(&n.let_go, count(&impatient.let_go));
	fetch_add_relaxed(&n.gave_up, count(&impatient.gave_up));
	thrum_event_fini(&impatient.event);
	thrum_barrier_fini(&impatient.barrier);
	thrum_wait_group_fini(&impatient.group);
}

#endif
