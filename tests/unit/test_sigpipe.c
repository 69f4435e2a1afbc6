/* SPDX-License-Identifier: MIT */
/*
 * test_sigpipe.c - in a task a broken pipe is an error; on any other thread, and where the program
 * has chosen, SIGPIPE is what it was.  Each in a process of its own.
 */
#define _GNU_SOURCE
#include <signal.h>

#include "child.h"
#include "io_test.h"

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
	must(seen >= 2);
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

int main(void)
{
	const TTest *const tests[] = {
	    in_a_task_it_is_an_error,
	    on_another_thread_it_kills,
	    what_the_program_chose_stays,
	};

	return RUN_TESTS("sigpipe", tests);
}
