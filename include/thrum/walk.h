/* SPDX-License-Identifier: MIT */
/*
 * walk.h - all live tasks of a runtime: for whoever wants to know what a process is doing.
 *
 *	static intptr_t show_tasks(void *unused)
 *	{
 *		for (;;) {
 *			intptr_t err = thrum_join(thrum_signal_next(SIGUSR1));
 *
 *			if (thrum_failed(err))
 *				return err;
 *			thrum_print_tasks(NULL, STDERR_FILENO);
 *		}
 *	}
 *
 * A walk stops nobody: tasks begin, end and change their states meanwhile.  One that lives all the
 * time is visited once; one that begins or ends meanwhile once or not at all.  A fork is a task
 * when an idle worker has taken it or its maker waits.  A task that is yet to start, and one that
 * ends a scope at its deadline, are tasks like others.
 *
 * A walk looks at all memory that the process ever had for tasks at a time: some nanoseconds for
 * each, and it is meant for people, not for each request.
 */
#ifndef THRUM_WALK_H
#define THRUM_WALK_H

#include <thrum/future.h>
#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

struct thrum_runtime;

/*
 * thrum_each_task - call @visit(task, @arg) for each live task of @rt (NULL: the current one), the
 * calling one included, until it returns false.
 *
 * @visit may ask for thrum_name, thrum_place, thrum_state_name, cancel the task, or retain it to
 * wait for it afterwards; it must not wait (asserted).
 * Called from: anywhere, with NULL from a task.  Suspends: no.
 * Ownership: @rt is not destroyed meanwhile.  The task is @visit's until it returns.
 * Returns: 0; -EINVAL: no @visit; -EPERM: NULL outside a task; -ENOTSUP in a forked child.
 * asyncio: all_tasks.  tokio: Handle::dump.
 */
int thrum_each_task(struct thrum_runtime *rt, bool (*visit)(struct thrum_future *task, void *arg),
		    void *arg);

/*
 * thrum_print_tasks - a line for each of the same tasks to @fd: name, state, where it was spawned.
 *
 * For people: the form may change.  Bytes of a name that are no text come as '?'.
 * Called from: anywhere, with NULL from a task.  Suspends: no: it holds its worker as long as @fd
 * takes no more, so that it also works in a task that was cancelled.
 * Returns: 0; what write(2) says, -EBADF, -EAGAIN, ...: lines are missing; -EPERM, -ENOTSUP as
 * above.
 * asyncio: Task.print_stack of all_tasks.
 */
int thrum_print_tasks(struct thrum_runtime *rt, int fd);

#ifdef __cplusplus
}
#endif
#endif
