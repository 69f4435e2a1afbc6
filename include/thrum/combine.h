/* SPDX-License-Identifier: MIT */
/*
 * combine.h - several futures as one: wait for some of them, take them as they complete, let them
 * race, start calls with a limit, start another where one is late.
 *
 *	struct thrum_drain d;
 *	struct thrum_future *f;
 *	size_t page;
 *
 *	thrum_drain_begin(&d);
 *	for (size_t i = 0; i < n; i++)
 *		thrum_drain_add(&d, fetches[i], i);
 *	while (thrum_drain_next(&d, &f, &page) == 0) {
 *		show(page, thrum_result(f));
 *		thrum_release(f);
 *	}
 *	thrum_drain_end(&d);
 *
 * Where a future is expected NULL stands for a spawn that failed: it is done, and its result is
 * -ENOMEM.
 */
#ifndef THRUM_COMBINE_H
#define THRUM_COMBINE_H

#include <thrum/future.h>
#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What thrum_wait waits for. */
#define THRUM_ALL 0
#define THRUM_FIRST_COMPLETED 1
#define THRUM_FIRST_FAILED 2 /* or all of them */

/*
 * thrum_wait - wait until all of @n futures are done, or one is, or one has failed; cancels none.
 *
 * @until: THRUM_ALL, THRUM_FIRST_COMPLETED, THRUM_FIRST_FAILED.  A future that ended with
 * -ECANCELED because that was requested has not failed.
 * @timeout_ns: 0 or less: looks only; THRUM_FOREVER: no limit.  That it has passed is no error.
 * Takes O(n), however often one of them completes.
 * Called from: a task.  Suspends: yes.  Cancellation point: yes, unless there is nothing to wait
 * for.
 * Sees: all that happened before those completed that are done.
 * Returns: how many of @fs are done, one that is there twice counted twice; -ECANCELED: the caller
 * was cancelled; -ETIMEDOUT: a deadline around the call passed; -EINVAL: no such @until, no @fs, or
 * the first of none; -ENOMEM; -EPERM outside a task; -ENOTSUP in a forked child.
 * asyncio: wait.
 */
THRUM_MUST_CHECK ssize_t thrum_wait(struct thrum_future *const fs[], size_t n, int until,
				    int64_t timeout_ns);

/* In the frame of whoever begins it; its fields are the library's. */
struct thrum_drain {
	uint64_t reserved[96];
};

/*
 * thrum_drain_begin - begin to take futures in the order in which they complete.
 *
 * A drain is used by the task that began it alone (asserted), and ended before its frame is left.
 * Called from: a task.  Suspends: no.
 * Returns: 0; -EPERM outside a task; -ENOTSUP in a forked child.  After a failure the other calls
 * return the same.
 * asyncio: as_completed.  tokio: JoinSet.
 */
int thrum_drain_begin(struct thrum_drain *d);

/*
 * thrum_drain_add - @f is to be taken from @d when it is done, with @tag, which says to the caller
 * which it is.  It may be done already, and in the drain already: then it is taken once for each
 * time.  Results may have been taken before, and may be taken after.
 *
 * Called from: the task that began @d.  Suspends: no.
 * Ownership: the drain takes a reference of its own.
 * Returns: 0; -ENOMEM: nothing was added (never while @d holds fewer than eight); -EINVAL: @d has
 * been ended; -EPERM, -ENOTSUP as thrum_drain_begin.
 */
int thrum_drain_add(struct thrum_drain *d, struct thrum_future *f, size_t tag);

/*
 * thrum_drain_next - wait until one of what @d holds is done, and take it: of those that are done
 * the one that was first.  O(1), however many it holds.
 * thrum_drain_next_until - the same until @deadline_ns, on thrum_now's clock.
 * thrum_drain_try - the same without waiting.
 *
 * @f_out, @tag_out: NULL, or where to put the future and the tag it was added with.
 * Called from: the task that began @d.  Suspends: yes (try: no).  Cancellation point: yes, unless
 * one is done already (try: no).
 * Ownership: the drain's reference goes to the caller with @f_out, else it is released.
 * Sees: all that happened before the future completed.
 * Returns: 0; -ENODATA: @d holds none; -EAGAIN (try): none is done; and with nothing taken:
 * -ECANCELED; -ETIMEDOUT; -ENOMEM: no timer for a deadline; -EINVAL: @d has been ended; -EPERM,
 * -ENOTSUP as thrum_drain_begin.
 * asyncio: as_completed's next.  tokio: JoinSet::join_next, try_join_next.
 */
THRUM_MUST_CHECK int thrum_drain_next(struct thrum_drain *d, struct thrum_future **f_out,
				      size_t *tag_out);
THRUM_MUST_CHECK int thrum_drain_next_until(struct thrum_drain *d, struct thrum_future **f_out,
					    size_t *tag_out, int64_t deadline_ns);
THRUM_MUST_CHECK int thrum_drain_try(struct thrum_drain *d, struct thrum_future **f_out,
				     size_t *tag_out);

/*
 * thrum_drain_count - how many @d holds, done or not.
 *
 * Called from: the task that began @d.  Suspends: no.
 * Returns: their number; 0 when @d has been ended.
 */
