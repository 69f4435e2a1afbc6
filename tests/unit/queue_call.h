/* SPDX-License-Identifier: MIT */
/* queue_call.h - what the tests of queues share: queues of words, calls in tasks of their own. */
#ifndef TESTS_UNIT_QUEUE_CALL_H
#define TESTS_UNIT_QUEUE_CALL_H

#include "chan_test.h"

static inline int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static inline struct thrum_queue *queue_new(int order, size_t capacity)
{
	struct thrum_queue *q = thrum_queue_create(order, sizeof(uint64_t), capacity,
						   order == THRUM_QUEUE_PRIORITY ? by_value : NULL);

	must(q);
	return q;
}

static inline void put(struct thrum_queue *q, uint64_t item)
{
	is_int(thrum_queue_try_put(q, &item), 0);
}

static inline void is_got(struct thrum_queue *q, uint64_t want)
{
	uint64_t item = ~want;

	is_int(thrum_queue_try_get(q, &item), 0);
	is_int(item, want);
}

static inline void gives_nothing(struct thrum_queue *q, int err)
{
	uint64_t item = 0x5eed;

	is_int(thrum_queue_try_get(q, &item), err);
	is_int(item, 0x5eed);
}

/* A call in a task of its own. */
struct queue_call {
	struct thrum_queue *q;
	uint64_t item;
	int64_t deadline_ns;
};

static inline struct queue_call queue_call(struct thrum_queue *q, uint64_t item)
{
	return (struct queue_call){q, item, THRUM_FOREVER};
}

static inline intptr_t task_put(void *call)
{
	struct queue_call *k = call;

	return thrum_queue_put_until(k->q, &k->item, k->deadline_ns);
}

static inline intptr_t task_get(void *call)
{
	struct queue_call *k = call;

	return thrum_queue_get_until(k->q, &k->item, k->deadline_ns);
}

static inline intptr_t task_join(void *call)
{
	struct queue_call *k = call;

	return thrum_queue_join_until(k->q, k->deadline_ns);
}

/* The same without a deadline of their own. */
static inline intptr_t task_put_for_ever(void *call)
{
	struct queue_call *k = call;

	return thrum_queue_put(k->q, &k->item);
}

static inline intptr_t task_get_for_ever(void *call)
{
	struct queue_call *k = call;

	return thrum_queue_get(k->q, &k->item);
}

static inline intptr_t task_join_for_ever(void *call)
{
	struct queue_call *k = call;

	return thrum_queue_join(k->q);
}

#endif
