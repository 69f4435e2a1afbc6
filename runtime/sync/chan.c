/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The channel: a store of items, and two queues, of those that wait for room and of those
 *         that wait for items, all under one word that is held (core/hold.h), as in Go's.  Whoever
 *         comes and finds another waiting does that one's part too: it copies from or to the
 *         other's buffer, and the end of the other's wait is what decides (core/waitqueue.c: I1).
 *         Rejected: a lock-free ring with counting semaphores around it (tokio's: an item whose
 *         receiver was cancelled meanwhile, a close, a select over several each want a protocol of
 *         their own; and without waiters one CAS and one store for each call are as few as it
 *         needs).
 *
 * WORD    31     3         2        1       0
 *         HELD   WAITING   CLOSED   TAKES   HAS
 *         WAITING: a queue has turns.  TAKES, HAS: a send, a receive need not wait: for who only
 *         looks.
 *
 * STATES  by what the holder finds, with room: stored + reserved < capacity:
 *         receivers wait: nothing is stored, and no sender waits, unless all room is reserved.
 *         senders wait: no room.
 *         nobody waits.
 *         Each of them CLOSED: no sender waits, no receiver unless rooms are reserved.
 *
 * MOVES   T1 put: to the first receiver that waits, else into the store
 *         T2 take: from the store, then room is given to the first senders that wait: their items
 *            are put (T1), or it is reserved; without a store: from the first sender that waits
 *         T3 commit, abandon: of what was reserved; then room is given as at T2
 *         T4 a turn comes that finds neither; one leaves
 *         T5 close: all senders that wait go, with -EPIPE; and all receivers, when nothing is
 *            stored or reserved: then or later
 *
 * OWNERS  all but refs: who holds the word.  A turn's item and result: core/waitqueue.c.
 *
 * CALLERS any number of all, each with a reference.
 *
 * ORDER   what was done before a send is seen by who receives the item: both have held the word
 *            (core/hold.h: O1, O2), or one was granted its turn (core/waitqueue.c: O1).
 *         O1 release at T5 (chan_life.c), and at each drop behind it, pairs with O1 acquire of
 *            CLOSED by who only looks: what was done before the close is seen.
 *         Select's look at HAS and TAKES orders nothing: what it finds is tried.
 *
 * INVARIANT I1 items taken and stored are as many as were put.  I2 of a send that waits and fails
 *         nothing was taken, of a receive nothing was given.  I3 FIFO: items are taken in the order
 *         in which they were put; senders and receivers are served in the order in which they came.
 *
 * PROOF   All happens holding the word; an item moves in the step in which its turn is claimed: I1,
 *         I2.  A receiver waits only if nothing is stored, and what is put then goes to the first:
 *         I3.  Blocking on the holder; the longest hold is a copy of THRUM_CHAN_ITEM_MAX bytes, 32
 *         claims and a look at each dropped turn before them, or a comparison for each level of a
 *         heap.
 *
 * RECLAIM with the last reference (core/refs.h); nobody waits then.
 *
 * Birth, close and end are in chan_life.c.
 *
 * TEST    tests/model/scen_chan.c; tests/unit/test_chan.c
 */
#include "sync/chan.h"

#include "base/assert.h"
#include "base/os.h"
#include "sched/fork_check.h"
#include "sched/stand.h"

#include <errno.h>
#include <thrum/chan.h>
#include <thrum/time.h>

#define CLOSED THRUM__CHAN_CLOSED
#define WAITING THRUM__CHAN_WAITING

/* What is copied before others may hold the word, but for one item. */
#define BATCH_BYTES 16384

_Static_assert(offsetof(struct thrum_chan, senders) <= CACHE_LINE, "one line where nobody waits");

/* ---- Holding ---- */

static bool is_closed(const struct thrum_chan *c)
{
	return load_relaxed(&c->word) & CLOSED;
}

static bool has_room(const struct thrum_chan *c)
{
	return c->store.count + c->reserved < c->store.capacity;
}

bool thrum__chan_is_over(const struct thrum_chan *c)
{
	return is_closed(c) && c->store.count + c->reserved == 0;
}

static bool has_item(const struct thrum_chan *c)
{
	return c->store.count || (!c->store.capacity && !thrum__waitqueue_is_empty(&c->senders));
}

