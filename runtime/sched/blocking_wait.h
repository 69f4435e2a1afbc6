/* SPDX-License-Identifier: MIT */
/* blocking_wait.h - jobs that wait for others and can be brought out; blocking_wait.c tells how. */
#ifndef THRUM_SCHED_BLOCKING_WAIT_H
#define THRUM_SCHED_BLOCKING_WAIT_H

#include "core/edge.h"
#include "sched/task.h"

struct thrum__blocking_wait {
	const char *place;
	/* Makes one system call, which a signal may end.  It returns what that returned: -EINTR is
	 * no error but of the wait. */
	thrum_fn fn;
	void *arg;
	/* A raise of one of these asks is_over(arg) whether there is still something to
	 * wait for. */
	struct thrum__edge *hears[2];
	size_t hears_count;
	bool (*is_over)(void *arg);
};

/*
 * thrum__blocking_wait - the current task has fn(arg) run on the pool's file class and waits for
 * it; what ends the task's wait ends the system call.
 *
 * Returns: 0, and *@result is what fn returned (-EINTR: again); -ECANCELED, -ETIMEDOUT, -ENOMEM,
 * -EBADF (it is over): it did nothing; else as thrum__blocking_call.
 */
int thrum__blocking_wait(const struct thrum__blocking_wait *how, intptr_t *result);

#endif
