/* SPDX-License-Identifier: MIT */
/*
 * ready.h - a worker's queue of woken tasks: first-in first-out for the owner and for thieves.  The
 * argument stands in ready.c.
 */
#ifndef THRUM_CORE_READY_H
#define THRUM_CORE_READY_H

#include "core/slots.h"

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

/* The owner: 0, or -ENOMEM and nothing was added. */
int thrum__ready_push(struct thrum__ready *q, void *item);
/* Anyone: the oldest; NULL: empty, or (a thief) another was faster. */
void *thrum__ready_take(struct thrum__ready *q);
/* Anyone: a count that was right at some time during the call, or 0. */
uint64_t thrum__ready_count(const struct thrum__ready *q);

#endif
