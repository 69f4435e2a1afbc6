/* SPDX-License-Identifier: MIT */
/*
 * local.h - task-locals: values that a task has by a key and that its children begin with.
 *
 *	static struct thrum_local request_id = THRUM_LOCAL_INIT(free);
 *
 *	static intptr_t handle(void *request)
 *	{
 *		int err = thrum_local_set(&request_id, new_id(request));
 *		...
 *	}
 *
 *	static void log_line(const char *text)
 *	{
 *		const char *id = thrum_local_get(&request_id);
 *		...
 *	}
 *
 * INHERITED  A task begins with what its spawner has at that moment, however it was spawned: by
 * thrum_spawn and its kin, thrum_go, into a scope, for later; so does a blocking job.  What either
 * sets from then on the other does not see.  What is submitted to a runtime begins with nothing.
 *
 * FORKS  begin with what their maker had when it forked them.  One that runs in place is its maker,
 * so what it sets its maker has, and what a fork that was stolen sets it has not: a fork sets none.
 *
 * VALUES  are pointers that the tasks which have them share.  A value set is the library's until
 * the last of those tasks has ended, or set another: then the key's drop is called with it, once.
 * So a value whose key has a drop is not set again elsewhere while anybody has it, nor once it was
 * dropped; a task that wants a value for a while only gives it to a child.
 */
#ifndef THRUM_LOCAL_H
#define THRUM_LOCAL_H

#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A key.  With static storage: it outlives all tasks that have a value for it. */
struct thrum_local {
	/* Called with a value that no task has any more, by whoever was the last; before its future
	 * completes if that is why.  On a worker, or on a thread of the pool after a blocking job.
	 * Must not wait, nor set locals.  May be NULL. */
	void (*drop)(void *value);
	void *reserved[3];
};

/* clang-format off */
#define THRUM_LOCAL_INIT(drop) {(drop), {NULL, NULL, NULL}}
/* clang-format on */

/*
 * thrum_local_set - the current task's value for @key; NULL: none.
 *
 * Tasks that it spawns from now on begin with it; those that run already, and whoever spawned the
 * current one, keep what they have.  The value that the task has already changes nothing.  Forks
 * of the task that nobody has taken become tasks of their own.  It takes memory, for NULL as well
 * if the task has values for other keys.
 * Called from: a task.  Suspends: no.
 * Ownership: 0: @value is the library's until the key's drop is called; else the caller's.
 * Returns: 0; -ENOMEM: no memory, or the limit on live tasks with forks to be made tasks;
 * -ENOSPC: the task has values for 256 other keys; -EINVAL: @key is NULL; -EPERM outside a task;
 * -ENOTSUP in a forked child.  After a failure nothing has changed.
 * asyncio: ContextVar.set.  tokio: task_local!, scope.  Go: context.WithValue.
 */
THRUM_MUST_CHECK int thrum_local_set(struct thrum_local *key, void *value);

/*
 * thrum_local_get - the current task's, or blocking job's, value for @key.
 *
 * Called from: anywhere.  Suspends: no.
 * Ownership: the library's; it stays as long as the task or job runs and sets no other.
 * Returns: the value; NULL: none, or outside tasks and jobs.
 * asyncio: ContextVar.get.  tokio: LocalKey::try_get.  Go: Context.Value.
 */
void *thrum_local_get(const struct thrum_local *key);

#ifdef __cplusplus
}
#endif
#endif
