/* SPDX-License-Identifier: MIT */
/*
 * fence.c - full, light and heavy fences.
 *
 * A full fence joins the thread's view with a global one, both ways (as RC11 and C++20 have it); it
 * lets earlier relaxed loads acquire and later relaxed stores release.  A heavy one also takes what
 * other threads knew at their last light fence, and a light one takes what heavy ones have sent. 
 * Neither synchronises by that (the clocks stay), because the fallback, two full fences, doesn't.
 */
#include "view.h"

static void full_fence(struct thread *t)
{
	unsigned n = chunks_used();
	unsigned from = X.broken == BREAK_SC_CLOCK ? 0 : 1;

	if (X.broken != BREAK_FENCE_ACQUIRE)
		join(t->now.c, t->acquired.c, 0, n);
	if (X.broken != BREAK_SC_FENCE)
		join(t->now.c, X.sc.c, from, n);
	if (X.broken != BREAK_SC_FENCE && X.broken != BREAK_SC_ONE_WAY)
		join(X.sc.c, t->now.c, from, n);
	if (X.broken != BREAK_FENCE_RELEASE) {
		copy(t->released.c, t->now.c, n);
		t->released_chunks = (uint8_t)n;
	}
	view_tick(t);
}

static void extend(struct view *v, uint8_t *chunks, unsigned n)
{
	for (unsigned i = *chunks; i < n; i++)
		v->c[i] = (lanes){0};
	*chunks = (uint8_t)n;
}

static void light_fence(struct thread *t)
{
	unsigned n = chunks_used();

	if (!(X.light & 1u << t->id)) {
		X.light |= (uint8_t)(1u << t->id);
		sched_leave(AGAIN);
	}
	extend(&t->released, &t->released_chunks, n);
	join(t->now.c, t->heavy.c, 1, t->heavy_chunks);
	join(t->released.c, t->heavy.c, 1, t->heavy_chunks);
	copy(t->lit.c, t->now.c, n);
	t->lit_chunks = (uint8_t)n;
}

/*
 * The kernel interrupts the other threads one after another, between a full fence before and one
 * after.  A light fence of such a thread lies before its interrupt, and gives, or after it, and
 * takes.  One light thread alone can't tell where between the two fences its interrupt lies: then
 * all is one step.
 */
static void heavy_fence(struct thread *t)
{
	unsigned left = X.light & ~(1u << t->id);
	unsigned n = chunks_used();

	full_fence(t);
	copy(t->sent.c, t->now.c, n);
	t->sent_chunks = (uint8_t)n;
	while (left && X.broken != BREAK_HEAVY) {
		unsigned k = choose(bits_of(left)), m = left;
		struct thread *o;

		while (k--)
			m &= m - 1;
		o = &X.threads[__builtin_ctz(m)];
		left &= ~(1u << o->id);
		if (o->heavy_chunks < n)
			extend(&o->heavy, &o->heavy_chunks, n);
		join(o->heavy.c, t->sent.c, 1, n);
		join(t->now.c, o->lit.c, 1, o->lit_chunks);
		if (left)
			sched_between();
	}
	t->sent_chunks = 0;
	full_fence(t);
}

void model_fence(struct model_site *s)
{
	struct thread *t = X.self;
	unsigned order = s->order;

	if (order == MODEL_NO_FENCE) {
		s->reached |= X.phase == RUN;
		return;
	}
	sched_point(s, NULL,
		    order == MODEL_LIGHT   ? ACCESS_LIGHT
		    : order == MODEL_HEAVY ? ACCESS_HEAVY
					   : ACCESS_FULL);
	if (X.phase != RUN)
		return;
	if (UNLIKELY(X.tracing))
		trace_event(s, NULL)->what = 0;
	if (order == MODEL_LIGHT && X.broken != BREAK_LIGHT)
		light_fence(t);
	else if (order == MODEL_HEAVY)
		heavy_fence(t);
	else
		full_fence(t);
}
