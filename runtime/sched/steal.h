/* SPDX-License-Identifier: MIT */
/* steal.h - tasks from the queues of other workers; steal.c tells how. */
#ifndef THRUM_SCHED_STEAL_H
#define THRUM_SCHED_STEAL_H

#include "sched/worker.h"

/* How much a thief takes. */
enum thrum__greed {
	THRUM__POLITE, /* no single tasks, and of forks what is offered */
	THRUM__EAGER,  /* single tasks that nobody takes */
	THRUM__FORCE,  /* forks, too, that their maker has for itself */
	THRUM__LAST,   /* before a sleep: whatever there is */
};

/* One look at everybody else's queues: a task to run, with others in @w's own; NULL: none. */
struct thrum__task *thrum__steal(struct thrum__worker *w, enum thrum__greed greed);
/* Do single tasks come and go, as far as @w's search has seen? */
bool thrum__steal_is_restless(const struct thrum__worker *w);
/* Before a search of @w's: is it to doze instead, as what it takes is not worth the way? */
bool thrum__steal_rests(struct thrum__worker *w);

/* May a searcher be away for a moment?  Not from events, nor from a clock that waits for it. */
static inline bool thrum__may_doze(const struct thrum_runtime *rt)
{
	return rt->limits.spin_ns && !load_relaxed(&rt->descriptors.watching);
}

#endif
