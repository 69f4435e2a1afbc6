/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The forks of the fiber that runs on a worker, in an array: the worker, its owner, pushes
 *         and pops the newest, thieves take the oldest.  A split divides it (Lace: van Dijk and van
 *         de Pol, 2014): above it the owner's moves are plain stores and a light fence; below it
 *         everyone takes a lock.  The owner moves the split up when it is asked; a thief that gets
 *         no answer moves it by force, with a heavy fence (the handshake is that of Cilk-5's THE:
 *         Frigo, Leiserson, Randall, 1998).  Rejected: Chase and Lev's deque (a fence, or a heavy
 *         one for each steal); a private part that its owner alone opens (one that computes would
 *         hide it); a split without a lock below it (the owner rarely comes there, and a lock needs
 *         no tags).
 *
 * WORDS   head: behind the newest item.  split: items below it are for thieves.  stop: a push whose
 *         place is not below it goes the slow way: NULL when somebody wants to be told, else end.
 *         top: the oldest item that was not taken.  lock.  slots: base[-1] is NULL for ever; end
 *         has a place, too, for a push that is undone.
 *
 * STATES  of an item: ABSENT; PRIVATE: in [split, head); OFFERED: in [top, split).
 *
 * MOVES   T1 ABSENT -> PRIVATE     push; goes the slow way from stop on
 *         T2 PRIVATE -> ABSENT     pop, if the newest is not below split; else undone, and T3
 *         T3 any -> ABSENT         slow pop, locked: or finds it taken, and then every older one:
 *            the lane is made empty
 *         T4 PRIVATE -> OFFERED    share: the owner, locked; half of the items
 *         T5 PRIVATE -> OFFERED    a thief, locked, by force: split up, heavy fence, and down again
 *            to head if the owner was faster
 *         T6 OFFERED -> ABSENT     a thief, locked: top + 1
 *         T7 any -> ABSENT         take_back: the owner, locked: top + 1
 *         T8 stop: end -> NULL     ask: a worker that counts as searching or looks again after a
 *            heavy fence (idle.c), or the owner, with nothing in it.  NULL -> end: heed: the owner,
 *            who then looks for sleepers
 *
 * OWNERS  head, the slots from split on: the owner writes.  top, split: whoever has the lock.  An
 *         item in the lane is its owner's; between take and taken the thief's, for a mark.
 *
 * CALLERS push, pop, share, heed, take_back, newest, is_clear: the owner, one thread.  take, taken,
 *         ask, tells, has, offers: anyone beside all others.
 *
 * ORDER   O1 release of head, at each of its stores, pairs with O3 acquire of head by thieves: they
 *            see the items below it, and those that were there when it came down.
 *         O2 fence_light after head is stored (T1, T2) pairs with O4 fence_heavy after split is
 *            stored at T5: the owner sees the split, or the thief sees that head has come down.
 *            Weaker: an item is popped and taken.  It pairs as well with the heavy fence of whoever
 *            asks before it sleeps (idle.c: O2, O3): the owner sees stop, or the sleeper the item.
 *         O5 acquire at locking pairs with O6 release at unlocking: top, split, and a taken item's
 *            mark.
 *
 * INVARIANT I1 an item is popped or taken, by one, once.  I2 when the lock is free: base <= top,
 *         top <= split, and top <= head but for a pop in progress.  I3 a slow pop that finds its
 *         item taken finds the mark.
 *
 * PROOF   Below split everything happens under the lock, and there I1 is plain.  An item at p
 *         leaves from above it by T2 alone: head = p was stored, then split <= p was read.  A thief
 *         takes p after some split > p was stored.  If the owner stored that one (T4), it reads it,
 *         or a later one.  Else a thief stored it at T5 and passed O4.  If the owner's O2 comes
 *         after that O4, it reads that split or a later one: the later ones that are at p or lower
 *         were stored under the lock after p had been popped (T3), found absent (the clamp of T5),
 *         or taken back.  If the owner's O2 comes before, the thief reads head <= p, or what the
 *         owner stored later still: then another item is at p, pushed since; that one is what it
 *         reads (O1) and takes.  I3: the mark lies between O5 and O6 of the thief, whose O6 comes
 *         before the owner's O5.  Push and a pop above the split are wait-free.  The rest is
 *         blocking: it waits for whoever has the lock, a thief for some microseconds or as long as
 *         it is off its
 *         CPU; thieves only try it.
 *
 * RECLAIM the slots belong to the lane.  The same item may come back to the same place: what counts
 *         is places and the lock, and no compare-and-swap is made on an item.
 *
 * TEST    tests/model/scen_lane.c, scen_lane_sleep.c; tests/unit/test_lane.c; tests/stress/forks.c
 */
#include "core/lane.h"

/* Tries to lock before the owner gives its CPU away. */
#define SPINS 64