size_t thrum_drain_count(const struct thrum_drain *d);

/*
 * thrum_drain_end - release what @d still holds; cancels nothing.
 *
 * Called from: the task that began @d (after a begin that failed: anywhere).  Suspends: no.  A
 * second one does nothing.
 */
void thrum_drain_end(struct thrum_drain *d);

/*
 * thrum_race - wait for the first of @n futures that succeeds, then cancel the others and wait for
 * their ends.
 *
 * Of those that have succeeded when it is called the lowest index wins.
 * @result: NULL, or where to put the winner's result; left alone if there is none.
 * If the caller is cut short, all are cancelled and waited for, too.  When it returns, all are
 * done, unless it returns what stands last below.
 * Called from: a task.  Suspends: yes.  Cancellation point: until it cancels; not if one has
 * succeeded already, or all have failed.
 * Ownership: the caller keeps its references, and may look at what others than the winner returned
 * (one may have succeeded all the same).  Their failures count as looked at.
 * Sees: all that happened before they completed.
 * Returns: the winner's index; if all failed, the failure with the lowest index; -ECANCELED or
 * -ETIMEDOUT when cut short.  And with nothing cancelled: -ENOMEM; -EINVAL: no futures; -EPERM
 * outside a task; -ENOTSUP in a forked child.
 * JavaScript: Promise.any.  Trio: a nursery that is cancelled by its first result.
 */
THRUM_MUST_CHECK ssize_t thrum_race(struct thrum_future *const fs[], size_t n, intptr_t *result);

/*
 * thrum_gather_calls - call @fn(@args[i]) for each i below @n, each in a task of its own, and wait
 * for all.
 *
 * @args: NULL (each gets NULL), or @n arguments.  @limit: tasks that live at a time; 0: any number.
 * They are started in the order of @args.
 * @results: NULL, or @n places.  What a call returned; that of one that could not be started is
 * why: -ENOMEM, -EAGAIN, -ESHUTDOWN; that of one that was not started before the caller was cut
 * short is -ECANCELED.
 * A failure cancels none and keeps none from being started.  If the caller is cancelled or its
 * deadline passes before all have ended, no more are started, those that run are cancelled and
 * waited for.
 * Called from: a task.  Suspends: yes.  Cancellation point: yes, for @n above 0; but it returns
 * when all calls have.
 * Ownership: @args and what they lead to are the caller's.
 * Sees: all that the calls did.
 * Returns: 0, or the failed result with the lowest index; -ECANCELED or -ETIMEDOUT when cut short
 * (-ENOMEM: likewise, if there was no timer for a deadline around it); -EINVAL: no @fn; -EPERM
 * outside a task; -ENOTSUP in a forked child.
 * asyncio: gather(return_exceptions=True) with a semaphore.  Go: errgroup with SetLimit.
 */
THRUM_MUST_CHECK int thrum_gather_calls(thrum_fn fn, void *const args[], size_t n, size_t limit,
					intptr_t results[]);

/*
 * thrum_hedge - call @fn(@arg) in a task, and again in another one where that takes long: the first
 * that succeeds has the result.
 *
 * Each time that @delay_ns have passed since the last start, one more is started, up to @copies in
 * all; one that fails is followed by the next at once.  One that could not be started has failed,
 * but while others run, the next one has its time.  After the first success the others are
 * cancelled and waited for.  @fn must be fit to run more than once, beside itself, with one @arg.
 * @delay_ns: 0 or less: at once; THRUM_FOREVER: only after a failure.  @copies: 1 or more.
 * @discard: NULL, or what is called with each other result that is no failure, in the calling task.
 * Called from: a task.  Suspends: yes.  Cancellation point: yes; but it returns when all copies
 * have ended, cancelled if need be.
 * Ownership: @arg is the caller's.
 * Sees: all that the copies did.
 * Returns: the first success; if all failed, the last failure; -ECANCELED or -ETIMEDOUT when cut
 * short; -ENOMEM: no timer; -EINVAL: no @fn, no @copies; -EPERM outside a task; -ENOTSUP in a
 * forked child.
 * Source: Dean and Barroso, The tail at scale, CACM 2013 (hedged requests).
 */
THRUM_MUST_CHECK intptr_t thrum_hedge(thrum_fn fn, void *arg, int64_t delay_ns, unsigned copies,
				      void (*discard)(intptr_t result));

/* The same with the place of the call given as THRUM_HERE makes it. */
THRUM_MUST_CHECK int thrum_gather_calls_at(const char *place, thrum_fn fn, void *const args[],
					   size_t n, size_t limit, intptr_t results[]);
THRUM_MUST_CHECK intptr_t thrum_hedge_at(const char *place, thrum_fn fn, void *arg,
					 int64_t delay_ns, unsigned copies,
					 void (*discard)(intptr_t result));
#define thrum_gather_calls(fn, ...) thrum_gather_calls_at(THRUM_HERE(fn), fn, __VA_ARGS__)
#define thrum_hedge(fn, ...) thrum_hedge_at(THRUM_HERE(fn), fn, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
