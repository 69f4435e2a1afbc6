/* SPDX-License-Identifier: MIT */
/*
 * chan.h - channels: items go from any number of senders to any number of receivers, each to one of
 * them.  One item for all is in broadcast.h, waiting for several channels in select.h.
 *
 *	struct thrum_chan *jobs = thrum_chan_create(sizeof(struct job), 64);
 *
 *	err = thrum_chan_send(jobs, &job);              waits while 64 are in it
 *	thrum_chan_close(jobs);
 *
 *	while (thrum_chan_recv(jobs, &job) == 0)        until it is closed and empty
 *		work(&job);
 *
 * Items are copied in and out, in the order in which they were sent; to pass on what is large, send
 * pointers.  With a capacity of 0 nothing is in it: each send meets a receive.
 *
 * Nothing is lost: a send that fails has delivered nothing, a receive that fails has taken nothing,
 * and of two that might end a wait, an item and a cancel or deadline, one step decides.
 *
 * All calls may be made from tasks and outside threads; a channel may outlive runtimes.  What calls
 * that wait return, with nothing done:
 *	-ECANCELED   the calling task was cancelled (looked at on entry, too)
 *	-ETIMEDOUT   a deadline around the call passed, or the @deadline_ns of an _until call: a
 *	             point on thrum_now's clock; THRUM_FOREVER: none
 *	-EPIPE       a send: it was closed; a receive: it was closed, and has no items any more
 *	-ENOMEM      no timer for a deadline, or no memory for an outside thread's wait
 *	-EDEADLK     in a callback or another place where nobody may wait
 *	-ENOTSUP     in a forked child
 */
#ifndef THRUM_CHAN_H
#define THRUM_CHAN_H

#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

struct thrum_chan;

/* The largest item, in bytes, and the most that a channel holds. */
#define THRUM_CHAN_ITEM_MAX 65536
#define THRUM_CHAN_CAPACITY_MAX 0x7fffffff

/*
 * thrum_chan_create - a channel for items of @item_size bytes (0 ... THRUM_CHAN_ITEM_MAX), which
 * holds @capacity of them (0 ... THRUM_CHAN_CAPACITY_MAX).  thrum_chan_create_drop - the same;
 * @drop is called with each item that is left when the channel goes.
 *
 * The memory for all its items is taken now.
 * Called from: anywhere.  Suspends: no.
 * Ownership: returns one reference.
 * Returns: the channel; NULL: no memory, or too much was asked for.
 */
struct thrum_chan *thrum_chan_create(size_t item_size, size_t capacity);
struct thrum_chan *thrum_chan_create_drop(size_t item_size, size_t capacity,
					  void (*drop)(void *item));

/*
 * thrum_chan_retain, thrum_chan_release - one reference more, or less.  @c may be NULL.
 *
 * With the last one the channel goes; nobody may wait at it then.
 * Called from: anywhere.  Suspends: no.
 */
void thrum_chan_retain(struct thrum_chan *c);
void thrum_chan_release(struct thrum_chan *c);

/*
 * thrum_chan_send - wait for room and put @item in.  thrum_chan_send_until - no longer than
 * @deadline_ns.
 *
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Ownership: copied from; @item stays the caller's.
 * Returns: 0, or why not, as above.
 */
THRUM_MUST_CHECK int thrum_chan_send(struct thrum_chan *c, const void *item);
THRUM_MUST_CHECK int thrum_chan_send_until(struct thrum_chan *c, const void *item,
					   int64_t deadline_ns);

/*
 * thrum_chan_try_send - put @item in if there is room; with a capacity of 0: if somebody waits for
 * it.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: 0; -EAGAIN; -EPIPE.
 */
THRUM_MUST_CHECK int thrum_chan_try_send(struct thrum_chan *c, const void *item);

/*
 * thrum_chan_recv - wait for an item and take it.  thrum_chan_recv_until - no longer than
 * @deadline_ns.
 *
 * @item: where to put it; after a failure what is there is as before.
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before it was sent.
 * Returns: 0, or why not, as above.
 */
THRUM_MUST_CHECK int thrum_chan_recv(struct thrum_chan *c, void *item);
THRUM_MUST_CHECK int thrum_chan_recv_until(struct thrum_chan *c, void *item, int64_t deadline_ns);

/*
 * thrum_chan_recv_many - wait for an item and take it, and what else is there, up to @max in all.
 *
 * @items: room for @max items, one behind the other.  @deadline_ns: as above.
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Sees: all that was done before they were sent.
 * Returns: how many, 1 or more; or why not, as above; -EINVAL: @max is 0.
 * tokio: mpsc::Receiver::recv_many.
 */
THRUM_MUST_CHECK ssize_t thrum_chan_recv_many(struct thrum_chan *c, void *items, size_t max,
					      int64_t deadline_ns);

/*
 * thrum_chan_try_recv - take an item if there is one; with a capacity of 0: if somebody waits to
 * send it.
 * thrum_chan_try_recv_many - the same for up to @max.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: 0, many: how many; -EAGAIN; -EPIPE; many: -EINVAL: @max is 0.
 */
THRUM_MUST_CHECK int thrum_chan_try_recv(struct thrum_chan *c, void *item);
THRUM_MUST_CHECK ssize_t thrum_chan_try_recv_many(struct thrum_chan *c, void *items, size_t max);

/*
 * thrum_chan_reserve - wait for room and keep it: a commit to come puts an item there without a
 * wait.  thrum_chan_reserve_until - no longer than @deadline_ns.
 *
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: yes.
 * Returns: 0, then one of commit and abandon is due, from anywhere; or why not, as above; -EINVAL:
 * its capacity is 0.
 * tokio: mpsc::Sender::reserve.
 */
THRUM_MUST_CHECK int thrum_chan_reserve(struct thrum_chan *c);
THRUM_MUST_CHECK int thrum_chan_reserve_until(struct thrum_chan *c, int64_t deadline_ns);

/*
 * thrum_chan_try_reserve - the same if there is room.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: 0; -EAGAIN; -EPIPE; -EINVAL.
 */
THRUM_MUST_CHECK int thrum_chan_try_reserve(struct thrum_chan *c);

/*
 * thrum_chan_commit - put @item where room was reserved; also when it has been closed since.
 * thrum_chan_abandon - give the room back.
 *
 * For each reserve one of both (asserted).
 * Called from: anywhere.  Suspends: no.
 */
void thrum_chan_commit(struct thrum_chan *c, const void *item);
void thrum_chan_abandon(struct thrum_chan *c);

/*
 * thrum_chan_close - no more items: those that wait to send get -EPIPE and keep theirs; those that
 * are in it can be received, and those that room was reserved for.  A second one does nothing.
 * thrum_chan_is_closed - has it been closed?
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: is_closed: true if so, items or not.
 */
void thrum_chan_close(struct thrum_chan *c);
bool thrum_chan_is_closed(const struct thrum_chan *c);

/*
 * thrum_chan_count - how many items were in it a moment ago.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: their number; those of waiting senders are not in it.
 */
size_t thrum_chan_count(const struct thrum_chan *c);

#ifdef __cplusplus
}
#endif
#endif
