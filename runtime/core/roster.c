/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The children of a scope: one word counts them and says whether the scope is cancelled or
 *         closing; a list, under a bit of the same word, holds those that a cancel must find.  A
 *         child that never waits is only counted: it goes on the list before its first call that
 *         may wait, and a cancel before that is found there.  Who cancels takes members off one by
 *         one, so that the list is never held for more than a few instructions.
 *         Rejected: a walk over all tasks (its cost is that of the process); a list of all children
 *         (a lock at each spawn and end, 100,000 of which never wait); a list without a lock (a
 *         child must be off it for good before its block goes, from any place in it).
 *
 * WORD    63 ... 3          2        1          0
 *         who is inside     CLOSING  CANCELLED  LOCKED
 *
 * STATES  OPEN(n), CANCELLED(n): n inside; CLOSING with either.  OVER: CLOSING and 0 inside.
 *         A member: off (in nobody's list), on, or taken, which is off, and told once.
 *
 * MOVES   T1 n -> n + 1                 enter, by one who is inside, or the opener before T4;
 *                                       visit, by anybody, unless OVER
 *         T2 n -> n - 1                 leave; from CLOSING(1): -> OVER
 *         T3 not CANCELLED -> CANCELLED cancel, by one who is inside
 *         T4 -> CLOSING                 close, by the opener; from 0 inside: -> OVER
 *         T5 not LOCKED -> LOCKED       enlist, strike, take, by one who is inside
 *         T6 LOCKED -> not LOCKED       the same
 *
 * OWNERS  first, the members' links: the holder of LOCKED; before T5 of its enlist and after its
 *         strike a member's links are the child's.  word: all, by read-modify-write.
 *
 * CALLERS Whoever is inside, any number beside each other, and the opener.  An enter needs somebody
 *         inside, or the opener before close, who knows that it comes; a visit needs the memory.
 *
 * ORDER   O1 release at T6 pairs with O2 acquire at T5: links, and what hold did.
 *         O3 release at T2 pairs with O4 acquire at T2 and T4 that reach OVER: the opener, told by
 *            whoever reached it, sees what all did inside, and may free the roster.
 *         T1 and T3 order nothing: who finds CANCELLED does not see why.  Each move is a
 *         read-modify-write and hides no earlier release.
 *         Weaker O1, O2: a list that two change.  Weaker O3, O4: the opener frees what is still
 *         written.
 *
 * INVARIANT I1 OVER is reached once, and nobody inside touches the roster after it.  I2 a member
 *         that enlist put on is taken or struck, never both.  I3 after CANCELLED every member that
 *         was put on is taken by the one who cancelled, or struck by itself; and none is put on.
 *
 * PROOF   All moves on the word are in one order.  I1: the count is the number inside, T1 is not
 *         made from OVER, so after T4 it never leaves 0; whoever brings it there sees
 *         both in one step, and has touched what it wanted before; LOCKED is clear then, as its
 *         holder is inside.  I2: both happen under LOCKED, and leave the member off, which the
 *         other finds.  I3: enlist finds CANCELLED in the step that locks, and goes; if it does
 *         not, T3 comes later, and so does the lock under which the list is found empty by whoever
 *         made T3.
 *         leave, cancel, close: wait-free.  enter, visit: lock-free.  The list's calls block each
 *         other while one holds LOCKED (and give the CPU away meanwhile); hold must not wait.
 *
 * RECLAIM The roster is the opener's frame's: it may go when OVER is known and nobody comes to
 *         visit any more.  A member's memory may go after strike, or, taken, when whoever holds it
 *         has let go.
 *
 * TEST    tests/model/scen_roster.c; tests/unit/test_roster.c, test_scope.c
 */
#include "core/roster.h"

#include "base/assert.h"

#define LOCKED 1u
#define CANCELLED 2u
#define CLOSING 4u
#define ONE 8u

void thrum__roster_init(struct thrum__roster *r)
{
	store_relaxed(&r->word, 0);
	plain_write(&r->first, NULL);
}

static bool is_last(uint64_t old)
{
	return (old & ~(uint64_t)CANCELLED) == (ONE | CLOSING);
}

bool thrum__roster_visit(struct thrum__roster *r)
{
	uint64_t old = load_relaxed(&r->word);

	do {
		if (old < ONE && (old & CLOSING))
			return false;
	} while (!cas_relaxed(&r->word, &old, old + ONE)); /* T1 */
	return true;
}

bool thrum__roster_enter(struct thrum__roster *r)
{
	uint64_t old = load_relaxed(&r->word);

	do {
		ENSURE(old >= ONE || !(old & CLOSING), "a closed scope takes no child");
		if (old & CANCELLED)
			return false;
	} while (!cas_relaxed(&r->word, &old, old + ONE)); /* T1 */
	return true;
}

bool thrum__roster_leave(struct thrum__roster *r)
{
	uint64_t old = fetch_sub_acq_rel(&r->word, (uint64_t)ONE); /* T2; O3, O4 */

	ENSURE(old >= ONE, "who leaves a scope was inside");
	return is_last(old);
}

bool thrum__roster_close(struct thrum__roster *r)
{
	return fetch_or_acquire(&r->word, (uint64_t)CLOSING) < ONE; /* T4; O4 */
}

/* The word as it was before. */
static uint64_t lock(struct thrum__roster *r)
{
	unsigned tries = 0;
	uint64_t old;

	while ((old = fetch_or_acquire(&r->word, (uint64_t)LOCKED)) & LOCKED) { /* T5; O2 */
		while (load_relaxed(&r->word) & LOCKED)
			spin_or_yield(&tries);
	}
	return old;
}

static void unlock(struct thrum__roster *r)
{
	fetch_and_release(&r->word, ~(uint64_t)LOCKED); /* T6; O1 */
}

/* The holder of LOCKED. */
static void unlink_member(struct thrum__roster *r, struct thrum__member *m)
{
	struct thrum__member *next = plain_read(&m->next), *prev = plain_read(&m->prev);

	if (prev)
		plain_write(&prev->next, next);
	else
		plain_write(&r->first, next);
	if (next)
		plain_write(&next->prev, prev);
	plain_write(&m->next, m);
}

bool thrum__roster_enlist(struct thrum__roster *r, struct thrum__member *m)
{
	bool open = !(lock(r) & CANCELLED);

	if (open) {
		struct thrum__member *first = plain_read(&r->first);

		plain_write(&m->next, first);
		plain_write(&m->prev, NULL);
		if (first)
			plain_write(&first->prev, m);
		plain_write(&r->first, m);
	}
	unlock(r);
	return open;
}

void thrum__roster_strike(struct thrum__roster *r, struct thrum__member *m)
{
	lock(r);
	if (plain_read(&m->next) != m)
		unlink_member(r, m);
	unlock(r);
}

bool thrum__roster_cancel(struct thrum__roster *r)
{
	return !(fetch_or_relaxed(&r->word, (uint64_t)CANCELLED) & CANCELLED); /* T3 */
}

bool thrum__roster_is_cancelled(const struct thrum__roster *r)
{
	return load_relaxed(&r->word) & CANCELLED;
}

struct thrum__member *thrum__roster_take(struct thrum__roster *r,
					 void (*hold)(struct thrum__member *m))
{
	struct thrum__member *m;

	lock(r);
	m = plain_read(&r->first);
	if (m) {
		unlink_member(r, m);
		hold(m);
	}
	unlock(r);
	return m;
}

uint64_t thrum__roster_count(const struct thrum__roster *r)
{
	return load_relaxed(&r->word) / ONE;
}
