/* SPDX-License-Identifier: MIT */
/*
 * future.h - the one thing that is waited for: a value that arrives once.
 *
 * A task, a bare future, a shield and a job of the blocking pool are all struct thrum_future.  It
 * completes exactly once; every awaiter sees its value and all that happened before it.  Completing
 * is wait-free but for waking and for withdrawals in progress, registering a waiter is lock-free.
 *
 * References: create, spawn, submit and shield return one.  A caller's reference must last until
 * its call returns.  Futures may outlive their runtime.  Dropping the last handle of a live task
 * loses nothing: the runtime holds it until it has ended.
 */
#ifndef THRUM_FUTURE_H
#define THRUM_FUTURE_H

#include <thrum/result.h>
#include <thrum/time.h>

#ifdef __cplusplus
extern "C" {
#endif

struct thrum_future;

/*
 * thrum_await - wait for @f and return its result.  Cancelling the caller does not cancel @f.
 *
 * Called from: a task or an outside thread (which blocks).  Suspends: yes.  Cancellation point:
 * yes, unless @f is done already: then its result is returned, whatever was requested.
 * Ownership: borrows @f; any number of awaiters at a time.
 * Sees: all that happened before @f completed.
 * Returns: @f's result; -ECANCELED or -ETIMEDOUT when the caller was cut short
 * (thrum_cancel_requested tells the first from a cancelled @f); -ENOMEM for @f NULL; -ENOTSUP in a
 * forked child.
 * asyncio: await.
 */
THRUM_MUST_CHECK intptr_t thrum_await(struct thrum_future *f);

/*
 * thrum_join - wait for @f to its end, then release it.  Never cut short: if the caller is
 * cancelled or its deadline passes, @f is cancelled and join still waits for it.
 *
 * A task that has not started and is the newest of this worker's queue runs in place, on the
 * caller's stack.
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: no.
 * Ownership: takes the caller's reference to @f.
 * Returns: @f's result; -ENOMEM for @f NULL; -ENOTSUP in a forked child (the reference is kept).
 */
THRUM_MUST_CHECK intptr_t thrum_join(struct thrum_future *f);

/*
 * thrum_retain, thrum_release - take and give back a reference.  NULL is allowed.
 *
 * The last release of a future that failed unseen reports the failure, with where it was spawned.
 * Called from: anywhere.  Suspends: no.  Does nothing in a forked child.
 */
void thrum_retain(struct thrum_future *f);
void thrum_release(struct thrum_future *f);

/*
 * thrum_done - has @f completed?  thrum_cancelled - has it completed with -ECANCELED?
 * NULL has, with -ENOMEM.
 *
 * Called from: anywhere.  Suspends: no.  Sees (if true): all that happened before @f completed.
 * asyncio: Future.done, Future.cancelled.
 */
bool thrum_done(const struct thrum_future *f);
bool thrum_cancelled(const struct thrum_future *f);

/*
 * thrum_result - @f's result without waiting.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: the result; -EINPROGRESS until done; -ENOMEM for @f NULL.
 * asyncio: Future.result.
 */
intptr_t thrum_result(const struct thrum_future *f);

/*
 * thrum_cancel - request the hard cancellation of @f.
 *
 * A task hears it as -ECANCELED from its next waiting call and every one after that, until it ends.
 * A bare future or a shield completes with -ECANCELED at once.  A blocking job that has not started
 * completes with -ECANCELED; a started one goes on.
 * Called from: anywhere.  Suspends: no.
 * Returns: 0; -EALREADY if @f is done; -EINVAL for @f NULL.
 * asyncio: Task.cancel.
 */
int thrum_cancel(struct thrum_future *f);

/*
 * thrum_future_create - a bare future.  Its name, with the place of the call, shows in reports.
 *
 * Called from: anywhere.  Suspends: no.
 * Ownership: one reference to the caller.  A future released unset is reported in a debug build.
 * Returns: the future; NULL: no memory, or a forked child.
 * asyncio: loop.create_future.
 */
struct thrum_future *thrum_future_create(void);

/*
 * thrum_future_set - complete the bare future @f with @result and wake all who wait.
 *
 * Called from: anywhere, any thread.  Suspends: no.  Touches nothing of @f after the last wake.
 * Returns: 0; -EALREADY the second time (a cancel counts); -EINVAL: not a bare future.
 * asyncio: Future.set_result, set_exception.
 */
int thrum_future_set(struct thrum_future *f, intptr_t result);

/*
 * thrum_future_on_done - call @cb(@f, @arg) once after @f completes: on a worker for a task's or a
 * job's future, else on a service thread; never inside this call or set.  @cb must not wait.
 *
 * Called from: anywhere.  Suspends: no.
 * Ownership: the library holds a reference to @f until @cb has returned.
 * Returns: 0; -ENOMEM: nothing registered; -EINVAL; -ENOTSUP in a forked child.
 * asyncio: add_done_callback.
 */
int thrum_future_on_done(struct thrum_future *f, void (*cb)(struct thrum_future *, void *),
			 void *arg);

/*
 * thrum_future_off_done - take back one registration of (@cb, @arg).
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: 0: @cb will not be called for it; -EALREADY: it has been, or will be, or @f has no such
 * registration.
 * asyncio: remove_done_callback.
 */
int thrum_future_off_done(struct thrum_future *f, void (*cb)(struct thrum_future *, void *),
			  void *arg);

/*
 * thrum_gather - wait for all @n futures; cancels none.
 *
 * @results: NULL, or @n places; entries of futures that are not done when cut short are
 * -EINPROGRESS.
 * Called from: a task.  Suspends: yes.  Cancellation point: yes.
 * Returns: 0, or the failed result with the lowest index; -ECANCELED or -ETIMEDOUT when cut short
 * (the futures go on); -EPERM outside a task.  A NULL entry counts as a result of -ENOMEM.
 * asyncio: gather(return_exceptions=True).
 */
THRUM_MUST_CHECK int thrum_gather(struct thrum_future *const fs[], size_t n, intptr_t results[]);

/*
 * thrum_wait_any - wait until one of @n futures is done.
 *
 * Called from: a task.  Suspends: yes.  Cancellation point: yes, unless one is done already.
 * Returns: the lowest index that is done, whatever its result (a NULL entry is done); -EINVAL for n
 * = 0; -ECANCELED; -ETIMEDOUT; -ENOMEM (more than eight futures and no memory); -EPERM outside a
 * task.
 * asyncio: wait(return_when=FIRST_COMPLETED).
 */
THRUM_MUST_CHECK ssize_t thrum_wait_any(struct thrum_future *const fs[], size_t n);

/*
 * thrum_wait_for - await @f, but no longer than @timeout_ns; past it, cancel @f and wait for its
 * end.
 * thrum_wait_until - the same until @deadline_ns, on thrum_now's clock.
 *
 * @timeout_ns: 0 or less, or a @deadline_ns that has passed: @f must be done already;
 * THRUM_FOREVER: no limit.
 * Called from: a task or an outside thread.  Suspends: yes.  Cancellation point: until it cancels
 * @f.
 * Ownership: the caller keeps its reference to @f.
 * Sees: all that happened before @f completed.
 * Returns: @f's result; -ETIMEDOUT: past the limit and @f ended cancelled; if the caller was
 * cancelled so was @f, and the result is -ECANCELED unless @f ended with a result of its own;
 * -ENOMEM for @f NULL or when no timer could be had (nothing was cancelled).
 * asyncio: wait_for.
 */
THRUM_MUST_CHECK intptr_t thrum_wait_for(struct thrum_future *f, int64_t timeout_ns);
THRUM_MUST_CHECK intptr_t thrum_wait_until(struct thrum_future *f, int64_t deadline_ns);

/*
 * thrum_shield - a future that completes as @f does and whose cancellation ends it alone.
 *
 * Called from: a task.  Suspends: no.
 * Ownership: one reference to the caller; it holds one to @f while @f is not done.
 * Returns: the shield; NULL: no memory, @f NULL, or outside a task.
 * asyncio: shield.
 */
struct thrum_future *thrum_shield(struct thrum_future *f);

/*
 * thrum_name - what @f was started with: the function's name, or what thrum_set_name said.
 * thrum_place - where it was started, as "file:line name".
 * thrum_state_name - its state in a word: "waiting to start", "running", "waiting", "done",
 * "failed", "cancelled" for a task or job; "pending", "done", "failed", "cancelled" otherwise.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: a string that lives as long as @f (the state's as long as the library).
 * asyncio: Task.get_name, repr(task).
 */
const char *thrum_name(const struct thrum_future *f);
const char *thrum_place(const struct thrum_future *f);
const char *thrum_state_name(const struct thrum_future *f);

/* The same with the place of the call given as THRUM_HERE makes it. */
struct thrum_future *thrum_future_create_at(const char *place);
#define thrum_future_create() thrum_future_create_at(THRUM_HERE(future))

#ifdef __cplusplus
}
#endif
#endif
