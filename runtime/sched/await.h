/* SPDX-License-Identifier: MIT */
/* await.h - the only place where a fiber suspends; await.c tells how. */
#ifndef THRUM_SCHED_AWAIT_H
#define THRUM_SCHED_AWAIT_H

#include "sched/task.h"

/*
 * thrum__await - the current task waits until @f is done.
 *
 * @deadline_ns: absolute, on the runtime's clock; THRUM_FOREVER.  @deaf: neither cancel nor the
 * task's own deadline ends it.
 * Returns: 0: @f is done; -ECANCELED; -ETIMEDOUT; -ENOMEM: no timer.
 */
int thrum__await(struct thrum_future *f, int64_t deadline_ns, bool deaf);
/* The same for a thread that is no worker; it hears no cancel. */
int thrum__await_outside(struct thrum_future *f, int64_t deadline_ns);
/* @f, which was just cancelled or cannot be: waits deaf, from a task or outside. */
void thrum__await_end(struct thrum_future *f);

/* Around fork: the list of parkers stays whole. */
void thrum__outside_before_fork(void);
void thrum__outside_after_fork(void);

/* What a call that waits checks first: 0, -ECANCELED, -ETIMEDOUT. */
int thrum__wait_entry(struct thrum__task *t);
/* Outside tasks: -EPERM, or -ENOTSUP in a forked child. */
int thrum__no_task(void);

#endif
