/* SPDX-License-Identifier: MIT */
/*
 * waitqueue.h - those who wait for their turn at a lock, a channel and the like, in the order in
 * which they came, each to be let go on by one who has something for it.  (Who waits for a future
 * or an edge hangs a node there instead: waiter.h.)  The argument stands in waitqueue.c.
 *
 * The queue is under a word that is held (core/hold.h).  Who has something for a turn:
 *
 *	v = thrum__hold(&word);
 *	t = thrum__waitqueue_claim(q);          NULL: nobody waits
 *	... write into what contains the turn what it is to find ...
 *	thrum__turn_grant(t, &granted);
 *	thrum__drop(&word, v);
 *	thrum__granted_resume(&granted);
 */
#ifndef THRUM_CORE_WAITQUEUE_H
#define THRUM_CORE_WAITQUEUE_H

#include "base/atomic.h"
#include "core/hold.h"
#include "core/parker.h"

#include <stddef.h>

/* Turns that are claimed before others may hold the word. */
#ifdef THRUM_MODEL
extern unsigned thrum__at_a_time; /* a scenario's */
#define THRUM__AT_A_TIME thrum__at_a_time
#else
#define THRUM__AT_A_TIME 32
#endif

struct thrum__turn_links {
	struct thrum__turn_links *next, *prev;
};

/* All zero is an empty one, too.  It must not be moved. */
struct thrum__waitqueue {
	struct thrum__turn_links ends;
};

/* In the frame of who waits. */
struct thrum__turn {
	struct thrum__turn_links links; /* next NULL: not on a queue */
	struct thrum__parker *parker;
	uint64_t seq;
	uint32_t note;        /* from who grants it */
	struct atomic32 gone; /* 1: granted, and who granted is done with it */
	bool claimed;         /* its wait was ended for this turn */
	bool parked;          /* ... and its owner is to be resumed */
};

/* Those that were granted their turn and are to be resumed, oldest first, but for those that run.
 * */
struct thrum__granted {
	struct thrum__turn_links *first, *last;
};

/* For wait @seq of @p. */
void thrum__turn_init(struct thrum__turn *t, struct thrum__parker *p, uint64_t seq);
/* Holding: at the end, or before all others. */
void thrum__waitqueue_push(struct thrum__waitqueue *q, struct thrum__turn *t);
void thrum__waitqueue_push_first(struct thrum__waitqueue *q, struct thrum__turn *t);
/* Holding: the oldest, whose wait may have ended otherwise; NULL: none. */
struct thrum__turn *thrum__waitqueue_first(const struct thrum__waitqueue *q);
/* Holding: takes @t, the oldest, off its queue.  True: its wait has been ended for this, and it is
 * to be granted; there is no way back; false: it has ended otherwise. */
bool thrum__turn_claim(struct thrum__turn *t);
/* Holding: has its wait ended otherwise?  Then a claim fails. */
static inline bool thrum__turn_is_over(const struct thrum__turn *t)
{
	return thrum__parker_is_over(plain_read(&t->parker), plain_read(&t->seq));
}
/* Holding: claims the oldest that can be; NULL: the queue is empty now. */
struct thrum__turn *thrum__waitqueue_claim(struct thrum__waitqueue *q);
/* @t, which was claimed, goes on when @g is resumed: once, without a wait in between.  *@g is all
 * zero at first. */
void thrum__turn_grant(struct thrum__turn *t, struct thrum__granted *g);
/* Holding nothing. */
void thrum__granted_resume(struct thrum__granted *g);
/* Holding: moves all of @from to @to, which is all zero and under the same word. */
void thrum__waitqueue_take_all(struct thrum__waitqueue *to, struct thrum__waitqueue *from);
/* Holding: claims and grants the oldest ones, as many as may be claimed in one hold; the number: 0
 * only if @q is empty now.  Those whose wait has ended otherwise come off, however many they are.
 */
unsigned thrum__waitqueue_claim_some(struct thrum__waitqueue *q, struct thrum__granted *g);
/* Holding @word, between two lots of claims: gives it back for a moment, with the value @v; the lot
 * before is resumed, and @g, which is not empty, is the lot before now.  The word as it was. */
uint32_t thrum__granted_go_on(struct thrum__granted *before, struct thrum__granted *g,
			      struct atomic32 *word, uint32_t v);
/* Holding: the turns of @q are told 0, 1, 2 ... in their order. */
void thrum__waitqueue_number(struct thrum__waitqueue *q);
/*
 * Holding @word alone, which is given back, with the value @v: grants all turns of @q as it is now.
 * The word is held again and again for some of them (who leaves meanwhile finds @q without them),
 * and not touched any more when the last ones go on: nor may the caller.
 */
void thrum__waitqueue_grant_all(struct thrum__waitqueue *q, struct atomic32 *word, uint32_t v);
/* Holding, by the owner, whose wait has ended: @t is on no queue any more.  True: it was claimed:
 * it is the owner's when thrum__turn_await_gone has returned.  False: it is now. */
bool thrum__turn_leave(struct thrum__turn *t);
/* By the owner, holding nothing, whose wait was ended for @t: returns when who granted it is done
 * with it, and sees what was written. */
void thrum__turn_await_gone(struct thrum__turn *t);

static inline bool thrum__waitqueue_is_empty(const struct thrum__waitqueue *q)
{
	const struct thrum__turn_links *first = plain_read(&q->ends.next);

	return !first || first == &q->ends;
}

#endif