/* What the word is to say. */
uint32_t thrum__chan_flags(const struct thrum_chan *c)
{
	bool receivers = !thrum__waitqueue_is_empty(&c->receivers);
	uint32_t v = load_relaxed(&c->word) & CLOSED;

	if (receivers || !thrum__waitqueue_is_empty(&c->senders))
		v |= WAITING;
	if (has_item(c) || thrum__chan_is_over(c))
		v |= THRUM__CHAN_HAS;
	if (v & CLOSED || has_room(c) || (receivers && !c->store.capacity))
		v |= THRUM__CHAN_TAKES;
	return v;
}

void thrum__chan_drop(struct thrum_chan *c)
{
	thrum__drop(&c->word, thrum__chan_flags(c)); /* O1 */
}

static struct thrum__chan_turn *chan_turn_of(struct thrum__turn *t)
{
	return t ? container_of(t, struct thrum__chan_turn, turn) : NULL;
}

static void grant(struct thrum__chan_turn *t, struct thrum__granted *g)
{
	plain_write(&t->result, 0);
	thrum__turn_grant(&t->turn, g);
}

/* To a receiver that waits, if there is one. */
static bool hand_over(struct thrum_chan *c, const void *item, struct thrum__granted *g)
{
	struct thrum__chan_turn *t = chan_turn_of(thrum__waitqueue_claim(&c->receivers));

	if (!t)
		return false;
	thrum__item_copy(plain_read(&t->item), item, c->store.item_size);
	grant(t, g);
	return true;
}

static void put_in(struct thrum_chan *c, const void *item, struct thrum__granted *g)
{
	if (!hand_over(c, item, g))
		thrum__store_put(&c->store, item);
	c->accepted++;
}

int thrum__chan_put(struct thrum_chan *c, const void *item, struct thrum__granted *g)
{
	if (is_closed(c))
		return -EPIPE;
	if (has_room(c)) {
		put_in(c, item, g); /* T1 */
		return 0;
	}
	if (c->store.capacity || !hand_over(c, item, g)) /* T1 */
		return -EAGAIN;
	c->accepted++;
	return 0;
}

/* Gives room that has come about to those that wait for it. */
static void admit(struct thrum_chan *c, struct thrum__granted *g)
{
	struct thrum__chan_turn *t;

	while (has_room(c) && (t = chan_turn_of(thrum__waitqueue_claim(&c->senders)))) {
		if (plain_read(&t->reserves))
			c->reserved++;
		else
			put_in(c, plain_read(&t->item), g);
		grant(t, g);
	}
}

/* Without a store: from a sender that waits, if there is one. */
static bool take_over(struct thrum_chan *c, void *item, struct thrum__granted *g)
{
	struct thrum__chan_turn *t = chan_turn_of(thrum__waitqueue_claim(&c->senders));

	if (!t)
		return false;
	thrum__item_copy(item, plain_read(&t->item), c->store.item_size);
	c->accepted++;
	grant(t, g);
	return true;
}

int thrum__chan_take(struct thrum_chan *c, void *item, struct thrum__granted *g)
{
	if (c->store.count) {
		thrum__store_take(&c->store, item); /* T2 */
		if (!thrum__waitqueue_is_empty(&c->senders))
			admit(c, g);
		return 0;
	}
	if (!c->store.capacity && take_over(c, item, g)) /* T2 */
		return 0;
	return thrum__chan_is_over(c) ? -EPIPE : -EAGAIN;
}

static int reserve(struct thrum_chan *c)
{
	if (is_closed(c))
		return -EPIPE;
	if (!has_room(c))
		return -EAGAIN;
	c->reserved++;
	return 0;
}

static void hold_reserved(struct thrum_chan *c)
{
	thrum__chan_hold(c);
	ENSURE(c->reserved > 0, "commit or abandon what was reserved, once");
}

/* T3: one room less is reserved, and perhaps that was what those that wait were waiting for. */
static void unreserve(struct thrum_chan *c, struct thrum__granted *g)
{
	c->reserved--;
	if (!thrum__chan_is_over(c)) {
		admit(c, g);
		thrum__chan_drop(c);
	} else {
		thrum__waitqueue_grant_all(&c->receivers, &c->word, thrum__chan_flags(c)); /* T5 */
	}
	thrum__granted_resume(g);
}

/* ---- Calls ---- */

void thrum__chan_turn_init(struct thrum__chan_turn *t, const struct thrum__stander *s, void *item)
{
	thrum__turn_init(&t->turn, s->parker, s->seq);
	plain_write(&t->item, item);
	plain_write(&t->reserves, false);
	plain_write(&t->result, -EPIPE);
}

