/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The wait group: how many are not done yet, and a queue of those that wait for none.
 *
 * WORD    31     30       29 ..... 0
 *         HELD   QUEUED   not done
 *
 * STATES  free(n): nobody waits.  QUEUED(n): the queue has turns, n > 0.
 *         HELD (core/hold.h): the holder's.
 *
 * MOVES   T1 free(n) -> free(n + k)                           add
 *         T2 free(n) -> free(n - 1)                           done
 *         T3 holding: n -> n + k, n -> n - 1 > 0              add, done
 *         T4 holding, n > 0: a turn comes: QUEUED             wait
 *         T5 holding: a turn leaves, QUEUED with the last     wait, cut short
 *         T6 holding: n = 1 -> free(0), and all turns go on   done
 *
 * OWNERS  word: all, by CAS; the queue: who holds the word.
 *
 * CALLERS any number of all, beside each other.
 *
 * ORDER   O1 release at T2 pairs with O2 acquire of who finds the number 0, which sees what was
 *            done before all dones: T1 and T2 are read-modify-writes (release sequence), and a
 *            holder stands between others (core/hold.h: O1, O2).  Who waited sees it through its
 *            turn (core/waitqueue.c: O1).
 *         Weaker: all are done, and what one of them did is not there.
 *
 * INVARIANT I1 while nobody holds the word: QUEUED is set exactly if the queue has turns, and only
 *         if some are not done.  I2 all turns in the queue when the last one is done go on, but for
 *         those whose wait has ended otherwise.
 *
 * PROOF   I1: T1 and T2 fail if QUEUED is set; T4 comes only where n > 0, and T6 takes the turns in
 *         the hold in which n becomes 0.  Between two lots of T6 the word and the queue are those
 *         of who comes: T6 gives the word back as it found it.  I2: T6.
 *         add and done are linearised at their CAS or (first) drop, a wait at its look or at the
 *         claim of its turn.  T1, T2 lock-free; the rest blocks on the holder.
 *
 * RECLAIM the group is its user's.  A done touches it last by the CAS or the drop that counts it,
 *         or by the drop of T6 before the last one that it claimed goes on (core/waitqueue.c: I4);
 *         a wait by its look, or by a drop.  So when all calls that wait have returned it may go,
 *         while a done has yet to return.
 *
 * What can fail: a wait's timer, a thread's parker.
 *
 * TEST    tests/model/scen_wait_group.c; tests/unit/test_wait_group.c
 */
#include "core/waitqueue.h"

#include "base/assert.h"
#include "sched/fork_check.h"
#include "sched/stand.h"

#include <thrum/meet.h>
#include <thrum/time.h>

#define QUEUED 0x40000000u

struct thrum__wait_group {
	struct atomic32 word;
	struct thrum__waitqueue queue;
} __attribute__((may_alias));

_Static_assert(sizeof(struct thrum__wait_group) <= sizeof(struct thrum_wait_group), "it fits");

static struct thrum__wait_group *group_of(struct thrum_wait_group *g)
{
	return (struct thrum__wait_group *)g;
}

static uint32_t number_of(uint32_t v)
{
	return v & (QUEUED - 1);
}

void thrum_wait_group_init(struct thrum_wait_group *g)
{
	*g = (struct thrum_wait_group){{0}};
}

void thrum_wait_group_fini(struct thrum_wait_group *g)
{
	ENSURE(thrum__in_forked_child() || load_relaxed(&group_of(g)->word) == 0,
	       "end a wait group when all are done");
}

static void ensure_room(uint32_t v, unsigned n)
{
	ENSURE(n < QUEUED - number_of(v), "a wait group counts up to 2^30");
}

void thrum_wait_group_add(struct thrum_wait_group *group, unsigned n)
{
	struct thrum__wait_group *g = group_of(group);
	uint32_t v = load_relaxed(&g->word);

	while (v < QUEUED) {
		ensure_room(v, n);
		if (cas_relaxed(&g->word, &v, v + n))
			return;
	}
	if (thrum__in_forked_child())
		return;
	v = thrum__hold(&g->word);
	ensure_room(v, n);
	thrum__drop(&g->word, v + n);
}

static void ensure_some(uint32_t v)
{
	ENSURE(number_of(v) > 0, "no more are done than were added");
}

void thrum_wait_group_done(struct thrum_wait_group *group)
{
	struct thrum__wait_group *g = group_of(group);
	uint32_t v = load_relaxed(&g->word);

	while (v < QUEUED) {
		ensure_some(v);
		if (cas_release(&g->word, &v, v - 1)) /* O1 */
			return;
	}
	if (thrum__in_forked_child())
		return;
	v = thrum__hold(&g->word);
	ensure_some(v);
	if (number_of(v) == 1)
		thrum__waitqueue_grant_all(&g->queue, &g->word, 0);
	else
		thrum__drop(&g->word, v - 1);
}

int thrum_wait_group_wait_until(struct thrum_wait_group *group, int64_t deadline_ns)
{
	struct thrum__wait_group *g = group_of(group);
	struct thrum__stander me;
	struct thrum__turn turn;
	uint32_t v;
	int err = thrum__stand_check();

	if (err || load_acquire(&g->word) == 0) /* O2 */
		return err;
	err = thrum__stand_begin(&me);
	if (err)
		return err;
	thrum__turn_init(&turn, me.parker, me.seq);
	v = thrum__hold(&g->word);
	if (number_of(v) == 0) {
		thrum__drop(&g->word, v);
	} else {
		thrum__waitqueue_push(&g->queue, &turn);
		v |= QUEUED;
		err = thrum__stand_in(&me, &turn, &g->word, &v, deadline_ns, false);
		if (err)
			thrum__drop(&g->word,
				    thrum__waitqueue_is_empty(&g->queue) ? number_of(v) : v);
	}
	return thrum__stand_end(&me, err, deadline_ns);
}

int thrum_wait_group_wait(struct thrum_wait_group *g)
{
	return thrum_wait_group_wait_until(g, THRUM_FOREVER);
}
