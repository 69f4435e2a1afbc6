/* SPDX-License-Identifier: MIT */
/*
 * buffer.h - bytes on their way through a stream: put in behind, taken from the front.
 *
 * One owner at a time.  It has no memory at first; what does not fit makes it grow, by fours from
 * 1 KiB, which malloc has at hand, and only then are the bytes moved to its front.
 */
#ifndef THRUM_IO_BUFFER_H
#define THRUM_IO_BUFFER_H

#include "base/assert.h"
#include "base/os.h"

#include <errno.h>
#include <string.h>

#define THRUM__BUFFER_FIRST 1024
#define THRUM__BUFFER_GROWTH 4

/* Bytes [from, to) of room.  All zero: no memory. */
struct thrum__buffer {
	char *bytes;
	uint32_t room, from, to;
};

static inline size_t thrum__buffer_held(const struct thrum__buffer *b)
{
	return b->to - b->from;
}

static inline char *thrum__buffer_first(const struct thrum__buffer *b)
{
	return b->bytes ? b->bytes + b->from : NULL;
}

static inline void thrum__buffer_free(struct thrum__buffer *b)
{
	thrum__os_free(b->bytes);
	*b = (struct thrum__buffer){0};
}

/* Nothing is in it and nobody points into it: a large one goes, a small one starts anew. */
static inline void thrum__buffer_rest(struct thrum__buffer *b)
{
	b->from = b->to = 0;
	if (UNLIKELY(b->room > THRUM__BUFFER_FIRST))
		thrum__buffer_free(b);
}

static inline int thrum__buffer_grow(struct thrum__buffer *b, size_t room)
{
	char *bytes = thrum__os_alloc(room);
	size_t held = thrum__buffer_held(b);

	if (!bytes)
		return -ENOMEM;
	if (held)
		memcpy(bytes, thrum__buffer_first(b), held);
	thrum__os_free(b->bytes);
	*b = (struct thrum__buffer){.bytes = bytes, .room = (uint32_t)room, .to = (uint32_t)held};
	return 0;
}

/* Makes place for @n bytes, which with those held are at most @limit, behind those held: 0 or
 * -ENOMEM. */
static inline int thrum__buffer_reserve(struct thrum__buffer *b, size_t n, size_t limit)
{
	size_t held = thrum__buffer_held(b), room = b->room ? b->room : THRUM__BUFFER_FIRST;

	if (LIKELY(b->room - b->to >= n))
		return 0;
	while (room < held + n)
		room *= THRUM__BUFFER_GROWTH;
	if (room > limit)
		room = limit;
	if (room > b->room)
		return thrum__buffer_grow(b, room);
	memmove(b->bytes, thrum__buffer_first(b), held);
	b->from = 0;
	b->to = (uint32_t)held;
	return 0;
}

/* Takes up to @n bytes: how many. */
static inline size_t thrum__buffer_get(struct thrum__buffer *b, void *to, size_t n)
{
	size_t held = thrum__buffer_held(b);

	if (n > held)
		n = held;
	if (n)
		memcpy(to, thrum__buffer_first(b), n);
	b->from += (uint32_t)n;
	return n;
}

/* There is room for them. */
static inline void thrum__buffer_put(struct thrum__buffer *b, const void *from, size_t n)
{
	if (n)
		memcpy(b->bytes + b->to, from, n);
	b->to += (uint32_t)n;
}

#endif
