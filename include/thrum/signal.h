/* SPDX-License-Identifier: MIT */
/* signal.h - signals as futures. */
#ifndef THRUM_SIGNAL_H
#define THRUM_SIGNAL_H

#include <thrum/future.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * thrum_signal_next - a future that completes with @sig when the process next receives it.
 *
 * The first call for @sig installs a handler, which stays: from then on the signal has no other
 * effect, in any runtime of the process.  One that comes while no future waits is kept, as the
 * kernel keeps a blocked one, and completes the next.  A child that executes another program has
 * the default action again.
 * Called from: a task.  Suspends: no.
 * Ownership: one reference to the caller.  Cancelling it gives up waiting.
 * Returns: the future; NULL: no memory or thread, @sig cannot be caught (SIGKILL, SIGSTOP, and the
 * signals of faults: SIGSEGV, SIGBUS, SIGFPE, SIGILL), outside a task, a forked child.
 * asyncio: loop.add_signal_handler.
 */
struct thrum_future *thrum_signal_next(int sig);

#ifdef __cplusplus
}
#endif
#endif
