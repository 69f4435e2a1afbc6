/* SPDX-License-Identifier: MIT */
/*
 * queue.c - queues in asyncio's sense: a channel (chan.c) whose store has another order, and how
 * many of its items have been dealt with.
 *
 * OWNERS  done, joiners: who holds the channel's word (core/hold.h).  Those that join go on when as
 * many have been dealt with as the channel has accepted.
 *
 * What can fail: what can in chan.c.
 */
#include "sync/chan.h"

#include "base/assert.h"
#include "base/os.h"
#include "sched/fork_check.h"

#include <errno.h>
#include <thrum/chan.h>
#include <thrum/queue.h>
#include <thrum/time.h>

struct thrum_queue {
	struct thrum_chan chan;
	struct thrum__order order;
	uint64_t done;
	struct thrum__waitqueue joiners;
};

/* Holding: drops the word; if all have been dealt with, those that join go on. */
static void settle(struct thrum_queue *q)
{
	if (q->done == q->chan.accepted)
		thrum__waitqueue_grant_all(&q->joiners, &q->chan.word, thrum__chan_flags(&q->chan));
	else
		thrum__chan_drop(&q->chan);
}

struct thrum_queue *thrum_queue_create_drop(int order, size_t item_size, size_t capacity,
					    int (*compare)(const void *, const void *),
					    void (*drop)(void *item))
{
	static const enum thrum__order_kind kinds[] = {THRUM__FIFO, THRUM__LIFO, THRUM__LEAST};
	struct thrum_queue *q;

	if (order < THRUM_QUEUE_FIFO || order > THRUM_QUEUE_PRIORITY || capacity == 0)
		return NULL;
	if ((kinds[order] == THRUM__LEAST) != (compare != NULL))
		return NULL;
	q = thrum__os_alloc_aligned(CACHE_LINE, sizeof(*q));
	if (!q)
		return NULL;
	q->order = (struct thrum__order){kinds[order], compare};
	if (!thrum__chan_init(&q->chan, item_size, capacity, &q->order)) {
		thrum__os_free(q);
		return NULL;
	}
	q->chan.drop = drop;
	q->done = 0;
	q->joiners = (struct thrum__waitqueue){{NULL, NULL}};
	return q;
}

struct thrum_queue *thrum_queue_create(int order, size_t item_size, size_t capacity,
				       int (*compare)(const void *, const void *))
{
	return thrum_queue_create_drop(order, item_size, capacity, compare, NULL);
}

void thrum_queue_retain(struct thrum_queue *q)
{
	thrum_chan_retain(q ? &q->chan : NULL);
}

void thrum_queue_release(struct thrum_queue *q)
{
	if (!q || thrum__in_forked_child() || !thrum__refs_release(&q->chan.refs))
		return;
	ENSURE(thrum__waitqueue_is_empty(&q->joiners),
	       "release a queue's last reference when nobody waits at it");
	thrum__chan_fini(&q->chan);
	thrum__os_free(q);
}

int thrum_queue_put_until(struct thrum_queue *q, const void *item, int64_t deadline_ns)
{
	return thrum__chan_send(&q->chan, item, deadline_ns);
}

int thrum_queue_put(struct thrum_queue *q, const void *item)
{
	return thrum_queue_put_until(q, item, THRUM_FOREVER);
}

int thrum_queue_get_until(struct thrum_queue *q, void *item, int64_t deadline_ns)
{
	return thrum__chan_recv(&q->chan, item, deadline_ns);
}

int thrum_queue_get(struct thrum_queue *q, void *item)
{
	return thrum_queue_get_until(q, item, THRUM_FOREVER);
}

int thrum_queue_try_put(struct thrum_queue *q, const void *item)
{
	return thrum_chan_try_send(&q->chan, item);
}

int thrum_queue_try_get(struct thrum_queue *q, void *item)
{
	return thrum_chan_try_recv(&q->chan, item);
}

size_t thrum_queue_count(const struct thrum_queue *q)
{
	return thrum_chan_count(&q->chan);
}

void thrum_queue_task_done(struct thrum_queue *q)
{
	if (thrum__in_forked_child())
		return;
	thrum__chan_hold(&q->chan);
	ENSURE(q->done + q->chan.store.count < q->chan.accepted,
	       "task_done is called once for each item that was got");
	q->done++;
	settle(q);
}

/* Holding: drops the word.  Is nothing left to be dealt with? */
static bool is_settled(struct thrum_queue *q)
{
	bool settled = q->done == q->chan.accepted;

	thrum__chan_drop(&q->chan);
	return settled;
}

int thrum_queue_join_until(struct thrum_queue *q, int64_t deadline_ns)
{
	struct thrum__stander me;
	struct thrum__turn turn;
	uint32_t v;
	int err = thrum__stand_check();

	if (err)
		return err;
	thrum__chan_hold(&q->chan);
	if (is_settled(q))
		return 0;
	err = thrum__stand_begin(&me);
	if (err)
		return err;
	thrum__turn_init(&turn, me.parker, me.seq);
	thrum__chan_hold(&q->chan);
	if (q->done == q->chan.accepted) {
		thrum__chan_drop(&q->chan);
	} else {
		thrum__waitqueue_push(&q->joiners, &turn);
		v = thrum__chan_flags(&q->chan);
		err = thrum__stand_in(&me, &turn, &q->chan.word, &v, deadline_ns, false);
		if (err)
			thrum__chan_drop(&q->chan);
	}
	return thrum__stand_end(&me, err, deadline_ns);
}

int thrum_queue_join(struct thrum_queue *q)
{
	return thrum_queue_join_until(q, THRUM_FOREVER);
}

void thrum_queue_shutdown(struct thrum_queue *q, bool now)
{
	struct thrum__store *store = &q->chan.store, left;

	thrum_chan_close(&q->chan);
	if (!now || thrum__in_forked_child())
		return;
	thrum__chan_hold(&q->chan);
	left = *store;
	if (q->chan.drop)
		store->items = NULL; /* nothing is put any more */
	store->count = 0;
	q->done += left.count;
	settle(q);
	if (q->chan.drop) {
		thrum__store_drop_all(&left, q->chan.drop);
		thrum__store_fini(&left);
	}
}
