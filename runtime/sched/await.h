/* SPDX-License-Identifier: MIT */
/* await.h - the only place where a fiber suspends; await.c tells how. */
#ifndef THRUM_SCHED_AWAIT_H
#define THRUM_SCHED_AWAIT_H

#include "core/edge.h"
#include "sched/task.h"
#include "sched/bracket.h"

/*
 * thrum__await - the current task waits until @f is done.
 *
 * @deadline_ns: absolute, on the runtime's clock; THRUM_FOREVER.  @deaf: neither cancel nor the
 * task's own deadline ends it.
 * Returns: 0: @f is done; -ECANCELED; -ETIMEDOUT; -ENOMEM: no timer.
 */
int thrum__await(struct thrum_future *f, int64_t deadline_ns, bool deaf);
/* The same for those whose own result need not be that of the wait: a timeout that ended it does
 * not learn of it, unless they say so (thrum__bracket_learn). */
int thrum__await_untold(struct thrum_future *f, int64_t deadline_ns, bool deaf);
/* The same for a thread that is no worker; it hears no cancel. */
int thrum__await_outside(struct thrum_future *f, int64_t deadline_ns);
/* @f, which was just cancelled or cannot be: waits deaf, from a task or outside. */
void thrum__await_end(struct thrum_future *f);
/* The same, untold, for a task that is going to wait for @f's end in any case: where there is no
 * timer for its deadline it still hears of a cancel.  Returns: 0, -ECANCELED, -ETIMEDOUT. */
int thrum__await_timerless(struct thrum_future *f);
/* In a task or outside; untold. */
int thrum__await_any(struct thrum_future *f, int64_t deadline_ns);
/* The same without waiting: 0: @f is done; else why not to go on. */
int thrum__await_none(struct thrum_future *f);

/*
 * thrum__wait_edge - the current task waits until @e is raised.
 *
 * @tick: as read before the look that found nothing (core/edge.h).  The rest as thrum__await.
 * Returns: 0: raised since, or perhaps not: look again; -ECANCELED; -ETIMEDOUT; -ENOMEM.
 */
int thrum__wait_edge(struct thrum__edge *e, uint64_t tick, int64_t deadline_ns, bool deaf);
/* The same for the first of @n edges; one may be there more than once. */
int thrum__wait_edges(struct thrum__edge *const es[], const uint64_t ticks[], size_t n,
		      int64_t deadline_ns);
/* The same, untold. */
int thrum__wait_edges_untold(struct thrum__edge *const es[], const uint64_t ticks[], size_t n,
			     int64_t deadline_ns);

/* What a call that waits checks first: 0, -ECANCELED, -ETIMEDOUT. */
int thrum__wait_entry(struct thrum__task *t);
/* The wait that the current task @t has hung nodes for, and whose number is @seq.  Returns as
 * thrum__await, untold; 0: a node was fired, and is nobody's any more. */
int thrum__wait_out(struct thrum__task *t, uint64_t seq, int64_t deadline_ns, bool deaf);
/* Nobody asks anything of @t, nothing is below it, no deadline is around it, and its scope, if
 * there
 * is one, knows it: there is nothing to look at. */
static inline bool thrum__wait_is_plain(const struct thrum__task *t)
{
	unsigned asked = (unsigned)load_relaxed(&t->parker.word) &
			 (THRUM__PARKER_HARD | THRUM__PARKER_SCOPE | THRUM__PARKER_INNER);

	return !t->below && !asked && t->deadline_ns == THRUM_FOREVER &&
	       (!t->scope || t->marks & THRUM__LISTED);
}
/* The two halves of it: the look, untold; and what is left before @t really waits, which is all
 * that a deaf wait needs. */
int thrum__wait_look(struct thrum__task *t);
void thrum__wait_settle(struct thrum__task *t);
/* 0; where nobody can wait: -ENOTSUP in a forked child, -EDEADLK in a callback. */
int thrum__cannot_wait(void);
/* A thread that is no worker: a parker for one wait after another; NULL: no memory.  Wait: 0: wait
 * @seq has ended; -ETIMEDOUT.  End: gives it back. */
struct thrum__parker *thrum__outside_begin(void);
int thrum__outside_wait(struct thrum__parker *p, uint64_t seq, int64_t deadline_ns);
void thrum__outside_end(struct thrum__parker *p);
/* thrum_cancel_requested, for the library itself (interrupt.c). */
int thrum__cancel_requested(void);
/* Outside tasks: -EPERM, or -ENOTSUP in a forked child. */
int thrum__no_task(void);

/* Around fork: the list of parkers stays whole. */
void thrum__outside_before_fork(void);
void thrum__outside_after_fork(void);

#endif
