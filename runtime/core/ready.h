/* SPDX-License-Identifier: MIT */
/*
 * ready.h - a worker's queue of woken tasks: first-in first-out for the owner and for thieves.  The
 * argument stands in ready.c.
 */
#ifndef THRUM_CORE_READY_H
#define THRUM_CORE_READY_H

#include "base/assert.h"
#include "core/slots.h"

#include <errno.h>

struct thrum__ready {
	struct atomic64 head; /* next to be taken; all */
	char pad0[CACHE_LINE - sizeof(struct atomic64)];
	struct atomic64 tail;   /* next free; the owner */
	struct atomicptr slots; /* struct thrum__slots; the owner */
	uint64_t head_seen;     /* the owner's last look at head: never beyond it */
	char pad1[CACHE_LINE - 2 * sizeof(struct atomic64) - sizeof(uint64_t)];
};

/* @capacity: a power of two.  0 or -ENOMEM. */
int thrum__ready_init(struct thrum__ready *q, uint64_t capacity);
void thrum__ready_fini(struct thrum__ready *q);

/* The owner, when the ring is full as far as it knows: false: no memory. */
bool thrum__ready_make_room(struct thrum__ready *q);

/* The owner: 0, or -ENOMEM and nothing was added. */
static inline int thrum__ready_push(struct thrum__ready *q, void *item)
{
	uint64_t b = load_relaxed(&q->tail);
	struct thrum__slots *s = load_relaxed(&q->slots);

	if (UNLIKELY(b - q->head_seen > s->mask)) {
		if (!thrum__ready_make_room(q))
			return -ENOMEM;
		s = load_relaxed(&q->slots);
	}
	store_relaxed(&s->at[b & s->mask], item);
	store_release(&q->tail, b + 1); /* T1; O1 */
	return 0;
}

/* Anyone: the oldest; NULL: empty, or (a thief) another was faster. */
static inline void *thrum__ready_take(struct thrum__ready *q)
{
	uint64_t t = load_acquire(&q->head); /* O5 */

	for (;;) {
		struct thrum__slots *s;
		void *item;

		if (t == load_acquire(&q->tail)) /* O2 */
			return NULL;
		s = load_acquire(&q->slots); /* O7 */
		item = load_relaxed(&s->at[t & s->mask]);
		if (cas_acq_rel(&q->head, &t, t + 1)) /* T2; O3, O5 */
			return item;
	}
}

/* The owner: the oldest into @items, @most of them; how many.  Others may have taken any of them
 * since: this is for a look alone. */
static inline unsigned thrum__ready_peek(const struct thrum__ready *q, void *items[], unsigned most)
{
	const struct thrum__slots *s = load_relaxed(&q->slots);
	uint64_t t = load_relaxed(&q->head);
	uint64_t n = load_relaxed(&q->tail) - t;

	if (n > most)
		n = most;
	for (uint64_t i = 0; i < n; i++)
		items[i] = load_relaxed(&s->at[(t + i) & s->mask]);
	return (unsigned)n;
}

/* Anyone: how many there were at the first look and are still there at the second, as
 * thrum__deque_count. */
static inline uint64_t thrum__ready_count(const struct thrum__ready *q)
{
	uint64_t tail = load_relaxed(&q->tail);
	int64_t n = (int64_t)(tail - load_relaxed(&q->head));

	return n > 0 ? (uint64_t)n : 0;
}

#endif
