/* SPDX-License-Identifier: MIT */
/* timeout.h - whose deadline it was: timeouts around a wait; timeout.c tells how. */
#ifndef THRUM_SCHED_TIMEOUT_H
#define THRUM_SCHED_TIMEOUT_H

#include "base/assert.h"
#include "sched/task.h"

/* The nearest timeout around @t (of two with one deadline the outer) has ended a wait. */
COLD void thrum__timeout_mark(struct thrum__task *t);

/* @err is what @t's wait returned, and what its caller will see; the wait had a deadline of its
 * own, @own_ns, which counts if both have passed.  Returns @err. */
static inline int thrum__timeout_learn(struct thrum__task *t, int err, int64_t own_ns)
{
	if (UNLIKELY(err == -ETIMEDOUT) && t->deadline_ns < own_ns)
		thrum__timeout_mark(t);
	return err;
}

#endif
