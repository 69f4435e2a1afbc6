/* SPDX-License-Identifier: MIT */
/* test_os_wait.c - unit tests of what base/os.h has for waiting: eventfd, poll, epoll, child
 * processes, futexes. */
#define _GNU_SOURCE

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "base/os.h"
#include "suite.h"

START_TEST(event_descriptor)
{
	uint64_t n = 0;
	int fd = thrum__os_eventfd(3, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(thrum__os_read(fd, &n, sizeof(n)), sizeof(n));
	ck_assert_uint_eq(n, 3);
	thrum__os_close(fd);
	ck_assert_int_eq(thrum__os_eventfd(0, -1), -EINVAL);
}
END_TEST

START_TEST(event_posted_and_taken)
{
	int fd = thrum__os_eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	ck_assert_uint_eq(thrum__os_event_take(fd), 0);
	ck_assert_int_eq(thrum__os_event_post(fd, 2), 0);
	ck_assert_int_eq(thrum__os_event_post(fd, 0), 0);
	ck_assert_int_eq(thrum__os_event_post(fd, 3), 0);
	ck_assert_uint_eq(thrum__os_event_take(fd), 5);
	ck_assert_uint_eq(thrum__os_event_take(fd), 0);
	/* A full one, which would block. */
	ck_assert_int_eq(thrum__os_event_post(fd, UINT64_MAX - 1), 0);
	ck_assert_int_eq(thrum__os_event_post(fd, 5), 0);
	ck_assert_uint_eq(thrum__os_event_take(fd), UINT64_MAX - 1);
	thrum__os_close(fd);
	errno = EDOM;
	ck_assert_int_eq(thrum__os_event_post(fd, 1), -EBADF);
	ck_assert_int_eq(errno, EDOM);
	ck_assert_uint_eq(thrum__os_event_take(fd), 0);
}
END_TEST

START_TEST(poll_looks)
{
	int fd = thrum__os_eventfd(1, 0);
	struct pollfd p = {.fd = fd, .events = POLLIN};

	ck_assert_int_eq(thrum__os_poll(&p, 1, 0), 1);
	ck_assert_int_eq(p.revents, POLLIN);
	thrum__os_event_take(fd);
	ck_assert_int_eq(thrum__os_poll(&p, 1, 0), 0);
	thrum__os_close(fd);
	ck_assert_int_eq(thrum__os_poll(&p, 1, 0), 1);
	ck_assert_int_eq(p.revents, POLLNVAL);
}
END_TEST

START_TEST(ready_looks_at_one)
{
	int fd = thrum__os_eventfd(1, 0);

	ck_assert_int_eq(thrum__os_ready(fd, POLLIN | POLLOUT), POLLIN | POLLOUT);
	ck_assert_int_eq(thrum__os_ready(fd, POLLIN), POLLIN);
	thrum__os_event_take(fd);
	ck_assert_int_eq(thrum__os_ready(fd, POLLIN), 0);
	thrum__os_close(fd);
	ck_assert_int_eq(thrum__os_ready(fd, POLLIN), POLLNVAL);
}
END_TEST

/* An epoll set with an eventfd in it. */
static int set_make(int *fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = 77};
	int set = thrum__os_epoll_create();

	ck_assert_int_ge(set, 0);
	ck_assert_int_eq(fcntl(set, F_GETFD), FD_CLOEXEC);
	*fd = thrum__os_eventfd(0, EFD_NONBLOCK);
	ck_assert_int_eq(thrum__os_epoll_ctl(set, EPOLL_CTL_ADD, *fd, &event), 0);
	ck_assert_int_eq(thrum__os_epoll_ctl(set, EPOLL_CTL_ADD, *fd, &event), -EEXIST);
	return set;
}

static void epoll_wait_keeps_time(void)
{
	struct epoll_event event;
	int fd, set = set_make(&fd);
	int64_t past_ns = thrum__clock_monotonic_ns() - 1, deadline_ns;

	ck_assert_int_eq(thrum__os_epoll_wait(set, &event, 1, 0), 0);
	ck_assert_int_eq(thrum__os_epoll_wait(set, &event, 1, past_ns), 0);
	ck_assert_int_eq(thrum__os_epoll_wait(set, &event, 1, INT64_MIN), 0);
	deadline_ns = thrum__clock_monotonic_ns() + 1500000;
	ck_assert_int_eq(thrum__os_epoll_wait(set, &event, 1, deadline_ns), 0);
	ck_assert_int_ge(thrum__clock_monotonic_ns(), deadline_ns);
	thrum__os_event_post(fd, 1);
	ck_assert_int_eq(thrum__os_epoll_wait(set, &event, 1, INT64_MAX), 1);
	ck_assert_uint_eq(event.data.u64, 77);
	ck_assert_int_eq(thrum__os_epoll_wait(set, &event, 1, INT64_MAX - 1), 1);
	ck_assert_int_eq(thrum__os_epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL), 0);
	ck_assert_int_eq(thrum__os_epoll_ctl(set, EPOLL_CTL_DEL, fd, NULL), -ENOENT);
	ck_assert_int_eq(thrum__os_epoll_wait(set, &event, 1, past_ns), 0);
	thrum__os_close(fd);
	thrum__os_close(set);
	ck_assert_int_eq(thrum__os_epoll_wait(set, &event, 1, 0), -EBADF);
}

START_TEST(epoll_waits)
{
	epoll_wait_keeps_time();
}
END_TEST

