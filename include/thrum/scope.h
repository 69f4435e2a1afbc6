/* SPDX-License-Identifier: MIT */
/*
 * scope.h - scopes: tasks that end before the block that started them does.
 *
 *	struct thrum_scope s;
 *
 *	thrum_scope_open(&s);
 *	for (size_t i = 0; i < n; i++)
 *		thrum_scope_spawn(&s, fetch, &pages[i]);
 *	err = thrum_scope_close(&s);
 *
 * A scope is opened and closed by one task, in one frame; its address may be given to others, who
 * may spawn into it as long as it is open: helper functions, its own children, tasks of the same
 * runtime that end before it.  Close waits for all children.
 *
 * The first child that fails, or a spawn that does, cancels the other children and makes the
 * opener's waits return -ECANCELED until close, which returns the failure.  A child that ends with
 * -ECANCELED after it was asked to is no failure.  Failures that close does not return are reported
 * as those that nobody looked at, unless the scope collects them (failures, below) or somebody has
 * looked at the child's future.
 */
#ifndef THRUM_SCOPE_H
#define THRUM_SCOPE_H

#include <thrum/future.h>
#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In the frame of whoever opens it; its fields are the library's. */
struct thrum_scope {
	uint64_t reserved[40];
};

struct thrum_token;

/* Which child failed, or could not be spawned, and how. */
struct thrum_scope_failure {
	intptr_t result;   /* -errno */
	void *arg;         /* what it was given, to know it by: it may be gone; NULL: a copy */
	const char *place; /* where it was spawned, as thrum_place says */
};

struct thrum_scope_options {
	size_t size;         /* sizeof(struct thrum_scope_options) */
	int64_t deadline_ns; /* on thrum_now's clock; past it the children are cancelled and the
				opener's waits return -ETIMEDOUT; 0 or THRUM_FOREVER: none */
	size_t limit;        /* children that live at a time, 1 or more; 0: any number */
	bool keep_going;     /* a failure cancels nobody */
	/* Called with a child's argument instead of its function, if it was cancelled before it
	 * ran or no stack could be had; on a worker, must not wait; NULL: the function runs, and
	 * its first waiting call returns -ECANCELED. */
	void (*drop)(void *arg);
	/* A hard request of it cancels the scope as thrum_scope_cancel does; a soft one shows in
	 * its children's thrum_cancel_requested.  NULL: none.  The scope holds it. */
	struct thrum_token *token;
	/* For reports, which may come after its end: a literal, or what stays as long.  NULL: where
	 * it was opened. */
	const char *name;
	/* With keep_going mostly: where to put the first failures_max failures, in the order in
	 * which they came.  They are there when close has returned, and count as looked at;
	 * thrum_scope_failures says how many there were, kept or not.  NULL: nowhere. */
	struct thrum_scope_failure *failures;
	size_t failures_max;
};

/* clang-format off */
#define THRUM_SCOPE_OPTIONS_INIT \
	{sizeof(struct thrum_scope_options), 0, 0, false, NULL, NULL, NULL, NULL, 0}
/* clang-format on */

/*
 * thrum_scope_open - open @s.
 * thrum_scope_open_with - the same with @options (NULL: the defaults), read during the call.
 *
 * Scopes, timeouts and shields of a task nest like brackets; each is ended before its frame is left
 * (asserted).
 * Called from: a task.  Suspends: no.
 * Returns: 0; -EINVAL: an option is out of range; -E2BIG: @options is of a later version and sets
 * what this one does not know; -ENOMEM: no timer or task for the deadline; -ESHUTDOWN: the same, as
 * the runtime stops; -EPERM outside a task; -ENOTSUP in a forked child.  After a failure spawns and
 * close return the same.
 * asyncio: TaskGroup.  Trio: open_nursery.
 */
int thrum_scope_open(struct thrum_scope *s);
int thrum_scope_open_with(struct thrum_scope *s, const struct thrum_scope_options *options);

