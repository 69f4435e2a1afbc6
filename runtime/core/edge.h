/* SPDX-License-Identifier: MIT */
/*
 * edge.h - something that happens again and again, and that many may wait for: an event count with
 * a list of waiters.  The argument stands in edge.c.
 *
 *	tick = thrum__edge_tick(e);
 *	... look whether what is wanted is there: no ...
 *	if (thrum__edge_register(e, node, tick))
 *		... wait for the node; it is fired by the first raise after the tick was read ...
 *	else
 *		... raised meanwhile: look again ...
 */
#ifndef THRUM_CORE_EDGE_H
#define THRUM_CORE_EDGE_H

#include "base/atomic.h"
#include "core/waiter.h"

struct thrum__edge {
	struct atomic64 word; /* newest waiter and LOCKED */
	struct atomic64 tick; /* how often it was raised */
};

/* All zero is a fresh edge too. */
void thrum__edge_init(struct thrum__edge *e);
/* Anyone: to be read before the look. */
uint64_t thrum__edge_tick(const struct thrum__edge *e);
/* Anyone: fires every node that is registered; what happened before is seen by those it fires and
 * by those who read the new tick. */
void thrum__edge_raise(struct thrum__edge *e);
/* True: @n will be fired once or withdrawn; false: raised since @tick was read, @n is the
 * caller's. */
bool thrum__edge_register(struct thrum__edge *e, struct thrum__waiter *n, uint64_t tick);
/* @n was registered, and not withdrawn before.  True: it is off, was not and will not be fired;
 * false: it was fired and n->gone has been seen.  Either way its memory is the caller's again. */
bool thrum__edge_withdraw(struct thrum__edge *e, struct thrum__waiter *n);
/* A hint: has anybody registered? */
static inline bool thrum__edge_is_awaited(const struct thrum__edge *e)
{
	return load_relaxed(&e->word) != 0;
}

#endif
