/* SPDX-License-Identifier: MIT */
/*
 * barrier.c - barriers: how many have come, and their queue.
 *
 * Those that have come and the queue change together, holding the word (core/hold.h).  The last one
 * counts a round more, tells each turn its number and lets all go on (core/waitqueue.c: grant_all).
 * One that is cut short has not come, and another may come in its place; unless the round is over
 * when it leaves the queue: it has counted, so it goes on as the others do.
 *
 * WORD    31     30 ..... 0
 *         HELD   who have come
 *
 * OWNERS  the queue, round: who holds the word.  parties: written before the barrier is used.
 *
 * ORDER   what each did before it came is seen by all: each has held the word before the last one
 * does (core/hold.h: O1, O2), who grants all turns (core/waitqueue.c: O1).
 *
 * What can fail: a wait's timer, a thread's parker.
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
