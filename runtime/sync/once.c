/* SPDX-License-Identifier: MIT */
/*
 * WHAT    Once: one calls, the others wait for it; after a failure another one calls.
 *
 * WORD    31     1      0
 *         HELD   BUSY   DONE
 *
 * STATES  fresh; BUSY: somebody, who, calls; DONE: value is the result, for good.
 *         HELD (core/hold.h): the holder's.
 *
 * MOVES   all of them holding the word
 *         T1 fresh -> BUSY                             who looks first
 *         T2 BUSY -> DONE, and all turns go on         who is BUSY, after a success
 *         T3 BUSY -> fresh, and the first one goes on  who is BUSY, after a failure
 *         T4 BUSY: a turn comes, last; first, of one that was granted
 *         T5 a turn leaves                             who is cut short
 *
 * OWNERS  value: who is BUSY, before DONE; then it stays.  who, the queue: who holds the word.
 *
 * CALLERS any number, beside each other; from inside the function: -EDEADLK.
 *
 * ORDER   DONE by a holder's drop (core/hold.h: O1) pairs with O1 acquire of who finds it: value,
 *            and what the function did.
 *
 * INVARIANT I1 one is BUSY at a time, and nobody after DONE.  I2 while nobody holds the word turns
 *         are in the queue only if somebody is BUSY, or one that was granted at T3 is about to
 *         look.
 *
 * PROOF   I1: T1 comes only where neither is set.  I2: T4 comes only where BUSY is set; T2 takes
 *         all turns along.  T3 claims the first that can be, and finds none only if the queue is
 *         empty then.  Who was granted cannot be cut short before it looks: it finds fresh (T1),
 *         another one BUSY (T4), or DONE, when T2 has taken the turns.  One that leaves was not
 *         granted.
 *         The one success is linearised at T2's first drop, a failure at T3's.  is_done is
 *         wait-free, the rest blocks on the holder, or on who is BUSY.
 *
 * RECLAIM a once is its user's.  Who called touches it last by its last drop (core/waitqueue.c:
 *         I4), a wait by a look and at value, which it reads before it returns.
 *
 * What can fail: a wait's timer, a thread's parker; the function.
 *
 * TEST    tests/model/scen_once.c; tests/unit/test_once.c
 */
#include "core/waitqueue.h"

#include "base/assert.h"
#include "sched/stand.h"

#include <errno.h>
#include <thrum/meet.h>
#include <thrum/time.h>

#define DONE 1u
#define BUSY 2u

struct thrum__once {
	struct atomic32 word;
	struct thrum__waitqueue queue;
	void *who;
	intptr_t value;
} __attribute__((may_alias));

_Static_assert(sizeof(struct thrum__once) <= sizeof(struct thrum_once), "it fits");

static bool is_done(const struct thrum__once *o)
{
	return load_acquire(&o->word) & DONE; /* O1 */
}

bool thrum_once_done(const struct thrum_once *o)
{
	return is_done((const struct thrum__once *)o);
}

static intptr_t call(struct thrum__once *o, thrum_fn fn, void *arg)
{
	struct thrum__granted g = {NULL, NULL};
	struct thrum__turn *t;
	intptr_t r = fn(arg);

	thrum__hold(&o->word);
	if (!thrum_failed(r)) {
		plain_write(&o->value, r);
		thrum__waitqueue_grant_all(&o->queue, &o->word, DONE);
		return r;
	}
	t = thrum__waitqueue_claim(&o->queue);
	if (t)
		thrum__turn_grant(t, &g);
	thrum__drop(&o->word, 0);
	thrum__granted_resume(&g);
	return r;
}

/* 0: it is the caller's to call, or done. */
static int wait_for_it(struct thrum__once *o, struct thrum__stander *me)
{
	struct thrum__turn turn;
	bool waited = false;
	uint32_t v;
	int err;

	for (;;) {
		v = thrum__hold(&o->word);
		if (v != BUSY)
			break;
		if (plain_read(&o->who) == thrum__stand_who()) {
			thrum__drop(&o->word, v);
			return -EDEADLK;
		}
		thrum__turn_init(&turn, me->parker, me->seq);
		if (waited)
			thrum__waitqueue_push_first(&o->queue, &turn);
		else
			thrum__waitqueue_push(&o->queue, &turn);
		err = thrum__stand_in(me, &turn, &o->word, &v, THRUM_FOREVER, false);
		if (err) {
			thrum__drop(&o->word, v);
			return err;
		}
		waited = true;
		thrum__stand_again(me);
	}
	if (v == 0) {
		plain_write(&o->who, thrum__stand_who());
		v = BUSY;
	}
	thrum__drop(&o->word, v);
	return 0;
}

intptr_t thrum_once(struct thrum_once *once, thrum_fn fn, void *arg)
{
	struct thrum__once *o = (struct thrum__once *)once;
	struct thrum__stander me;
	int err;

	if (!is_done(o)) {
		err = thrum__stand_check();
		if (!err)
			err = thrum__stand_begin(&me);
		if (err)
			return err;
		err = thrum__stand_end(&me, wait_for_it(o, &me), THRUM_FOREVER);
		if (err)
			return err;
		if (!is_done(o))
			return call(o, fn, arg);
	}
	return plain_read(&o->value);
}
