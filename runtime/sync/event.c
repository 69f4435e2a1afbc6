/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The event: one bit, and a queue of those that wait for it.  A set takes the queue as it
 *         is, so those that wait then go on even if a clear follows at once, and those that come
 *         after the clear do not (core/waitqueue.c: grant_all).
 *
 * WORD    31     1        0
 *         HELD   QUEUED   SET
 *
 * STATES  clear: nobody waits.  QUEUED: the queue has turns.  SET: it has none.
 *         HELD (core/hold.h): the holder's.
 *
 * MOVES   T1 clear, SET -> SET                             set
 *         T2 holding: -> SET, and all turns go on          set
 *         T3 holding: SET -> clear                         clear
 *         T4 holding, not SET: a turn comes: QUEUED        wait
 *         T5 holding: a turn leaves, QUEUED with the last  wait, cut short
 *
 * OWNERS  word: all, by CAS; the queue: who holds the word.
 *
 * CALLERS any number of all, beside each other.
 *
 * ORDER   O1 release of SET at T1, and by the holder's drop at T2, pairs with O2 acquire of who
 *            finds it: what was done before is seen.  T1 is a read-modify-write, and a holder
 *            stands between others (core/hold.h: O1, O2).  Who waited sees it through its turn
 *            (core/waitqueue.c: O1).
 *         Weaker: it is set, and what it tells of is not there.
 *
 * INVARIANT I1 while nobody holds the word: QUEUED is set exactly if the queue has turns, and not
 *         with SET.  I2 all turns in the queue at a set go on, but for those whose wait has ended
 *         otherwise; a wait that begins between a set and the next clear finds it set.
 *
 * PROOF   I1: T1 fails if QUEUED is set; T4 comes only where SET is clear; T2 takes the turns in
 *         the hold in which it sets SET.  Between two lots of T2 the word and the queue are those
 *         of who comes: a clear may pass, turns may come after it, and T2 gives the word back as it
 *         found it.  I2: T2, and T4 and T3, which hold.
 *         set is linearised at T1, or at its first drop at T2; clear at its drop; a wait that finds
 *         it set at its look, and another at the claim of its turn.  T1 is lock-free, is_set
 *         wait-free; the rest blocks on the holder.
 *
 * RECLAIM the event is its user's.  A set touches it last by T1, or by the drop of T2 before the
 *         last one that it claimed goes on (core/waitqueue.c: I4); a wait by its look, or by a
 *         drop.  So when all calls that wait have returned it may go, while the set that let them
 *         go on has yet to return; no other may come.
 *
 * What can fail: a wait's timer, a thread's parker.
 *
 * TEST    tests/model/scen_event.c; tests/unit/test_event.c
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
