/* SPDX-License-Identifier: MIT */
/* hearing.h - what the tests of broadcasts share: broadcasts of words, listeners in tasks of their
 * own. */
#ifndef TESTS_UNIT_HEARING_H
#define TESTS_UNIT_HEARING_H

#include "chan_test.h"

static inline struct thrum_broadcast *words_cast(size_t capacity)
{
	struct thrum_broadcast *b = thrum_broadcast_create(sizeof(uint64_t), capacity);

	must(b);
	return b;
}

static inline void cast(struct thrum_broadcast *b, uint64_t item)
{
	is_int(thrum_broadcast_send(b, &item), 0);
}

static inline void hears(struct thrum_listener *l, uint64_t want)
{
	uint64_t item = ~want;

	is_int(thrum_listener_try_recv(l, &item), 0);
	is_int(item, want);
}

static inline void hears_no_item(struct thrum_listener *l, int err)
{
	uint64_t item = 0x5eed;

	is_int(thrum_listener_try_recv(l, &item), err);
	is_int(item, 0x5eed);
}

/* A listener's call in a task of its own. */
struct hearing {
	struct thrum_listener l;
	uint64_t item;
	int64_t deadline_ns;
};

static inline intptr_t task_hears(void *hearing)
{
	struct hearing *h = hearing;

	return thrum_listener_recv_until(&h->l, &h->item, h->deadline_ns);
}

static inline intptr_t task_hears_for_ever(void *hearing)
{
	struct hearing *h = hearing;

	return thrum_listener_recv(&h->l, &h->item);
}

static const thrum_fn waits[] = {task_hears, task_hears_for_ever};

static inline void hearing_begin(struct hearing *h, struct thrum_broadcast *b)
{
	thrum_broadcast_listen(b, &h->l);
	h->item = 50;
	h->deadline_ns = THRUM_FOREVER;
}

#endif