START_TEST(epoll_is_ready)
{
	struct epoll_event event;
	int fd, set = set_make(&fd), i;

	ck_assert(!thrum__os_epoll_ready(set, false));
	thrum__os_event_post(fd, 1);
	for (i = 0; i < 3; i++)
		ck_assert(thrum__os_epoll_ready(set, i % 2));
	ck_assert_int_eq(thrum__os_epoll_wait(set, &event, 1, 0), 1);
	thrum__os_event_take(fd);
	ck_assert(!thrum__os_epoll_ready(set, false));
	thrum__os_close(fd);
	thrum__os_close(set);
}
END_TEST

/* A kernel, or a filter, that does not know epoll_pwait2: for the calling thread, to its end. */
static int pwait2_refuse(unsigned err)
{
	struct sock_filter code[] = {
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | err),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void *waits_without_pwait2(void *err)
{
	struct epoll_event event;
	struct timespec none = {0, 0};

	if (pwait2_refuse((unsigned)(uintptr_t)err))
		return NULL;
	ck_assert_int_eq(syscall(SYS_epoll_pwait2, -1, &event, 1, &none, NULL, 0), -1);
	ck_assert_int_eq(errno, (int)(uintptr_t)err);
	epoll_wait_keeps_time();
	return NULL;
}

/* The last: from then on no thread uses epoll_pwait2. */
START_TEST(epoll_waits_on_an_old_kernel)
{
	uintptr_t err = _i ? EPERM : ENOSYS;
	pthread_t thread;

	ck_assert_int_eq(thrum__os_thread_create(&thread, waits_without_pwait2, (void *)err, 0), 0);
	thrum__os_thread_join(thread);
}
END_TEST

START_TEST(futex_results)
{
	uint32_t word = 5;

	ck_assert_int_eq(thrum__os_futex_wait(&word, 4, INT64_MAX), -EAGAIN);
	ck_assert_int_eq(thrum__os_futex_wait(&word, 5, 0), -ETIMEDOUT);
	ck_assert_int_eq(thrum__os_futex_wait(&word, 5, INT64_MIN), -ETIMEDOUT);
	ck_assert_int_eq(thrum__os_futex_wait(&word, 5, thrum__clock_monotonic_ns()), -ETIMEDOUT);
	thrum__os_futex_wake(&word, 1);
}
END_TEST

static struct atomic32 turn;

static void *futex_peer(void *arg)
{
	uint32_t i;

	for (i = 0; i < 100; i++) {
		while (load_acquire(&turn) != 2 * i + 1)
			thrum__os_futex_wait(&turn.v, 2 * i, INT64_MAX);
		store_release(&turn, 2 * i + 2);
		thrum__os_futex_wake(&turn.v, 1);
	}
	return arg;
}

START_TEST(futex_wakes_a_thread)
{
	pthread_t thread;
	uint32_t i;

	store_relaxed(&turn, 0);
	ck_assert_int_eq(thrum__os_thread_create(&thread, futex_peer, NULL, 0), 0);
	for (i = 0; i < 100; i++) {
		store_release(&turn, 2 * i + 1);
		thrum__os_futex_wake(&turn.v, 1);
		while (load_acquire(&turn) != 2 * i + 2)
			thrum__os_futex_wait(&turn.v, 2 * i + 1, INT64_MAX);
	}
	thrum__os_thread_join(thread);
}
END_TEST

START_TEST(a_child)
{
	int ends[2], fd, status = 5;
	struct pollfd p = {.events = POLLIN};
	pid_t pid;

	ck_assert_int_eq(pipe(ends), 0);
	pid = fork();
	if (pid == 0) {
		char c;

		_exit(read(ends[0], &c, 1) == 1 ? c : 0);
	}
	fd = p.fd = thrum__os_pidfd_open(pid);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
	ck_assert_int_eq(thrum__os_poll(&p, 1, 0), 0);
	ck_assert_int_eq(thrum__os_waitpid(pid, &status, WNOHANG), 0);
	ck_assert_int_eq(status, 5);
	ck_assert_int_eq(write(ends[1], "*", 1), 1);
	ck_assert_int_eq(thrum__os_poll(&p, 1, -1), 1);
	ck_assert_int_eq(thrum__os_waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), '*');
	ck_assert_int_eq(thrum__os_waitpid(pid, &status, 0), -ECHILD);
	ck_assert_int_eq(thrum__os_pidfd_open(0), -EINVAL);
	thrum__os_close(fd);
}
END_TEST

static void on_alarm(int sig)
{
	(void)sig;
}

START_TEST(futex_is_interrupted)
{
	struct sigaction action = {.sa_handler = on_alarm}, old;
	struct itimerval often = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}};
	uint32_t word = 0;

	sigaction(SIGALRM, &action, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	ck_assert_int_eq(thrum__os_futex_wait(&word, 0, INT64_MAX), -EINTR);
	setitimer(ITIMER_REAL, &off, NULL);
	sigaction(SIGALRM, &old, NULL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("os_wait");

	tcase_add_test(tc, event_descriptor);
	tcase_add_test(tc, event_posted_and_taken);
	tcase_add_test(tc, poll_looks);
	tcase_add_test(tc, ready_looks_at_one);
	tcase_add_test(tc, epoll_waits);
	tcase_add_test(tc, epoll_is_ready);
	tcase_add_test(tc, a_child);
	tcase_add_test(tc, futex_results);
	tcase_add_test(tc, futex_wakes_a_thread);
	tcase_add_test(tc, futex_is_interrupted);
	tcase_add_loop_test(tc, epoll_waits_on_an_old_kernel, 0, 2);
	return run_case("os_wait", tc);
}
