/* SPDX-License-Identifier: MIT */
/*
 * waiter.h - what waits for a future or an edge: a node that one party hangs there and another
 * fires.
 *
 * The node lives with the one who waits (in a fiber's frame, a callback's or a shield's block).
 * It is fired exactly once for each time that it was registered, or withdrawn; after fire the
 * future or edge touches it no more.  What fire does is the node's business: wake a parker, queue a
 * callback, complete a shield.
 *
 * Who waits in the queue of a lock or a channel has a turn there instead (waitqueue.h), which is
 * claimed: what it waits for is handed to it in the step that ends its wait, or stays for the next
 * one, while a completion comes in any case and can't be taken back.  Both kinds stand over the
 * same parker, whose word decides what ends the wait; a select has some of each.
 */
#ifndef THRUM_CORE_WAITER_H
#define THRUM_CORE_WAITER_H

#include "base/atomic.h"

struct thrum__parker;

struct thrum__waiter {
	struct thrum__waiter *next; /* older node; the list's holder writes it (waitlist.c) */
	/* younger node, if a withdrawal has made the link (waitlist.c: I2) */
	struct thrum__waiter *prev;
	void (*fire)(struct thrum__waiter *n);
	struct atomic32 gone; /* 1: the firing party is done with the node; fire releases it */
};

/* A waiter that wakes a parker (parker.c). */
struct thrum__wait_node {
	struct thrum__waiter waiter;
	struct thrum__parker *parker;
	uint64_t seq; /* which of the parker's waits this node belongs to */
};

/* By fire, once it has read all it needs of @n: the node's memory may go.  Pairs with the acquire
 * of thrum__waitlist_await_gone: what fire did is over by then. */
static inline void thrum__waiter_let_go(struct thrum__waiter *n)
{
	store_release(&n->gone, 1);
}

/* Has fire let go of @n?  Then no withdrawal need look for it: its future may be far away. */
static inline bool thrum__waiter_has_gone(const struct thrum__waiter *n)
{
	return load_acquire(&n->gone);
}

void thrum__wait_node_init(struct thrum__wait_node *n, struct thrum__parker *p, uint64_t seq);

#endif
