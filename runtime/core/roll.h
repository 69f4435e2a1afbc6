/* SPDX-License-Identifier: MIT */
/*
 * roll.h - how many entries of an array are whole: it grows at its end, under the eyes of readers.
 *
 * WORD    count: entries [0, count) are whole and stay.
 *
 * MOVES   T1 n -> n + 1   add, after entry n was made
 *
 * CALLERS add: one thread at a time.  count: anyone.
 *
 * ORDER   O1 release at T1 (the entry) pairs with O2 acquire in count.  Weaker: a reader walks into
 *            an entry that is not there yet.
 *
 * PROOF   Only T1 writes, so whatever a reader sees was released by an add, and each add comes
 *         after those before it.  Wait-free.
 *
 * RECLAIM entries stay as long as anybody reads.
 *
 * TEST    tests/model/scen_roll.c; tests/unit/test_spare.c
 */
#ifndef THRUM_CORE_ROLL_H
#define THRUM_CORE_ROLL_H

#include "base/atomic.h"

/* All zero: none. */
struct thrum__roll {
	struct atomic32 count;
};

/* Who adds: the place of the next entry. */
static inline unsigned thrum__roll_next(const struct thrum__roll *r)
{
	return load_relaxed(&r->count);
}

/* The entry at thrum__roll_next is made. */
static inline void thrum__roll_add(struct thrum__roll *r)
{
	store_release(&r->count, thrum__roll_next(r) + 1); /* T1; O1 */
}

static inline unsigned thrum__roll_count(const struct thrum__roll *r)
{
	return load_acquire(&r->count); /* O2 */
}

#endif