/* What a call that may have to wait does. */
struct call {
	struct thrum_chan *c;
	void *item;
	enum { SEND, RECV, RESERVE } what;
};

static int attempt(const struct call *call, struct thrum__granted *g)
{
	switch (call->what) {
	case SEND:
		return thrum__chan_put(call->c, call->item, g);
	case RECV:
		return thrum__chan_take(call->c, call->item, g);
	case RESERVE:
		break;
	}
	return reserve(call->c);
}

/* Holding, and with nothing to be had: a turn, until it is granted or the wait ends. */
static int stand(const struct call *call, struct thrum__stander *me, int64_t deadline_ns)
{
	struct thrum_chan *c = call->c;
	struct thrum__chan_turn t;
	uint32_t v;
	int err;

	thrum__chan_turn_init(&t, me, call->item);
	plain_write(&t.reserves, call->what == RESERVE);
	thrum__waitqueue_push(call->what == RECV ? &c->receivers : &c->senders, &t.turn); /* T4 */
	v = thrum__chan_flags(c);
	err = thrum__stand_in(me, &t.turn, &c->word, &v, deadline_ns, false);
	if (!err)
		return plain_read(&t.result);
	thrum__chan_drop(c);
	return err;
}

/* Tries again, and waits. */
static COLD int again_slowly(const struct call *call, int64_t deadline_ns)
{
	struct thrum__granted g = {NULL, NULL};
	struct thrum__stander me;
	int err = thrum__stand_begin(&me);

	if (err)
		return err;
	thrum__chan_hold(call->c);
	err = attempt(call, &g);
	if (err == -EAGAIN) {
		err = stand(call, &me, deadline_ns);
	} else {
		thrum__chan_drop(call->c);
		thrum__granted_resume(&g);
	}
	return thrum__stand_end(&me, err, deadline_ns);
}

/* Holding: whatever it takes; drops the word. */
static NOINLINE int now_held(const struct call *call)
{
	struct thrum__granted g = {NULL, NULL};
	int err = attempt(call, &g);

	thrum__chan_drop(call->c);
	thrum__granted_resume(&g);
	return err;
}

/* Holding @v: the same where nobody waits and there is room in a ring, or an item.  False: not so.
 * */
static ALWAYS_INLINE bool now_plainly(const struct call *call, uint32_t v)
{
	struct thrum_chan *c = call->c;
	struct thrum__store *s = &c->store;
	bool sends = call->what == SEND;

	if ((v & (WAITING | (sends ? CLOSED : 0))) || s->order->kind != THRUM__FIFO ||
	    !(sends ? has_room(c) : s->count > 0))
		return false;
	if (sends) {
		thrum__store_put(s, call->item); /* T1 */
		c->accepted++;
		v = has_room(c) ? THRUM__CHAN_HAS | THRUM__CHAN_TAKES : THRUM__CHAN_HAS;
	} else {
		thrum__store_take(s, call->item); /* T2 */
		v = s->count || thrum__chan_is_over(c) ? v | THRUM__CHAN_TAKES
						       : (v & CLOSED) | THRUM__CHAN_TAKES;
	}
	thrum__drop(&c->word, v);
	return true;
}

static ALWAYS_INLINE int now(const struct call *call)
{
	uint32_t v;

	if (thrum__in_forked_child())
		return -ENOTSUP;
	v = thrum__chan_hold(call->c);
	if (LIKELY(call->what != RESERVE && now_plainly(call, v)))
		return 0;
	return now_held(call);
}

/* Holding: tries, and waits. */
static NOINLINE int slowly(const struct call *call, int64_t deadline_ns)
{
	struct thrum__granted g = {NULL, NULL};
	struct thrum__stander me;
	int err = attempt(call, &g);

	if (err == -EAGAIN && thrum__stand_begin_holding(&me)) {
		err = stand(call, &me, deadline_ns);
		return thrum__stand_end(&me, err, deadline_ns);
	}
	thrum__chan_drop(call->c);
	thrum__granted_resume(&g);
	return err == -EAGAIN ? again_slowly(call, deadline_ns) : err;
}

static ALWAYS_INLINE int now_or_slowly(struct call call, int64_t deadline_ns)
{
	int err = thrum__stand_check_turn();
	uint32_t v;

	if (UNLIKELY(err))
		return err;
	v = thrum__chan_hold(call.c);
	if (LIKELY(call.what != RESERVE && now_plainly(&call, v)))
		return 0;
	return slowly(&call, deadline_ns);
}

