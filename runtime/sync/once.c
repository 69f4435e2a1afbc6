/* SPDX-License-Identifier: MIT */
/*
 * once.c - once: one calls, the others wait for it.
 *
 * WORD    31     1      0
 *         HELD   BUSY   DONE
 *
 * STATES  fresh; BUSY: somebody, who, calls; DONE: value is the result.
 *
 * MOVES   fresh -> BUSY by who comes first; BUSY -> DONE after a success: all that wait go on
 * (core/waitqueue.c: grant_all); BUSY -> fresh after a failure: the first one that waits goes on,
 * and it, or one that comes by, is BUSY next.  All of them holding the word (core/hold.h).  Who is
 * granted looks again: if it is BUSY again it waits again.
 *
 * OWNERS  value: who is BUSY, before DONE; then it stays.  who: written and read holding the word.
 *
 * ORDER   DONE by a holder's drop (core/hold.h: O1) pairs with O1 acquire of who finds it: value,
 * and what the function did.
 *
 * What can fail: a wait's timer, a thread's parker; the function.
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
