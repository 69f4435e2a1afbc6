/* SPDX-License-Identifier: MIT */
/* local.h - what makes and ends tasks and jobs owes their locals; local.c tells how. */
#ifndef THRUM_SCHED_LOCAL_H
#define THRUM_SCHED_LOCAL_H

#include "sched/task.h"

struct thrum__locals;

/* @t, which only its maker knows, begins with what @from has, who has any. */
void thrum__locals_share(struct thrum__task *t, const struct thrum__task *from);

/* The same with or without any.  @from: the calling task, or the maker of a fork that is being
 * taken from its lane. */
static inline void thrum__locals_inherit(struct thrum__task *t, const struct thrum__task *from)
{
	if (UNLIKELY(from->locals != NULL))
		thrum__locals_share(t, from);
}

/* @t is marked THRUM__LOCAL: it has ended, or never will run. */
void thrum__locals_end(struct thrum__task *t);

/* The locals of @t, with a reference, for a blocking job; may be NULL, as in what follows. */
struct thrum__locals *thrum__locals_of(const struct thrum__task *t);
void thrum__locals_release(struct thrum__locals *set);

#endif
