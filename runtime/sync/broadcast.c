/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The broadcast: one item for all: a ring of the last items, numbered since the first, and
 *         listeners that know which number is next for them.  A send overwrites the oldest item and
 *         lets all that wait go on (core/waitqueue.c: grant_all); they look again.  Rejected: a
 *         count of listeners for each item (a send would wait for the slowest, or the ring would
 *         grow).
 *
 * WORD    31     0
 *         HELD   CLOSED
 *
 * STATES  open; CLOSED, for good.  HELD (core/hold.h): the holder's.
 *
 * MOVES   all of them holding the word
 *         T1 open: the next item, and all turns go on           send
 *         T2 -> CLOSED, and all turns go on                     close
 *         T3 a listener comes: next is the one after the last   listen
 *         T4 a listener has the item next, or is told how many it has missed
 *         T5 a turn comes, of one that has all items; open      recv
 *         T6 a turn leaves                                      recv, cut short
 *
 * OWNERS  ring, sent, queue: who holds the word.  A listener: its user; one party at a time.
 *
 * CALLERS any number of all, each with a reference; a listener has its own.
 *
 * ORDER   what was done before a send is seen by who gets the item: both have held the word
 *            (core/hold.h: O1, O2).
 *
 * INVARIANT I1 the ring has the items from sent - capacity, or 0, to sent - 1.  I2 each listener
 *         gets what was sent since it came and it has not missed, once and in its order, and all of
 *         that before -EPIPE.  I3 while nobody holds the word a turn in the queue is of one that
 *         has all items, and it is open.
 *
 * PROOF   All happens holding the word: I1.  next only grows, by what was had or missed: I2.  T5
 *         comes only where T4 has nothing and CLOSED is clear; T1 and T2 take all turns along, in
 *         the hold in which that changes: I3.  Between two lots of them the word and the queue are
 *         those of who comes, and the word is given back as it was found.  Who was granted has
 *         nothing yet and looks again, so nothing is lost with one that goes.
 *         Blocking on the holder; the longest hold is a copy of THRUM_CHAN_ITEM_MAX bytes, 32
 *         claims and a look at each dropped turn.
 *
 * RECLAIM with the last reference (core/refs.h); nobody waits then.
 *
 * What can fail: memory at creation; a wait's timer, a thread's parker.
 *
 * TEST    tests/model/scen_broadcast.c; tests/unit/test_broadcast.c, test_broadcast_cut.c
 */
#include "core/refs.h"
#include "core/waitqueue.h"

#include "base/assert.h"
#include "base/os.h"
#include "sched/fork_check.h"
#include "sched/stand.h"
#include "sync/store.h"

#include <errno.h>
#include <thrum/broadcast.h>
#include <thrum/chan.h>
#include <thrum/time.h>

#define CLOSED 1u

struct thrum_broadcast {
	struct atomic32 word; /* HELD, CLOSED */
	struct atomic32 refs;
	struct thrum__waitqueue queue;
	struct thrum__store ring; /* item n lies at n modulo its capacity */
	uint64_t sent;
};

struct thrum__listener {
	struct thrum_broadcast *broadcast; /* NULL: of a forked child, or after its end */
	uint64_t next, missed;
} __attribute__((may_alias));

_Static_assert(sizeof(struct thrum__listener) <= sizeof(struct thrum_listener), "it fits");

static struct thrum__listener *listener_of(struct thrum_listener *l)
{
	return (struct thrum__listener *)l;
}

struct thrum_broadcast *thrum_broadcast_create(size_t item_size, size_t capacity)
{
	static const struct thrum__order fifo = {THRUM__FIFO, NULL};
	struct thrum_broadcast *b;

	if (capacity == 0)
		return NULL;
	b = thrum__os_alloc(sizeof(*b));
	if (!b)
		return NULL;
	if (!thrum__store_init(&b->ring, item_size, capacity, &fifo)) {
		thrum__os_free(b);
		return NULL;
	}
	store_relaxed(&b->word, 0);
	b->queue = (struct thrum__waitqueue){{NULL, NULL}};
	b->sent = 0;
	thrum__refs_publish(&b->refs, 1);
	return b;
}

void thrum_broadcast_retain(struct thrum_broadcast *b)
{
	if (b)
		thrum__refs_retain(&b->refs);
}

