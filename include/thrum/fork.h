/* SPDX-License-Identifier: MIT */
/*
 * fork.h - fork and join: work that idle workers may take, at the price of a call while none does.
 *
 *	static intptr_t fib(void *arg)
 *	{
 *		intptr_t n = (intptr_t)arg, x;
 *		struct thrum_fork j;
 *
 *		if (n < 2)
 *			return n;
 *		thrum_fork(&j, fib, (void *)(n - 1));
 *		x = fib((void *)(n - 2));
 *		return x + thrum_fork_join(&j);
 *	}
 *
 * A fork lies in the caller's frame.  Its function runs once: in place, at the join, as a call on
 * the caller's stack and within the caller's task; or, if an idle worker took it before, as a task
 * of its own, beside the caller.  So it must not care which: what it does to its caller's data, the
 * caller must not do at the same time.
 *
 * When the caller waits for something else, or too little of its stack is left, its forks become
 * tasks like spawned ones: none is ever held back by its caller.  With no memory for a task, or at
 * the limit on them, they run in place there, within whatever call is about to wait.
 *
 * Cancelling the caller's task cancels its forks; they run all the same, and their waiting calls
 * return -ECANCELED: one that runs in place or begins to wait at once, one that waits elsewhere
 * already when the caller is in its join.  A deadline around the caller (thrum_timeout_begin) is
 * heard where the function runs in place; elsewhere when the caller is in its join.
 */
#ifndef THRUM_FORK_H
#define THRUM_FORK_H

#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opaque.  Needs no init and no end; free again after its join. */
struct thrum_fork {
	thrum_fn reserved_fn;
	void *reserved_arg;
	void *reserved_link;
	void *reserved;
};

/*
 * thrum_fork - let fn(@arg) be run by whoever comes first: an idle worker, or the caller at its
 * join.
 *
 * Each fork is joined, by the task that made it, before the function that holds @j returns, and in
 * the reverse order of the forks.  With 2,000 forks not yet joined a further one runs at once.
 * Called from: a task; elsewhere the join returns -EPERM (-ENOTSUP in a forked child).
 * Suspends: no (when a further one runs at once: if fn does).
 * Ownership: @j, and @arg, are the library's until the join has returned.
 */
void thrum_fork(struct thrum_fork *j, thrum_fn fn, void *arg);

/*
 * thrum_fork_join - the result of @j, which it runs now unless somebody else has.
 *
 * Called from: the task that made @j.  Suspends: yes.  Cancellation point: no: never cut short; if
 * the caller is cancelled or its deadline passes while it waits, the fork is cancelled.
 * Sees: all that the function did.
 * Returns: the function's result; -ENOMEM: no stack was left and no memory for another one, and the
 * function was not called; -EPERM, -ENOTSUP: it was forked outside a task, and not called.
 */
THRUM_MUST_CHECK intptr_t thrum_fork_join(struct thrum_fork *j);

#ifdef __cplusplus
}
#endif

#include <thrum/inline/fork.h>

#endif
