/* SPDX-License-Identifier: MIT */
/*
 * parker.h - how one party waits and another wakes it, exactly once.  The argument stands in
 * parker.c.
 */
#ifndef THRUM_CORE_PARKER_H
#define THRUM_CORE_PARKER_H

#include "base/assert.h"
#include "base/atomic.h"
#include "core/waiter.h"

/* Why a wait ended. */
enum thrum__why {
	THRUM__BY_SELF = 0,   /* abandoned by the waiter */
	THRUM__BY_NODE = 1,   /* a waiter node was fired */
	THRUM__BY_TIMER = 2,  /* its deadline passed */
	THRUM__BY_CANCEL = 3, /* a hard cancel, or that of a scope */
};

struct thrum__parker {
	struct atomic64 word;
	struct atomicptr relay; /* IN_PLACE only: whom a wake is passed on to */
	/* Makes the parked party run; or, with @relay not NULL, passes the wake on to it and drops
	 * the reference that came with it: @p's owner runs then, or has ended, and is not to be
	 * touched. */
	void (*unpark)(struct thrum__parker *p, void *relay, enum thrum__why why);
};

#define THRUM__PARKER_SOFT 1u
#define THRUM__PARKER_HARD 2u
#define THRUM__PARKER_REQUESTS (THRUM__PARKER_SOFT | THRUM__PARKER_HARD)
/* A scope that the owner has open asks, until it is closed: as a hard request, but one that is
 * taken back.  SCOPE: opened outside shields; INNER: inside one. */
#define THRUM__PARKER_SCOPE 4u
#define THRUM__PARKER_INNER 8u
/* The owner is inside a shield, and hears of what asks it outside no more than that it is asked;
 * DEEP: inside a shield that is inside one: it hears no scope either. */
#define THRUM__PARKER_SHIELD 16u
#define THRUM__PARKER_DEEP 32u
/* The owner waits, its context saved; but runs, and a child in its place, with IN_PLACE. */
#define THRUM__PARKER_PARKED 64u
#define THRUM__PARKER_IN_PLACE 256u
/* Where parts of the word are (parker.c). */
#define THRUM__PARKER_WHY_SHIFT 9
#define THRUM__PARKER_SEQ_SHIFT 11

/* Once for each piece of memory: a parker's memory stays a parker's for ever. */
void thrum__parker_init(struct thrum__parker *p,
			void (*unpark)(struct thrum__parker *, void *, enum thrum__why));
/* Starts a new life in old memory: forgets requests; the last life's nodes and timers stay void. */
static inline void thrum__parker_reset(struct thrum__parker *p)
{
	uint64_t seq = load_relaxed(&p->word) >> THRUM__PARKER_SEQ_SHIFT;

	/* T9: nobody holds a reference yet, so no cancel comes; a late fire's seq has gone. */
	store_relaxed(&p->word, (seq + 1) << THRUM__PARKER_SEQ_SHIFT);
}

/* The owner, running: the number of the wait that it may begin now. */
static inline uint64_t thrum__parker_seq(const struct thrum__parker *p)
{
	return load_relaxed(&p->word) >> THRUM__PARKER_SEQ_SHIFT;
}

/* Anyone: the number of the wait that the owner is parked in, by itself, and what it did before; 0:
 * it runs. */
static inline uint64_t thrum__parker_parked(const struct thrum__parker *p)
{
	uint64_t w = load_acquire(&p->word); /* O2 */

	if ((w & (THRUM__PARKER_PARKED | THRUM__PARKER_IN_PLACE)) != THRUM__PARKER_PARKED)
		return 0;
	return w >> THRUM__PARKER_SEQ_SHIFT;
}

/* Anyone: what was requested (THRUM__PARKER_SOFT | _HARD: the public THRUM_SOFT, THRUM_HARD). */
static inline unsigned thrum__parker_requested(const struct thrum__parker *p)
{
	return (unsigned)load_relaxed(&p->word) & THRUM__PARKER_REQUESTS;
}

