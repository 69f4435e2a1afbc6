/* SPDX-License-Identifier: MIT */
/*
 * drain.c - futures in the order in which they complete.
 *
 * Each future that a drain holds has a node, which hangs on the future's list of waiters.  Fired,
 * it goes into an inbox of the drain and raises an edge, which the owner waits for when it has
 * nothing to take.  So a completion costs a push and a count, whoever completes never waits, and
 * the owner, which empties the inbox at once, pays O(1) for each.
 *
 * STATES of a node  SPARE (or not allocated) -> PENDING: on the future's list and on that of the
 * drain -> FIRED: in the inbox, the drain's owner does not know yet -> DONE: in the list of what is
 * to be taken -> SPARE.  One whose future is done when it is hung is DONE at once.
 *
 * OWNERS  All but fired, edge and a hung node's waiter and link: the task that began the drain.
 * waiter: its future's (core/waitlist.c) until gone.  link: who fires it, until it is pushed.  A
 * firing party touches the drain until it has let the node go: so the owner waits for that before
 * it takes a node for done, some instructions at most, and a drain without pending nodes is its
 * owner's alone.
 *
 * What can fail: memory for a ninth node; a wait's timer.
 *
 * ORDER   what happened before a future completed is seen by who takes it: through the inbox
 * (core/inbox.c: O1, O2), or the look of register (core/waitlist.c: O3).  The owner reads the
 * edge's tick before it looks into the inbox (core/edge.h).  tests/model/scen_drain.c explores it.
 */
#include "flow/drain.h"

#include "base/os.h"
#include "core/waitlist.h"
#include "sched/await.h"
#include "sched/fork_check.h"
#include "sched/worker.h"

#include <errno.h>

_Static_assert(sizeof(struct thrum__drain) <= sizeof(struct thrum_drain), "it fits");

static struct thrum__drain_node *node_of(struct thrum__link *link)
{
	return container_of(link, struct thrum__drain_node, link);
}

/* ---- Nodes ---- */

void thrum__drain_put(struct thrum__drain *d, struct thrum__drain_node *node)
{
	if (node < d->few || node >= d->few + THRUM__DRAIN_FEW) {
		thrum__os_free(node);
		return;
	}
	node->link.next = d->spare;
	d->spare = &node->link;
}

struct thrum__drain_node *thrum__drain_get(struct thrum__drain *d)
{
	struct thrum__link *link = d->spare;

	if (!link)
		return thrum__os_alloc(sizeof(struct thrum__drain_node));
	d->spare = link->next;
	return node_of(link);
}

static void node_to_pending(struct thrum__drain *d, struct thrum__drain_node *node)
{
	node->next = NULL;
	node->prev = d->last;
	*(d->last ? &d->last->next : &d->first) = node;
	d->last = node;
}

static void node_from_pending(struct thrum__drain *d, struct thrum__drain_node *node)
{
	*(node->prev ? &node->prev->next : &d->first) = node->next;
	*(node->next ? &node->next->prev : &d->last) = node->prev;
}

static void node_to_done(struct thrum__drain *d, struct thrum__drain_node *node)
{
	node->link.next = NULL;
	*(d->done_newest ? &d->done_newest->next : &d->done_oldest) = &node->link;
	d->done_newest = &node->link;
}

static void node_fire(struct thrum__waiter *n)
{
	struct thrum__drain_node *node = container_of(n, struct thrum__drain_node, waiter);
	struct thrum__drain *d = plain_read(&node->drain);

	thrum__inbox_push(&d->fired, &node->link);
	thrum__edge_raise(&d->edge);
	thrum__waiter_let_go(n); /* the drain, too, is let go */
}

/* What has been fired is done. */
static void collect(struct thrum__drain *d)
{
	struct thrum__link *link = thrum__inbox_take_all(&d->fired);

	while (link) {
		struct thrum__drain_node *node = node_of(link);

		link = plain_read(&link->next);
		thrum__waitlist_await_gone(&node->waiter);
		node_from_pending(d, node);
		node_to_done(d, node);
	}
}

/* ---- Inside ---- */

void thrum__drain_init(struct thrum__drain *d, struct thrum__task *owner)
{
	d->owner = owner;
	d->err = 0;
	d->count = 0;
	thrum__inbox_init(&d->fired);
	thrum__edge_init(&d->edge);
	d->first = d->last = NULL;
	d->done_oldest = d->done_newest = NULL;
	d->spare = NULL;
	for (size_t i = 0; i < THRUM__DRAIN_FEW; i++)
		thrum__drain_put(d, &d->few[i]);
}

void thrum__drain_hang(struct thrum__drain *d, struct thrum__drain_node *node,
		       struct thrum_future *f, size_t tag)
{
	plain_write(&node->waiter.fire, node_fire);
	store_relaxed(&node->waiter.gone, 0);
	plain_write(&node->drain, d);
	node->future = f;
	node->tag = tag;
	d->count++;
	node_to_pending(d, node);
	if (f && thrum__future_register(f, &node->waiter))
		return;
	collect(d); /* they were done before */
	node_from_pending(d, node);
	node_to_done(d, node);
}

int thrum__drain_add(struct thrum__drain *d, struct thrum_future *f, size_t tag)
{
	struct thrum__drain_node *node = thrum__drain_get(d);

	if (!node)
		return -ENOMEM;
	thrum_retain(f);
	thrum__drain_hang(d, node, f, tag);
	return 0;
}

