/* SPDX-License-Identifier: MIT */
/*
 * event.c - events: one bit, and a queue of those that wait for it.
 *
 * WORD    31     1        0
 *         HELD   QUEUED   SET      never both QUEUED and SET, but in a holder's hands
 *
 * A set takes the queue as it is, so those that wait then go on even if a clear follows at once,
 * and those that come after the clear do not (core/waitqueue.c: grant_all).
 *
 * OWNERS  the queue: who holds the word (core/hold.h).
 *
 * ORDER   O1 release of SET, by CAS or by a holder, pairs with O2 acquire of who finds it: what was
 * done before is seen.  Who waited sees it through its turn (core/waitqueue.c: O1).
 *
 * What can fail: a wait's timer, a thread's parker.
 */
#include "core/waitqueue.h"

#include "base/assert.h"
#include "sched/fork_check.h"
#include "sched/stand.h"

#include <thrum/meet.h>
#include <thrum/time.h>

#define SET 1u
#define QUEUED 2u

struct thrum__event {
	struct atomic32 word;
	struct thrum__waitqueue queue;
} __attribute__((may_alias));

_Static_assert(sizeof(struct thrum__event) <= sizeof(struct thrum_event), "it fits");

static struct thrum__event *event_of(struct thrum_event *e)
{
	return (struct thrum__event *)e;
}

void thrum_event_init(struct thrum_event *e)
{
	*e = (struct thrum_event){{0}};
}

void thrum_event_fini(struct thrum_event *e)
{
	ENSURE(thrum__in_forked_child() || !(load_relaxed(&event_of(e)->word) & ~SET),
	       "end an event when nobody waits for it");
}

bool thrum_event_is_set(const struct thrum_event *e)
{
	return load_acquire(&((const struct thrum__event *)e)->word) & SET; /* O2 */
}

void thrum_event_set(struct thrum_event *event)
{
	struct thrum__event *e = event_of(event);
	uint32_t v = load_relaxed(&e->word);

	while (!(v & ~SET))
		if (cas_release(&e->word, &v, SET)) /* O1 */
			return;
	if (thrum__in_forked_child())
		return;
	thrum__hold(&e->word);
	thrum__waitqueue_grant_all(&e->queue, &e->word, SET); /* O1 */
}

void thrum_event_clear(struct thrum_event *event)
{
	struct thrum__event *e = event_of(event);
	uint32_t v;

	if (thrum__in_forked_child())
		return;
	v = thrum__hold(&e->word);
	thrum__drop(&e->word, v & ~SET);
}

int thrum_event_wait_until(struct thrum_event *event, int64_t deadline_ns)
{
	struct thrum__event *e = event_of(event);
	struct thrum__stander me;
	struct thrum__turn turn;
	uint32_t v;
	int err = thrum__stand_check();

	if (err || thrum_event_is_set(event))
		return err;
	err = thrum__stand_begin(&me);
	if (err)
		return err;
	thrum__turn_init(&turn, me.parker, me.seq);
	v = thrum__hold(&e->word);
	if (v & SET) {
		thrum__drop(&e->word, v);
	} else {
		thrum__waitqueue_push(&e->queue, &turn);
		v = QUEUED;
		err = thrum__stand_in(&me, &turn, &e->word, &v, deadline_ns, false);
		if (err)
			thrum__drop(&e->word,
				    thrum__waitqueue_is_empty(&e->queue) ? v & ~QUEUED : v);
	}
	return thrum__stand_end(&me, err, deadline_ns);
}

int thrum_event_wait(struct thrum_event *e)
{
	return thrum_event_wait_until(e, THRUM_FOREVER);
}