/* Of a word: does it end a wait? */
static inline bool thrum__parker_hears_in(uint64_t w)
{
	if (LIKELY(!(w & (THRUM__PARKER_HARD | THRUM__PARKER_SCOPE | THRUM__PARKER_INNER))))
		return false;
	return ((w & (THRUM__PARKER_HARD | THRUM__PARKER_SCOPE)) && !(w & THRUM__PARKER_SHIELD)) ||
	       ((w & THRUM__PARKER_INNER) && !(w & THRUM__PARKER_DEEP));
}

/* Is anything asked that ends a wait? */
static inline bool thrum__parker_hears(const struct thrum__parker *p)
{
	return thrum__parker_hears_in(load_relaxed(&p->word));
}

static inline bool thrum__parker_is_shielded(const struct thrum__parker *p)
{
	return load_relaxed(&p->word) & THRUM__PARKER_SHIELD;
}

/* The owner, running: begins a shield: what to give to unshield. */
unsigned thrum__parker_shield(struct thrum__parker *p);
void thrum__parker_unshield(struct thrum__parker *p, unsigned shield);
/* The owner, running: what shields it is inside; to put back what unshield took. */
static inline unsigned thrum__parker_shields(const struct thrum__parker *p)
{
	return (unsigned)load_relaxed(&p->word) & (THRUM__PARKER_SHIELD | THRUM__PARKER_DEEP);
}
void thrum__parker_reshield(struct thrum__parker *p, unsigned shields);
/* The owner, running: no scope asks any more (@asks: SCOPE or INNER); what whoever asked did before
 * is seen, so those that still do can be found, and ask again. */
void thrum__parker_scope_over(struct thrum__parker *p, unsigned asks);

/*
 * After the owner's context is saved.  True: parked, and perhaps running elsewhere by now; false:
 * wait @seq has ended (run the owner on).  @deaf: no cancel ends the wait.
 */
bool thrum__parker_park(struct thrum__parker *p, uint64_t seq, bool deaf);
/*
 * The owner stays running but lends its wait to @relay, with one reference of @relay's for whoever
 * ends it: unpark has it after a fire or a cancel, the caller after abandon has returned true.
 * False: not lent, the reference is the caller's; the wait was fired or a hard cancel stands, and
 * abandon is still due.
 */
bool thrum__parker_lend(struct thrum__parker *p, uint64_t seq, void *relay);
/*
 * The owner gives wait @seq up: true: nobody fired it and nobody will; false: it was fired.  A
 * thread that parked may do this too, when its sleep has ended without unpark; after false unpark
 * comes.
 */
bool thrum__parker_abandon(struct thrum__parker *p, uint64_t seq);
/* Why the last wait ended. */
static inline enum thrum__why thrum__parker_why(const struct thrum__parker *p)
{
	return (enum thrum__why)((load_relaxed(&p->word) >> THRUM__PARKER_WHY_SHIFT) & 3);
}

/* Anyone: ends wait @seq, unless it has ended: true, and unpark was called if it was parked. */
bool thrum__parker_fire(struct thrum__parker *p, uint64_t seq, enum thrum__why why);
/* What came of a claim. */
enum thrum__claim {
	THRUM__TOO_LATE,       /* the wait had ended */
	THRUM__CLAIMED,        /* it has now; its owner runs */
	THRUM__CLAIMED_PARKED, /* it has now; its owner goes on when it is resumed */
};
/* Anyone: as a node's fire, but what is left to do after THRUM__CLAIMED_PARKED is the caller's:
 * resume, once.  For nodes of waits that cannot be lent. */
enum thrum__claim thrum__parker_claim(struct thrum__parker *p, uint64_t seq);
static inline void thrum__parker_resume(struct thrum__parker *p)
{
	p->unpark(p, NULL, THRUM__BY_NODE);
}
/* Anyone: true if wait @seq has ended.  Orders nothing: the owner goes on to park or abandon. */
bool thrum__parker_is_over(const struct thrum__parker *p, uint64_t seq);
/* Anyone who keeps the owner alive: records a request (or SCOPE, INNER); all but a soft one end a
 * wait that is not deaf and hears it. */
void thrum__parker_cancel(struct thrum__parker *p, unsigned level);

#endif