/* The first of those that are pending will end the owner's wait for the edge. */
static inline void tell_wants(struct thrum__drain *d)
{
#ifdef THRUM_DEBUG
	unsigned n = 0;

	thrum__wants_begin(d->owner, &d->edge);
	for (struct thrum__drain_node *node = d->first; node && n <= THRUM__WANTS_MAX; n++) {
		thrum__wants_add(d->owner, node->future);
		node = node->next;
	}
#else
	(void)d;
#endif
}

int thrum__drain_wait(struct thrum__drain *d, int64_t deadline_ns)
{
	for (;;) {
		uint64_t tick = thrum__edge_tick(&d->edge);
		int err;

		collect(d);
		if (d->done_oldest)
			return 0;
		if (!d->count)
			return -ENODATA;
		tell_wants(d);
		err = thrum__wait_edge(&d->edge, tick, deadline_ns, false);
		thrum__wants_end(d->owner);
		if (err)
			return err;
	}
}

bool thrum__drain_take(struct thrum__drain *d, struct thrum_future **f, size_t *tag)
{
	struct thrum__drain_node *node;

	if (!d->done_oldest)
		return false;
	node = node_of(d->done_oldest);
	d->done_oldest = node->link.next;
	if (!d->done_oldest)
		d->done_newest = NULL;
	d->count--;
	*f = node->future;
	*tag = node->tag;
	thrum__drain_put(d, node);
	return true;
}

void thrum__drain_stop(struct thrum__drain *d)
{
	for (struct thrum__drain_node *node = d->first; node; node = node->next)
		thrum_cancel(node->future);
	for (;;) {
		uint64_t tick = thrum__edge_tick(&d->edge);
		int err;

		collect(d);
		if (!d->first)
			return;
		tell_wants(d);
		err = thrum__wait_edge(&d->edge, tick, THRUM_FOREVER, true);
		thrum__wants_end(d->owner);
		ENSURE(err == 0, "a deaf wait without deadline cannot be cut short");
	}
}

/* Nothing is pending any more. */
static void withdraw_all(struct thrum__drain *d)
{
	while (d->first) {
		struct thrum__drain_node *node = d->first;

		/* False: it was fired; who did has let go, and the inbox is looked at no more. */
		thrum__future_withdraw(node->future, &node->waiter);
		node_from_pending(d, node);
		node_to_done(d, node);
	}
}

void thrum__drain_fini(struct thrum__drain *d)
{
	struct thrum_future *f;
	size_t tag;

	withdraw_all(d);
	while (thrum__drain_take(d, &f, &tag))
		thrum_release(f);
	d->err = -EINVAL;
}

/* ---- Calls ---- */

static struct thrum__drain *drain_of(struct thrum_drain *d)
{
	return (struct thrum__drain *)d;
}

int thrum_drain_begin(struct thrum_drain *drain)
{
	struct thrum__drain *d = drain_of(drain);
	struct thrum__worker *w = thrum__current_worker();

	thrum__drain_init(d, w ? w->current : NULL);
	if (!w)
		d->err = thrum__no_task();
	return d->err;
}

/* 0, or why nothing can be done with @d. */
static int check_use(const struct thrum__drain *d)
{
	if (d->err)
		return d->err;
	if (thrum__in_forked_child())
		return -ENOTSUP;
	ENSURE(d->owner == thrum__current_task(), "a drain is used by the task that began it");
	return 0;
}

int thrum_drain_add(struct thrum_drain *drain, struct thrum_future *f, size_t tag)
{
	struct thrum__drain *d = drain_of(drain);
	int err = check_use(d);

	return err ? err : thrum__drain_add(d, f, tag);
}

static void hand_out(struct thrum__drain *d, struct thrum_future **f_out, size_t *tag_out)
{
	struct thrum_future *f = NULL;
	size_t tag = 0;

	thrum__drain_take(d, &f, &tag);
	if (f_out)
		*f_out = f;
	else
		thrum_release(f);
	if (tag_out)
		*tag_out = tag;
}

int thrum_drain_next_until(struct thrum_drain *drain, struct thrum_future **f_out, size_t *tag_out,
			   int64_t deadline_ns)
{
	struct thrum__drain *d = drain_of(drain);
	int err = check_use(d);

	if (!err) {
		thrum__wants_call("thrum_drain_next");
		err = thrum__drain_wait(d, deadline_ns);
	}
	if (!err)
		hand_out(d, f_out, tag_out);
	return err;
}

int thrum_drain_next(struct thrum_drain *drain, struct thrum_future **f_out, size_t *tag_out)
{
	return thrum_drain_next_until(drain, f_out, tag_out, THRUM_FOREVER);
}

int thrum_drain_try(struct thrum_drain *drain, struct thrum_future **f_out, size_t *tag_out)
{
	struct thrum__drain *d = drain_of(drain);
	int err = check_use(d);

	if (err)
		return err;
	collect(d);
	if (!d->done_oldest)
		return d->count ? -EAGAIN : -ENODATA;
	hand_out(d, f_out, tag_out);
	return 0;
}

size_t thrum_drain_count(const struct thrum_drain *drain)
{
	return ((const struct thrum__drain *)drain)->count;
}

void thrum_drain_end(struct thrum_drain *drain)
{
	struct thrum__drain *d = drain_of(drain);

	if (!check_use(d))
		thrum__drain_fini(d);
}
