/* SPDX-License-Identifier: MIT */
/*
 * sigpipe.c - a write to a broken pipe is an error, not the end of the process.
 *
 * send has MSG_NOSIGNAL; write and its kin have nothing, so workers need a handler that does
 * nothing.  Ignoring the signal would be inherited by programs that are executed; a handler is not.
 * It stands only where the default was: a program's own choice stays.  On other threads the default
 * holds still.
 *
 * State: the process's disposition, set once.  Nothing can fail.
 */
#include "sched/sigpipe.h"

#include "base/os.h"
#include "base/tls.h"

#include <pthread.h>
#include <signal.h>

/* Calls only what a handler may.  The signal is the thread's own, which has just written. */
static void on_sigpipe(int sig)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};

	if (thrum__tls_worker())
		return;
	thrum__os_sigaction(sig, &dfl, NULL);
	raise(sig); /* comes when this handler returns */
}

static void install(void)
{
	struct sigaction ours = {.sa_handler = on_sigpipe, .sa_flags = SA_RESTART | SA_ONSTACK};
	struct sigaction old;

	if (thrum__os_sigaction(SIGPIPE, NULL, &old) || old.sa_flags & SA_SIGINFO ||
	    old.sa_handler != SIG_DFL)
		return;
	thrum__os_sigaction(SIGPIPE, &ours, NULL);
}

void thrum__sigpipe_install(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
}
