/* SPDX-License-Identifier: MIT */
/*
 * queue.h - queues in asyncio's sense: a channel that gives its items in an order of its own, and
 * knows which of them have been dealt with.
 *
 *	q = thrum_queue_create(THRUM_QUEUE_FIFO, sizeof(struct page), 100, NULL);
 *
 *	err = thrum_queue_put(q, &page);
 *
 *	while (thrum_queue_get(q, &page) == 0) {        a worker
 *		work(&page);
 *		thrum_queue_task_done(q);
 *	}
 *
 *	err = thrum_queue_join(q);                      until all that was put has been dealt with
 *	thrum_queue_shutdown(q, false);
 *
 * Where its calls may be made, what those that wait return, and what is not lost, is as in chan.h;
 * -EPIPE: it was shut down.
 */
#ifndef THRUM_QUEUE_H
#define THRUM_QUEUE_H

#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

struct thrum_queue;

#define THRUM_QUEUE_FIFO 0     /* the oldest first */
#define THRUM_QUEUE_LIFO 1     /* the newest first */
#define THRUM_QUEUE_PRIORITY 2 /* the least first, of equal ones any */

/*
 * thrum_queue_create - a queue for @capacity items (1 or more) of @item_size bytes (limits as in
 * chan.h).
 *
 * @order: one of those above.  @compare: as for qsort, for THRUM_QUEUE_PRIORITY, else NULL; it is
 * called under the queue's lock: it must be short, not wait and not use the queue.
 * thrum_queue_create_drop - the same; @drop is called with each item that goes with the queue, or
 * with a shutdown.
 *
 * Called from: anywhere.  Suspends: no.
 * Ownership: returns one reference.
 * Returns: the queue; NULL: no memory, or a bad argument.
 * asyncio: Queue, LifoQueue, PriorityQueue; but it has a limit always.
 */
struct thrum_queue *thrum_queue_create(int order, size_t item_size, size_t capacity,
				       int (*compare)(const void *, const void *));
struct thrum_queue *thrum_queue_create_drop(int order, size_t item_size, size_t capacity,
					    int (*compare)(const void *, const void *),
					    void (*drop)(void *item));

/*
 * thrum_queue_retain, thrum_queue_release - one reference more, or less.  @q may be NULL.
 *
 * With the last one the queue goes, and what is in it; nobody may wait at it then.
 * Called from: anywhere.  Suspends: no.
 */
void thrum_queue_retain(struct thrum_queue *q);
void thrum_queue_release(struct thrum_queue *q);

/*
 * thrum_queue_put - wait for room and put @item in.  thrum_queue_put_until - no longer than
 * @deadline_ns.
 *
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Ownership: copied from.
 * Returns: 0, or why not, as above.
 */
THRUM_MUST_CHECK int thrum_queue_put(struct thrum_queue *q, const void *item);
THRUM_MUST_CHECK int thrum_queue_put_until(struct thrum_queue *q, const void *item,
					   int64_t deadline_ns);

/*
 * thrum_queue_get - wait for an item and take it: the first in the queue's order.
 * thrum_queue_get_until - no longer than @deadline_ns.
 *
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before it was put.
 * Returns: 0, then one thrum_queue_task_done is due; or why not, as above.
 */
THRUM_MUST_CHECK int thrum_queue_get(struct thrum_queue *q, void *item);
THRUM_MUST_CHECK int thrum_queue_get_until(struct thrum_queue *q, void *item, int64_t deadline_ns);

/*
 * thrum_queue_try_put, thrum_queue_try_get - the same without waiting.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: 0; -EAGAIN: full; empty; -EPIPE.
 * asyncio: put_nowait, get_nowait.
 */
THRUM_MUST_CHECK int thrum_queue_try_put(struct thrum_queue *q, const void *item);
THRUM_MUST_CHECK int thrum_queue_try_get(struct thrum_queue *q, void *item);

/*
 * thrum_queue_task_done - an item that was got has been dealt with.
 *
 * More often than items were put: asserted.
 * Called from: anywhere.  Suspends: no.
 */
void thrum_queue_task_done(struct thrum_queue *q);

/*
 * thrum_queue_join - wait until every item that was put has been dealt with.
 * thrum_queue_join_until - no longer than @deadline_ns.
 *
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before each task_done.
 * Returns: 0, or why not, as above (never -EPIPE).
 */
THRUM_MUST_CHECK int thrum_queue_join(struct thrum_queue *q);
THRUM_MUST_CHECK int thrum_queue_join_until(struct thrum_queue *q, int64_t deadline_ns);

/*
 * thrum_queue_shutdown - nothing more is put: put returns -EPIPE, get does so when it is empty.
 *
 * @now: what is in it goes at once, and counts as dealt with.
 * Called from: anywhere.  Suspends: no.
 * asyncio: Queue.shutdown (3.13).
 */
void thrum_queue_shutdown(struct thrum_queue *q, bool now);

/*
 * thrum_queue_count - how many items were in it a moment ago.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: their number.
 */
size_t thrum_queue_count(const struct thrum_queue *q);

#ifdef __cplusplus
}
#endif
#endif
