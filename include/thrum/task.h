/* SPDX-License-Identifier: MIT */
/*
 * task.h - tasks: functions that run on the workers, each with a stack of its own once it has
 * started.
 *
 * A task runs at most once, on one worker at a time, and changes worker only inside a call that
 * says "Suspends: yes".  It has no stack until a worker starts it; if none can be had then, it ends
 * with -ENOMEM and its function is not called (drop is).  A live task is held by the
 * runtime.
 */
#ifndef THRUM_TASK_H
#define THRUM_TASK_H

#include <thrum/future.h>
#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Levels of a cancel request. */
#define THRUM_SOFT 1 /* take on no new work */
#define THRUM_HARD 2 /* waiting calls return -ECANCELED */

/*
 * thrum_spawn - start fn(@arg) as a task.
 *
 * Called from: a task.  Suspends: no.
 * Ownership: one reference to the caller.  NULL: @arg is still the caller's.
 * Returns: the task's future; NULL: no memory, the limit on live tasks, stopping, outside a task,
 * or a forked child.
 * asyncio: create_task.
 */
struct thrum_future *thrum_spawn(thrum_fn fn, void *arg);

/*
 * thrum_spawn_copy - the same with the task's own copy of @size bytes at @args, 16-aligned, freed
 * when @fn returns.  Cancelled before it ran, @fn never runs and the copy is freed.
 *
 * Called from: a task.  Suspends: no.  @size: 0 to 1 GiB.
 * Ownership: one reference to the caller; @args stays the caller's.
 * Returns: as thrum_spawn.
 * asyncio: create_task with functools.partial.
 */
struct thrum_future *thrum_spawn_copy(thrum_fn fn, const void *args, size_t size);

/*
 * thrum_spawn_drop - the same; if cancelled before it ran, @drop(@arg) is called instead of @fn, on
 * a worker, before the future completes.  @drop must not wait.
 *
 * Called from: a task.  Suspends: no.  Ownership, Returns: as thrum_spawn.
 */
struct thrum_future *thrum_spawn_drop(thrum_fn fn, void *arg, void (*drop)(void *));

struct thrum_token;

struct thrum_spawn_options {
	size_t size;      /* sizeof(struct thrum_spawn_options) */
	const char *name; /* copied, cut at 31 bytes; NULL: the function's */
	/* Called with the argument instead of the function, if it was cancelled before it ran, as
	 * by thrum_spawn_drop; NULL: the function runs. */
	void (*drop)(void *arg);
	/* It has a stack of its own of so many bytes, 16 KiB to 1 GiB, mapped now and unmapped at
	 * its end; 0: one of the runtime's, when it starts.  On one of less than half of those
	 * nothing is called in place, and loops are not divided. */
	size_t stack_bytes;
	/* It is linked to it until it ends, as by thrum_spawn_token, and holds it; NULL: to
	 * none. */
	struct thrum_token *token;
	/* It runs on this worker alone, from 1 to thrum_runtime_workers: for what is bound to a
	 * thread.  Nobody helps a worker with such tasks, which take turns, one for up to 32 others
	 * of the worker.  A task that it joins is never called in place; its forks may run
	 * elsewhere.  To make one runnable whose worker sleeps wakes all that sleep.  0: on any. */
	unsigned worker;
};

/* clang-format off */
#define THRUM_SPAWN_OPTIONS_INIT {sizeof(struct thrum_spawn_options), NULL, NULL, 0, NULL, 0}
/* clang-format on */

/*
 * thrum_spawn_with - start fn(@arg) as a task with @options (NULL: none), read during the call.
 *
 * Called from: a task.  Suspends: no.
 * Ownership: one reference to the caller.  NULL: @arg is still the caller's.
 * Returns: as thrum_spawn; NULL also if an option is out of range, is of a later version, or no
 * stack of that size can be had.
 */
struct thrum_future *thrum_spawn_with(const struct thrum_spawn_options *options, thrum_fn fn,
				      void *arg);

/*
 * thrum_go - spawn and release.
 *
 * Called from: a task.  Suspends: no.
 * Returns: 0; -ENOMEM: no memory; -EAGAIN: the limit on live tasks; -ESHUTDOWN: stopping; -EPERM
 * outside a task; -ENOTSUP in a forked child.
 */
THRUM_MUST_CHECK int thrum_go(thrum_fn fn, void *arg);

/*
 * thrum_spawn_after - start fn(@arg) as a task when @ns have passed.
 * thrum_spawn_when_readable - when a read of @fd would not block: data, the end, an error, a
 * connection to accept; or when thrum_close closes it.
 * thrum_spawn_after_drop, thrum_spawn_when_readable_drop - the same with a @drop.
 *
 * Until then it has no stack and costs its descriptor alone (256 bytes).  Cancelled before, it
 * starts at once and its first waiting call returns -ECANCELED; with a @drop that is called
 * instead.  A descriptor that is always ready (a file) starts it at once.
 * If others read from @fd, they may be faster: then a read in fn waits, or is told -EAGAIN.
 * Called from: a task.  Suspends: no.  @ns: 0 or less: now; THRUM_FOREVER: when cancelled.
 * Ownership: one reference to the caller.  NULL: @arg is still the caller's.
 * Returns: as thrum_spawn; NULL also if @fd cannot be watched (it is not open, no memory).
 * asyncio: loop.call_later, loop.add_reader.
 */
struct thrum_future *thrum_spawn_after(int64_t ns, thrum_fn fn, void *arg);
struct thrum_future *thrum_spawn_when_readable(int fd, thrum_fn fn, void *arg);
struct thrum_future *thrum_spawn_after_drop(int64_t ns, thrum_fn fn, void *arg,
					    void (*drop)(void *));
