/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The generic cell rate algorithm (ITU-T I.371, annex A: virtual scheduling) with a line.
 *         A bucket of `burst` permits is filled at a rate; one number says all of it: `full`, the
 *         time when it will be full again.  To take n moves it by n intervals, from now on at the
 *         earliest; it must not get further than `burst` intervals ahead of now.  Times are counted
 *         in 1/permits ns, so that nothing is ever rounded, in 128 bits.
 *         Who finds too few permits goes into a line, and takes nothing until it is the first and
 *         they are there.
 *         Rejected: to take at once and wait for the time that comes out (one number, moved by a
 *         CAS, and no line): what was taken by one who is cancelled can be put back only if nobody
 *         has come after it, as the others' times are fixed; cancelled from the front, a line of a
 *         thousand leaves a thousand intervals in which nobody gets a permit.
 *
 * WORD    31 ... 1   0
 *         0          LOCKED
 *
 * STATES  of the word: free, LOCKED.  Of a turn: out of the line; in it; the first in it.
 *
 * MOVES   T1 free -> LOCKED        ask, leave, try
 *         T2 LOCKED -> free        the same
 *         T3 full -> full + n      ask by the first, or by anyone if there is no line; try
 *         T4 out -> in             ask
 *         T5 in -> out             ask, after T3; leave
 *         T6 in -> first           after T5 of the one before, which tells it
 *
 * OWNERS  full, first, last, links and `waits` of the turns in the line: the holder of LOCKED.
 *         permits, per_ns, burst: written by init alone.  A turn out of the line: whose it is.
 *
 * CALLERS anyone, any number beside each other; ask and leave of one turn: whose it is.
 *
 * ORDER   O1 release at T2 pairs with O2 acquire at T1: full, the line, and what tell did.
 *         Weaker: permits that two take; a turn that is told after its frame has gone.
 *
 * INVARIANT I1 full <= now + burst intervals after each T3, by the now of that move.  I2 permits go
 *         to the turns in the order in which they joined, and to nobody else while one is in line.
 *         I3 the first in line has been told, or was alone when it joined, and full stands still
 *         as long as it is the first: `when` holds.
 *
 * PROOF   All moves are made under LOCKED, in one order.  I1 is looked at in the step that makes
 *         T3.  Of permits taken from a time s to a time e (by their nows): full was s or more after
 *         the first of them but for its own, each moved it by its own, and it ends at e + burst or
 *         less: so they are at most burst + (e - s) intervals' worth.  I2: T3 looks at the line in
 *         the same step.  I3: whoever makes T5 as the first tells the next in the same step; T3 by
 *         others is out while there is a line.
 *         Blocking: who finds LOCKED waits for its holder, some tens of instructions and a wake
 *         (tell), and gives the CPU away meanwhile.
 *
 * RECLAIM A turn's memory may go after TAKEN or leave: tell is over then, as it runs under LOCKED.
 *         The whole: when nobody is in a call.  There is no free list, so no ABA.
 *
 * TEST    tests/model/scen_rate.c; tests/unit/test_rate.c, test_rate_sequences.c
 */
#include "core/rate.h"

#include "base/assert.h"

#define LOCKED 1u

typedef unsigned __int128 wide;

void thrum__rate_init(struct thrum__rate *r, uint64_t permits, uint64_t per_ns, uint64_t burst)
{
	store_relaxed(&r->word, 0);
	r->permits = permits;
	r->per_ns = per_ns;
	r->burst = burst;
	r->full_low = r->full_high = 0;
	r->first = r->last = NULL;
}

void thrum__rate_turn_init(struct thrum__rate_turn *turn, uint64_t n,
			   void (*tell)(struct thrum__rate_turn *turn))
{
	*turn = (struct thrum__rate_turn){.n = n, .tell = tell};
}

static void lock(struct thrum__rate *r)
{
	unsigned tries = 0;

	while (fetch_or_acquire(&r->word, LOCKED) & LOCKED) { /* T1; O2 */
		while (load_relaxed(&r->word) & LOCKED)
			spin_or_yield(&tries);
	}
}

