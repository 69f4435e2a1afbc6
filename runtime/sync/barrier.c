/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The barrier: how many have come, and their queue, which change together.  The last one to
 *         come counts a round more, tells each turn its number and lets all go on.  One that is cut
 *         short has not come, and another may come in its place; unless the round is over when it
 *         leaves: it has counted, so it goes on as the others do.
 *
 * WORD    31     30 ..... 0
 *         HELD   who have come, fewer than parties
 *
 * STATES  n have come.  HELD (core/hold.h): the holder's.
 *
 * MOVES   all of them holding the word
 *         T1 n -> n + 1: a turn comes               wait
 *         T2 parties - 1 -> 0: a round more; the turns get their numbers, and all go on
 *                                                   wait, the last one
 *         T3 n -> n - 1: a turn leaves              wait, cut short
 *         T4 a turn of an earlier round leaves      wait, cut short too late
 *
 * OWNERS  the queue, round: who holds the word.  parties: written before the barrier is used.
 *
 * CALLERS any number, more than parties, too.
 *
 * ORDER   what each did before it came is seen by all: each has held the word before the last one
 *            does (core/hold.h: O1, O2), who grants all turns (core/waitqueue.c: O1).
 *
 * INVARIANT I1 while nobody holds the word: the queue has as many turns as have come, all of this
 *         round.  I2 of each round as many as there are parties go on, each with another number.
 *
 * PROOF   I1: T1 and T3 change both; T2 takes all turns in the hold in which it counts the round.
 *         Between two lots of T2 the word and the queue are the next round's, and T2 gives the word
 *         back as it found it.  A wait reads the round in the hold of its T1 and, cut short, again
 *         when it holds to leave: that tells T3 and T4 apart.  I2: T2 numbers the turns that are in
 *         the queue, in their order, also those whose wait has ended otherwise: they are counted in
 *         n, and T4 returns their number.  One that left by T3 is in neither.
 *         A round is linearised at T2's first drop.  Blocking on the holder; the longest hold is a
 *         look at each of the round's turns, for its number, and 32 claims.
 *
 * RECLAIM the barrier is its user's.  The last one to come touches it last by the drop before the
 *         last one that it claimed goes on (core/waitqueue.c: I4), another one by its own at T3 and
 *         T4, or by its drop at T1 if it is granted.  So when all others have returned it may go,
 *         while the last one has yet to return.
 *
 * What can fail: a wait's timer, a thread's parker.
 *
 * TEST    tests/model/scen_rendezvous.c; tests/unit/test_rendezvous.c
 */
#include "core/waitqueue.h"

#include "base/assert.h"
#include "sched/fork_check.h"
#include "sched/stand.h"

#include <thrum/meet.h>
#include <thrum/time.h>

struct thrum__rendezvous {
	struct atomic32 word;
	uint32_t parties;
	struct thrum__waitqueue queue;
	uint64_t round;
} __attribute__((may_alias));

_Static_assert(sizeof(struct thrum__rendezvous) <= sizeof(struct thrum_barrier), "it fits");

static struct thrum__rendezvous *barrier_of(struct thrum_barrier *b)
{
	return (struct thrum__rendezvous *)b;
}

void thrum_barrier_init(struct thrum_barrier *barrier, unsigned parties)
{
	ENSURE(parties > 0 && parties < THRUM__HELD, "a barrier is for 1 or more");
	*barrier = (struct thrum_barrier){{0}};
	barrier_of(barrier)->parties = parties;
}

void thrum_barrier_fini(struct thrum_barrier *b)
{
	ENSURE(thrum__in_forked_child() || load_relaxed(&barrier_of(b)->word) == 0,
	       "end a barrier when nobody waits at it");
}

/* Holding: the last one has come.  Its number. */
static int complete(struct thrum__rendezvous *b)
{
	int last = (int)b->parties - 1;

	plain_write(&b->round, plain_read(&b->round) + 1);
	thrum__waitqueue_number(&b->queue);
	thrum__waitqueue_grant_all(&b->queue, &b->word, 0);
	return last; /* the barrier may have gone */
}

/* Holding: @v have come, the caller among them, and wait for more. */
static int stand(struct thrum__rendezvous *b, uint32_t v, struct thrum__stander *me,
		 int64_t deadline_ns)
{
	uint64_t round = plain_read(&b->round);
	struct thrum__turn turn;
	int err;

	thrum__turn_init(&turn, me->parker, me->seq);
	thrum__waitqueue_push(&b->queue, &turn);
	err = thrum__stand_in(me, &turn, &b->word, &v, deadline_ns, false);
	if (!err)
		return (int)plain_read(&turn.note);
	if (plain_read(&b->round) != round)
		err = (int)plain_read(&turn.note);
	else
		v--;
	thrum__drop(&b->word, v);
	return err;
}

int thrum_barrier_wait_until(struct thrum_barrier *barrier, int64_t deadline_ns)
{
	struct thrum__rendezvous *b = barrier_of(barrier);
	struct thrum__stander me;
	uint32_t v;
	int err = thrum__stand_check();

	if (err)
		return err;
	v = thrum__hold(&b->word) + 1;
	if (v == b->parties)
		return complete(b);
	thrum__drop(&b->word, v - 1);
	err = thrum__stand_begin(&me);
	if (err)
		return err;
	v = thrum__hold(&b->word) + 1;
	err = v == b->parties ? complete(b) : stand(b, v, &me, deadline_ns);
	return thrum__stand_end(&me, err, deadline_ns);
}

int thrum_barrier_wait(struct thrum_barrier *b)
{
	return thrum_barrier_wait_until(b, THRUM_FOREVER);
}
