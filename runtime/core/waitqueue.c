/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The queue under every lock and channel: turns in the order in which they came, doubly
 *         linked, under a word that is held (core/hold.h).  What is handed over (a permit, an item)
 *         and the end of the wait are one step, the CAS on the waiter's parker: if a cancel, a
 *         deadline or another branch of a select was first it stays with who had it, for the next
 *         turn.  Rejected: waking a waiter that then takes by itself (a cancel in between loses the
 *         wake, or must pass it on); a future for each wait, as for I/O (which completes in any
 *         case, and can't be taken back); waitlist.c (it can be taken as a whole only).
 *
 * STATES  of a turn
 *         OUT: its owner's.
 *         ON: on a queue; whoever holds the word may change its links.
 *         CLAIMED: off; its wait was ended for it, its owner does not go on before T4.
 *         DROPPED: off; its wait had ended otherwise.
 *         GONE: granted; its owner's again.
 *
 * MOVES   T1 OUT -> ON            push, push_first
 *         T2 ON -> CLAIMED        claim, whose claim at the parker (parker.c: T13, T14) succeeded
 *         T3 ON -> DROPPED        claim, whose did not
 *         T4 CLAIMED -> GONE      resume, which unparks the owner if it was parked
 *         T5 ON -> OUT            leave
 *         T6 DROPPED, GONE -> OUT leave and await_gone, by the owner, who takes note
 *         grant_all moves turns that are ON to a queue of its own, under the same word.
 *
 * OWNERS  links, claimed, parked: who holds the word; between T2 and T4 whoever claimed, which
 *         chains by next what it is to resume.  What contains the turn and is to be filled, and
 *         note: the owner up to T1 and from T6 on; in between who holds the word, and between T2
 *         and T4 whoever claimed.  gone: whoever claimed writes it.
 *
 * CALLERS all but grant, resume and await_gone: holding the word.  The owner pushes and leaves; the
 *         wait of a turn (its parker's seq) has begun before it is pushed.  Who claims grants each
 *         turn once, drops the word, and resumes at once: no wait between T2 and T4.  resume and
 *         await_gone: holding no word at all (the claimer may want it: grant_all).  A claim can't
 *         be taken back, so one of two that meet is the running caller.
 *
 * ORDER   O1 release of gone at T4 pairs with O2 acquire in await_gone: what was written is there,
 *            and the frame may go.
 *         All else is ordered by the word (core/hold.h: O1, O2).
 *         Weaker: an owner that was just about to park reads an item that is not there yet.
 *
 * INVARIANT I1 a turn is claimed at most once, and only if its wait ended for it; so of several
 *         turns with one seq (a select's) at most one.  I2 a turn that is ON lies in a frame that
 *         is alive.  I3 each turn that was claimed is granted, and its owner unparked exactly once
 *         if it was parked.  I4 the word's memory stays while it is held or will be: an owner goes
 *         on only when it has been given back for the last time.
 *
 * PROOF   I1: the parker gives wait seq to one (parker.c: I1).  I2: an owner leaves a frame with a
 *         turn only after leave, holding the word, or after await_gone; a turn that a holder finds
 *         ON has had neither.  A dropped turn is touched no more by who dropped it.  Between T2 and
 *         T4 the owner does not come past await_gone, and if it is parked only the claimer unparks
 *         it (parker.c: I2, I3).
 *         I4: resume comes after drop.  Who holds the word again and again has then claimed a turn
 *         that it has not resumed: claim_some returns with none only at the queue's end, however
 *         many dropped ones it meets (without one, those that are left might leave by themselves
 *         in between, and the last one take the memory along).
 *         Resume reads next, parked and the parker before T4; then the frame may go.  The parker's
 *         memory stays.
 *         A claim looks at each dropped turn once: O(1) for each push.  Those that were not parked
 *         run, and wait in await_gone for who granted them: they are resumed first.
 *
 * RECLAIM a turn is part of its owner's frame; the queue, of what the word is part of.
 *
 * TEST    tests/model/scen_waitqueue.c; tests/unit/test_waitqueue.c
 */
#include "core/waitqueue.h"

#include "base/assert.h"

static struct thrum__turn *turn_of(const struct thrum__turn_links *l)
{
	return container_of(l, struct thrum__turn, links);
}

void thrum__turn_init(struct thrum__turn *t, struct thrum__parker *p, uint64_t seq)
{
	plain_write(&t->links.next, NULL);
	plain_write(&t->parker, p);
	plain_write(&t->seq, seq);
	plain_write(&t->note, 0);
	store_relaxed(&t->gone, 0);
	plain_write(&t->claimed, false);
	plain_write(&t->parked, false);
}

/* Between @prev and the one behind it. */
static void insert(struct thrum__turn_links *prev, struct thrum__turn_links *l)
{
	struct thrum__turn_links *next = plain_read(&prev->next);

	plain_write(&l->prev, prev);
	plain_write(&l->next, next);
	plain_write(&next->prev, l);
	plain_write(&prev->next, l);
}

/* An all-zero queue gets its ends. */
static struct thrum__turn_links *ends_of(struct thrum__waitqueue *q)
{
	if (!plain_read(&q->ends.next)) {
		plain_write(&q->ends.next, &q->ends);
		plain_write(&q->ends.prev, &q->ends);
	}
	return &q->ends;
}

void thrum__waitqueue_push(struct thrum__waitqueue *q, struct thrum__turn *t)
{
	insert(plain_read(&ends_of(q)->prev), &t->links); /* T1 */
}

void thrum__waitqueue_push_first(struct thrum__waitqueue *q, struct thrum__turn *t)
{
	insert(ends_of(q), &t->links); /* T1 */
}

struct thrum__turn *thrum__waitqueue_first(const struct thrum__waitqueue *q)
{
	return thrum__waitqueue_is_empty(q) ? NULL : turn_of(plain_read(&q->ends.next));
}

static void unlink_turn(struct thrum__turn *t)
{
	struct thrum__turn_links *next = plain_read(&t->links.next);
	struct thrum__turn_links *prev = plain_read(&t->links.prev);

	plain_write(&next->prev, prev);
	plain_write(&prev->next, next);
	plain_write(&t->links.next, NULL);
}

/*
 * Of thousands that wait none is in a cache, and each line of their blocks and frames would be
 * waited for by itself.  While the one before @next goes on, the block of @next is fetched, and the
 * frames of the one behind it, about its turn.  (Not inlined it has no effect for gcc 12, which
 * drops the call.)
 */
static ALWAYS_INLINE void fetch_behind(const struct thrum__turn_links *next,
				       const struct thrum__turn_links *ends)
{
	const struct thrum__turn_links *after = plain_read(&next->next);
	const struct thrum__parker *p;

	if (after == ends)
		return;
	p = plain_read(&turn_of(next)->parker);
	for (int i = -1; i <= 1; i++)
		__builtin_prefetch((const char *)p + (ptrdiff_t)i * CACHE_LINE);
#pragma GCC unroll 10
	for (int i = -4; i <= 5; i++)
		__builtin_prefetch((const char *)after + (ptrdiff_t)i * CACHE_LINE);
}

bool thrum__turn_claim(struct thrum__turn *t)
{
	enum thrum__claim claim = thrum__parker_claim(plain_read(&t->parker), plain_read(&t->seq));
	const struct thrum__turn_links *next = plain_read(&t->links.next);
	const struct thrum__turn_links *ends = plain_read(&t->links.prev);

	unlink_turn(t); /* T2, T3 */
	fetch_behind(next, ends);
	if (claim == THRUM__TOO_LATE)
		return false;
	plain_write(&t->claimed, true);
	plain_write(&t->parked, claim == THRUM__CLAIMED_PARKED);
	return true;
}

struct thrum__turn *thrum__waitqueue_claim(struct thrum__waitqueue *q)
{
	struct thrum__turn *t;

	while ((t = thrum__waitqueue_first(q)))
		if (thrum__turn_claim(t))
			break;
	return t;
}

void thrum__turn_grant(struct thrum__turn *t, struct thrum__granted *g)
{
	bool is_first = !g->first || !plain_read(&t->parked);

	plain_write(&t->links.next, is_first ? g->first : NULL);
	if (!is_first)
		plain_write(&g->last->next, &t->links);
	if (!is_first || !g->first)
		g->last = &t->links;
	if (is_first)
		g->first = &t->links;
}

void thrum__granted_resume(struct thrum__granted *g)
{
	struct thrum__turn_links *l = g->first;

	while (l) {
		struct thrum__turn *t = turn_of(l);
		struct thrum__parker *p = plain_read(&t->parker);
		bool parked = plain_read(&t->parked);

		l = plain_read(&l->next);
		store_release(&t->gone, 1); /* T4; O1 */
		if (parked)
			thrum__parker_resume(p);
	}
	g->first = NULL;
}

uint32_t thrum__granted_go_on(struct thrum__granted *before, struct thrum__granted *g,
			      struct atomic32 *word, uint32_t v)
{
	thrum__drop(word, v);
	thrum__granted_resume(before); /* those of @g wait: the word's memory stays */
	*before = *g;
	g->first = NULL;
	return thrum__hold(word);
}

void thrum__waitqueue_take_all(struct thrum__waitqueue *to, struct thrum__waitqueue *from)
{
	struct thrum__turn_links *ends = ends_of(to);
	struct thrum__turn_links *first = plain_read(&from->ends.next);
	struct thrum__turn_links *last = plain_read(&from->ends.prev);

	if (thrum__waitqueue_is_empty(from))
		return;
	plain_write(&from->ends.next, NULL);
	plain_write(&first->prev, ends);
	plain_write(&ends->next, first);
	plain_write(&last->next, ends);
	plain_write(&ends->prev, last);
}

void thrum__waitqueue_number(struct thrum__waitqueue *q)
{
	struct thrum__turn_links *ends = ends_of(q);
	uint32_t n = 0;

	for (struct thrum__turn_links *l = plain_read(&ends->next); l != ends;
	     l = plain_read(&l->next))
		plain_write(&turn_of(l)->note, n++);
}

unsigned thrum__waitqueue_claim_some(struct thrum__waitqueue *q, struct thrum__granted *g)
{
	struct thrum__turn *t;
	unsigned claimed = 0;

	for (unsigned n = 0; n < THRUM__AT_A_TIME || !claimed; n++) {
		t = thrum__waitqueue_first(q);
		if (!t)
			break;
		if (thrum__turn_claim(t)) {
			thrum__turn_grant(t, g);
			claimed++;
		}
	}
	return claimed;
}

void thrum__waitqueue_grant_all(struct thrum__waitqueue *q, struct atomic32 *word, uint32_t v)
{
	struct thrum__waitqueue all = {{NULL, NULL}};
	struct thrum__granted g = {NULL, NULL}, before = {NULL, NULL};

	thrum__waitqueue_take_all(&all, q);
	for (;;) {
		thrum__waitqueue_claim_some(&all, &g);
		if (thrum__waitqueue_is_empty(&all))
			break;
		v = thrum__granted_go_on(&before, &g, word, v);
	}
	thrum__drop(word, v);
	thrum__granted_resume(&before);
	thrum__granted_resume(&g);
}

bool thrum__turn_leave(struct thrum__turn *t)
{
	if (plain_read(&t->links.next) && !plain_read(&t->claimed))
		unlink_turn(t);         /* T5 */
	return plain_read(&t->claimed); /* T6 */
}

void thrum__turn_await_gone(struct thrum__turn *t)
{
	unsigned tries = 0;

	while (!load_acquire(&t->gone)) /* O2 */
		spin_or_yield(&tries);
}
