/* SPDX-License-Identifier: MIT */
/*
 * hold.h - a state word that can be held: a lock for some tens of instructions that lies in the
 * word which it guards.
 *
 * WHAT    A spin lock (test and test-and-set, Rudolph and Segall 1984) in the sign bit of a state
 *         word.  Who holds the word owns its other bits and what else they stand for, and gives it
 *         back with their new value, in one store.  Those who need no queue change the word by a
 *         CAS from a value without HELD.  So the last access of all is one to the word: whoever
 *         sees by it that the thing is free may free its memory (a lock beside the word is still to
 *         be unlocked then: glibc bug 13690).  Rejected: a queued lock (fair, but each hand-over to
 *         one that is off its CPU costs a time slice; with more threads than CPUs that is most of
 *         them); a pthread mutex (40 bytes, a system call where some pauses do).
 *
 * STATES  free(v); HELD.
 *
 * MOVES   T1 free(v) -> HELD          hold
 *         T2 HELD -> free(v')         drop, by the holder
 *         T3 free(v) -> free(v')      a CAS of the word's owner's
 *
 * OWNERS  what it guards: the holder.
 *
 * CALLERS any thread.  A holder waits for nothing and calls nothing that may; several words are
 *         held in the order of their addresses.
 *
 * ORDER   O1 release at T2 pairs with O2 acquire at T1, and with that of T3 where it is to see what
 *         a holder did.  A store ends earlier release sequences, but its holder has acquired what
 *         they released.
 *
 * INVARIANT I1 one holds it.
 *
 * PROOF   T1 is a CAS that sets a clear bit; T3 fails while it is set.  Blocking; a holder that is
 *         off its CPU holds all others up, who then give theirs away.
 *
 * RECLAIM T2 is the holder's last access.
 *
 * TEST    tests/model/scen_waitqueue.c
 */
#ifndef THRUM_CORE_HOLD_H
#define THRUM_CORE_HOLD_H

#include "base/atomic.h"

#define THRUM__HELD 0x80000000u

/* The word as it was. */
static inline uint32_t thrum__hold(struct atomic32 *word)
{
	uint32_t v = load_relaxed(word);
	unsigned tries = 0;

	for (;;) {
		if (v & THRUM__HELD) {
			spin_or_yield(&tries);
			v = load_relaxed(word);
		} else if (cas_acquire(word, &v, v | THRUM__HELD)) { /* T1; O2 */
			return v;
		}
	}
}

static inline void thrum__drop(struct atomic32 *word, uint32_t v)
{
	store_release(word, v); /* T2; O1 */
}

#endif
