/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The future: a list of waiters and a result behind one word.  Registering pushes on a
 *         stack (Treiber 1986); completing adds DONE in one instruction and takes the list with it.
 *         What Treiber's stack lacks is leaving from the middle: a withdrawal takes the LOCKED bit,
 *         which stops other withdrawals but neither pushes nor completion, and a completion that
 *         meets it leaves the firing to the holder.  Rejected: marking dead nodes and leaving them
 *         (10^6 abandoned waits would stay in memory); a lock around the whole list (completing and
 *         registering must be lock-free).  Back links are filled in by the withdrawals themselves,
 *         each once, as in queued locks whose pushers know only the old head: leaving is O(1)
 *         amortised.
 *
 * WORD    63 ................... 3   2        1       0
 *         newest waiter (8-aligned)  CLAIMED  LOCKED  DONE
 *
 * STATES  PENDING: DONE clear; with or without LOCKED, CLAIMED, waiters.
 *         DONE: final.  The other bits mean something to the holder of LOCKED only.
 *
 * MOVES   T1 PENDING -> PENDING, CLAIMED      claim (bare futures and shields: who may complete)
 *         T2 PENDING -> DONE                  complete; not LOCKED: the completer fires the list
 *         T3 PENDING LOCKED -> DONE LOCKED    complete; the holder of LOCKED will fire the list
 *         T4 PENDING(h) -> PENDING(n), n->next = h      register
 *         T5 PENDING -> PENDING LOCKED        withdraw begins
 *         T6 LOCKED(n) -> LOCKED(n->next)     withdraw n, the newest (DONE may be set already)
 *         T7 LOCKED -> not LOCKED             withdraw ends; if DONE is set, the holder fires
 *
 * OWNERS  result: the completer before T2/T3, then read-only.  word: all, by read-modify-write.
 *         next, prev of a node: its pusher before T4; then the holder of LOCKED; after T2 the
 *         completer, after T3 the holder.
 *
 * CALLERS register, withdraw, is_done: any number, beside each other and one complete.
 *         claim: any number.  complete: once, by a task's own worker or the winner of claim.
 *
 * ORDER   O1 release at T2, T3 (result) pairs with O2 acquire in is_done and register: whoever sees
 *            DONE sees the result; and with O4 at T7: the holder hands it on to those it fires.
 *         O3 release at T4 (the node) pairs with O4 acquire at T2, T5, T6, T7 of who walks on it.
 *         O5 release at T7 (links changed) pairs with O4 of the next holder (T5) or of T2.
 *         the release of gone, by fire (parker.c: O6), pairs with O7 acquire in withdraw: the
 *            node's frame may go, the result is there.
 *         Every move is a read-modify-write: a release reaches all later acquires of word (release
 *         sequence).  T1 orders nothing: the claim carries no data.
 *         Weaker O1: an awaiter reads an old result.  Weaker O3: a walk reads next before it was
 *         written.  Weaker O5: a node that has left is fired.  Weaker O7: the frame is reused under
 *         the firing party.
 *
 * INVARIANT I1 one T2 or T3.  I2 each registered node is fired once, or withdrawn, never both.
 *         I3 at most one party walks the list.  I4 call a node linked if its prev is the node right
 *         above it; below a linked node all are linked.  A new node's prev is NULL, an unlinked
 *         one's may be a node that has left: it is compared, never followed.
 *
 * PROOF   T2/T3 is one fetch_add of a clear bit by the only completer: wait-free, and the
 *         linearisation point of completing.  After it no push succeeds (T4 and T5 expect DONE
 *         clear), so the list belongs to one party: the completer, or the holder if LOCKED was set,
 *         which finds DONE in T7's old value: I2, I3.  T4 is a CAS that fails only if another
 *         operation succeeded: lock-free.  A holder removes n at the head by T6, else by its
 *         neighbours' links, which only the holder writes.  T6 fails with n still at the head only
 *         for CLAIMED and DONE, once each, and a head that was pushed over is not head again before
 *         T7; T7 is one subtraction of the bit that the holder owns.  So LOCKED is held for a few
 *         steps and as many as back links are missing (or nodes on the list, in a walk by match).
 *         I4: link_back links from the top down to the first linked node.  T6 leaves the new head's
 *         prev alone: should n come back right above it, the link is right and so are all below.
 *         withdraw is blocking against other withdrawals and, once DONE, against the firing of its
 *         own node.
 *
 * RECLAIM A node's memory goes after withdraw returns or after gone is seen.  T4 needs no ABA
 *         guard: a head that left and came back is still the head, and next is right.  The future's
 *         memory may go as soon as DONE is seen; a withdrawal has a reference until it returns.
 *
 * TEST    tests/model/scen_future.c; tests/unit/test_future.c; tests/stress/withdraw.c
 */
