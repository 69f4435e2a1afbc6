/* SPDX-License-Identifier: MIT */
/*
 * sigpipe.c - a write to a broken pipe is an error: no call of the library lets SIGPIPE happen,
 * whatever the program has decided on it and whenever.
 *
 * send has MSG_NOSIGNAL, and pwritev2 has RWF_NOSIGNAL from Linux 6.18 on.  Elsewhere, and around
 * sendfile, the signal is blocked in the thread, which costs two system calls, and what the call
 * has raised is taken away: it is the thread's own.  If it was blocked and pending before, the two
 * cannot be told apart, and it stays pending.  Files raise none, and their callers come not here.
 * Rejected: to keep it blocked in the workers' threads, or to ignore it: programs that a task
 * executes would inherit that.
 *
 * HANDLER A task's own write(2), or a library's that knows nothing of thrum, would still end the
 *         process, and one broken connection must not end a server.  So where the default stands
 *         when the first runtime is made, a handler that does nothing is installed (which nobody
 *         inherits); on threads other than workers it lets the default happen.  A program's own
 *         choice stays.
 *
 * State: the process's disposition and what the kernel has, both set once.  Nothing can fail.
 */
#define _GNU_SOURCE /* pwritev2's flags */
#include "sched/sigpipe.h"

#include "base/atomic.h"
#include "base/os.h"
#include "base/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <time.h>

#ifndef RWF_NOSIGNAL
#define RWF_NOSIGNAL 0x00000100
#endif

static struct atomic32 has_flag; /* RWF_NOSIGNAL */

/* Calls only what a handler may.  The signal is the thread's own, which has just written. */
static void on_sigpipe(int sig)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};

	if (thrum__tls_worker())
		return;
	thrum__os_sigaction(sig, &dfl, NULL);
	raise(sig); /* comes when this handler returns */
}

static void install_handler(void)
{
	struct sigaction ours = {.sa_handler = on_sigpipe, .sa_flags = SA_RESTART | SA_ONSTACK};
	struct sigaction old;

	if (thrum__os_sigaction(SIGPIPE, NULL, &old) || old.sa_flags & SA_SIGINFO ||
	    old.sa_handler != SIG_DFL)
		return;
	thrum__os_sigaction(SIGPIPE, &ours, NULL);
}

/* If it cannot be asked for, it is not used. */
static void ask_for_flag(void)
{
	struct iovec byte = {"", 1};
	int fd = thrum__os_openat(AT_FDCWD, "/dev/null", O_WRONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	store_relaxed(&has_flag, thrum__os_pwritev2(fd, &byte, 1, -1, RWF_NOSIGNAL) == 1);
	thrum__os_close(fd);
}

static void install(void)
{
	install_handler();
	ask_for_flag();
}

void thrum__sigpipe_install(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install);
}

static sigset_t only_sigpipe(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	return set;
}

void thrum__sigpipe_hold(struct thrum__sigpipe *s)
{
	sigset_t set = only_sigpipe(), pending;

	s->pending_before = false;
	pthread_sigmask(SIG_BLOCK, &set, &s->before);
	if (!sigismember(&s->before, SIGPIPE))
		return;
	sigpending(&pending);
	s->pending_before = sigismember(&pending, SIGPIPE);
}

void thrum__sigpipe_let(struct thrum__sigpipe *s, bool may_have_come)
{
	const struct timespec now = {0};
	sigset_t set = only_sigpipe();

	if (may_have_come && !s->pending_before)
		while (sigtimedwait(&set, NULL, &now) < 0 && errno == EINTR)
			;
	if (!sigismember(&s->before, SIGPIPE))
		pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}

static ssize_t writev_held(int fd, const struct iovec *v, int n, int flags)
{
	struct thrum__sigpipe s;
	ssize_t r;

	thrum__sigpipe_hold(&s);
	r = flags ? thrum__os_pwritev2(fd, v, n, -1, flags) : thrum__os_writev(fd, v, n);
	/* One that waits may come back with what it has moved before. */
	thrum__sigpipe_let(&s, r == -EPIPE || (r > 0 && !flags));
	return r;
}

ssize_t thrum__sigpipe_writev(int fd, const struct iovec *v, int n, int flags)
{
	ssize_t r;

	if (!load_relaxed(&has_flag))
		return writev_held(fd, v, n, flags);
	r = thrum__os_pwritev2(fd, v, n, -1, flags | RWF_NOSIGNAL);
	if (flags || (r != -EOPNOTSUPP && r != -ENOSYS))
		return r;
	return writev_held(fd, v, n, 0); /* an eventfd's knows no flags */
}
