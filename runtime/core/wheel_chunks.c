/* SPDX-License-Identifier: MIT */
/*
 * wheel_chunks.c - the memory of the timing wheel: how much is enough, and giving the rest back.
 *
 * A slot's chunks are full but for the last one.  So n entries in at most WHEEL_CHUNK_LISTS slots
 * never fill more than n / 10 chunks in full and one more in each slot that holds any, wherever
 * they move; one may be drained and one be spread at the moment.  That many are owned before the
 * n-th entry is accepted, so moving entries needs no memory. Up to two slabs more are kept, against
 * going back and forth.
 *
 * Rejected: an allocation for each chunk.  Freeing them took a sixth of advance, in the middle of
 * firing; slabs go back whole.
 */
#include "core/wheel_chunks.h"

#include <errno.h>

#include "base/os.h"

static size_t chunks_needed(size_t n)
{
	return n / WHEEL_CHUNK_ENTRIES + (n < WHEEL_CHUNK_LISTS ? n : WHEEL_CHUNK_LISTS) + 2;
}

/* An n for which chunks_needed(n) <= owned; the largest, or one less. */
static size_t chunks_room(size_t owned)
{
	size_t n;

	if (owned <= 2)
		return 0;
	owned -= 2;
	n = owned * WHEEL_CHUNK_ENTRIES / (WHEEL_CHUNK_ENTRIES + 1);
	return n <= WHEEL_CHUNK_LISTS ? n : (owned - WHEEL_CHUNK_LISTS) * WHEEL_CHUNK_ENTRIES;
}

/* To the end of the list, where trim looks and from where chunks are taken last. */
void thrum__wheel_slab_unused(struct thrum__wheel_chunks *m, struct thrum__wheel_slab *s)
{
	wheel_slab_unlink(m, s);
	s->next = NULL;
	s->prev = m->last;
	if (m->last)
		m->last->next = s;
	else
		m->first = s;
	m->last = s;
}

static struct thrum__wheel_slab *slab_create(void)
{
	struct thrum__wheel_slab *s = thrum__os_alloc_aligned(CACHE_LINE, sizeof(*s));
	unsigned i;

	if (!s)
		return NULL;
	for (i = 0; i < WHEEL_SLAB_CHUNKS; i++) {
		s->chunk[i].place = (uint16_t)i;
		s->chunk[i].next = i + 1 < WHEEL_SLAB_CHUNKS ? &s->chunk[i + 1] : NULL;
	}
	s->free = &s->chunk[0];
	s->used = 0;
	return s;
}

int thrum__wheel_chunks_grow(struct thrum__wheel_chunks *m, size_t n)
{
	struct thrum__wheel_slab *s;

	while (n > m->room) {
		s = slab_create();
		if (!s)
			return -ENOMEM;
		wheel_slab_link_first(m, s);
		m->owned += WHEEL_SLAB_CHUNKS;
		m->room = chunks_room(m->owned);
	}
	return 0;
}

void thrum__wheel_chunks_trim(struct thrum__wheel_chunks *m, size_t n)
{
	size_t keep = chunks_needed(n) + 2 * WHEEL_SLAB_CHUNKS;
	struct thrum__wheel_slab *s;

	while (m->owned >= keep && (s = m->last) && s->used == 0) {
		wheel_slab_unlink(m, s);
		thrum__os_free(s);
		m->owned -= WHEEL_SLAB_CHUNKS;
		m->room = chunks_room(m->owned);
	}
}

void thrum__wheel_chunks_fini(struct thrum__wheel_chunks *m)
{
	struct thrum__wheel_slab *s, *next;

	for (s = m->first; s; s = next) {
		next = s->next;
		thrum__os_free(s);
	}
	*m = (struct thrum__wheel_chunks){0};
}
