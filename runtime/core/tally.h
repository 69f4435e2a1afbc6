/* SPDX-License-Identifier: MIT */
/*
 * tally.h - how much is under way: who reads 0 sees what all of it did.
 *
 * WHAT    A count of things that have begun and not ended: calls, jobs.
 *
 * WORD    tally: their number.
 *
 * MOVES   T1 n -> n + 1   begin, before others can see the thing
 *         T2 n -> n - 1   end, after the last that it did
 *
 * CALLERS anyone, any number.
 *
 * ORDER   O1 release at T2 pairs with O2 acquire in any: who sees that nothing is under way sees
 *            what it did.  T1 and T2 are read-modify-writes, so none hides an earlier release.
 *         T1 is relaxed: who may ask learns otherwise that there is something (it put it there
 *         itself, or found another tally's 0, whose last end came after this one's begin).
 *         Weaker: a clock is moved, or memory goes, over work that is not seen yet.
 *
 * INVARIANT I1 what goes from one tally to another, begun there before it ends here, is found by
 *         whoever looks at them in that order, or has ended altogether.
 *
 * PROOF   If the first look reads a 0 that the end here led to, O1 and O2 show the begin there.
 *
 * RECLAIM who reads 0 may free what ended; the tally stays.
 *
 * TEST    tests/model/scen_tally.c; tests/unit/test_callback.c, test_blocking_pool.c
 */
#ifndef THRUM_CORE_TALLY_H
#define THRUM_CORE_TALLY_H

#include "base/atomic.h"

/* All zero: nothing. */
struct thrum__tally {
	struct atomic64 n;
};

static inline void thrum__tally_init(struct thrum__tally *t)
{
	store_relaxed(&t->n, 0);
}

static inline void thrum__tally_begin(struct thrum__tally *t)
{
	fetch_add_relaxed(&t->n, 1); /* T1 */
}

/* True: it was the last that was under way. */
static inline bool thrum__tally_end(struct thrum__tally *t)
{
	return fetch_sub_release(&t->n, 1) == 1; /* T2; O1 */
}

/* How many are under way. */
static inline uint64_t thrum__tally_any(const struct thrum__tally *t)
{
	return load_acquire(&t->n); /* O2 */
}

#endif
