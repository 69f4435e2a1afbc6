/* SPDX-License-Identifier: MIT */
/*
 * slots.h - the growable ring of atomic slots under deque.c and ready.c.
 *
 * Only the queue's owner grows it.  An old ring is kept until the queue is gone, because a thief
 * may still be reading it; the rings' sizes double, so all old ones together are no larger than the
 * current one.
 */
#ifndef THRUM_CORE_SLOTS_H
#define THRUM_CORE_SLOTS_H

#include "base/atomic.h"

#include <stddef.h>

struct thrum__slots {
	struct thrum__slots *older;
	uint64_t mask;
	struct atomicptr at[];
};

/* A ring of @capacity (a power of two) slots; NULL: no memory. */
struct thrum__slots *thrum__slots_create(uint64_t capacity);
/* A ring of twice the size with the items @from ... @to - 1 of @old, which it keeps; NULL: no
 * memory. */
struct thrum__slots *thrum__slots_double(struct thrum__slots *old, uint64_t from, uint64_t to);
/* Frees @s and all older ones. */
void thrum__slots_destroy(struct thrum__slots *s);

#endif