#include "core/future.h"

#include "base/assert.h"

#define DONE THRUM__FUTURE_DONE
#define LOCKED THRUM__FUTURE_LOCKED
#define CLAIMED THRUM__FUTURE_CLAIMED
#define FLAGS ((uint64_t)THRUM__FUTURE_FLAGS)

static struct thrum__waiter *head_of(uint64_t w)
{
	return (struct thrum__waiter *)(uintptr_t)(w & ~FLAGS);
}

static uint64_t with_head(uint64_t w, struct thrum__waiter *head)
{
	return (uint64_t)(uintptr_t)head | (w & FLAGS);
}

/* Fires a frozen list, oldest first. */
static void fire_all(struct thrum__waiter *newest)
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

		plain_read(&oldest->fire)(oldest);
		oldest = next;
	}
}

bool thrum__future_claim(struct thrum_future *f)
{
	return !(fetch_or_relaxed(&f->word, (uint64_t)CLAIMED) & CLAIMED); /* T1 */
}

void thrum__future_complete(struct thrum_future *f, intptr_t result)
{
	uint64_t old;

	plain_write(&f->result, result);
	old = fetch_add_acq_rel(&f->word, (uint64_t)DONE); /* T2, T3; O1, O4 */
	ENSURE(!(old & DONE), "a future completes once");
	if (!(old & LOCKED))
		fire_all(head_of(old));
}

bool thrum__future_register(struct thrum_future *f, struct thrum__waiter *n)
{
	uint64_t w = load_acquire(&f->word); /* O2 */

	plain_write(&n->prev, NULL);
	for (;;) {
		if (w & DONE)
			return false;
		plain_write(&n->next, head_of(w));
		if (cas_acq_rel(&f->word, &w, with_head(w, n))) /* T4; O3, O2 on failure */
			return true;
	}
}

static void back_off(unsigned *tries)
{
	(*tries)++;
	if (*tries % 64)
		spin_hint();
	else
		thread_yield();
}

/* Takes LOCKED: true, and the word; false: @f is done. */
static bool lock_list(struct thrum_future *f, uint64_t *word)
{
	uint64_t w = load_relaxed(&f->word);
	unsigned tries = 0;

	for (;;) {
		if (w & DONE)
			return false;
		if (w & LOCKED) {
			back_off(&tries);
			w = load_relaxed(&f->word);
		} else if (cas_acquire(&f->word, &w, w | LOCKED)) { /* T5; O4 */
			*word = w | LOCKED;
			return true;
		}
	}
}

static void unlock_list(struct thrum_future *f)
{
	uint64_t old = fetch_sub_acq_rel(&f->word, (uint64_t)LOCKED); /* T7; O5, O4 */

	if (old & DONE)
		fire_all(head_of(old)); /* T3 left it to us */
}

/* Gives every node from @head down its back link, to the first one that has it (I4). */
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

/* Takes @n off the list; the caller holds LOCKED and @w is a word seen since. */
static void unlink_node(struct thrum_future *f, struct thrum__waiter *n, uint64_t w)
{
	struct thrum__waiter *next = plain_read(&n->next);
	struct thrum__waiter *prev;

	while (head_of(w) == n) {
		if (cas_acquire(&f->word, &w, with_head(w, next))) /* T6; O4 on failure */
			return;
	}
	link_back(head_of(w));
	prev = plain_read(&n->prev);
	ENSURE(prev && plain_read(&prev->next) == n,
	       "withdraw only a node that was registered here, and only once");
	plain_write(&prev->next, next);
	if (next)
		plain_write(&next->prev, prev);
}

bool thrum__future_withdraw(struct thrum_future *f, struct thrum__waiter *n)
{
	unsigned tries = 0;
	uint64_t w;

	if (lock_list(f, &w)) {
		unlink_node(f, n, w);
		unlock_list(f);
		return true;
	}
	while (!load_acquire(&n->gone)) /* O7 */
		back_off(&tries);
	return false;
}

struct thrum__waiter *thrum__future_withdraw_match(struct thrum_future *f,
						   bool (*match)(struct thrum__waiter *, void *),
						   void *arg, bool *done)
{
	struct thrum__waiter *found = NULL;
	uint64_t w;

	*done = !lock_list(f, &w);
	if (*done)
		return NULL;
	for (struct thrum__waiter *n = head_of(w); n; n = plain_read(&n->next))
		if (match(n, arg))
			found = n;
	if (found)
		unlink_node(f, found, w);
	unlock_list(f);
	return found;
}
