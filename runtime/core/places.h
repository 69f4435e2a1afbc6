/* SPDX-License-Identifier: MIT */
/*
 * places.h - a few things that visitors find, who may not wait: signal handlers.
 *
 * WHAT    An array of pointers, and a count of visitors.  Who takes a thing out waits until nobody
 *         is inside who may have found it.  Rejected: a lock (a handler that waits for the thread
 *         it interrupts waits for ever); a count in each thing (found before it is counted).
 *
 * WORD    place: a thing, or NULL.  inside: visitors.
 *
 * MOVES   T1 place NULL -> thing   put
 *         T2 place thing -> NULL   take; then it waits for inside = 0
 *         T3 inside + 1            enter, before the first look at a place
 *         T4 inside - 1            leave
 *
 * OWNERS  place: put and take, which exclude each other otherwise (a lock of their caller's).
 *         inside: all visitors, by read-modify-write.
 *
 * CALLERS enter, at, leave: anyone, any number, also in a signal handler.  put, take: one at a
 *         time.
 *
 * ORDER   O1 fence_seq_cst in take, between T2 and the look at inside, pairs with O2, the same in
 *            enter, between T3 and the looks at places: take sees the visitor, or the visitor does
 *            not see the thing.  Weaker: the thing goes under a visitor.
 *         O3 release at T1 (the thing) pairs with O4 acquire in at.
 *         O5 release at T4 (what was done to the thing) pairs with O6 acquire of take's look.  T3
 *            and T4 are read-modify-writes: none hides an earlier release.
 *
 * INVARIANT I1 when take returns, no visitor has found the thing, or will.
 *
 * PROOF   By O1 and O2.  A visitor that comes after the thing was taken may be waited for, too:
 *         take blocks on visitors, of whom each leaves after a bounded number of steps; the rest is
 *         wait-free.
 *
 * RECLAIM a thing may go when take has returned.
 *
 * TEST    tests/model/scen_places.c; tests/unit/test_interrupt.c
 */
#ifndef THRUM_CORE_PLACES_H
#define THRUM_CORE_PLACES_H

#include "base/atomic.h"

#define THRUM__PLACES 16

/* All zero: empty. */
struct thrum__places {
	struct atomic32 inside;
	struct atomicptr place[THRUM__PLACES];
};

/* False: all are taken. */
static inline bool thrum__places_put(struct thrum__places *p, void *thing)
{
	for (unsigned i = 0; i < THRUM__PLACES; i++)
		if (!load_relaxed(&p->place[i])) {
			store_release(&p->place[i], thing); /* T1; O3 */
			return true;
		}
	return false;
}

static inline void thrum__places_take(struct thrum__places *p, const void *thing)
{
	unsigned tries = 0;

	for (unsigned i = 0; i < THRUM__PLACES; i++)
		if (load_relaxed(&p->place[i]) == thing)
			store_relaxed(&p->place[i], NULL); /* T2 */
	fence_seq_cst();                                   /* O1 */
	while (load_acquire(&p->inside))                   /* O6 */
		spin_or_yield(&tries);
}

/* What is found until leave stays. */
static inline void thrum__places_enter(struct thrum__places *p)
{
	fetch_add_relaxed(&p->inside, 1); /* T3 */
	fence_seq_cst();                  /* O2 */
}

/* A thing; NULL: @i is empty. */
static inline void *thrum__places_at(const struct thrum__places *p, unsigned i)
{
	return load_acquire(&p->place[i]); /* O4 */
}

static inline void thrum__places_leave(struct thrum__places *p)
{
	fetch_sub_release(&p->inside, 1); /* T4; O5 */
}

#endif
