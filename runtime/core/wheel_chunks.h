/* SPDX-License-Identifier: MIT */
/*
 * wheel_chunks.h - where the timing wheel keeps its entries: chunks of ten, cut from slabs of
 * fifteen.
 *
 * One thread owns it.  Taking a chunk cannot fail: whoever adds an entry first calls
 * thrum__wheel_chunks_reserve, which can.  Slabs that are not needed go back to the allocator.
 */
#ifndef THRUM_CORE_WHEEL_CHUNKS_H
#define THRUM_CORE_WHEEL_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/atomic.h"

#define WHEEL_CHUNK_ENTRIES 10
#define WHEEL_SLAB_CHUNKS 15
#define WHEEL_CHUNK_LISTS (11 * 64) /* slots of a wheel: chunks that may be partly filled */

struct thrum__wheel_entry {
	int64_t deadline_ns;
	void *party;
	uint64_t seq;
};

struct thrum__wheel_chunk {
	struct thrum__wheel_chunk *next;
	uint16_t at; /* entries before it have fired; not 0 only at the head of a slot of level 0 */
	uint16_t end;   /* entries from here on are free */
	uint16_t place; /* in its slab */
	struct thrum__wheel_entry entry[WHEEL_CHUNK_ENTRIES];
};

_Static_assert(sizeof(struct thrum__wheel_chunk) == 4 * CACHE_LINE, "a chunk is four cache lines");

/* In the list while it has a free chunk: partly used ones first, those without use last. */
struct thrum__wheel_slab {
	struct thrum__wheel_slab *next, *prev;
	struct thrum__wheel_chunk *free;
	unsigned used;
	char pad[CACHE_LINE - 3 * sizeof(void *) - sizeof(unsigned)];
	struct thrum__wheel_chunk chunk[WHEEL_SLAB_CHUNKS];
};

struct thrum__wheel_chunks {
	struct thrum__wheel_slab *first, *last;
	size_t owned; /* chunks, free ones included */
	size_t room;  /* entries that owned suffices for, however they lie */
};

static inline void wheel_slab_link_first(struct thrum__wheel_chunks *m, struct thrum__wheel_slab *s)
{
	s->prev = NULL;
	s->next = m->first;
	if (m->first)
		m->first->prev = s;
	else
		m->last = s;
	m->first = s;
}

static inline void wheel_slab_unlink(struct thrum__wheel_chunks *m, struct thrum__wheel_slab *s)
{
	if (s->prev)
		s->prev->next = s->next;
	else
		m->first = s->next;
	if (s->next)
		s->next->prev = s->prev;
	else
		m->last = s->prev;
}

/* Chunks lie anywhere and have seldom been touched lately: ask for one while another is worked on.
 */
static inline void wheel_chunk_prefetch(const struct thrum__wheel_chunk *c)
{
	size_t line;

	for (line = 0; line < sizeof(*c); line += CACHE_LINE)
		__builtin_prefetch((const char *)c + line, 1);
}

static inline struct thrum__wheel_chunk *thrum__wheel_chunk_next(const struct thrum__wheel_chunk *c)
{
	wheel_chunk_prefetch(c->next);
	return c->next;
}

static inline struct thrum__wheel_chunk *thrum__wheel_chunk_get(struct thrum__wheel_chunks *m)
{
	struct thrum__wheel_slab *s = m->first;
	struct thrum__wheel_chunk *c;

	ENSURE(s, "the wheel's count of chunks is wrong: report this as a bug of the library");
	c = s->free;
	s->free = c->next;
	s->used++;
	if (s->free)
		wheel_chunk_prefetch(s->free);
	else
		wheel_slab_unlink(m, s);
	c->at = 0;
	c->end = 0;
	return c;
}

void thrum__wheel_slab_unused(struct thrum__wheel_chunks *m, struct thrum__wheel_slab *s);

/* Returns whether a slab is without use now, so that trim may find something. */
static inline bool thrum__wheel_chunk_put(struct thrum__wheel_chunks *m,
					  struct thrum__wheel_chunk *c)
{
	struct thrum__wheel_slab *s = container_of(c - c->place, struct thrum__wheel_slab, chunk);

	if (!s->free)
		wheel_slab_link_first(m, s);
	c->next = s->free;
	s->free = c;
	if (LIKELY(--s->used > 0))
		return false;
	thrum__wheel_slab_unused(m, s);
	return true;
}

/* Make @m own enough for @n entries; 0 or -ENOMEM. */
int thrum__wheel_chunks_grow(struct thrum__wheel_chunks *m, size_t n);

static inline int thrum__wheel_chunks_reserve(struct thrum__wheel_chunks *m, size_t n)
{
	return LIKELY(n <= m->room) ? 0 : thrum__wheel_chunks_grow(m, n);
}

/* Free slabs without use that @n entries don't need, all but one. */
void thrum__wheel_chunks_trim(struct thrum__wheel_chunks *m, size_t n);

/* Free everything; all chunks have been put back. */
void thrum__wheel_chunks_fini(struct thrum__wheel_chunks *m);

#endif
