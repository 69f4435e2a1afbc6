/* SPDX-License-Identifier: MIT */
/*
 * WHAT    One word in which a task's waits begin and end: who ends a wait (a future, a timer, a
 *         cancel, the waiter itself) is decided by one CAS.  It also carries the task's cancel
 *         request, so that "record the request and wake the waiter" and "look for a request and
 *         park" are one operation each and need no fence between them.  Rejected: a state word
 *         beside a cancel word (Dekker's pattern, a full fence for each wait); a wait record in the
 *         waiter's frame (whoever cancels would have to keep the frame alive).
 *
 * WORD    63 ... 11  10 9  8         7     6       5     4       3      2      1     0
 *         seq        why   IN_PLACE  DEAF  PARKED  DEEP  SHIELD  INNER  SCOPE  HARD  SOFT
 *         why: of the wait seq - 1.  A request is heard if HARD or SCOPE is set and SHIELD is not,
 *         or INNER is and DEEP is not.  ASKS: SCOPE or INNER.
 *
 * STATES  RUNNING(seq): PARKED clear.  The owner runs; nodes and timers with this seq may be out.
 *         PARKED(seq): its context is saved, whoever ends the wait must unpark.  DEAF: cancels are
 *         only recorded.
 *         Inside a shield, which the owner begins and ends while it runs, requests are only
 *         recorded as well.
 *         LENT(seq): PARKED and IN_PLACE: the owner's stack runs the child that it joins; a cancel
 *         or its deadline is passed on to that child.
 *         RUNNING(seq + 1) with why: the wait has ended.
 *
 * MOVES   T1 RUNNING(s) -> PARKED(s)                park, by the stack that runs after the owner's
 *         T2 RUNNING(s) -> RUNNING(s+1), NODE/TIMER/CANCEL   fire, or park hearing a request; no
 *                                                   unpark
 *         T3 PARKED(s) -> RUNNING(s+1), NODE/TIMER  fire; then unpark
 *         T4 PARKED(s), not DEAF -> RUNNING(s+1), CANCEL, HARD or ASKS, heard   cancel; then
 *                                                   unpark
 *         T5 any -> the same with SOFT, HARD or ASKS   cancel: soft, or none that hears it is
 *                                                   parked
 *         T6 RUNNING(s) -> LENT(s)                  lend, by the owner
 *         T7 RUNNING(s), LENT(s) or PARKED(s) -> RUNNING(s+1), SELF    abandon by the owner: PARKED
 *                                                   if it is a thread, whose sleep had a deadline
 *         T8 LENT(s) -> RUNNING(s+1), TIMER/CANCEL  fire, or cancel that is heard; then unpark
 *                                                   with relay, whose lent reference is the
 *                                                   winner's
 *         T9 RUNNING(s) -> RUNNING(s+1)             reset: a new life; requests are cleared
 *         T10 RUNNING(s) -> the same with SHIELD or DEEP     shield, by the owner
 *         T11 RUNNING(s) -> the same without        unshield, by the owner
 *         T12 RUNNING(s) -> the same without ASKS   scope_over, by the owner
 *         T13 RUNNING(s) -> RUNNING(s+1), NODE      claim
 *         T14 PARKED(s) -> RUNNING(s+1), NODE       claim; unpark is the claimer's: resume
 *
 * OWNERS  word: all, by CAS; T9 stores, when no other can have seq s or the task.
 *         relay: the owner writes it before T6, the winner of T8 has read it before its CAS.
 *
 * CALLERS fire, claim, cancel, is_over: any number at a time, beside one another and one of the
 *         owner's calls; resume: once after T14.  park, lend, abandon, reset: one at a time;
 *         shield, unshield, scope_over, too, and between waits: no node or timer with seq is out,
 *         no wait is lent.  Cancel needs the owner alive; fire and claim do not: parkers live in
 *         memory that stays parkers for ever, and seq never goes back.
 *
 * ORDER   O1 release at T1 (the saved context, the nodes) pairs with O2 acquire at T3, T4: unpark
 *            may resume it; and of parked, which looks at what a parked owner left.
 *         O3 release at T2, T3, T4, T8 (what happened before the wake) pairs with O4 acquire of the
 *            owner: park and abandon that find s over, and through unpark's queue after T3, T4.
 *            T13 and T14 release nothing: core/waitqueue.c does.
 *         O5 release at T6 (relay, its reference) pairs with O2 at T8, there before relay is read.
 *         O7 release at T4, T5, T8 with ASKS, a read-modify-write even if it is set already, pairs
 *            with O8 acquire at T12: either the owner sees which scope asks (sched/scope.c), or
 *            ASKS stands after T12.
 *         O6 release of gone pairs with the acquire in withdraw (waitlist.c: O4): the node's frame
 *         may go.  requested, hears, shields, why, seq and is_over order nothing.
 *         Weaker O1/O2: a fiber resumed with stale registers.  Weaker O3/O4: an awaiter misses the
 *         result.  Weaker O5/O2: another wait's relay is cancelled.
 *
 * INVARIANT I1 exactly one move leaves seq s.  I2 unpark is called once for each T3, T4, T8, T14
 *         and never otherwise.  I3 after park or abandon say that s has ended, nobody resumes the
 *         owner for s.  I4 HARD never goes away within a life, ASKS only by T12.
 *
 * PROOF   Every move that leaves s is a CAS on a word that holds s, and seq only grows: I1.  unpark
 *         follows only a CAS whose old value had PARKED, and all of those clear it: I2, I3.  T1
 *         fails if the word changed: either s has gone (run on) or a request came: park reads again
 *         and takes T2 if the wait hears it.  So a hard request is either seen by park (T2) or made
 *         after T1 (T4): no wait sleeps through it.  fire, park, lend, abandon: a CAS fails only
 *         because another moved, and in wait s that is SOFT, HARD, SCOPE, INNER, PARKED and the
 *         end, once each: at most six turns, wait-free.  cancel is lock-free: it may meet one wait
 *         after another.
 *         Between T8 and unpark the owner runs, and may end: unpark then touches relay, which its
 *         reference keeps, and nothing of the owner's.
 *
 * RECLAIM A parker's memory is never unmapped or used otherwise.  A late fire finds another seq.
 *         seq has 53 bits: at one wait each 10 ns it wraps after three years.
 *
 * TEST    tests/model/scen_parker.c, scen_parker_claim.c, scen_publication.c;
 *         tests/unit/test_parker.c; tests/stress/withdraw.c, cancel_storm.c
 */
