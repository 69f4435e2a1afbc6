/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The future: a list of waiters (waitlist.c) and a result behind one word.  Registering
 *         pushes; completing adds DONE in one instruction and takes the list with it.  A completion
 *         that meets a withdrawal (LOCKED) leaves the firing to it.
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
 *         T4 PENDING(h) -> PENDING(n)         register (waitlist.c: T1)
 *         T5 PENDING -> PENDING LOCKED        withdraw begins (waitlist.c: T2)
 *         T6 LOCKED(n) -> LOCKED(n->next)     withdraw n, the newest (waitlist.c: T3); DONE may be
 *                                             set already
 *         T7 LOCKED -> not LOCKED             withdraw ends; if DONE is set, the holder fires
 *
 * OWNERS  result: the completer before T2/T3, then read-only.  word: all, by read-modify-write.
 *         The list: after T2 the completer's, after T3 the holder's.
 *
 * CALLERS register, withdraw, is_done: any number, beside each other and one complete.
 *         claim: any number.  complete: once, by a task's own worker or the winner of claim.
 *
 * ORDER   O1 release at T2, T3 (result) pairs with O2 acquire in is_done and of register
 *            (waitlist.c: O3): whoever sees DONE sees the result; and with O4 at T7: the holder
 *            hands it on to those it fires.
 *         O3 release at T7 (links changed) pairs with O4 acquire at T2, and with that of the next
 *            holder (waitlist.c: O2).  O4 at T2, T7 also pairs with the release of push
 *            (waitlist.c: O1): the nodes.
 *         Every move is a read-modify-write: a release reaches all later acquires of word (release
 *         sequence).  T1 orders nothing: the claim carries no data.
 *         Weaker O1: an awaiter reads an old result.  Weaker O3: a node that has left is fired.
 *         Weaker O4: a walk reads next before it was written.
 *
 * INVARIANT I1 one T2 or T3.  I2 each registered node is fired once, or withdrawn, never both.
 *
 * PROOF   T2/T3 is one fetch_add of a clear bit by the only completer: wait-free, and the
 *         linearisation point of completing.  After it no push succeeds (T4 and T5 expect DONE
 *         clear), so the list belongs to one party: the completer, or the holder if LOCKED was set,
 *         which finds DONE in T7's old value: I2.  T7 is one subtraction of the bit that the holder
 *         owns.  T6 is disturbed by CLAIMED and DONE, once each.
 *         register is lock-free; withdraw is blocking against other withdrawals and, once DONE,
 *         against the firing of its own node.
 *
 * RECLAIM A node's memory goes after withdraw returns or after gone is seen.  The future's memory
 *         may go as soon as DONE is seen; a withdrawal has a reference until it returns.
 *
 * TEST    tests/model/scen_future.c; tests/unit/test_future.c; tests/stress/withdraw.c
 */
#include "core/future.h"

#include "base/assert.h"
#include "core/waitlist.h"

#define DONE THRUM__FUTURE_DONE
#define LOCKED THRUM__FUTURE_LOCKED
#define CLAIMED THRUM__FUTURE_CLAIMED

_Static_assert(LOCKED == THRUM__WAITLIST_LOCKED, "the list's bit is the list's");

bool thrum__future_claim(struct thrum_future *f)
{
	return !(fetch_or_relaxed(&f->word, (uint64_t)CLAIMED) & CLAIMED); /* T1 */
}

/* The word as it was. */
static inline uint64_t publish(struct thrum_future *f, intptr_t result)
{
	uint64_t old;

	plain_write(&f->result, result);
	old = fetch_add_acq_rel(&f->word, (uint64_t)DONE); /* T2, T3; O1, O4 */
	ENSURE(!(old & DONE), "a future completes once");
	return old;
}

void thrum__future_complete(struct thrum_future *f, intptr_t result)
{
	uint64_t old = publish(f, result);

	if (!(old & LOCKED))
		thrum__waitlist_fire(thrum__waitlist_newest(old));
}

struct thrum__waiter *thrum__future_publish(struct thrum_future *f, intptr_t result)
{
	uint64_t old = publish(f, result);

	return old & LOCKED ? NULL : thrum__waitlist_newest(old);
}

bool thrum__future_register(struct thrum_future *f, struct thrum__waiter *n)
{
	return thrum__waitlist_push(&f->word, n, DONE); /* T4; O2 if it fails */
}

static void unlock_list(struct thrum_future *f)
{
	uint64_t old = fetch_sub_acq_rel(&f->word, (uint64_t)LOCKED); /* T7; O3, O4 */

	if (old & DONE)
		thrum__waitlist_fire(thrum__waitlist_newest(old)); /* T3 left it to us */
}

bool thrum__future_withdraw(struct thrum_future *f, struct thrum__waiter *n)
{
	uint64_t w;

	if (thrum__waitlist_lock(&f->word, DONE, &w)) { /* T5 */
		thrum__waitlist_unlink(&f->word, n, w); /* T6 */
		unlock_list(f);
		return true;
	}
	thrum__waitlist_await_gone(n);
	return false;
}

struct thrum__waiter *thrum__future_withdraw_match(struct thrum_future *f,
						   bool (*match)(struct thrum__waiter *, void *),
						   void *arg, bool *done)
{
	struct thrum__waiter *found = NULL;
	uint64_t w;

	*done = !thrum__waitlist_lock(&f->word, DONE, &w); /* T5 */
	if (*done)
		return NULL;
	for (struct thrum__waiter *n = thrum__waitlist_newest(w); n; n = plain_read(&n->next))
		if (match(n, arg))
			found = n;
	if (found)
		thrum__waitlist_unlink(&f->word, found, w); /* T6 */
	unlock_list(f);
	return found;
}
