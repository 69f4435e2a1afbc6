/* SPDX-License-Identifier: MIT */
/*
 * WHAT    Chase and Lev's deque (SPAA 2005) with the orders of Le, Pop, Cohen and Nardelli (PPoPP
 *         2013).  Rejected: an asymmetric fence (compiler barrier in pop, membarrier in steal),
 *         which saves 4 ns of each pop but makes a steal of one item cost more than most tasks: a
 *         flat spawn on two workers took 380 ns a task instead of 225; a bounded ring with an
 *         overflow list (a flat spawn of 10^6 would live in the overflow); a split private part
 *         (work behind the split can be hidden behind a task that computes).
 *
 * WORD    top and bottom are 64-bit counters that only wrap after 2^64 pushes; an item stands at
 *         index & mask.
 *
 * STATES  items are [top, bottom); empty when bottom - top <= 0 (signed: pop passes through -1).
 *
 * MOVES   T1 bottom b -> b + 1                 push, after the slot was written; the ring doubles
 *            first when full
 *         T2 bottom b -> b - 1                 pop claims the newest
 *         T3 bottom b - 1 -> b                 pop gives back (the deque was empty, or the last
 *            item is fought for)
 *         T4 top t -> t + 1                    steal, pop_oldest; or pop of the last item
 *
 * OWNERS  bottom, slots, top_seen: the owner writes; thieves read bottom and slots.  top: thieves,
 *         and the owner's T4.  An item belongs to whoever made the move that took it out.
 *
 * CALLERS push, pop, pop_if, pop_oldest: the owner, one at a time.  steal, count: anyone, any
 *         number.
 *
 * ORDER   O1 release at T1, T2, T3 (slots, items, ring) pairs with O2 acquire of bottom in
 *            steal.  T2 too: since C++20 a plain store of the same thread does not carry on an
 *            earlier release.  At T3 it orders the look at top before the bottom that tells of it.
 *         O3 fence_seq_cst between T2 and the load of top in pop pairs with O4, the same between
 *            the loads of top and bottom in steal: either pop sees the thief's top or the thief
 *            sees the claimed bottom.  It also lets a thief that read a top made by another thief
 *            rely on that one's fences, as C++20 has it (P0668) and every machine does; so nothing
 *            is acquired through top there.
 *         O6 release of slots on growth pairs with O7 acquire of slots in steal: the copied slots.
 *         O8 acquire of top in push pairs with O5 release of steal's T4: the slot that push reuses
 *            has been read by the thief that took it.  The owner's own T4 carries on the thieves'
 *            release sequence.
 *         Weaker O1: a thief runs an item half written.  Weaker O3, O4: the last item is taken
 *         twice.  Weaker O7: a thief reads an empty slot.  Weaker O5, O8: a thief reads the next
 *         lap's item and its CAS succeeds.
 *
 * INVARIANT I1 each item is taken once.  I2 0 <= bottom - top <= capacity but for pop's passing -1.
 *         I3 top_seen <= top.
 *
 * PROOF   Linearisation: push at T1, steal at T4, pop of one of several at T2 (no thief can reach
 *         it: by O3/O4 a thief that read an older bottom has its top seen by pop), pop of the last
 *         at T4.  A thief reads the slot before T4, and the CAS fails if top has moved, so a slot
 *         that was reused is never taken (I1); 64-bit indices exclude ABA.  push and pop are
 *         wait-free but for growth (amortised O(1)), steal is lock-free: it fails only if another
 *         took the item.
 *
 * RECLAIM Old rings live until fini (slots.h).  An item's memory is its taker's.
 *
 * TEST    tests/model/scen_deque.c (capacity 2, indices near wrap); tests/unit/test_deque.c;
 *         tests/stress/queues.c
 */
#include "core/deque.h"

#include "base/assert.h"

#include <errno.h>

int thrum__deque_init(struct thrum__deque *d, uint64_t capacity)
{
	struct thrum__slots *s = thrum__slots_create(capacity);

	if (!s)
		return -ENOMEM;
	store_relaxed(&d->top, 0);
	store_relaxed(&d->bottom, 0);
	store_relaxed(&d->slots, s);
	d->top_seen = 0;
	return 0;
}

void thrum__deque_fini(struct thrum__deque *d)
{
	thrum__slots_destroy(load_relaxed(&d->slots));
}

void *thrum__deque_steal(struct thrum__deque *d)
{
	uint64_t t = load_relaxed(&d->top);
	struct thrum__slots *s;
	uint64_t b;
	void *item;

	if ((int64_t)(load_relaxed(&d->bottom) - t) <= 0)
		return NULL;          /* without the fence; an idle worker looks again behind one */
	fence_seq_cst();              /* O4 */
	b = load_acquire(&d->bottom); /* O2 */
	if ((int64_t)(b - t) <= 0)
		return NULL;
	s = load_acquire(&d->slots); /* O7 */
	item = load_relaxed(&s->at[t & s->mask]);
	if (!cas_release(&d->top, &t, t + 1)) /* T4; O5 */
		return NULL;
	return item;
}

void *thrum__deque_pop_oldest(struct thrum__deque *d)
{
	uint64_t t = load_relaxed(&d->top);
	struct thrum__slots *s = load_relaxed(&d->slots);
	void *item;

	if (load_relaxed(&d->bottom) == t)
		return NULL;
	item = load_relaxed(&s->at[t & s->mask]);
	if (!cas_relaxed(&d->top, &t, t + 1)) /* T4 */
		return NULL;
	return item;
}

bool thrum__deque_make_room(struct thrum__deque *d)
{
	uint64_t b = load_relaxed(&d->bottom);
	struct thrum__slots *s = load_relaxed(&d->slots), *larger;

	d->top_seen = load_acquire(&d->top); /* O8 */
	if (b - d->top_seen <= s->mask)
		return true;
	larger = thrum__slots_double(s, d->top_seen, b);
	if (!larger)
		return false;
	store_release(&d->slots, larger); /* O6 */
	return true;
}
