/* SPDX-License-Identifier: MIT */
/*
 * os_wait.c - the part of os.h's seam that waits: eventfd, poll, epoll, child processes,
 * futexes.
 *
 * State, the process's: whether epoll_pwait2 is missing.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/clock.h"
#include "base/os.h"
#include "base/os_fault.h"

/* ---- Waiting for descriptors ---- */

int thrum__os_eventfd(unsigned initial, int flags)
{
	FAULT_POINT(-EMFILE);
	return (int)result(eventfd(initial, flags));
}

int thrum__os_event_post(int fd, uint64_t n)
{
	int kept = errno;
	ssize_t err = result(write(fd, &n, sizeof(n)));

	errno = kept;
	/* -EAGAIN: the count is at its end, which will do. */
	return err > 0 || err == -EAGAIN ? 0 : (int)err;
}

uint64_t thrum__os_event_take(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof(n)) == sizeof(n) ? n : 0;
}

int thrum__os_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	FAULT_POINT(-ENOMEM);
	PERTURB(thrum__perturb_interrupt());
	return (int)result(poll(fds, n, timeout_ms));
}

int thrum__os_ready(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n;

	FAULT_POINT(-ENOMEM);
	n = thrum__perturb(fd, true, NULL);
	if (n)
		return n == -EAGAIN ? 0 : n;
	n = (int)result(poll(&p, 1, 0));
	return n > 0 ? p.revents : n;
}

int thrum__os_epoll_create(void)
{
	FAULT_POINT(-EMFILE);
	return (int)result(epoll_create1(EPOLL_CLOEXEC));
}

int thrum__os_epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
	if (op != EPOLL_CTL_DEL)
		FAULT_POINT(-ENOMEM);
	return (int)result(epoll_ctl(set, op, fd, event));
}

/* Before Linux 5.11: whole milliseconds, rounded up. */
static int epoll_wait_ms(int set, struct epoll_event *events, int max, int64_t timeout_ns)
{
	int64_t ms = timeout_ns == INT64_MAX ? -1 : timeout_ns / 1000000 + !!(timeout_ns % 1000000);

	return (int)result(epoll_wait(set, events, max, ms > INT_MAX ? INT_MAX : (int)ms));
}

bool thrum__os_epoll_ready(int set, bool block)
{
	struct pollfd p = {.fd = set, .events = POLLIN};

	return poll(&p, 1, block ? -1 : 0) > 0;
}

int thrum__os_epoll_wait(int set, struct epoll_event *events, int max, int64_t deadline_ns)
{
	static struct atomic32 missing;
	int64_t timeout_ns = deadline_ns;
	struct timespec t;
	int err;

	if (deadline_ns != INT64_MAX && deadline_ns > 0)
		timeout_ns = deadline_ns - thrum__clock_monotonic_ns();
	if (timeout_ns < 0)
		timeout_ns = 0;
	if (load_relaxed(&missing))
		return epoll_wait_ms(set, events, max, timeout_ns);
	t.tv_sec = timeout_ns / 1000000000;
	t.tv_nsec = timeout_ns % 1000000000;
	err = (int)result(syscall(SYS_epoll_pwait2, set, events, max,
				  timeout_ns == INT64_MAX ? NULL : &t, NULL, 0));
	/* A filter of system calls that does not know it may say -EPERM. */
	if (LIKELY(err != -ENOSYS && err != -EPERM))
		return err;
	store_relaxed(&missing, 1);
	return epoll_wait_ms(set, events, max, timeout_ns);
}

/* ---- Child processes ---- */

pid_t thrum__os_waitpid(pid_t pid, int *status, int options)
{
	return (pid_t)result(waitpid(pid, status, options));
}

int thrum__os_pidfd_open(pid_t pid)
{
	FAULT_POINT(-ENOSYS);
	return (int)result(syscall(SYS_pidfd_open, pid, 0));
}

/* ---- Futexes ---- */

#if THREAD_SANITIZED
/* ThreadSanitizer delivers a signal at the next call that it knows, and a raw system call is none:
 * a thread that sleeps here for ever would never hear of it. */
#define SLICE_NS 50000000

static int64_t slice(int64_t deadline_ns)
{
	struct timespec now;

	poll(NULL, 0, 0);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return thrum__min64(deadline_ns, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + SLICE_NS);
}
#else
static int64_t slice(int64_t deadline_ns)
{
	return deadline_ns;
}
#endif

int thrum__os_futex_wait(uint32_t *addr, uint32_t expected, int64_t deadline_ns)
{
	int64_t until_ns = deadline_ns;
	struct timespec until;
	struct timespec *end = NULL;
	int r;

	do {
		until_ns = slice(deadline_ns);
		if (until_ns != INT64_MAX) {
			if (until_ns < 0)
				until_ns = 0;
			until.tv_sec = until_ns / 1000000000;
			until.tv_nsec = until_ns % 1000000000;
			end = &until;
		}
		/* The bitset form is the one whose timeout is absolute. */
		r = (int)result(syscall(SYS_futex, addr, FUTEX_WAIT_BITSET_PRIVATE, expected, end,
					NULL, FUTEX_BITSET_MATCH_ANY));
	} while (r == -ETIMEDOUT && until_ns < deadline_ns);
	return r;
}

void thrum__os_futex_wake(uint32_t *addr, int n)
{
	syscall(SYS_futex, addr, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

void thrum__thread_nap(void)
{
	static uint32_t nobody_wakes;

	thrum__os_futex_wait(&nobody_wakes, 0, thrum__clock_monotonic_ns() + 20000);
}
