/* SPDX-License-Identifier: MIT */
/*
 * broadcast.h - one item for all: broadcast channels, in which each listener gets every item, and
 * watches, in which each sees the last value.
 *
 *	struct thrum_listener l;
 *
 *	thrum_broadcast_listen(news, &l);
 *	while ((err = thrum_listener_recv(&l, &item)) == 0 || err == -EOVERFLOW)
 *		if (err == 0)
 *			show(&item);
 *	thrum_listener_fini(&l);
 *
 * A send never waits: a broadcast keeps the last items, and a listener that falls behind is told
 * how many it has missed.
 *
 * All calls may be made from tasks and outside threads.  What calls that wait return, with nothing
 * done, is as in chan.h; -EPIPE: it was closed, and there is nothing that has not been seen.
 */
#ifndef THRUM_BROADCAST_H
#define THRUM_BROADCAST_H

#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Broadcast ---- */

struct thrum_broadcast;

/*
 * thrum_broadcast_create - a broadcast of items of @item_size bytes, which keeps the last @capacity
 * of them (1 or more; limits as in chan.h).
 * thrum_broadcast_retain, thrum_broadcast_release - one reference more, or less.  @b may be NULL.
 *
 * Called from: anywhere.  Suspends: no.
 * Ownership: create returns one reference.
 * Returns: the broadcast; NULL: no memory, no capacity, or too much was asked for.
 */
struct thrum_broadcast *thrum_broadcast_create(size_t item_size, size_t capacity);
void thrum_broadcast_retain(struct thrum_broadcast *b);
void thrum_broadcast_release(struct thrum_broadcast *b);

/*
 * thrum_broadcast_send - @item for all that listen now.  thrum_broadcast_close - no more items;
 * those that wait are woken.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: send: 0; -EPIPE: it was closed.
 */
int thrum_broadcast_send(struct thrum_broadcast *b, const void *item);
void thrum_broadcast_close(struct thrum_broadcast *b);

/* Its fields are the library's. */
struct thrum_listener {
	uint64_t reserved[4];
};

/*
 * thrum_broadcast_listen - @l is to get every item that is sent from now on.
 * thrum_listener_fini - no more.
 *
 * Called from: anywhere; a listener is used by one party at a time.  Suspends: no.
 * Ownership: the listener holds a reference to the broadcast.
 */
void thrum_broadcast_listen(struct thrum_broadcast *b, struct thrum_listener *l);
void thrum_listener_fini(struct thrum_listener *l);

/*
 * thrum_listener_recv - wait for the next item.  thrum_listener_recv_until - no longer than
 * @deadline_ns.
 *
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before it was sent.
 * Returns: 0; -EOVERFLOW: the next ones are not kept any more: thrum_listener_missed tells how
 * many, and the oldest that is kept comes next; or why not, as above.
 * tokio: broadcast::Receiver::recv.
 */
THRUM_MUST_CHECK int thrum_listener_recv(struct thrum_listener *l, void *item);
THRUM_MUST_CHECK int thrum_listener_recv_until(struct thrum_listener *l, void *item,
					       int64_t deadline_ns);

/*
 * thrum_listener_try_recv - the same without waiting.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: 0; -EAGAIN; -EOVERFLOW; -EPIPE.
 */
THRUM_MUST_CHECK int thrum_listener_try_recv(struct thrum_listener *l, void *item);

/*
 * thrum_listener_missed - how many items @l has missed in all.
 *
 * Called from: who uses it.  Suspends: no.
 * Returns: their number.
 */
uint64_t thrum_listener_missed(const struct thrum_listener *l);

/* ---- Watch ---- */

struct thrum_watch;

/*
 * thrum_watch_create - a watch of a value of @size bytes (limit as in chan.h), at first @value.
 * thrum_watch_retain, thrum_watch_release - one reference more, or less.  @w may be NULL.
 *
 * Called from: anywhere.  Suspends: no.
 * Ownership: create returns one reference; @value is copied.
 * Returns: the watch; NULL: no memory, or too much was asked for.
 */
struct thrum_watch *thrum_watch_create(size_t size, const void *value);
void thrum_watch_retain(struct thrum_watch *w);
void thrum_watch_release(struct thrum_watch *w);

/*
 * thrum_watch_set - the value is @value from now on; all that wait are woken.
 * thrum_watch_close - it will not be set any more; all that wait are woken.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: set: 0; -EPIPE: it was closed.
 */
int thrum_watch_set(struct thrum_watch *w, const void *value);
void thrum_watch_close(struct thrum_watch *w);

/*
 * thrum_watch_get - the value.
 *
 * @value: NULL, or where to copy it.
 * Called from: anywhere.  Suspends: no.
 * Sees: all that was done before it was set.
 * Returns: its version: 1 for the first, and one more with each set.
 */
uint64_t thrum_watch_get(struct thrum_watch *w, void *value);

/*
 * thrum_watch_next - wait until the version is not @*version, then get the value and its version.
 * thrum_watch_next_until - no longer than @deadline_ns.
 *
 * @version: 0: any will do.  @value: NULL, or where to copy it.  Values between may not be seen.
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before it was set.
 * Returns: 0; or why not, as above.
 * tokio: watch::Receiver::changed.
 */
THRUM_MUST_CHECK int thrum_watch_next(struct thrum_watch *w, uint64_t *version, void *value);
THRUM_MUST_CHECK int thrum_watch_next_until(struct thrum_watch *w, uint64_t *version, void *value,
					    int64_t deadline_ns);

#ifdef __cplusplus
}
#endif
#endif
