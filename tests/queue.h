/* SPDX-License-Identifier: MIT */
/*
 * queue.h - core/deque.c or core/ready.c by the same names, for tests of what both do: push at the
 * new end, take at the old one, grow.
 *
 * The includer defines QUEUE_IS_DEQUE or QUEUE_IS_READY first.  queue_oldest and queue_newest are
 * the members that index the ends, queue_seen the owner's last look at the old one.
 */
#ifndef TESTS_QUEUE_H
#define TESTS_QUEUE_H

#ifdef QUEUE_IS_DEQUE
#include "core/deque.h"
#define queue thrum__deque
#define queue_init thrum__deque_init
#define queue_fini thrum__deque_fini
#define queue_push thrum__deque_push
#define queue_take thrum__deque_steal
#define queue_count thrum__deque_count
#define queue_oldest top
#define queue_newest bottom
#define queue_seen top_seen
#endif

#ifdef QUEUE_IS_READY
#include "core/ready.h"
#define queue thrum__ready
#define queue_init thrum__ready_init
#define queue_fini thrum__ready_fini
#define queue_push thrum__ready_push
#define queue_take thrum__ready_take
#define queue_count thrum__ready_count
#define queue_oldest head
#define queue_newest tail
#define queue_seen head_seen
#endif

/* An empty queue whose next index is @at, say shortly before the index wraps.  Returns as init. */
static inline int queue_init_at(struct queue *q, uint64_t at, uint64_t capacity)
{
	int r = queue_init(q, capacity);

	if (r)
		return r;
	store_relaxed(&q->queue_oldest, at);
	store_relaxed(&q->queue_newest, at);
	q->queue_seen = at;
	return 0;
}

#endif
