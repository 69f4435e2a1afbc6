/* SPDX-License-Identifier: MIT */
/*
 * store.c - items of a fixed size in one piece of memory, which is taken when the store is made.
 *
 * A heap is the usual one of two children in an array (Williams 1964), its least item first.
 *
 * What can fail: the memory.
 */
#include "sync/store.h"

#include "base/os.h"

#include <thrum/chan.h>

bool thrum__store_init(struct thrum__store *s, size_t item_size, size_t capacity,
		       const struct thrum__order *order)
{
	if (item_size > THRUM_CHAN_ITEM_MAX || capacity > THRUM_CHAN_CAPACITY_MAX)
		return false;
	*s = (struct thrum__store){
	    .item_size = item_size,
	    .capacity = capacity,
	    .order = order,
	};
	s->items = (char *)s; /* of nothing */
	if (item_size == 0 || capacity == 0)
		return true;
	s->items = thrum__os_alloc(item_size * capacity);
	return s->items;
}

void thrum__store_fini(struct thrum__store *s)
{
	if (s->item_size && s->capacity)
		thrum__os_free(s->items);
}

void thrum__store_drop_all(struct thrum__store *s, void (*drop)(void *item))
{
	for (; s->count; s->count--) {
		drop(thrum__store_at(s, s->head));
		if (++s->head == s->capacity)
			s->head = 0;
	}
}

static bool is_less(const struct thrum__store *s, const char *a, const char *b)
{
	return s->order->compare(a, b) < 0;
}

static void copy(const struct thrum__store *s, char *to, const void *from)
{
	thrum__item_copy(to, from, s->item_size);
}

static void heap_put(struct thrum__store *s, const void *item)
{
	size_t i = s->count;

	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (!is_less(s, item, thrum__store_at(s, parent)))
			break;
		copy(s, thrum__store_at(s, i), thrum__store_at(s, parent));
		i = parent;
	}
	copy(s, thrum__store_at(s, i), item);
}

/* The first has gone: the last one, which is at @count now, finds its place. */
static void heap_close_gap(struct thrum__store *s)
{
	const char *last = thrum__store_at(s, s->count);
	size_t i = 0;

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= s->count)
			break;
		if (child + 1 < s->count &&
		    is_less(s, thrum__store_at(s, child + 1), thrum__store_at(s, child)))
			child++;
		if (!is_less(s, thrum__store_at(s, child), last))
			break;
		copy(s, thrum__store_at(s, i), thrum__store_at(s, child));
		i = child;
	}
	if (i != s->count)
		copy(s, thrum__store_at(s, i), last);
}

void thrum__store_put_ordered(struct thrum__store *s, const void *item)
{
	if (s->order->kind == THRUM__LEAST)
		heap_put(s, item);
	else
		copy(s, thrum__store_at(s, s->count), item);
	s->count++;
}

void thrum__store_take_ordered(struct thrum__store *s, void *item)
{
	s->count--;
	if (s->order->kind == THRUM__LEAST) {
		copy(s, item, thrum__store_at(s, 0));
		heap_close_gap(s);
	} else {
		copy(s, item, thrum__store_at(s, s->count));
	}
}
