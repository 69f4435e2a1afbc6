/* SPDX-License-Identifier: MIT */
/*
 * bitlock.h - bits of a word as locks that nobody waits for.
 *
 * WHAT    Each lock is a bit in a word that its users share: who finds it taken goes away, and may
 *         leave a mark that the holder finds when it leaves.  Other bits of the word are anybody's.
 *         Rejected: a mutex for each (its size, and nobody wants to wait).
 *
 * STATES  of a bit: free; held.  A mark, another bit, says that somebody was there, or that the
 *         whole thing is to go when nobody holds a bit.
 *
 * MOVES   T1 free -> held      try
 *         T2 held -> held + mark   try_or_mark, which failed
 *         T3 held -> free      leave, with the marks that it takes along
 *         T4 a mark is set     mark
 *
 * OWNERS  what a bit guards: who holds it.
 *
 * CALLERS anyone, any number; leave: the holder.
 *
 * ORDER   O1 release at T3 and T4 pairs with O2 acquire at T1: the next holder sees what the last
 *            one did; and with O3 acquire at T3 and T4: who finds by the word it left that all
 *            others have left, too, sees what they did and may free it.  Every move is a
 *            read-modify-write, so none hides an earlier release.
 *
 * INVARIANT I1 one holds a bit.  I2 a mark set by T2 is found by the holder of that time.  I3 of
 *         those that leave or mark, exactly one finds the word at its last value.
 *
 * PROOF   The moves on a word are in one order, and each reads the one before.  T2 sets the mark in
 *         the same step in which it sees the bit held, and T3 takes both: I2.
 *
 * RECLAIM whoever finds by T3 or T4 that the word is what it is to be at the end: no other touches
 *         it any more.
 *
 * TEST    tests/model/scen_bitlock.c; tests/unit/test_op.c, test_stream.c
 */
#ifndef THRUM_CORE_BITLOCK_H
#define THRUM_CORE_BITLOCK_H

#include "base/atomic.h"

/* True: @bit is the caller's. */
static inline bool thrum__bitlock_try(struct atomic32 *word, uint32_t bit)
{
	return !(fetch_or_acquire(word, bit) & bit); /* T1; O2 */
}

/* The same; false: and its holder will find @mark. */
static inline bool thrum__bitlock_try_or_mark(struct atomic32 *word, uint32_t bit, uint32_t mark)
{
	uint32_t old = load_relaxed(word);

	while (!cas_acquire(word, &old, old | (old & bit ? mark : bit))) /* T1, T2; O2 */
		;
	return !(old & bit);
}

/* Clears @bits, of which the caller holds one; the rest are marks.  The word before. */
static inline uint32_t thrum__bitlock_leave(struct atomic32 *word, uint32_t bits)
{
	return fetch_and_acq_rel(word, ~bits); /* T3; O1, O3 */
}

/* Sets @mark.  The word before. */
static inline uint32_t thrum__bitlock_mark(struct atomic32 *word, uint32_t mark)
{
	return fetch_or_acq_rel(word, mark); /* T4; O1, O3 */
}

#endif
