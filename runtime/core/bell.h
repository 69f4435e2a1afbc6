/* SPDX-License-Identifier: MIT */
/*
 * bell.h - threads that sleep in a futex until somebody rings.
 *
 * WHAT    An event count (Reed and Kanodia 1979) for threads, not tasks: those use core/edge.c.
 *
 *	for (;;) {
 *		uint32_t seen = thrum__bell_listen(b);
 *
 *		... look whether what is wanted is there: then leave ...
 *		thrum__bell_wait(b, seen, until_ns);
 *	}
 *
 * WORD    rings: how often it rang; a futex.
 *
 * MOVES   T1 n -> n + 1   ring, then all that sleep are woken
 *         T2 sleep        wait, if the count is still what was read before the look
 *
 * CALLERS anyone, any number, beside each other.
 *
 * ORDER   O1 release at T1 pairs with O2 acquire in listen: who sees the ring sees what came before
 *            it.  Weaker: it looks, does not find it, and sleeps through it.
 *
 * INVARIANT I1 nobody sleeps, or goes to sleep, on a count older than a ring that has returned.
 *
 * PROOF   The kernel compares and goes to sleep in one step as others see it.  Who compares before
 *         T1 is asleep when the wake comes; who does so after finds another count.  Who read the
 *         new count before its look saw what was done: O1, O2.  The count would have to wrap within
 *         one look to be taken for the old one.
 *
 * RECLAIM who rings touches the bell after T1, so its memory stays a bell's; a wake that comes late
 *         for another wait is one more look.
 *
 * TEST    tests/model/scen_bell.c; tests/unit/test_callback.c, test_outside.c
 */
#ifndef THRUM_CORE_BELL_H
#define THRUM_CORE_BELL_H

#include "base/atomic.h"
#include "base/os.h"

#include <errno.h>
#include <limits.h>

/* All zero is a fresh one. */
struct thrum__bell {
	struct atomic32 rings;
};

/* After what is to be found was made visible. */
static inline void thrum__bell_ring(struct thrum__bell *b)
{
	fetch_add_release(&b->rings, 1); /* T1; O1 */
	thrum__os_futex_wake(&b->rings.v, INT_MAX);
}

/* To be called before the look. */
static inline uint32_t thrum__bell_listen(const struct thrum__bell *b)
{
	return load_acquire(&b->rings); /* O2 */
}

/* Sleeps until it has rung since listen returned @seen: 0, or somebody was woken for nothing;
 * -ETIMEDOUT: not until @deadline_ns. */
static inline int thrum__bell_wait(struct thrum__bell *b, uint32_t seen, int64_t deadline_ns)
{
	int err = thrum__os_futex_wait(&b->rings.v, seen, deadline_ns); /* T2 */

	return err == -ETIMEDOUT ? err : 0;
}

#endif