#include "core/parker.h"

#include "base/assert.h"

#include <stddef.h>

#define HARD THRUM__PARKER_HARD
#define ASKS (THRUM__PARKER_SCOPE | THRUM__PARKER_INNER)
#define SHIELD THRUM__PARKER_SHIELD
#define DEEP THRUM__PARKER_DEEP
#define KEPT (THRUM__PARKER_REQUESTS | ASKS | SHIELD | DEEP)
#define PARKED THRUM__PARKER_PARKED
#define DEAF 128u
#define IN_PLACE THRUM__PARKER_IN_PLACE
#define WHY_SHIFT THRUM__PARKER_WHY_SHIFT
#define SEQ_SHIFT THRUM__PARKER_SEQ_SHIFT

static uint64_t seq_of(uint64_t w)
{
	return w >> SEQ_SHIFT;
}

/* The word after the wait in @w has ended by @why. */
static uint64_t ended(uint64_t w, enum thrum__why why)
{
	return ((seq_of(w) + 1) << SEQ_SHIFT) | ((uint64_t)why << WHY_SHIFT) | (w & KEPT);
}

void thrum__parker_init(struct thrum__parker *p,
			void (*unpark)(struct thrum__parker *, void *, enum thrum__why))
{
	store_relaxed(&p->word, 1u << SEQ_SHIFT);
	store_relaxed(&p->relay, NULL);
	p->unpark = unpark;
}

bool thrum__parker_park(struct thrum__parker *p, uint64_t seq, bool deaf)
{
	uint64_t w = load_acquire(&p->word); /* O4 */

	for (;;) {
		uint64_t next = w | PARKED | (deaf ? DEAF : 0);

		if (seq_of(w) != seq)
			return false;
		if (!deaf && thrum__parker_hears_in(w))
			next = ended(w, THRUM__BY_CANCEL);
		if (cas_acq_rel(&p->word, &w, next)) /* T1, T2; O1, O4 */
			return next & PARKED;
	}
}

