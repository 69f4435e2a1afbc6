/* SPDX-License-Identifier: MIT */
/*
 * inject.h - the bounded queue through which threads that are not workers hand in objects.
 *
 * Any thread may push, any may pop.  First in, first out among the pushes of one thread.
 */
#ifndef THRUM_CORE_INJECT_H
#define THRUM_CORE_INJECT_H

#include <stdbool.h>
#include <stddef.h>

struct thrum__inject_ring;

struct thrum__inject {
	struct thrum__inject_ring *ring;
};

/* @capacity: a power of two from 2 to 2^30.  Returns 0 or -ENOMEM. */
int thrum__inject_init(struct thrum__inject *q, size_t capacity);

/* Nobody uses the queue any more; what is in it stays the caller's. */
void thrum__inject_fini(struct thrum__inject *q);

/*
 * Append @item, the address of an object (not NULL); what was done before happens before the pop
 * that returns it.
 * Returns false, and nothing was queued, when @capacity items wait.  Threads that push at once may
 * exceed it by one each.  Waits for pushes that began earlier to end; see inject.c.
 */
bool thrum__inject_push(struct thrum__inject *q, void *item);

/* The oldest item; NULL: no push that had ended was left.  Lock-free. */
void *thrum__inject_pop(struct thrum__inject *q);

/* Items waiting.  Exact when nobody pushes or pops meanwhile. */
size_t thrum__inject_count(const struct thrum__inject *q);

/*
 * May be false though the queue has just become empty; never true while an item waits whose push
 * ended before the call (for a thread that has announced its sleep: before its sequentially
 * consistent fence).
 */
bool thrum__inject_empty(const struct thrum__inject *q);

#endif
