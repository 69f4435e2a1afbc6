/* SPDX-License-Identifier: MIT */
/*
 * fork_check.h - after fork() the child has one thread and no workers: starting and waiting calls
 * return -ENOTSUP or NULL, queries and releases do nothing, exec works.  A child forked while no
 * runtime lives is a process like any other.
 */
#ifndef THRUM_SCHED_FORK_CHECK_H
#define THRUM_SCHED_FORK_CHECK_H

#include <stdbool.h>

/* Written by the handler of fork in the child, while it has one thread. */
extern bool thrum__forked_child;

static inline bool thrum__in_forked_child(void)
{
	return __builtin_expect(thrum__forked_child, 0);
}

#endif
