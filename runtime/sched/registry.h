/* SPDX-License-Identifier: MIT */
/* registry.h - the live runtimes of the process, and fork; registry.c tells how. */
#ifndef THRUM_SCHED_REGISTRY_H
#define THRUM_SCHED_REGISTRY_H

#include "sched/worker.h"

/* From now on fork keeps what is shared whole; before any thread but the caller may use it.
 * -ENOMEM: it does not; the next call tries again. */
THRUM_MUST_CHECK int thrum__registry_watch_fork(void);
void thrum__registry_add(struct thrum_runtime *rt);
void thrum__registry_remove(struct thrum_runtime *rt);
/* If @rt lives, makes the caller its visitor: true, and its memory and workers stay until
 * thrum__registry_leave.  @rt may be a dangling pointer. */
bool thrum__registry_enter(struct thrum_runtime *rt);
/* The same for a caller who knows that @rt lives. */
static inline void thrum__registry_enter_live(struct thrum_runtime *rt)
{
	thrum__gate_enter(&rt->gate);
}
/* Ends a visit: the caller touches @rt no more. */
static inline void thrum__registry_leave(struct thrum_runtime *rt)
{
	thrum__gate_leave(&rt->gate);
}
/* Does more than one runtime live?  One that the caller heard of by what its tasks did counts. */
bool thrum__registry_has_several(void);
/* Calls @use(rt, @arg) for each live runtime, under the registry's lock: @use may make the caller a
 * visitor. */
void thrum__registry_each(void (*use)(struct thrum_runtime *, void *), void *arg);

#endif
