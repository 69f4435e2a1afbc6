/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The queue in asyncio's sense: a channel (chan.c) whose store has another order, and how
 *         many of its items have been dealt with.  Those that join go on when as many have been as
 *         the channel has accepted.
 *
 * WORD    the channel's (chan.h).
 *
 * MOVES   the channel's (chan.c: T1 to T5), and holding the same word
 *         T6 done + 1; if all have been dealt with, all that join go on    task_done
 *         T7 a turn comes to the joiners: not all have been dealt with     join
 *         T8 a turn leaves them                                            join, cut short
 *         T9 what is stored goes, and counts as dealt with; then as at T6  shutdown, now: after T5
 *
 * OWNERS  done, joiners, and the channel's accepted and store: who holds the word.  What T9 has
 *         taken out of the store: its caller.
 *
 * CALLERS any number of all, each with a reference; task_done: once for each item that was got.
 *
 * ORDER   what was done before each task_done is seen by who joins: all have held the word
 *            (core/hold.h: O1, O2), or it was granted its turn (core/waitqueue.c: O1).
 *
 * INVARIANT I1 done + stored <= accepted: the difference was got and is to be dealt with.  I2 while
 *         nobody holds the word and all have been dealt with the joiners are none.
 *
 * PROOF   I1: an item is accepted when it is stored, or when it is got; T9 counts what it takes
 *         out.  I2: accepted only grows, so done comes to it at T6 and T9 alone, which take all
 *         joiners along in the same hold; T7 comes only where the two differ.  Joiners are no part
 *         of the word, which is given back between two lots of them as it was found.
 *         After T5 nothing is put, and who gets has an item or -EPIPE: so what T9 takes out is its
 *         caller's, and drop is called when the word has been given back.  Blocking on the holder,
 *         as in chan.c.
 *
 * RECLAIM with the last reference (core/refs.h); nobody waits or joins then.
 *
 * What can fail: what can in chan.c.
 *
 * TEST    tests/model/scen_queue_join.c; tests/unit/test_queue.c, test_queue_end.c
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
