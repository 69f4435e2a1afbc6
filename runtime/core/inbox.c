/* SPDX-License-Identifier: MIT */
/*
 * WHAT    Treiber's stack (1986) without pop: what is pushed one by one is taken all at once and
 *         reversed.  It holds what must never fail to be queued: tasks woken from outside the
 *         workers, callbacks that are due.
 *
 * WORD    newest: the newest item, NULL when empty.
 *
 * STATES  a list in the order newest to oldest.
 *
 * MOVES   T1 n -> item, item->next = n    push
 *         T2 n -> NULL                    take_all
 *
 * OWNERS  an item's next: its pusher until T1, then whoever made T2.
 *
 * CALLERS all beside each other, any number.
 *
 * ORDER   O1 release at T1 (the item and its next) pairs with O2 acquire at T2, through the release
 *         sequence of the pushes in between.  Weaker: a taker follows a link that it cannot see
 *         yet.
 *
 * INVARIANT I1 each item is taken once; a taker's items come oldest first.
 *
 * PROOF   T1 and T2 are single atomic steps: the linearisation points.  push is lock-free (its CAS
 *         fails only if another move succeeded), take_all wait-free.  No ABA: T1 needs only that n
 *         is newest at its CAS, and it is.
 *
 * RECLAIM An item's memory is its taker's.
 *
 * TEST    tests/model/scen_inbox.c; tests/unit/test_inbox.c; tests/stress/queues.c
 */
#include "core/inbox.h"

#include <stddef.h>

void thrum__inbox_init(struct thrum__inbox *b)
{
	store_relaxed(&b->newest, NULL);
}

void thrum__inbox_push(struct thrum__inbox *b, struct thrum__link *item)
{
	void *newest = load_relaxed(&b->newest);

	do {
		plain_write(&item->next, (struct thrum__link *)newest);
	} while (!cas_release(&b->newest, &newest, item)); /* T1; O1 */
}

struct thrum__link *thrum__inbox_take_all(struct thrum__inbox *b)
{
	struct thrum__link *newest;
	struct thrum__link *oldest = NULL;

	if (!load_relaxed(&b->newest))
		return NULL;
	newest = exchange_acquire(&b->newest, NULL); /* T2; O2 */
	while (newest) {
		struct thrum__link *next = plain_read(&newest->next);

		plain_write(&newest->next, oldest);
		oldest = newest;
		newest = next;
	}
	return oldest;
}

bool thrum__inbox_is_empty(const struct thrum__inbox *b)
{
	return !load_relaxed(&b->newest);
}