struct thrum_future *thrum_spawn_when_readable_drop(int fd, thrum_fn fn, void *arg,
						    void (*drop)(void *));

/*
 * thrum_cancel_requested - what was requested of the current task: 0, THRUM_SOFT or THRUM_HARD.
 *
 * Called from: a task.  Suspends: no.
 * Returns: 0 outside tasks too.
 */
int thrum_cancel_requested(void);

/*
 * thrum_self - the current task's future, borrowed; NULL outside tasks.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: a borrowed reference, or NULL.
 * asyncio: current_task.
 */
struct thrum_future *thrum_self(void);

/*
 * thrum_set_name - name the current task; the bytes are copied, cut at 31.  A name may be read
 * as long as the task's future lives, so a task may have 64 different ones.
 *
 * Called from: a task.  Suspends: no.
 * Returns: 0; -EINVAL for NULL; -ENOMEM; -ENOSPC: the 65th; -EPERM outside a task; -ENOTSUP.
 */
int thrum_set_name(const char *name);

/*
 * thrum_blocking - run fn(@arg) on the blocking pool and wait for it.
 *
 * Called from: a task.  Suspends: yes.  Cancellation point: until @fn has started; then never cut
 * short.
 * Returns: @fn's result; -ECANCELED or -ETIMEDOUT (it did not start); -EAGAIN: the pool's queue is
 * full; -ENOMEM; -EPERM outside a task; -ENOTSUP in a forked child.
 * asyncio: to_thread.
 */
THRUM_MUST_CHECK intptr_t thrum_blocking(thrum_fn fn, void *arg);

/*
 * thrum_spawn_blocking - run fn(@arg) on the blocking pool; thrum_spawn_blocking_copy - with a copy
 * of its argument, as thrum_spawn_copy.  @fn runs on a plain thread: calls that need a task return
 * -EPERM there.
 *
 * Called from: a task.  Suspends: no.
 * Ownership: one reference to the caller; @arg must outlive a started job.
 * Returns: the job's future; NULL: the queue is full, no memory, stopping, outside a task.
 * asyncio: run_in_executor.
 */
struct thrum_future *thrum_spawn_blocking(thrum_fn fn, void *arg);
struct thrum_future *thrum_spawn_blocking_copy(thrum_fn fn, const void *args, size_t size);

/* The same with the place of the call given as THRUM_HERE makes it (a string that outlives the
 * task). */
struct thrum_future *thrum_spawn_at(const char *place, thrum_fn fn, void *arg);
struct thrum_future *thrum_spawn_copy_at(const char *place, thrum_fn fn, const void *args,
					 size_t size);
struct thrum_future *thrum_spawn_drop_at(const char *place, thrum_fn fn, void *arg,
					 void (*drop)(void *));
struct thrum_future *thrum_spawn_with_at(const char *place,
					 const struct thrum_spawn_options *options, thrum_fn fn,
					 void *arg);
THRUM_MUST_CHECK int thrum_go_at(const char *place, thrum_fn fn, void *arg);
THRUM_MUST_CHECK intptr_t thrum_blocking_at(const char *place, thrum_fn fn, void *arg);
struct thrum_future *thrum_spawn_blocking_at(const char *place, thrum_fn fn, void *arg);
struct thrum_future *thrum_spawn_blocking_copy_at(const char *place, thrum_fn fn, const void *args,
						  size_t size);

struct thrum_future *thrum_spawn_after_at(const char *place, int64_t ns, thrum_fn fn, void *arg,
					  void (*drop)(void *));
struct thrum_future *thrum_spawn_when_readable_at(const char *place, int fd, thrum_fn fn, void *arg,
						  void (*drop)(void *));

#define thrum_spawn_after(ns, fn, ...) \
	thrum_spawn_after_at(THRUM_HERE(fn), ns, fn, __VA_ARGS__, NULL)
#define thrum_spawn_when_readable(fd, fn, ...) \
	thrum_spawn_when_readable_at(THRUM_HERE(fn), fd, fn, __VA_ARGS__, NULL)
#define thrum_spawn_after_drop(ns, fn, ...) \
	thrum_spawn_after_at(THRUM_HERE(fn), ns, fn, __VA_ARGS__)
#define thrum_spawn_when_readable_drop(fd, fn, ...) \
	thrum_spawn_when_readable_at(THRUM_HERE(fn), fd, fn, __VA_ARGS__)
#define thrum_spawn(fn, ...) thrum_spawn_at(THRUM_HERE(fn), fn, __VA_ARGS__)
#define thrum_spawn_copy(fn, ...) thrum_spawn_copy_at(THRUM_HERE(fn), fn, __VA_ARGS__)
#define thrum_spawn_drop(fn, ...) thrum_spawn_drop_at(THRUM_HERE(fn), fn, __VA_ARGS__)
#define thrum_spawn_with(options, fn, ...) \
	thrum_spawn_with_at(THRUM_HERE(fn), options, fn, __VA_ARGS__)
#define thrum_go(fn, ...) thrum_go_at(THRUM_HERE(fn), fn, __VA_ARGS__)
#define thrum_blocking(fn, ...) thrum_blocking_at(THRUM_HERE(fn), fn, __VA_ARGS__)
#define thrum_spawn_blocking(fn, ...) thrum_spawn_blocking_at(THRUM_HERE(fn), fn, __VA_ARGS__)
#define thrum_spawn_blocking_copy(fn, ...) \
	thrum_spawn_blocking_copy_at(THRUM_HERE(fn), fn, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