void thrum__lane_init(struct thrum__lane *l, void **slots, size_t n, bool locked_only)
{
	plain_write(slots, NULL);
	l->base = slots + 1;
	l->end = slots + 1 + n;
	l->locked_only = locked_only;
	l->front.stack_low = NULL;
	l->front.task = NULL;
	store_relaxed(&l->front.head, l->base);
	store_relaxed(&l->front.stop, NULL);
	store_relaxed(&l->front.split, locked_only ? l->end + 1 : l->base);
	store_relaxed(&l->top, l->base);
	store_relaxed(&l->lock, 0);
}

static void **later(void **a, void **b)
{
	return a > b ? a : b;
}

static void **earlier(void **a, void **b)
{
	return a < b ? a : b;
}

static bool try_lock(struct thrum__lane *l)
{
	uint32_t no = 0;

	return cas_acquire(&l->lock, &no, 1); /* O5 */
}

static void lock(struct thrum__lane *l)
{
	int spins = 0;

	while (!try_lock(l)) {
		if (++spins % SPINS)
			spin_hint();
		else
			thread_yield();
	}
}

static void unlock(struct thrum__lane *l)
{
	store_release(&l->lock, 0); /* O6 */
}

/* Locked. */
static void set_split(struct thrum__lane *l, void **split)
{
	if (!l->locked_only)
		store_relaxed(&l->front.split, split);
}

/* Locked, by the owner: nothing is left. */
static void make_empty(struct thrum__lane *l)
{
	store_release(&l->front.head, l->base); /* O1 */
	store_relaxed(&l->top, l->base);
	set_split(l, l->base);
}

/* Locked, with an item in the place that stays free: true: it was put back to its maker. */
static bool make_room(struct thrum__lane *l, void **head)
{
	void **top = load_relaxed(&l->top);
	void *item = plain_read(head - 1);

	if (top < head - 1) {
		store_release(&l->front.head, head - 1); /* T3; O1 */
		return true;
	}
	make_empty(l);
	if (top ==
	    head - 1) { /* it alone is left: to the start, or later ones would find no room */
		plain_write(l->base, item);
		store_release(&l->front.head, l->base + 1); /* O1 */
	}
	return false;
}

bool thrum__lane_share(struct thrum__lane *l)
{
	void **head = load_relaxed(&l->front.head);
	bool full = head > l->end;
	void **half, **top;

	lock(l);
	if (full)
		full = make_room(l, head);
	head = load_relaxed(&l->front.head);
	top = load_relaxed(&l->top);
	half = top + (head - top + 1) / 2;
	if (half > load_relaxed(&l->front.split))
		set_split(l, half); /* T4 */
	unlock(l);
	return full;
}

void thrum__lane_heed(struct thrum__lane *l)
{
	if (!l->locked_only)
		store_relaxed(&l->front.stop, l->end); /* T8 */
}

enum thrum__lane_pop thrum__lane_pop(struct thrum__lane *l, void *item)
{
	enum thrum__lane_pop found = THRUM__LANE_ABSENT;
	void **p = load_relaxed(&l->front.head) - 1;
	void **top;

	if (plain_read(p) != item)
		return found;
	lock(l);
	top = load_relaxed(&l->top);
	if (top > p) {
		found = THRUM__LANE_TAKEN;
		make_empty(l);
	} else {
		found = THRUM__LANE_OURS;
		store_release(&l->front.head, p); /* T3; O1 */
		if (p < load_relaxed(&l->front.split))
			set_split(l, top + (p - top) / 2);
	}
	unlock(l);
	return found;
}

void *thrum__lane_newest(const struct thrum__lane *l)
{
	return plain_read(load_relaxed(&l->front.head) - 1);
}

/* Locked, by a thief: half of what lies from @top on becomes the thieves': up to where. */
static void **open_by_force(struct thrum__lane *l, void **top)
{
	void **head = load_relaxed(&l->front.head);
	void **half;

	if (head <= top)
		return top;
	half = top + (head - top + 1) / 2;
	set_split(l, half);                  /* T5 */
	fence_heavy();                       /* O4 */
	head = load_acquire(&l->front.head); /* O3 */
	if (head < half) {
		half = later(head, top);
		set_split(l, half);
	}
	return half;
}

void *thrum__lane_take(struct thrum__lane *l, bool force)
{
	void **top, **until;

	if (!(force ? thrum__lane_has(l) : thrum__lane_offers(l)) || !try_lock(l))
		return NULL;
	top = load_relaxed(&l->top);
	until = earlier(load_relaxed(&l->front.split), load_acquire(&l->front.head)); /* O3 */
	if (top >= until && force)
		until = open_by_force(l, top);
	if (top >= until) {
		unlock(l);
		return NULL;
	}
	store_relaxed(&l->top, top + 1); /* T6 */
	return plain_read(top);
}

void thrum__lane_taken(struct thrum__lane *l)
{
	unlock(l);
}

void *thrum__lane_take_back(struct thrum__lane *l)
{
	void **top;

	lock(l);
	top = load_relaxed(&l->top);
	if (top >= load_relaxed(&l->front.head)) {
		make_empty(l);
		unlock(l);
		return NULL;
	}
	store_relaxed(&l->top, top + 1); /* T7 */
	set_split(l, later(load_relaxed(&l->front.split), top + 1));
	return plain_read(top);
}
