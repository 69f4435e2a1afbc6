/* SPDX-License-Identifier: MIT */
/*
 * test_sigpipe.c - no call of the library lets SIGPIPE happen, and in a task no write of its own
 * does; on any other thread, and where the program has chosen, SIGPIPE is what it was.  Each in a
 * process of its own.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/mman.h>

#include "base/os.h"
#include "child.h"
#include "io_test.h"
#include "sched/sigpipe.h"

static int broken_pipe(void)
{
	int ends[2];

	must(pipe2(ends, O_CLOEXEC) == 0);
	close(ends[0]);
	return ends[1];
}

static intptr_t task_writes_plainly(void *unused)
{
	int fd = broken_pipe();

	(void)unused;
	is_int(write(fd, "x", 1), -1);
	is_int(errno, EPIPE);
	is_int(thrum_write(fd, "x", 1), -EPIPE);
	is_int(write(fd, "x", 1), -1);
	close(fd);
	return 77;
}

static void child_task(void)
{
	_exit(run_real(2, task_writes_plainly, NULL) == 77 ? 33 : 1);
}

/* While a runtime lives, and after it. */
static void child_outside(void)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);
	int fd = broken_pipe();

	is_int(thrum_runtime_block_on(rt, task_writes_plainly, NULL), 77);
	if (write(fd, "x", 1) != -1)
		_exit(2);
	_exit(1);
}

static void child_after(void)
{
	is_int(run_real(1, task_writes_plainly, NULL), 77);
	if (write(broken_pipe(), "x", 1) != -1)
		_exit(2);
	_exit(1);
}

static volatile sig_atomic_t seen;

static void count_signal(int sig)
{
	(void)sig;
	seen++;
}

static void child_own_handler(void)
{
	signal(SIGPIPE, count_signal);
	is_int(run_real(1, task_writes_plainly, NULL), 77);
	is_int(seen, 2); /* the two that the library has not made */
	is_int(write(broken_pipe(), "x", 1), -1);
	_exit(33);
}

static void child_ignores(void)
{
	signal(SIGPIPE, SIG_IGN);
	is_int(run_real(1, task_writes_plainly, NULL), 77);
	must(signal(SIGPIPE, SIG_IGN) == SIG_IGN);
	is_int(write(broken_pipe(), "x", 1), -1);
	_exit(33);
}

/* ---- What the library calls ---- */

static int broken_socket(int flags)
{
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0, ends) == 0);
	close(ends[0]);
	return ends[1];
}

static void sends_to(int fd, int file)
{
	struct iovec parts[] = {{"a", 1}, {"b", 1}};
	off_t at = 0;
	int ends[2];

	is_int(thrum_write(fd, "x", 1), -EPIPE);
	is_int(thrum_writev(fd, parts, 2), -EPIPE);
	is_int(thrum_sendfile(fd, file, &at, 5), -EPIPE);
	must(lseek(file, 0, SEEK_SET) == 0);
	is_int(thrum_sendfile(fd, file, NULL, 5), -EPIPE);
	must(pipe2(ends, O_CLOEXEC) == 0 && write(ends[1], "x", 1) == 1);
	is_int(thrum_splice(ends[0], NULL, fd, NULL, 5, 0), -EPIPE);
	close(ends[0]);
	close(ends[1]);
	close(fd);
}

static intptr_t task_breaks_pipes(void *unused)
{
	int file = memfd_create("thrum", MFD_CLOEXEC), fd;

	(void)unused;
	must(file >= 0 && write(file, "hello, world", 12) == 12);
	sends_to(broken_pipe(), file);
	fd = broken_pipe();
	make_nonblocking(fd);
	sends_to(fd, file);
	sends_to(broken_socket(0), file);
	sends_to(broken_socket(SOCK_NONBLOCK), file);
	close(file);
	return 77;
}

static void child_library(void)
{
	signal(SIGPIPE, count_signal);
	is_int(run_real(1, task_breaks_pipes, NULL), 77);
	is_int(seen, 0);
	_exit(33);
}

/* After the first runtime was made. */
static void child_library_default(void)
{
	is_int(run_real(1, task_breaks_pipes, NULL), 77);
	signal(SIGPIPE, SIG_DFL);
	is_int(run_real(1, task_breaks_pipes, NULL), 77);
	_exit(33);
}

static intptr_t task_blocks_it_and_breaks_pipes(void *unused)
{
	sigset_t mask, pending;
	bool was_pending;

	sigemptyset(&mask);
	sigaddset(&mask, SIGPIPE);
	for (int i = 0; i < 2; i++) {
		pthread_sigmask(SIG_BLOCK, &mask, NULL);
		if (i)
			raise(SIGPIPE);
		task_breaks_pipes(unused);
		sigpending(&pending);
		was_pending = sigismember(&pending, SIGPIPE);
		is_int(was_pending, i);
		pthread_sigmask(SIG_UNBLOCK, &mask, NULL);
		is_int(seen, i);
	}
	return 77;
}

/* What the program has pending in that thread stays so, and nothing is added to it. */
static void child_blocks(void)
{
	signal(SIGPIPE, count_signal);
	is_int(run_alone(task_blocks_it_and_breaks_pipes), 77);
	_exit(33);
}

#ifdef THRUM_FAULTS
/* The kernel has no flag for it, as it seems when it is asked. */
static void without_flag(void (*child)(void))
{
	thrum__fault_set(1, true);
	thrum__sigpipe_install();
	must(thrum__fault_fired());
	thrum__fault_set(0, false);
	child();
}

static void child_library_without_flag(void)
{
	without_flag(child_library);
}

static void child_blocks_without_flag(void)
{
	without_flag(child_blocks);
}
#endif

static int status_of(void (*fn)(void))
{
	char err[4096];
	int status = child_run(fn, err, sizeof(err));

	is_text(err, "");
	return status;
}

static void exits_with_33(void (*fn)(void))
{
	int status = status_of(fn);

	must(WIFEXITED(status));
	is_int(WEXITSTATUS(status), 33);
}

static void dies_of_it(void (*fn)(void))
{
	int status = status_of(fn);

	must(WIFSIGNALED(status));
	is_int(WTERMSIG(status), SIGPIPE);
}

START_TEST(in_a_task_it_is_an_error)
{
	exits_with_33(child_task);
}
END_TEST

START_TEST(on_another_thread_it_kills)
{
	dies_of_it(child_outside);
	dies_of_it(child_after);
}
END_TEST

START_TEST(what_the_program_chose_stays)
{
	exits_with_33(child_own_handler);
	exits_with_33(child_ignores);
}
END_TEST

START_TEST(the_library_raises_none)
{
	exits_with_33(child_library);
	exits_with_33(child_library_default);
	exits_with_33(child_blocks);
#ifdef THRUM_FAULTS
	exits_with_33(child_library_without_flag);
	exits_with_33(child_blocks_without_flag);
#endif
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    in_a_task_it_is_an_error,
	    on_another_thread_it_kills,
	    what_the_program_chose_stays,
	    the_library_raises_none,
	};

	return RUN_TESTS("sigpipe", tests);
}
