/* SPDX-License-Identifier: MIT */
/*
 * WHAT    Many want a membarrier at the same time, when many workers go to sleep.  The kernel makes
 *         one after the other, each for a single caller, and so the last of 64 waits for 64.  But
 *         one that begins when all of them have come serves them all: who finds one under way
 *         waits for the next.  Rejected: a lock (a holder without its CPU would stop every sleep);
 *         a futex to wait at (a wait is two membarriers at most, less than a wake costs).
 *
 * WORD    runs: a run is a barrier that is made; its begin and its end add one each.
 *
 * STATES  odd: a run is under way; even: none is.
 *
 * MOVES   T1 even -> odd               who finds none under way begins one
 *         T2 odd -> even               who began it, or one that waited and lost patience, ends it
 *            behind a barrier that he made himself
 *
 * OWNERS  runs: all, by CAS.
 *
 * CALLERS anyone, any number, in a signal handler too.
 *
 * ORDER   O1 fence_seq_cst between what the caller did and his first look at runs pairs with the
 *            heavy fence between T1 and T2: what he did is seen by all behind that fence.
 *         O2 acquire at the look that ends a wait pairs with the same fence, before T2: he sees
 *            what all did before that fence reached them.
 *         T1 and T2 need no more: make is a full fence for who calls it.
 *         Weaker O1: one whom the fence has passed does not see yet that the caller sleeps, though
 *         the caller will not look again at what that one does now.  Weaker O2: the caller's look
 *         comes before the fence.
 *
 * INVARIANT I1 each run has, after its T1 and before its T2, a whole call of make by one thread.
 *
 * PROOF   I1: T2 comes after the call, by one who read the odd value before it, and changes that
 *         very value: it never comes back.
 *         Let C pass O1 and look first at runs = s.  He returns after a call of his own; or when
 *         runs has reached the end of a run that began at value s if s is even, at s + 1 if it is
 *         odd: its T1 changed a value not before s, so its call of make (I1) is C's too.
 *         For any other thread N let f be where that call reached it.  What N does after f sees
 *         what C did before O1: C's look came before T1 in the order of runs, and T1 (for one who
 *         helps: his look at it) before the call, so O1 is before f in the order of the fences.
 *         What N did before f is seen by C: f comes before the end of the call, and O2 hands that
 *         on, over later changes too, all of which are read-modify-writes.  So it is a heavy
 *         fence of C.
 *         Lock-free: who waits looks patience times at most at a run and then makes his own
 *         barrier.  So does the child of a fork that copied a run under way: he ends it.
 *
 * RECLAIM none.  64 bits do not wrap.
 *
 * TEST    tests/model/scen_barrier.c; tests/unit/test_barrier.c
 */
#include "base/barrier.h"

/* Looks between two chances for one that has lost its CPU. */
#define YIELD_EACH 64

/* By whoever saw @run under way, or has begun it. */
static void end_run(struct thrum__barrier *b, uint64_t run, void (*make)(void))
{
	make();
	cas_relaxed(&b->runs, &run, run + 1); /* T2 */
}

void thrum__barrier_pass(struct thrum__barrier *b, void (*make)(void))
{
	uint64_t now, needed, last = 0;
	unsigned looks = 0;

	fence_seq_cst(); /* O1 */
	now = load_relaxed(&b->runs);
	needed = now + 2 + now % 2;
	for (;;) {
		now = load_acquire(&b->runs); /* O2 */
		if ((int64_t)(now - needed) >= 0)
			return;
		if (now % 2 == 0) {
			if (!cas_relaxed(&b->runs, &now, now + 1)) /* T1 */
				continue;
			end_run(b, now + 1, make);
			return;
		}
		looks = now == last ? looks + 1 : 0;
		last = now;
		if (looks == b->patience) {
			end_run(b, now, make);
			return;
		}
		if ((looks + 1) % YIELD_EACH)
			spin_hint();
		else
			thread_yield();
	}
}
