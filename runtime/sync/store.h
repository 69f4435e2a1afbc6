/* SPDX-License-Identifier: MIT */
/*
 * store.h - where items lie between send and receive: a ring, a stack or a heap of a fixed size,
 * under its owner's lock.
 */
#ifndef THRUM_SYNC_STORE_H
#define THRUM_SYNC_STORE_H

#include "base/atomic.h"

#include <stddef.h>
#include <string.h>

enum thrum__order_kind {
	THRUM__FIFO,
	THRUM__LIFO,
	THRUM__LEAST,
};

struct thrum__order {
	enum thrum__order_kind kind;
	int (*compare)(const void *, const void *); /* LEAST */
};

struct thrum__store {
	char *items;
	size_t item_size, capacity, count;
	size_t head; /* FIFO: where the oldest lies */
	const struct thrum__order *order;
};

/* False: no memory, or too much was asked for. */
bool thrum__store_init(struct thrum__store *s, size_t item_size, size_t capacity,
		       const struct thrum__order *order);
void thrum__store_fini(struct thrum__store *s);
/* Calls @drop for each item: there are none then. */
void thrum__store_drop_all(struct thrum__store *s, void (*drop)(void *item));
/* There is room, or there are items, as the caller knows. */
void thrum__store_put_ordered(struct thrum__store *s, const void *item);
void thrum__store_take_ordered(struct thrum__store *s, void *item);

/* Small items are most of them, and words by far. */
static inline void thrum__item_copy(void *to, const void *from, size_t size)
{
	if (size == sizeof(void *))
		memcpy(to, from, sizeof(void *));
	else if (size)
		memcpy(to, from, size);
}

static inline char *thrum__store_at(const struct thrum__store *s, size_t i)
{
	return s->items + i * s->item_size;
}

static inline void thrum__store_put(struct thrum__store *s, const void *item)
{
	size_t i;

	if (s->order->kind != THRUM__FIFO) {
		thrum__store_put_ordered(s, item);
		return;
	}
	i = s->head + s->count++;
	thrum__item_copy(thrum__store_at(s, i < s->capacity ? i : i - s->capacity), item,
			 s->item_size);
}

static inline void thrum__store_take(struct thrum__store *s, void *item)
{
	if (s->order->kind != THRUM__FIFO) {
		thrum__store_take_ordered(s, item);
		return;
	}
	thrum__item_copy(item, thrum__store_at(s, s->head), s->item_size);
	if (++s->head == s->capacity)
		s->head = 0;
	s->count--;
}

#endif
