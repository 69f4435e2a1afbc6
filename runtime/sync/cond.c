/* SPDX-License-Identifier: MIT */
/*
 * cond.c - conditions: a queue, and nothing else.
 *
 * Who waits has its turn in the queue before it gives the mutex back.  A signal ends the wait of
 * the first one whose wait has not ended otherwise (core/waitqueue.c: I1), so none is used up by
 * one that was cancelled.  Those that are woken get the mutex as everybody does (mutex.c).
 * Rejected: moving the turns of a broadcast to the mutex's queue (a cancel would have to find them
 * there; what it saves is a look at the mutex, by tasks that run one after another anyway).
 *
 * OWNERS  the queue: who holds the word (core/hold.h); QUEUED, in the word: the queue has turns.
 *
 * ORDER   what was done before a signal is seen by the one that it wakes: through its turn
 * (core/waitqueue.c: O1).  Who signals without a look at the queue has seen QUEUED clear: a waiter
 * that gave the mutex back before had set it, and whoever had the mutex since sees that.
 *
 * What can fail: a wait's timer, a thread's parker.
 */
#include "core/waitqueue.h"

#include "base/assert.h"
#include "sched/fork_check.h"
#include "sched/stand.h"
#include "sync/mutex.h"

#include <thrum/sync.h>
#include <thrum/time.h>

#define QUEUED 1u

struct thrum__cond {
	struct atomic32 word; /* HELD, QUEUED */
	struct thrum__waitqueue queue;
} __attribute__((may_alias));

_Static_assert(sizeof(struct thrum__cond) <= sizeof(struct thrum_cond), "it fits");

static struct thrum__cond *cond_of(struct thrum_cond *c)
{
	return (struct thrum__cond *)c;
}

static uint32_t word_of(const struct thrum__cond *c)
{
	return thrum__waitqueue_is_empty(&c->queue) ? 0 : QUEUED;
}

void thrum_cond_init(struct thrum_cond *c)
{
	*c = (struct thrum_cond)THRUM_COND_INIT;
}

void thrum_cond_fini(struct thrum_cond *c)
{
	ENSURE(thrum__in_forked_child() || load_relaxed(&cond_of(c)->word) == 0,
	       "end a condition when nobody waits for it");
}

int thrum_cond_wait_until(struct thrum_cond *cond, struct thrum_mutex *m, int64_t deadline_ns)
{
	struct thrum__cond *c = cond_of(cond);
	struct thrum__stander me;
	struct thrum__turn turn;
	uint32_t v;
	int err;

	thrum__mutex_ensure_held(m);
	err = thrum__stand_check();
	if (!err)
		err = thrum__stand_begin(&me);
	if (err)
		return err;
	thrum__turn_init(&turn, me.parker, me.seq);
	thrum__hold(&c->word);
	thrum__waitqueue_push(&c->queue, &turn);
	thrum__drop(&c->word, QUEUED);
	thrum_mutex_unlock(m);
	err = thrum__stand_on(&me, &turn, &c->word, &v, deadline_ns, false);
	if (err)
		thrum__drop(&c->word, word_of(c));
	err = thrum__stand_end(&me, err, deadline_ns);
	thrum__mutex_lock_deaf(m);
	return err;
}

int thrum_cond_wait(struct thrum_cond *c, struct thrum_mutex *m)
{
	return thrum_cond_wait_until(c, m, THRUM_FOREVER);
}

void thrum_cond_signal(struct thrum_cond *cond)
{
	struct thrum__cond *c = cond_of(cond);
	struct thrum__granted g = {NULL, NULL};
	struct thrum__turn *t;

	if (!load_relaxed(&c->word) || thrum__in_forked_child())
		return;
	thrum__hold(&c->word);
	t = thrum__waitqueue_claim(&c->queue);
	if (t)
		thrum__turn_grant(t, &g);
	thrum__drop(&c->word, word_of(c));
	thrum__granted_resume(&g);
}

void thrum_cond_broadcast(struct thrum_cond *cond)
{
	struct thrum__cond *c = cond_of(cond);

	if (!load_relaxed(&c->word) || thrum__in_forked_child())
		return;
	thrum__hold(&c->word);
	thrum__waitqueue_grant_all(&c->queue, &c->word, 0);
}
