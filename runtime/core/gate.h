/* SPDX-License-Identifier: MIT */
/*
 * gate.h - how a runtime is entered, how its tasks are counted, and how its end is found: new tasks
 * are refused, what lives ends, whoever is inside leaves.  The argument stands in gate.c.
 *
 *	a spawner                               the stopper
 *	thrum__tally_spawned(...);              thrum__gate_shut(g);
 *	... the task can be found by a walk     ... a walk asks all tasks to end
 *	if (!thrum__gate_admits(g))             thrum__gate_await_end(g, deadline_ns);
 *		... take it back                ... nobody can find the runtime any more
 *						thrum__gate_await_empty(g);
 *						... its memory goes
 */
#ifndef THRUM_CORE_GATE_H
#define THRUM_CORE_GATE_H

#include "base/assert.h"
#include "base/atomic.h"
#include "core/bell.h"
#include "core/tally.h"

/* One worker's count of tasks: written by it alone. */
struct thrum__lives {
	struct atomic64 spawned; /* by it */
	struct atomic64 ended;   /* on it */
};

struct thrum__gate {
	/* The counts of worker @i, as far as there are workers by now; NULL: no more. */
	const struct thrum__lives *(*lives)(void *arg, unsigned i);
	void *arg;
	struct atomic32 shut;          /* 1: no new tasks */
	struct thrum__bell quiet;      /* rings when a stopper should look again */
	struct atomic64 submitted;     /* tasks spawned by others than workers */
	struct thrum__tally visitors;  /* threads inside that are none of the workers */
	struct thrum__tally calls_due; /* calls that are no tasks: queued, or being made */
};

void thrum__gate_init(struct thrum__gate *g,
		      const struct thrum__lives *(*lives)(void *arg, unsigned i), void *arg);

/* A worker, before its new task can be found or run; and if that is taken back. */
static inline void thrum__lives_spawned(struct thrum__lives *l)
{
	store_relaxed(&l->spawned, load_relaxed(&l->spawned) + 1); /* T2 */
}

static inline void thrum__lives_unspawned(struct thrum__lives *l)
{
	store_relaxed(&l->spawned, load_relaxed(&l->spawned) - 1); /* T3 */
}

/* The worker on which a task has ended, for good. */
static inline void thrum__lives_ended(struct thrum__lives *l)
{
	store_release(&l->ended, load_relaxed(&l->ended) + 1); /* T4; O3 */
}

/* A visitor: as the first two. */
static inline void thrum__gate_submitted(struct thrum__gate *g)
{
	fetch_add_relaxed(&g->submitted, 1); /* T2 */
}

void thrum__gate_unsubmitted(struct thrum__gate *g);

/* A spawner, when a walk would find its task: may it start?  If not, the spawner takes it back. */
static inline bool thrum__gate_admits(const struct thrum__gate *g)
{
	fence_light(); /* O2 */
	return LIKELY(!load_relaxed(&g->shut));
}

/* A hint: has it been shut? */
static inline bool thrum__gate_is_shut(const struct thrum__gate *g)
{
	return load_relaxed(&g->shut);
}

/* A thread that is none of the workers enters, knowing that the runtime lives; and leaves: it
 * touches nothing of it any more. */
static inline void thrum__gate_enter(struct thrum__gate *g)
{
	thrum__tally_begin(&g->visitors); /* T5 */
}

static inline void thrum__gate_leave(struct thrum__gate *g)
{
	thrum__tally_end(&g->visitors); /* T6 */
}

/* A worker that has nothing to do any more, before it rests: a stopper looks again. */
void thrum__gate_went_quiet(struct thrum__gate *g);

/* From now on no task starts that a walk begun after this would not find. */
void thrum__gate_shut(struct thrum__gate *g);
/* How many tasks live, at some moment during the call or more; 0: none, and what they all did is
 * seen. */
uint64_t thrum__gate_living(const struct thrum__gate *g);
/* No task lives and no call is owed. */
bool thrum__gate_has_ended(const struct thrum__gate *g);
/* Once shut: waits until it has ended: true; false: the deadline passed. */
bool thrum__gate_await_end(struct thrum__gate *g, int64_t deadline_ns);
/* When nobody can come in any more: waits until nobody is inside and nothing is owed. */
void thrum__gate_await_empty(struct thrum__gate *g);

#endif
