/* SPDX-License-Identifier: MIT */
/*
 * view.h - what threads and messages know, joined and copied chunk by chunk.
 */
#ifndef MODEL_VIEW_H
#define MODEL_VIEW_H

#include "internal.h"

static inline unsigned chunks_used(void)
{
	return 1 + (X.nlocs + LANES - 1) / LANES;
}

static inline int16_t *seen(struct view *v, const struct loc *l)
{
	return (int16_t *)&v->c[1 + l->id / LANES] + l->id % LANES;
}

/* Chunks [from, to) of @into take the later entry of both. */
static inline void join(lanes *into, const lanes *v, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		lanes newer = v[i] > into[i];

		into[i] = (v[i] & newer) | (into[i] & ~newer);
	}
}

static inline void copy(lanes *into, const lanes *v, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		into[i] = v[i];
}

static inline void view_tick(struct thread *t)
{
	if (UNLIKELY(++t->now.c[0][t->id] > MAX_CLOCK))
		model_fail("livelock: a thread made more than %d operations", MAX_CLOCK);
}

#endif
