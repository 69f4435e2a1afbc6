/* SPDX-License-Identifier: MIT */
/* process.h - waiting for child processes; <sys/wait.h> has the options and reads the status. */
#ifndef THRUM_PROCESS_H
#define THRUM_PROCESS_H

#include <sys/types.h>
#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * thrum_waitpid - waitpid(2); the fiber waits instead of the thread.
 *
 * What has happened already is returned at once; with WNOHANG nothing is waited for.  Else one
 * child's end (@pid above 0, neither WUNTRACED nor WCONTINUED) is waited for by a descriptor of
 * that process, which is closed again; any number of tasks may wait like that.  Whatever that
 * cannot tell (@pid 0 or below, stops and continuations, no descriptor to be had) is waited for by
 * a thread of the file class of the blocking pool for each call: when all of them wait, further
 * calls and files wait for one of them, and a virtual clock stands still meanwhile.  What ends the
 * call ends that wait by a signal, as io.h tells.  Neither SIGCHLD nor its handler is touched; but
 * where the program ignores it, children leave no status, and a wait lasts as waitpid(2) has it.
 * The stops of a traced child are heard with WUNTRACED alone.  __WNOTHREAD has no meaning here:
 * -EINVAL.
 * A child is one waiter's: of those who wait for the same one the others go on, or have -ECHILD.
 * Called from: a task.  Suspends: yes.  Cancellation point: yes, also when the call need not wait.
 * Returns: what waitpid(2) returns, or -errno; never -EINTR; -ECANCELED, -ETIMEDOUT: no child was
 * reaped, and *@status is as it was; -ENOMEM, -EAGAIN (the pool's queue is full): the same; -EPERM
 * outside a task; -ENOTSUP in a forked child.
 * asyncio: Process.wait.
 */
THRUM_MUST_CHECK pid_t thrum_waitpid(pid_t pid, int *status, int options);

#ifdef __cplusplus
}
#endif
#endif
