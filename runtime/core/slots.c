/* SPDX-License-Identifier: MIT */
/* slots.c - see slots.h.  Nothing here is concurrent: the owner publishes a ring with a release
 * store. */
#include "core/slots.h"

#include "base/os.h"

struct thrum__slots *thrum__slots_create(uint64_t capacity)
{
	struct thrum__slots *s = thrum__os_alloc(sizeof(*s) + capacity * sizeof(s->at[0]));

	if (!s)
		return NULL;
	s->older = NULL;
	s->mask = capacity - 1;
	for (uint64_t i = 0; i < capacity; i++)
		store_relaxed(&s->at[i], NULL);
	return s;
}

struct thrum__slots *thrum__slots_double(struct thrum__slots *old, uint64_t from, uint64_t to)
{
	struct thrum__slots *s = thrum__slots_create((old->mask + 1) * 2);

	if (!s)
		return NULL;
	s->older = old;
	for (uint64_t i = from; i != to; i++)
		store_relaxed(&s->at[i & s->mask], load_relaxed(&old->at[i & old->mask]));
	return s;
}

void thrum__slots_destroy(struct thrum__slots *s)
{
	while (s) {
		struct thrum__slots *older = s->older;

		thrum__os_free(s);
		s = older;
	}
}
