/* SPDX-License-Identifier: MIT */
/*
 * WHAT    A growable ring with one producer and many consumers.  Woken tasks run in the order of
 *         their waking, so nobody pops at the producer's end and no full fence is needed: one CAS
 *         on head decides who takes an item. Rejected: the deque used at one end (its steal pays a
 *         full fence for the pop that never comes); a list with links in the tasks (one could not
 *         be stolen without taking all).
 *
 * WORD    head and tail are 64-bit counters; an item stands at index & mask.
 *
 * STATES  items are [head, tail).
 *
 * MOVES   T1 tail b -> b + 1      push, after the slot was written; the ring doubles first when
 *            full
 *         T2 head t -> t + 1      take
 *
 * OWNERS  tail, slots, head_seen: the owner writes; all read tail and slots.  head: all, by CAS.
 *
 * CALLERS push: the owner.  take, count: anyone, any number, beside push and each other.
 *
 * ORDER   O1 release at T1 (slot, item) pairs with O2 acquire of tail in take: the item is whole
 *            and the ring read after it is no older than the push.
 *         O3 release at T2 (the slot has been read) pairs with O4 acquire of head in push before a
 *            slot is reused.
 *         O5 acquire of head in take pairs with O3: a taker that reads a new head reads a tail at
 *            least as new as its maker saw, so tail - head is never negative.
 *         O6 release of slots on growth pairs with O7 acquire of slots in take: a taker may read a
 *            ring that is newer than the tail it read, which T1 has not published yet.
 *         Weaker O1: a task is resumed half published.  Weaker O3, O4: a slow taker reads the next
 *         lap's item.
 *         Weaker O5: a taker goes past the tail.  Weaker O6, O7: a taker looks into a ring not yet
 *         filled.
 *
 * INVARIANT I1 each item is taken once, in the order of pushes.  I2 0 <= tail - head <=
 *              capacity.  I3 head_seen <= head.
 *
 * PROOF   Linearisation: push at T1, take at T2.  A taker reads the slot before T2; the slot is
 *         reused only after head has passed it, and then T2 fails: I1.  64-bit indices exclude
 *         ABA.  push is wait-free but for growth; take is lock-free: its CAS fails only if another
 *         took one.
 *
 * RECLAIM Old rings live until fini (slots.h).  An item's memory is its taker's.
 *
 * TEST    tests/model/scen_ready.c (capacity 2, indices near wrap); tests/unit/test_ready.c;
 *         tests/stress/queues.c
 */
#include "core/ready.h"

#include "base/assert.h"

#include <errno.h>

int thrum__ready_init(struct thrum__ready *q, uint64_t capacity)
{
	struct thrum__slots *s = thrum__slots_create(capacity);

	if (!s)
		return -ENOMEM;
	store_relaxed(&q->head, 0);
	store_relaxed(&q->tail, 0);
	store_relaxed(&q->slots, s);
	q->head_seen = 0;
	return 0;
}

void thrum__ready_fini(struct thrum__ready *q)
{
	thrum__slots_destroy(load_relaxed(&q->slots));
}

bool thrum__ready_make_room(struct thrum__ready *q)
{
	uint64_t b = load_relaxed(&q->tail);
	struct thrum__slots *s = load_relaxed(&q->slots), *larger;

	q->head_seen = load_acquire(&q->head); /* O4 */
	if (b - q->head_seen <= s->mask)
		return true;
	larger = thrum__slots_double(s, q->head_seen, b);
	if (!larger)
		return false;
	store_release(&q->slots, larger); /* O6 */
	return true;
}