static void unlock(struct thrum__rate *r)
{
	store_release(&r->word, 0); /* T2; O1 */
}

/* The rest: with LOCKED. */

static wide full_at(const struct thrum__rate *r)
{
	return (wide)plain_read(&r->full_high) << 64 | plain_read(&r->full_low);
}

/* No sum overflows: each product is of two numbers below 2^63, and full is one or the sum of
 * two (I1). */
static wide full_after(const struct thrum__rate *r, uint64_t n, int64_t now_ns)
{
	wide now = (wide)(uint64_t)now_ns * r->permits, full = full_at(r);

	return (full > now ? full : now) + (wide)n * r->per_ns;
}

static bool take(struct thrum__rate *r, uint64_t n, int64_t now_ns)
{
	wide full = full_after(r, n, now_ns);

	if (full > (wide)(uint64_t)now_ns * r->permits + (wide)r->burst * r->per_ns)
		return false;
	plain_write(&r->full_low, (uint64_t)full); /* T3 */
	plain_write(&r->full_high, (uint64_t)(full >> 64));
	return true;
}

/* The earliest time at which @n can be there: if nobody else takes any. */
static int64_t when_there(const struct thrum__rate *r, uint64_t n, int64_t now_ns)
{
	wide full = full_after(r, n, now_ns), depth = (wide)r->burst * r->per_ns, when;

	if (full <= depth)
		return 0;
	when = (full - depth + r->permits - 1) / r->permits;
	return when < INT64_MAX ? (int64_t)when : INT64_MAX;
}

static void join(struct thrum__rate *r, struct thrum__rate_turn *turn)
{
	struct thrum__rate_turn *last = plain_read(&r->last);

	plain_write(&turn->prev, last);
	plain_write(&turn->next, NULL);
	plain_write(&turn->waits, true); /* T4 */
	if (last)
		plain_write(&last->next, turn);
	else
		plain_write(&r->first, turn);
	plain_write(&r->last, turn);
}

static void quit(struct thrum__rate *r, struct thrum__rate_turn *turn)
{
	struct thrum__rate_turn *next = plain_read(&turn->next), *prev = plain_read(&turn->prev);

	plain_write(&turn->waits, false); /* T5 */
	if (next)
		plain_write(&next->prev, prev);
	else
		plain_write(&r->last, prev);
	if (prev) {
		plain_write(&prev->next, next);
		return;
	}
	plain_write(&r->first, next);
	if (next)
		next->tell(next); /* T6 */
}

enum thrum__rate_says thrum__rate_ask(struct thrum__rate *r, struct thrum__rate_turn *turn,
				      int64_t now_ns, int64_t *when_ns)
{
	enum thrum__rate_says says = THRUM__RATE_BEHIND;
	struct thrum__rate_turn *first;

	DEBUG_ENSURE(turn->n && turn->n <= r->burst && now_ns >= 0, "it must be there some day");
	lock(r);
	first = plain_read(&r->first);
	if (!first || first == turn)
		says = take(r, turn->n, now_ns) ? THRUM__RATE_TAKEN : THRUM__RATE_FIRST;
	if (says == THRUM__RATE_TAKEN) {
		if (first)
			quit(r, turn);
	} else {
		*when_ns = when_there(r, turn->n, now_ns);
		if (!plain_read(&turn->waits))
			join(r, turn);
	}
	unlock(r);
	return says;
}

void thrum__rate_leave(struct thrum__rate *r, struct thrum__rate_turn *turn)
{
	lock(r);
	if (plain_read(&turn->waits))
		quit(r, turn);
	unlock(r);
}

bool thrum__rate_try(struct thrum__rate *r, uint64_t n, int64_t now_ns)
{
	bool taken;

	lock(r);
	taken = !plain_read(&r->first) && take(r, n, now_ns);
	unlock(r);
	return taken;
}
