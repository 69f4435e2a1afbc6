/* SPDX-License-Identifier: MIT */
/*
 * stand.c - the wait of whoever stands in a queue.
 *
 * A task's is a wait of await.c; a thread's is one of outside.c, which hears no cancel.  Who stands
 * in several queues, or waits for futures as well, hangs them all under one number of its parker:
 * the first of all that may end the wait does, and is the only one.
 *
 * What can fail: a timer's memory; a thread's parker.
 */
#include "sched/stand.h"

#include "sched/await.h"
#include "sched/worker.h"

#include <pthread.h>

int thrum__stand_look(void)
{
	struct thrum__task *t = thrum__current_task();

	return t ? thrum__bracket_learn(t, thrum__wait_look(t), THRUM_FOREVER)
		 : thrum__cannot_wait();
}

int thrum__stand_look_turn(void)
{
	struct thrum__worker *w = thrum__current_worker();
	int err = thrum__stand_check();

	if (w && !err && !thrum__worker_may_stay(w))
		thrum__worker_give_way(w);
	return err;
}

void thrum__stand_again(struct thrum__stander *s)
{
	s->seq = thrum__parker_seq(s->parker);
}

int thrum__stand_begin(struct thrum__stander *s)
{
	s->task = thrum__current_task();
	if (s->task) {
		thrum__wait_settle(s->task);
		s->parker = &s->task->parker;
	} else {
		s->parker = thrum__outside_begin();
		if (!s->parker)
			return -ENOMEM;
	}
	thrum__stand_again(s);
	return 0;
}

bool thrum__stand_begin_holding(struct thrum__stander *s)
{
	struct thrum__worker *w = thrum__tls_worker();

	s->task = thrum__current_task();
	if (!s->task || s->task->below || !thrum__lane_is_clear(&w->lane))
		return false;
	s->parker = &s->task->parker;
	thrum__stand_again(s);
	return true;
}

int thrum__stand_wait(struct thrum__stander *s, int64_t deadline_ns, bool deaf)
{
	if (!s->task)
		return thrum__outside_wait(s->parker, s->seq, deadline_ns);
	thrum__wants_anybody(s->task, s->seq);
	return thrum__wait_out(s->task, s->seq, deadline_ns, deaf);
}

int thrum__stand_end(struct thrum__stander *s, int err, int64_t deadline_ns)
{
	if (s->task)
		return thrum__bracket_learn(s->task, err, deadline_ns);
	thrum__outside_end(s->parker);
	return err;
}

unsigned thrum__stand_pauses(void)
{
	struct thrum__task *t = thrum__current_task();
	bool alone = t && ((struct thrum_runtime *)t->future.runtime)->workers_count == 1;

	return alone ? THRUM__LONGEST_PAUSE + 1 : 1;
}

void *thrum__stand_who(void)
{
	struct thrum__task *t = thrum__current_task();

	return t ? (void *)t : (void *)pthread_self();
}

uint64_t thrum__stand_random(void)
{
	struct thrum__worker *w = thrum__tls_worker();
	uint64_t x;

	if (w)
		return thrum__worker_random(w);
	/* Calls at equal distances must not see a pattern: the end of splitmix64. */
	x = (uint64_t)thrum__clock_monotonic_ns();
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}
