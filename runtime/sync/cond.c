/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The condition: a queue, and nothing else.  Who waits has its turn in the queue before it
 *         gives the mutex back.  A signal ends the wait of the first one whose wait has not ended
 *         otherwise (core/waitqueue.c: I1), so none is used up by one that was cancelled.  Those
 *         that are woken get the mutex as everybody does (mutex.c).  Rejected: moving the turns of
 *         a broadcast to the mutex's queue (a cancel would have to find them there; what it saves
 *         is a look at the mutex, by tasks that run one after another anyway).
 *
 * WORD    31     0
 *         HELD   QUEUED
 *
 * STATES  free: nobody waits.  QUEUED: the queue has turns.  HELD (core/hold.h): the holder's.
 *
 * MOVES   all of them holding the word
 *         T1 a turn comes, last: QUEUED            wait, which has the mutex
 *         T2 the first that can be claimed goes on signal
 *         T3 all turns that are there go on        broadcast
 *         T4 a turn leaves                         wait, cut short
 *
 * OWNERS  the queue: who holds the word.
 *
 * CALLERS any number of all; wait: who has the mutex.
 *
 * ORDER   What was done before a signal is seen by the one that it wakes: through its turn
 *            (core/waitqueue.c: O1).
 *         A signal's first look at the word orders nothing.  A waiter that gave the mutex back
 *            before had done T1, and whoever had the mutex since finds that, or what came after it.
 *
 * INVARIANT I1 while nobody holds the word: QUEUED is set exactly if the queue has turns.  I2 a
 *         wait whose unlock comes before a signal or a broadcast, by way of the mutex, is seen by
 *         it: its turn is in the queue, or its wait has been ended.
 *
 * PROOF   I1: each drop says what the queue is; between two lots of T3 the queue has those that
 *         have come since, and the word is theirs.  I2: T1 comes before the unlock.  A turn goes
 *         off the queue by T2 and T3, which end its wait or find it ended, or by T4, when it was
 *         ended.
 *         wait is linearised at T1, signal and broadcast at their hold, or where they look and find
 *         0.
 *         Blocking on the holder; the longest hold is 32 claims and a look at each dropped turn.
 *
 * RECLAIM the condition is its user's.  The last access of signal and broadcast is one to the word,
 *         before the last one that they woke goes on (core/waitqueue.c: I4); so it may take the
 *         condition along.  A wait that was granted does not touch it any more, and one that was
 *         cut short does so last when it drops the word at T4.
 *
 * What can fail: a wait's timer, a thread's parker.
 *
 * TEST    tests/model/scen_cond.c; tests/unit/test_cond.c
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