/*
 * thrum_scope_spawn - start fn(@arg) as a child of @s.  Its descriptor is freed when it ends.
 * thrum_scope_spawn_copy - with the child's own copy of @size bytes at @args, 16-aligned.
 *
 * With a limit it waits until fewer children live; the child that waits for room itself counts.
 * Called from: a task.  Suspends: with a limit.  Cancellation point: with a limit.
 * Ownership: after a failure @arg is still the caller's.
 * Returns: 0; -ECANCELED: the scope has been cancelled or has failed, or the caller was cancelled;
 * -ETIMEDOUT: waiting for room; -ENOMEM; -EAGAIN: the limit on live tasks; -ESHUTDOWN: stopping;
 * -EINVAL: another runtime's scope, or a closed one; -EPERM outside a task; -ENOTSUP in a forked
 * child.  -ENOMEM, -EAGAIN and -ESHUTDOWN are failures of the scope.
 * asyncio: TaskGroup.create_task.
 */
int thrum_scope_spawn(struct thrum_scope *s, thrum_fn fn, void *arg);
int thrum_scope_spawn_copy(struct thrum_scope *s, thrum_fn fn, const void *args, size_t size);

/*
 * thrum_scope_spawn_future - the same, with a reference to the child's future for the caller, who
 * may look at its result, await it or cancel it alone.
 *
 * Called from, Suspends, Cancellation point: as thrum_scope_spawn.
 * Ownership: one reference to the caller, which may outlive the scope.
 * Returns: the child's future; NULL where thrum_scope_spawn returns an error.
 */
struct thrum_future *thrum_scope_spawn_future(struct thrum_scope *s, thrum_fn fn, void *arg);

/*
 * thrum_scope_cancel - cancel all children of @s, and make its opener's waits return -ECANCELED
 * until close.  No child can be spawned into it any more.  It is no failure.
 *
 * Called from: anywhere, also outside tasks, as long as @s is open.  Suspends: no.
 */
void thrum_scope_cancel(struct thrum_scope *s);

/*
 * thrum_scope_close - wait for all children of @s.
 *
 * If the opener is cancelled, or a deadline around it passes, before the last child has ended, the
 * children are cancelled and waited for.  Children may still spawn while it waits.
 * Called from: the task that opened it.  Suspends: yes.  Cancellation point: no.
 * Sees: all that its children did.
 * Returns: the first failure; or, if there was none when it was cut short, -ECANCELED or
 * -ETIMEDOUT; else 0.
 * asyncio: leaving TaskGroup.
 */
THRUM_MUST_CHECK int thrum_scope_close(struct thrum_scope *s);

/*
 * thrum_scope_failures - how many children, and spawns, have failed so far; which ones, the option
 * failures tells.
 *
 * Called from: a task, while @s is open, or after close in the frame that holds it.  Suspends: no.
 * Returns: their number.
 * Trio: ExceptionGroup.  Go: errors.Join.
 */
size_t thrum_scope_failures(const struct thrum_scope *s);

/* The same with the place of the call given as THRUM_HERE makes it. */
int thrum_scope_open_at(const char *place, struct thrum_scope *s,
			const struct thrum_scope_options *options);
int thrum_scope_spawn_at(const char *place, struct thrum_scope *s, thrum_fn fn, void *arg);
int thrum_scope_spawn_copy_at(const char *place, struct thrum_scope *s, thrum_fn fn,
			      const void *args, size_t size);
struct thrum_future *thrum_scope_spawn_future_at(const char *place, struct thrum_scope *s,
						 thrum_fn fn, void *arg);
#define thrum_scope_open(s) thrum_scope_open_at(THRUM_HERE(scope), s, NULL)
#define thrum_scope_open_with(s, ...) thrum_scope_open_at(THRUM_HERE(scope), s, __VA_ARGS__)
#define thrum_scope_spawn(s, fn, ...) thrum_scope_spawn_at(THRUM_HERE(fn), s, fn, __VA_ARGS__)
#define thrum_scope_spawn_copy(s, fn, ...) \
	thrum_scope_spawn_copy_at(THRUM_HERE(fn), s, fn, __VA_ARGS__)
#define thrum_scope_spawn_future(s, fn, ...) \
	thrum_scope_spawn_future_at(THRUM_HERE(fn), s, fn, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
