/* SPDX-License-Identifier: MIT */
/* parallel.h - what the parallel algorithms share; parallel.c tells how. */
#ifndef THRUM_FLOW_PARALLEL_H
#define THRUM_FLOW_PARALLEL_H

#include "base/atomic.h"

#include <thrum/fork.h>

/* A range of indexes to be worked on; filled in by whoever starts it. */
struct thrum__loop {
	size_t grain; /* indexes of a chunk; 0: as many as take some microseconds */
	/* One of the two; the second adds to an accumulator. */
	int (*body)(size_t begin, size_t end, void *arg);
	int (*map)(void *acc, size_t begin, size_t end, void *arg);
	void (*combine)(void *acc, void *right, void *arg); /* with map, unless alone */
	size_t size;                                        /* of an accumulator */
	void *arg;
	bool deaf;  /* no cancel ends it */
	bool alone; /* it is not divided, and the chunks run in order */

	const void *identity;  /* parallel.c's, as is the rest */
	struct atomic32 ended; /* no chunk begins any more: one failed, or a cancel */
};

/* From a task.  @acc: the identity on entry, the result on return; NULL without map.
 * Returns: 0; what the lowest chunk that failed returned; -ECANCELED. */
int thrum__loop_run(struct thrum__loop *loop, void *acc, size_t begin, size_t end);

/* A fork that needs no memory: its function has run, once, when the join returns. */
struct thrum__side {
	struct thrum_fork fork;
	void (*fn)(void *arg);
	void *arg;
	bool begun;
};

static inline intptr_t thrum__side_run(void *side)
{
	struct thrum__side *s = side;

	s->begun = true;
	s->fn(s->arg);
	return 0;
}

static inline void thrum__side_fork(struct thrum__side *s, void (*fn)(void *arg), void *arg)
{
	s->fn = fn;
	s->arg = arg;
	s->begun = false;
	thrum_fork(&s->fork, thrum__side_run, s);
}

static inline void thrum__side_join(struct thrum__side *s)
{
	(void)!thrum_fork_join(&s->fork);
	if (__builtin_expect(!s->begun, 0)) /* neither stack nor memory was left for it */
		thrum__side_run(s);
}

/* How many pieces of work the running task's runtime does at a time: it has workers and CPUs for
 * so many; 0: no task. */
unsigned thrum__flow_width(void);

#endif
