/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The edge: something that happens again and again, counted, with a list of waiters that
 *         each raise empties.  An event count (Reed and Kanodia 1979) for those who look before
 *         they wait, over the list of waitlist.c.  Rejected: a future for each turn (an allocation
 *         for each event, and who replaces it?); the count in the word (no room beside a pointer,
 *         and a raise without waiters would have to move the list).
 *
 * WORD    63 ................... 3   2   1       0
 *         newest waiter (8-aligned)  0   LOCKED  RAISED          tick: a count of 64 bits
 *
 * STATES  free: the list is anybody's to take.
 *         LOCKED: a withdrawal, or a raise that marks the list which it took.
 *         LOCKED RAISED: and a raise has come meanwhile; the holder owes the firing.
 *
 * MOVES   T1 tick -> tick + 1                      raise
 *         T2 free(h) -> LOCKED()                   raise takes the list and marks each node taken
 *         T3 LOCKED(h) -> LOCKED(h) RAISED         raise, which leaves the rest to the holder
 *         T4 LOCKED -> free, RAISED is cleared     the holder; if RAISED was set it goes on as a
 *                                                  raise does after T1
 *         T5 (h) -> (n)                            register (waitlist.c: T1)
 *         T6 free -> LOCKED                        withdraw (waitlist.c: T2, T3)
 *         A raise that finds no waiter makes no move but T1.
 *
 * OWNERS  next, prev of a node: its owner before T5; then the holder of LOCKED; after T2 whoever
 *         took it, but for prev, which only the holder of LOCKED writes: a taken node's prev is the
 *         node itself.  After fire the owner again.
 *
 * CALLERS all of them, any number, beside each other.  A node's owner makes its calls for that node
 *         one after another.  fire may raise and register; it must not withdraw from this edge.
 *
 * ORDER   O1 release at T1 (what happened) pairs with O2 acquire in edge_tick: who sees the tick
 *            sees the thing.
 *         O3 release at T3 (what happened) and T4 (links, marks) pairs with O4 acquire at T2, T4,
 *            and with the acquire of lock (waitlist.c: O2).  O4 at T2 also pairs with the release
 *            of push (waitlist.c: O1): the nodes.
 *         O5 full fence in raise, between T1 and the look at word, pairs with O6, the fence in
 *            register between T5 and the look at tick: either the raise sees the node, or register
 *            sees the tick.  Weaker: a waiter sleeps through the event.
 *         O3 at T3: the fence O5 before it would do; ThreadSanitizer does not see fences.
 *         Weaker O1, O3: a waiter looks and does not find what it was woken for.  Weaker O4: a walk
 *         over nodes that are not there yet.
 *
 * INVARIANT I1 a registered node is fired once, or withdrawn, never both.  I2 under LOCKED a node
 *         is on the list exactly if its prev is not itself.  I3 after a raise, every node that was
 *         registered before it (before its look at word) is fired, by the raise or by a holder of
 *         LOCKED that met it, unless it is withdrawn.
 *
 * PROOF   A list leaves the word by T2 alone, to one party: I1.  T2 sets LOCKED, and the marks are
 *         made before T4: whoever gets LOCKED finds a node either on the list, unmarked, or marked:
 *         I2; so withdraw need not search.  A node that is pushed again has prev NULL (T5).
 *         Raise: linearises at T1 for those who look at tick, at T2 or T3 for the nodes.  I3: it
 *         sees a node that is not taken, so it makes T2 or T3; T3 is undone only by T4, whose
 *         holder then looks at word itself, which still has all nodes that nobody has taken or
 *         withdrawn.  Nodes that come between T3 and that look are fired too: for them it is for
 *         nothing, and allowed.
 *         raise and register, but for register's withdrawal, never wait: a CAS fails only because
 *         another operation moved, and a turn after T4 is owed to another raise: lock-free.  The
 *         firing of T3, though, is as late as the holder of LOCKED: a few steps, or its being
 *         preempted there.  withdraw blocks on a holder, and on the firing of its own node.
 *         Registering: if tick has moved, no raise need come any more and the node is withdrawn;
 *         was it fired meanwhile, it counts as registered and fired.
 *
 * RECLAIM A node's memory goes, or is pushed again, after withdraw or after gone: a raise has read
 *         next before it fires a node and touches it no more.  A word that is the same again means
 *         the same newest node, and T2 reads its links after the CAS.  The edge's memory stays as
 *         long as anybody may raise it.
 *
 * TEST    tests/model/scen_edge.c; tests/unit/test_edge.c
 */
#include "core/edge.h"

#include "core/waitlist.h"

#include <stddef.h>

#define RAISED 1u
#define LOCKED THRUM__WAITLIST_LOCKED

void thrum__edge_init(struct thrum__edge *e)
{
	store_relaxed(&e->word, 0);
	store_relaxed(&e->tick, 0);
}

uint64_t thrum__edge_tick(const struct thrum__edge *e)
{
	return load_acquire(&e->tick); /* O2 */
}

/* Gives LOCKED back.  True: a raise has left its firing to the caller. */
static bool unlock_list(struct thrum__edge *e)
{
	return fetch_and_release(&e->word, ~(uint64_t)(LOCKED | RAISED)) & RAISED; /* T4; O3 */
}

/* So that a withdrawal knows without a search (I2). */
static void mark_taken(struct thrum__waiter *n)
{
	for (; n; n = plain_read(&n->next))
		plain_write(&n->prev, n);
}

/* Fires all that are registered, or leaves that to the holder of LOCKED. */
static void fire_waiters(struct thrum__edge *e)
{
	uint64_t w = load_relaxed(&e->word);

	while (thrum__waitlist_newest(w)) {
		struct thrum__waiter *taken = thrum__waitlist_newest(w);
		bool is_owed;

		if (w & LOCKED) {
			if (cas_release(&e->word, &w, w | RAISED)) /* T3; O3 */
				return;
			continue;
		}
		if (!cas_acquire(&e->word, &w, LOCKED)) /* T2; O4 */
			continue;
		mark_taken(taken);
		is_owed = unlock_list(e);
		thrum__waitlist_fire(taken);
		if (!is_owed)
			return;
		w = load_relaxed(&e->word);
	}
}

void thrum__edge_raise(struct thrum__edge *e)
{
	fetch_add_release(&e->tick, 1); /* T1; O1 */
	fence_after_rmw();              /* O5 */
	fire_waiters(e);
}

bool thrum__edge_register(struct thrum__edge *e, struct thrum__waiter *n, uint64_t tick)
{
	thrum__waitlist_push(&e->word, n, 0); /* T5 */
	fence_after_rmw();                    /* O6 */
	if (load_relaxed(&e->tick) == tick)
		return true;
	return !thrum__edge_withdraw(e, n);
}

bool thrum__edge_withdraw(struct thrum__edge *e, struct thrum__waiter *n)
{
	bool was_on;
	uint64_t w;

	thrum__waitlist_lock(&e->word, 0, &w); /* T6 */
	was_on = plain_read(&n->prev) != n;
	if (was_on)
		thrum__waitlist_unlink(&e->word, n, w);
	if (unlock_list(e))
		fire_waiters(e);
	if (!was_on)
		thrum__waitlist_await_gone(n);
	return was_on;
}
