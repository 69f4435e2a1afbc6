/* SPDX-License-Identifier: MIT */
/*
 * broadcast.c - one item for all: a ring of the last items, numbered since the first, and listeners
 * that know which number is next for them.
 *
 * A send overwrites the oldest item and lets all that wait go on (core/waitqueue.c: grant_all);
 * they look again.  Rejected: a count of listeners for each item (a send would wait for the
 * slowest, or the ring would grow).
 *
 * OWNERS  ring, sent, queue: who holds the word (core/hold.h).  A listener: its user.
 *
 * ORDER   what was done before a send is seen by who gets the item: both have held the word.
 *
 * What can fail: memory at creation; a wait's timer, a thread's parker.
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