void thrum_broadcast_release(struct thrum_broadcast *b)
{
	if (!b || thrum__in_forked_child() || !thrum__refs_release(&b->refs))
		return;
	ENSURE(thrum__waitqueue_is_empty(&b->queue),
	       "release a broadcast's last reference when nobody waits at it");
	thrum__store_fini(&b->ring);
	thrum__os_free(b);
}

static char *place_of(const struct thrum_broadcast *b, uint64_t n)
{
	return thrum__store_at(&b->ring, n % b->ring.capacity);
}

int thrum_broadcast_send(struct thrum_broadcast *b, const void *item)
{
	uint32_t v;

	if (thrum__in_forked_child())
		return -ENOTSUP;
	v = thrum__hold(&b->word);
	if (v & CLOSED) {
		thrum__drop(&b->word, v);
		return -EPIPE;
	}
	thrum__item_copy(place_of(b, b->sent++), item, b->ring.item_size);
	thrum__waitqueue_grant_all(&b->queue, &b->word, v);
	return 0;
}

void thrum_broadcast_close(struct thrum_broadcast *b)
{
	if (thrum__in_forked_child())
		return;
	thrum__waitqueue_grant_all(&b->queue, &b->word, thrum__hold(&b->word) | CLOSED);
}

void thrum_broadcast_listen(struct thrum_broadcast *b, struct thrum_listener *listener)
{
	struct thrum__listener *l = listener_of(listener);
	uint32_t v;

	*l = (struct thrum__listener){.broadcast = NULL};
	if (thrum__in_forked_child())
		return;
	thrum_broadcast_retain(b);
	l->broadcast = b;
	v = thrum__hold(&b->word);
	l->next = b->sent;
	thrum__drop(&b->word, v);
}

void thrum_listener_fini(struct thrum_listener *listener)
{
	struct thrum__listener *l = listener_of(listener);

	thrum_broadcast_release(l->broadcast);
	l->broadcast = NULL;
}

uint64_t thrum_listener_missed(const struct thrum_listener *l)
{
	return ((const struct thrum__listener *)l)->missed;
}

/* Holding @v: 0; -EAGAIN; -EOVERFLOW; -EPIPE. */
static int next(struct thrum__listener *l, uint32_t v, void *item)
{
	struct thrum_broadcast *b = l->broadcast;
	uint64_t oldest = b->sent > b->ring.capacity ? b->sent - b->ring.capacity : 0;

	if (l->next == b->sent)
		return v & CLOSED ? -EPIPE : -EAGAIN;
	if (l->next < oldest) {
		l->missed += oldest - l->next;
		l->next = oldest;
		return -EOVERFLOW;
	}
	thrum__item_copy(item, place_of(b, l->next++), b->ring.item_size);
	return 0;
}

int thrum_listener_try_recv(struct thrum_listener *listener, void *item)
{
	struct thrum__listener *l = listener_of(listener);
	uint32_t v;
	int err;

	if (thrum__in_forked_child())
		return -ENOTSUP;
	v = thrum__hold(&l->broadcast->word);
	err = next(l, v, item);
	thrum__drop(&l->broadcast->word, v);
	return err;
}

static int recv_slowly(struct thrum__listener *l, void *item, int64_t deadline_ns)
{
	struct thrum_broadcast *b = l->broadcast;
	struct thrum__stander me;
	struct thrum__turn turn;
	int err = thrum__stand_begin(&me);

	if (err)
		return err;
	for (;; thrum__stand_again(&me)) {
		uint32_t v = thrum__hold(&b->word);

		err = next(l, v, item);
		if (err != -EAGAIN) {
			thrum__drop(&b->word, v);
			break;
		}
		thrum__turn_init(&turn, me.parker, me.seq);
		thrum__waitqueue_push(&b->queue, &turn);
		err = thrum__stand_in(&me, &turn, &b->word, &v, deadline_ns, false);
		if (err) {
			thrum__drop(&b->word, v);
			break;
		}
	}
	return thrum__stand_end(&me, err, deadline_ns);
}

int thrum_listener_recv_until(struct thrum_listener *l, void *item, int64_t deadline_ns)
{
	int err = thrum__stand_check_turn();

	if (!err)
		err = thrum_listener_try_recv(l, item);
	return err == -EAGAIN ? recv_slowly(listener_of(l), item, deadline_ns) : err;
}

int thrum_listener_recv(struct thrum_listener *l, void *item)
{
	return thrum_listener_recv_until(l, item, THRUM_FOREVER);
}