static inline struct call send_of(struct thrum_chan *c, const void *item)
{
	return (struct call){c, (void *)(uintptr_t)item, SEND};
}

static inline struct call recv_of(struct thrum_chan *c, void *item)
{
	return (struct call){c, item, RECV};
}

int thrum_chan_try_send(struct thrum_chan *c, const void *item)
{
	struct call call = send_of(c, item);

	return now(&call);
}

int thrum_chan_try_recv(struct thrum_chan *c, void *item)
{
	struct call call = recv_of(c, item);

	return now(&call);
}

int thrum__chan_send(struct thrum_chan *c, const void *item, int64_t deadline_ns)
{
	return now_or_slowly(send_of(c, item), deadline_ns);
}

int thrum__chan_recv(struct thrum_chan *c, void *item, int64_t deadline_ns)
{
	return now_or_slowly(recv_of(c, item), deadline_ns);
}

int thrum_chan_send(struct thrum_chan *c, const void *item)
{
	return thrum__chan_send(c, item, THRUM_FOREVER);
}

int thrum_chan_send_until(struct thrum_chan *c, const void *item, int64_t deadline_ns)
{
	return thrum__chan_send(c, item, deadline_ns);
}

int thrum_chan_recv(struct thrum_chan *c, void *item)
{
	return thrum__chan_recv(c, item, THRUM_FOREVER);
}

int thrum_chan_recv_until(struct thrum_chan *c, void *item, int64_t deadline_ns)
{
	return thrum__chan_recv(c, item, deadline_ns);
}

/* Up to @max, in one hold: how many, or why none. */
static ssize_t take_some(struct thrum_chan *c, char *items, size_t max)
{
	struct thrum__granted g = {NULL, NULL};
	size_t n = 0;
	int err = 0;

	thrum__chan_hold(c);
	while (n < max && !err) {
		err = thrum__chan_take(c, items + n * c->store.item_size, &g);
		n += !err;
	}
	thrum__chan_drop(c);
	thrum__granted_resume(&g);
	return n ? (ssize_t)n : err;
}

ssize_t thrum_chan_try_recv_many(struct thrum_chan *c, void *items, size_t max)
{
	size_t at_a_time = BATCH_BYTES / (c->store.item_size + 1) + 1;
	size_t want, n = 0;
	ssize_t got;

	if (max == 0)
		return -EINVAL;
	if (thrum__in_forked_child())
		return -ENOTSUP;
	if (at_a_time > THRUM__AT_A_TIME)
		at_a_time = THRUM__AT_A_TIME;
	do {
		want = max - n < at_a_time ? max - n : at_a_time;
		got = take_some(c, (char *)items + n * c->store.item_size, want);
		if (got > 0)
			n += (size_t)got;
	} while (got == (ssize_t)want && n < max);
	return n ? (ssize_t)n : got;
}

ssize_t thrum_chan_recv_many(struct thrum_chan *c, void *items, size_t max, int64_t deadline_ns)
{
	ssize_t n = thrum__stand_check_turn();
	struct call first;

	if (n)
		return n;
	n = thrum_chan_try_recv_many(c, items, max);
	if (n != -EAGAIN)
		return n;
	first = recv_of(c, items);
	n = again_slowly(&first, deadline_ns);
	if (n)
		return n;
	if (max > 1)
		n = thrum_chan_try_recv_many(c, (char *)items + c->store.item_size, max - 1);
	return n > 0 ? n + 1 : 1;
}

/* ---- Reserving ---- */

int thrum_chan_try_reserve(struct thrum_chan *c)
{
	struct call call = {c, NULL, RESERVE};

	return c->store.capacity ? now(&call) : -EINVAL;
}

int thrum_chan_reserve_until(struct thrum_chan *c, int64_t deadline_ns)
{
	return c->store.capacity ? now_or_slowly((struct call){c, NULL, RESERVE}, deadline_ns)
				 : -EINVAL;
}

int thrum_chan_reserve(struct thrum_chan *c)
{
	return thrum_chan_reserve_until(c, THRUM_FOREVER);
}

void thrum_chan_commit(struct thrum_chan *c, const void *item)
{
	struct thrum__granted g = {NULL, NULL};

	if (thrum__in_forked_child())
		return;
	hold_reserved(c);
	put_in(c, item, &g);
	unreserve(c, &g);
}

void thrum_chan_abandon(struct thrum_chan *c)
{
	struct thrum__granted g = {NULL, NULL};

	if (thrum__in_forked_child())
		return;
	hold_reserved(c);
	unreserve(c, &g);
}