bool thrum__parker_lend(struct thrum__parker *p, uint64_t seq, void *relay)
{
	uint64_t w = load_relaxed(&p->word);

	ENSURE(relay, "a wait is lent to somebody");
	store_relaxed(&p->relay, relay);
	for (;;) {
		if (seq_of(w) != seq || thrum__parker_hears_in(w))
			return false;
		if (cas_release(&p->word, &w, w | PARKED | IN_PLACE)) /* T6; O5 */
			return true;
	}
}

bool thrum__parker_abandon(struct thrum__parker *p, uint64_t seq)
{
	uint64_t w = load_acquire(&p->word); /* O4 */

	for (;;) {
		if (seq_of(w) != seq)
			return false;
		if (cas_acquire(&p->word, &w, ended(w, THRUM__BY_SELF))) /* T7; O4 */
			return true;
	}
}

bool thrum__parker_fire(struct thrum__parker *p, uint64_t seq, enum thrum__why why)
{
	uint64_t w = load_acquire(&p->word); /* O2 */

	for (;;) {
		void *relay;

		if (seq_of(w) != seq)
			return false;
		relay = w & IN_PLACE ? load_relaxed(&p->relay) : NULL;
		if (!cas_acq_rel(&p->word, &w, ended(w, why))) /* T2, T3, T8; O2, O3 */
			continue;
		if (w & PARKED)
			p->unpark(p, relay, why);
		return true;
	}
}

enum thrum__claim thrum__parker_claim(struct thrum__parker *p, uint64_t seq)
{
	uint64_t w = load_relaxed(&p->word);

	for (;;) {
		if (seq_of(w) != seq)
			return THRUM__TOO_LATE;
		ENSURE(!(w & IN_PLACE), "no queue is waited in with a wait that is lent");
		if (cas_acquire(&p->word, &w, ended(w, THRUM__BY_NODE))) /* T13, T14; O2 */
			return w & PARKED ? THRUM__CLAIMED_PARKED : THRUM__CLAIMED;
	}
}

bool thrum__parker_is_over(const struct thrum__parker *p, uint64_t seq)
{
	return seq_of(load_relaxed(&p->word)) != seq;
}

void thrum__parker_cancel(struct thrum__parker *p, unsigned level)
{
	uint64_t w = load_acquire(&p->word); /* O2 */

	for (;;) {
		uint64_t next = w | level;
		void *relay = w & IN_PLACE ? load_relaxed(&p->relay) : NULL;
		bool ends = (w & PARKED) && !(w & DEAF) && thrum__parker_hears_in(next);

		if (ends)
			next = ended(next, THRUM__BY_CANCEL);
		else if (next == w && !(level & ASKS))
			return;
		if (!cas_acq_rel(&p->word, &w, next)) /* T4, T5, T8; O2, O3, O7 */
			continue;
		if (ends)
			p->unpark(p, relay, THRUM__BY_CANCEL);
		return;
	}
}

unsigned thrum__parker_shield(struct thrum__parker *p)
{
	uint64_t w = load_relaxed(&p->word);
	unsigned shield = !(w & SHIELD) ? SHIELD : !(w & DEEP) ? DEEP : 0;

	thrum__parker_reshield(p, shield);
	return shield;
}

void thrum__parker_reshield(struct thrum__parker *p, unsigned shields)
{
	fetch_or_relaxed(&p->word, (uint64_t)shields); /* T10 */
}

void thrum__parker_unshield(struct thrum__parker *p, unsigned shield)
{
	fetch_and_relaxed(&p->word, ~(uint64_t)shield); /* T11 */
}

void thrum__parker_scope_over(struct thrum__parker *p, unsigned asks)
{
	fetch_and_acquire(&p->word, ~(uint64_t)asks); /* T12; O8 */
}

static void wait_node_fire(struct thrum__waiter *n)
{
	struct thrum__wait_node *node = container_of(n, struct thrum__wait_node, waiter);
	struct thrum__parker *p = plain_read(&node->parker);
	uint64_t seq = plain_read(&node->seq);

	/* The node's frame may go as soon as gone is seen; the parker's memory never does. */
	thrum__waiter_let_go(n); /* O6 */
	thrum__parker_fire(p, seq, THRUM__BY_NODE);
}

void thrum__wait_node_init(struct thrum__wait_node *n, struct thrum__parker *p, uint64_t seq)
{
	plain_write(&n->waiter.fire, wait_node_fire);
	store_relaxed(&n->waiter.gone, 0);
	plain_write(&n->parker, p);
	plain_write(&n->seq, seq);
}
