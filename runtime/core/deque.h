/* SPDX-License-Identifier: MIT */
/*
 * deque.h - a worker's queue of spawned tasks: the owner's end is last-in first-out, thieves take
 * the oldest.  The argument stands in deque.c.
 */
#ifndef THRUM_CORE_DEQUE_H
#define THRUM_CORE_DEQUE_H

#include "core/slots.h"

struct thrum__deque {
	struct atomic64 top; /* next to be stolen; thieves and the owner's last pop */
	char pad0[CACHE_LINE - sizeof(struct atomic64)];
	struct atomic64 bottom; /* next free; the owner */
	struct atomicptr slots; /* struct thrum__slots; the owner */
	uint64_t top_seen;      /* the owner's last look at top: never beyond it */
	char pad1[CACHE_LINE - 2 * sizeof(struct atomic64) - sizeof(uint64_t)];
};

/* @capacity: a power of two.  0 or -ENOMEM. */
int thrum__deque_init(struct thrum__deque *d, uint64_t capacity);
void thrum__deque_fini(struct thrum__deque *d);

/* The owner: 0, or -ENOMEM and nothing was added. */
int thrum__deque_push(struct thrum__deque *d, void *item);
/* The owner: the newest; NULL: empty. */
void *thrum__deque_pop(struct thrum__deque *d);
/* The owner: the newest if it is @item, else NULL. */
void *thrum__deque_pop_if(struct thrum__deque *d, void *item);
/* The owner: the oldest; NULL: empty or a thief was faster.  Needs no fence: bottom is the
 * caller's own. */
void *thrum__deque_pop_oldest(struct thrum__deque *d);
/* Anyone: the oldest; NULL: empty or another was faster. */
void *thrum__deque_steal(struct thrum__deque *d);
/* The owner: grows by one with each item that leaves at the old end. */
static inline uint64_t thrum__deque_left(const struct thrum__deque *d)
{
	return load_relaxed(&d->top);
}
/* Anyone: a count that was right at some time during the call, or 0. */
uint64_t thrum__deque_count(const struct thrum__deque *d);

#endif
