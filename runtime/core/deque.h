/* SPDX-License-Identifier: MIT */
/*
 * deque.h - a worker's queue of spawned tasks: the owner's end is last-in first-out, thieves take
 * the oldest.  The argument stands in deque.c.
 */
#ifndef THRUM_CORE_DEQUE_H
#define THRUM_CORE_DEQUE_H

#include "base/assert.h"
#include "core/slots.h"

#include <errno.h>

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
/* The owner, when the ring is full as far as it knows: false: no memory. */
bool thrum__deque_make_room(struct thrum__deque *d);

/* The owner: 0, or -ENOMEM and nothing was added. */
static inline int thrum__deque_push(struct thrum__deque *d, void *item)
{
	uint64_t b = load_relaxed(&d->bottom);
	struct thrum__slots *s = load_relaxed(&d->slots);

	if (UNLIKELY(b - d->top_seen > s->mask)) {
		if (!thrum__deque_make_room(d))
			return -ENOMEM;
		s = load_relaxed(&d->slots);
	}
	store_relaxed(&s->at[b & s->mask], item);
	store_release(&d->bottom, b + 1); /* T1; O1 */
	return 0;
}

/* The owner's claim of the newest, at index @b - 1. */
static inline void *thrum__deque_pop_at(struct thrum__deque *d, uint64_t b)
{
	struct thrum__slots *s = load_relaxed(&d->slots);
	uint64_t newest = b - 1;
	uint64_t t;
	void *item;

	store_release(&d->bottom, newest); /* T2; O1 */
	fence_seq_cst();                   /* O3 */
	t = load_relaxed(&d->top);
	if ((int64_t)(newest - t) < 0) {
		store_release(&d->bottom, b); /* T3: empty; O1 */
		return NULL;
	}
	item = load_relaxed(&s->at[newest & s->mask]);
	if (newest != t)
		return item;
	/* The last one: thieves may be after it. */
	if (!cas_relaxed(&d->top, &t, t + 1)) /* T4 */
		item = NULL;
	store_release(&d->bottom, b); /* T3; O1 */
	return item;
}

/* The owner: the newest; NULL: empty. */
static inline void *thrum__deque_pop(struct thrum__deque *d)
{
	uint64_t b = load_relaxed(&d->bottom);

	/* An idle owner's look writes nothing: thieves keep their copy of the line. */
	if (b == load_relaxed(&d->top))
		return NULL;
	return thrum__deque_pop_at(d, b);
}

/* The owner: the newest if it is @item, else NULL. */
static inline void *thrum__deque_pop_if(struct thrum__deque *d, void *item)
{
	uint64_t b = load_relaxed(&d->bottom);
	struct thrum__slots *s = load_relaxed(&d->slots);

	if (b == load_relaxed(&d->top) || load_relaxed(&s->at[(b - 1) & s->mask]) != item)
		return NULL;
	return thrum__deque_pop_at(d, b);
}

/* The owner: a hint: what a pop would take; anything, if it is empty. */
static inline const void *thrum__deque_newest(const struct thrum__deque *d)
{
	struct thrum__slots *s = load_relaxed(&d->slots);

	return load_relaxed(&s->at[(load_relaxed(&d->bottom) - 1) & s->mask]);
}

/* Anyone: how many there were at the first look and are still there at the second.  In the other
 * order an owner that pushes and takes a single one again and again would seem to have many. */
static inline uint64_t thrum__deque_count(const struct thrum__deque *d)
{
	uint64_t b = load_relaxed(&d->bottom);
	int64_t n = (int64_t)(b - load_relaxed(&d->top));

	return n > 0 ? (uint64_t)n : 0;
}

#endif
