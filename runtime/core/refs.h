/* SPDX-License-Identifier: MIT */
/*
 * WHAT    References: a count of those who hold a thing; whoever gives the last one back ends it.
 *         For memory that is never used for anything else, walkers who hold none may take one while
 *         there are others.  Rejected: hazard pointers or epochs for the walkers (a walk happens
 *         once in a runtime's life, a release for each task).
 *
 * WORD    refs: how many; 0: there is no thing, the block is free.
 *
 * STATES  FREE: 0.  HELD: n references, n > 0.  Over: the last one has gone, the thing is that
 *         caller's alone; as a word 0, or 1 or 2 where the end needed no instruction.
 *
 * MOVES   T1 FREE -> HELD n            publish: the thing is whole
 *         T2 HELD n -> HELD n + 1      try_retain: a walker, who holds none; never from FREE
 *         T3 HELD n -> HELD n + 1      retain: a holder
 *         T4 HELD n -> HELD n - 1      release; from 1: over
 *         T5 HELD 1 -> over            release_unwalked: the caller's is the only one
 *         T6 HELD 2 -> over            release_or_take_back: the other one was the thing's own, and
 *                                      the caller has taken that
 *         T8 HELD 2 -> over, 0         release_both: by one who has both
 *         T7 over -> FREE              clear, before the block goes back to where it came from
 *
 * OWNERS  The thing's fields: who makes it before T1; holders by rules of their own; after over the
 *         one who brought that about.  refs: all, by read-modify-write, but for T1 and T7.
 *
 * CALLERS retain, the releases, is_only: who holds one; release_both: two.  try_retain: anyone; the
 *         memory of refs outlives the thing.  A thing that is walked is released by release and
 *         release_both alone.
 *
 * ORDER   O1 release at T1 (all fields) pairs with O2 acquire at T2: a walker sees a whole thing.
 *            Moves between are read-modify-writes, so T2 may read any of them.
 *         O3 release at T4 pairs with O4 acquire at T4, T8, in the looks of T5, T6, and in is_only:
 *            whoever finds itself alone sees what all others did while they held one.
 *         Weaker O1, O2: a walker reads the life before.  Weaker O3, O4: the end of a thing that
 *         somebody still writes.
 *
 * INVARIANT I1 between T1 and over refs is at least the number of holders.  I2 over comes once for
 *         each T1.  I3 no T2 between over and the next T1, for a thing that is walked.
 *
 * PROOF   I1: T2 and T3 count before they hold, T4 holds until it counts.  I2: T4 from 1 and T8
 *         are read-modify-writes; T5 and T6 are made by one that holds one, and sees no other that
 *         could release or retain.  T6: of two references the second is the thing's own, which only
 *         take_back can take; it decides who has it.  I3: over by T4 or T8 leaves 0, which T2
 *         refuses, and T7 leaves it.  T2's CAS may succeed in a later life than its look saw: then
 *         it holds a reference to that one, which is as good.
 *         release, retain: wait-free; try_retain, release_or_take_back: lock-free, as a CAS fails
 *         only because another has counted (take_back is its caller's).
 *
 * RECLAIM after over the memory may go, if no walker looks at it.
 *
 * TEST    tests/model/scen_refs.c; tests/unit/test_task.c, test_shield.c
 */
#ifndef THRUM_CORE_REFS_H
#define THRUM_CORE_REFS_H

#include "base/assert.h"
#include "base/atomic.h"

/* The thing is whole, and has @n holders. */
static inline void thrum__refs_publish(struct atomic32 *refs, uint32_t n)
{
	store_release(refs, n); /* T1; O1 */
}

/* A reference, if there is any: for walkers. */
static inline bool thrum__refs_try_retain(struct atomic32 *refs)
{
	uint32_t n = load_relaxed(refs);

	while (n)
		if (cas_acquire(refs, &n, n + 1)) /* T2; O2 */
			return true;
	return false;
}

/* One more, for one who holds one. */
static inline void thrum__refs_retain(struct atomic32 *refs)
{
	fetch_add_relaxed(refs, 1); /* T3 */
}

/* Gives one back.  True: it was the last; the thing is the caller's to end. */
static inline bool thrum__refs_release(struct atomic32 *refs)
{
	uint32_t old = fetch_sub_acq_rel(refs, 1); /* T4; O3, O4 */

	ENSURE(old > 0, "it was released more often than retained");
	return old == 1;
}

/* Gives two back, if nobody has a third: true: the thing is the caller's to end; false: it has them
 * still. */
static inline bool thrum__refs_release_both(struct atomic32 *refs)
{
	uint32_t n = 2;

	return cas_acquire(refs, &n, 0); /* T8; O4 */
}

/* A holder's look: is there no other? */
static inline bool thrum__refs_is_only(const struct atomic32 *refs)
{
	return load_acquire(refs) == 1; /* O4 */
}

/* The same as release, for a thing that nobody walks: the last one pays for a look alone. */
static inline bool thrum__refs_release_unwalked(struct atomic32 *refs)
{
	return thrum__refs_is_only(refs) || thrum__refs_release(refs); /* T5 */
}

/*
 * The same, for a thing that nobody walks and that may hold one reference to itself: when only that
 * and the caller's are left, @take_back(@arg) takes it, or finds that it has been given back, or
 * will be.
 */
static inline bool thrum__refs_release_or_take_back(struct atomic32 *refs,
						    bool (*take_back)(void *arg), void *arg)
{
	uint32_t n = load_acquire(refs); /* O4 */

	ENSURE(n > 0, "it was released more often than retained");
	for (;;) {
		if (n == 2 && take_back(arg)) /* T6 */
			return true;
		if (cas_acq_rel(refs, &n, n - 1)) /* T4; O3, O4 */
			return n == 1;
	}
}

/* By whoever has ended the thing: nothing is here any more. */
static inline void thrum__refs_clear(struct atomic32 *refs)
{
	store_relaxed(refs, 0); /* T7 */
}

#endif
