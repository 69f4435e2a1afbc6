/* SPDX-License-Identifier: MIT */
/*
 * WHAT    A stack of waiters in one word (Treiber 1986) that can be left from the middle.  Pushing
 *         and taking the whole are as in Treiber's.  A withdrawal takes the LOCKED bit, which stops
 *         other withdrawals, but no push; who comes for the whole list and meets LOCKED leaves a
 *         flag in the word, and the holder does the rest (future.c, edge.c).  Rejected: marking
 *         dead nodes and leaving them (10^6 abandoned waits would stay in memory); a lock around
 *         the whole list (completing and registering must be lock-free).  Back links are filled in
 *         by the withdrawals themselves, each once, as in queued locks whose pushers know only the
 *         old head: leaving is O(1) amortised.
 *
 * WORD    63 ................... 3   2   1       0
 *         newest waiter (8-aligned)  x   LOCKED  x      x: whoever's word it is
 *
 * STATES  free, LOCKED; each with any waiters.  The owner of the word may have a flag (@closed)
 *         with which the list takes no more nodes and no withdrawals.
 *
 * MOVES   T1 (h) -> (n), n->next = h         push; whether LOCKED or not
 *         T2 free -> LOCKED                  lock: a withdrawal begins
 *         T3 LOCKED(n) -> LOCKED(n->next)    unlink n, the newest
 *         and two of the word's owner: LOCKED -> free; and taking the list, with LOCKED clear or by
 *         the holder of LOCKED.
 *
 * OWNERS  word: all, by read-modify-write.  next, prev of a node: its pusher before T1; then the
 *         holder of LOCKED; then whoever took the list.
 *
 * CALLERS push, lock: any number, beside each other and all of the word's owner's moves.  unlink:
 *         the holder.  fire: who took the list.
 *
 * ORDER   O1 release at T1 (the node) pairs with O2 acquire at T2, T3 of who walks on it; and with
 *            the acquire at which the list is taken (future.c: O4, edge.c: O4).
 *         O2 acquire at T2 pairs with the release at which LOCKED was given back: links that the
 *            last holder changed (future.c: O3, edge.c: O3).
 *         O3 acquire at T1's look pairs with the release that set a flag of @closed (future.c: O1).
 *         O4 acquire of gone pairs with its release by fire (parker.c: O6): the node's frame may
 *            go, and what the firing party had done is there.
 *         Every move is a read-modify-write: a release reaches all later acquires of word (release
 *         sequence).  Weaker O1: a walk reads next before it was written.  Weaker O2: the same, or
 *         a node that has left is found.  Weaker O3: a result is read that is not there yet.
 *         Weaker O4: the frame is reused under the firing party.
 *
 * INVARIANT I1 at most one party walks the list or changes its links.  I2 call a node linked if its
 *         prev is the node right above it; below a linked node all are linked.  A new node's prev
 *         is NULL, an unlinked one's may be a node that has left: it is compared, never followed.
 *
 * PROOF   T1 is a CAS that fails only if another operation succeeded: lock-free.  A holder removes
 *         n at the head by T3, else by its neighbours' links, which only the holder writes.  T3
 *         fails with n still at the head only for a flag, and a head that was pushed over is not
 *         head again while LOCKED.  So LOCKED is held for a few steps and as many as back links are
 *         missing.  I2: link_back links from the top down to the first linked node; a node is
 *         pushed on top, unlinked.  T3 leaves the new head's prev alone: should n come back right
 *         above it, the link is right and so are all below.  Whoever takes the list takes all of
 *         it, and a node's next push begins with prev NULL.
 *         lock is blocking against its holder; await_gone against the firing of its own node.
 *
 * RECLAIM A node's memory goes after it was unlinked or after gone is seen.  T1 needs no ABA guard:
 *         a head that left and came back is still the head, and next is right.
 *
 * TEST    tests/model/scen_future.c, scen_edge.c; tests/unit/test_waitlist.c;
 *         tests/stress/withdraw.c
 */
#include "core/waitlist.h"

#include "base/assert.h"

#include <stddef.h>

#define LOCKED THRUM__WAITLIST_LOCKED

static uint64_t with_newest(uint64_t w, struct thrum__waiter *newest)
{
	return (uint64_t)(uintptr_t)newest | (w & THRUM__WAITLIST_FLAGS);
}

void thrum__waitlist_fire(struct thrum__waiter *newest)
{
	struct thrum__waiter *oldest = NULL;

	while (newest) {
		struct thrum__waiter *next = plain_read(&newest->next);

		plain_write(&newest->next, oldest);
		oldest = newest;
		newest = next;
	}
	while (oldest) {
		struct thrum__waiter *next = plain_read(&oldest->next);
		void (*fire)(struct thrum__waiter *) = plain_read(&oldest->fire);

		fire(oldest);
		oldest = next;
	}
}

bool thrum__waitlist_push(struct atomic64 *word, struct thrum__waiter *n, uint64_t closed)
{
	uint64_t w = load_acquire(word); /* O3 */

	plain_write(&n->prev, NULL);
	for (;;) {
		if (w & closed)
			return false;
		plain_write(&n->next, thrum__waitlist_newest(w));
		if (cas_acq_rel(word, &w, with_newest(w, n))) /* T1; O1, O3 on failure */
			return true;
	}
}

bool thrum__waitlist_lock(struct atomic64 *word, uint64_t closed, uint64_t *locked)
{
	uint64_t w = load_relaxed(word);
	unsigned tries = 0;

	for (;;) {
		if (w & closed)
			return false;
		if (w & LOCKED) {
			spin_or_yield(&tries);
			w = load_relaxed(word);
		} else if (cas_acquire(word, &w, w | LOCKED)) { /* T2; O2 */
			*locked = w | LOCKED;
			return true;
		}
	}
}

/* Gives every node from @head down its back link, to the first one that has it (I2). */
static void link_back(struct thrum__waiter *head)
{
	struct thrum__waiter *n = head;

	for (;;) {
		struct thrum__waiter *next = plain_read(&n->next);

		if (!next || plain_read(&next->prev) == n)
			return;
		plain_write(&next->prev, n);
		n = next;
	}
}

void thrum__waitlist_unlink(struct atomic64 *word, struct thrum__waiter *n, uint64_t w)
{
	struct thrum__waiter *next = plain_read(&n->next);
	struct thrum__waiter *prev;

	while (thrum__waitlist_newest(w) == n) {
		if (cas_acquire(word, &w, with_newest(w, next))) /* T3; O2 on failure */
			return;
	}
	link_back(thrum__waitlist_newest(w));
	prev = plain_read(&n->prev);
	ENSURE(prev && plain_read(&prev->next) == n,
	       "withdraw only a node that was registered here, and only once");
	plain_write(&prev->next, next);
	if (next)
		plain_write(&next->prev, prev);
}

void thrum__waitlist_await_gone(struct thrum__waiter *n)
{
	unsigned tries = 0;

	while (!thrum__waiter_has_gone(n)) /* O4 */
		spin_or_yield(&tries);
}
