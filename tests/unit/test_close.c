/* SPDX-License-Identifier: MIT */
/* test_close.c - thrum_close: who is inside leaves, nobody comes in, and then it is closed. */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "io_test.h"

#include <limits.h>

static char big[1 << 20];

static intptr_t task_fills(void *fd)
{
	ssize_t r;

	do {
		r = thrum_write((int)(intptr_t)fd, big, sizeof(big));
	} while (r > 0);
	return r;
}

static intptr_t task_polls(void *fd)
{
	struct pollfd p = {.fd = (int)(intptr_t)fd, .events = POLLIN};

	return thrum_poll(&p, 1, -1);
}

/* With a worker alone they do wait by then. */
ALONE_TEST(who_waits_is_told)
{
	for (int i = 0; i < 2 * PAIR_KINDS; i++) {
		struct thrum_future *fs[5];
		int ends[2];

		pair_make(ends, (enum pair_kind)(i / 2), i % 2);
		for (int k = 0; k < 3; k++)
			fs[k] = spawn_waiting(task_reads_one, as_arg(ends[0]));
		fs[3] = spawn_waiting(task_polls, as_arg(ends[0]));
		fs[4] = spawn_waiting(task_reads_one, as_arg(ends[0]));
		is_int(thrum_close(ends[0]), 0);
		for (int k = 0; k < 5; k++)
			is_int(thrum_join(fs[k]), -EBADF);
		is_int(thrum_close(ends[1]), 0);
		pair_make(ends, (enum pair_kind)(i / 2), i % 2);
		fs[0] = spawn_waiting(task_fills, as_arg(ends[1]));
		is_int(thrum_close(ends[1]), 0);
		is_int(thrum_join(fs[0]), -EBADF);
		is_int(thrum_close(ends[0]), 0);
	}
}

#define NUMBER 100 /* none that the kernel gives by itself here */

IO_TEST(the_number_is_free_again)
{
	for (int i = 0; i < 50; i++) {
		struct thrum_future *f;
		int ends[2];

		pair_make(ends, (enum pair_kind)(i % PAIR_KINDS), false);
		must(dup2(ends[0], NUMBER) == NUMBER);
		close(ends[0]);
		f = spawn_waiting(task_reads_one, as_arg(NUMBER));
		if (i % 2) {
			is_int(thrum_write(ends[1], "1", 1), 1);
			is_int(thrum_join(f), '1');
			is_int(thrum_close(NUMBER), 0);
		} else {
			is_int(thrum_close(NUMBER), 0);
			is_int(thrum_join(f), -EBADF);
		}
		must(fcntl(NUMBER, F_GETFD) == -1);
		is_int(thrum_close(ends[1]), 0);
	}
}

IO_TEST(what_is_closed_is_closed)
{
	int ends[2];
	char c;

	pair_make(ends, PIPE, false);
	pair_close(ends);
	is_int(thrum_close(ends[0]), -EBADF);
	is_int(thrum_close(-1), -EBADF);
	is_int(thrum_read(ends[0], &c, 1), -EBADF);
	must(fcntl(ends[0], F_GETFD) == -1);
}

static intptr_t task_closes(void *fd)
{
	struct thrum_timeout t;

	thrum_cancel(thrum_self());
	thrum_timeout_begin(&t, 0);
	is_int(thrum_close((int)(intptr_t)fd), 0);
	must(!thrum_timeout_end(&t));
	return thrum_yield();
}

/* It gives back: neither cancel nor deadline keeps it from that. */
IO_TEST(a_cancelled_task_closes)
{
	struct thrum_future *reader, *closer;
	char path[] = "/tmp/thrum-close-XXXXXX";
	int ends[2], file = mkostemp(path, O_CLOEXEC);

	pair_make(ends, UNIX, false);
	reader = spawn_waiting(task_reads_one, as_arg(ends[0]));
	closer = thrum_spawn(task_closes, as_arg(ends[0]));
	is_int(thrum_join(closer), -ECANCELED);
	is_int(thrum_join(reader), -EBADF);
	is_int(thrum_close(ends[1]), 0);
	is_int(thrum_write(file, "w", 1), 1);
	is_int(thrum_join(thrum_spawn(task_closes, as_arg(file))), -ECANCELED);
	must(fcntl(file, F_GETFD) == -1);
	must(unlink(path) == 0);
}

/* By the pool, which may have to wait for the storage. */
IO_TEST(a_file_that_was_written)
{
	char path[] = "/tmp/thrum-close-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);

	is_int(thrum_write(fd, "w", 1), 1);
	is_int(thrum_close(fd), 0);
	must(fcntl(fd, F_GETFD) == -1);
	must(unlink(path) == 0);
}

static intptr_t task_just_closes(void *fd)
{
	return thrum_close((int)(intptr_t)fd);
}

IO_TEST(two_who_close_at_once)
{
	for (int i = 0; i < 50; i++) {
		struct thrum_future *reader, *other;
		int ends[2], closed;

		pair_make(ends, PIPE, false);
		reader = spawn_waiting(task_reads_one, as_arg(ends[0]));
		other = thrum_spawn(task_just_closes, as_arg(ends[0]));
		closed = thrum_close(ends[0]) == 0;
		closed += thrum_join(other) == 0;
		is_int(closed, 1);
		is_int(thrum_join(reader), -EBADF);
		is_int(thrum_close(ends[1]), 0);
	}
}

/* ---- Two runtimes ---- */

static struct thrum_runtime *another;
static char socket_name[64];

static intptr_t task_accepts(void *fd)
{
	return thrum_accept((int)(intptr_t)fd, NULL, NULL);
}

/* As if by a program that hands descriptors around: closed by a task of the other runtime. */
static void close_over_there(int fd)
{
	struct thrum_future *f = thrum_runtime_submit(another, task_just_closes, as_arg(fd));

	must(f);
	is_int(thrum_join(f), 0);
}

/* This runtime has made it and waited on it; what comes under its number is another thing. */
static intptr_t closed_by_another_runtime(void *unused)
{
	int before = fds_open();

	(void)unused;
	for (int i = 0; i < 20; i++) {
		struct thrum_future *f;
		int ends[2], fd;

		fd = thrum_unix_listen(socket_name, 0);
		must(fd >= 0);
		f = spawn_waiting(task_accepts, as_arg(fd));
		if (i % 2) {
			thrum_cancel(f);
			is_int(thrum_join(f), -ECANCELED);
			close_over_there(fd);
		} else { /* who waits there is told */
			close_over_there(fd);
			is_int(thrum_join(f), -EBADF);
		}
		must(fcntl(fd, F_GETFD) == -1);
		pair_make(ends, UNIX, false);
		if (ends[0] != fd) {
			must(dup2(ends[0], fd) == fd);
			close(ends[0]);
		}
		f = spawn_waiting(task_reads_one, as_arg(fd));
		is_int(thrum_write(ends[1], "a", 1), 1);
		is_int(thrum_wait_for(f, THRUM_SEC(10)), 'a');
		thrum_release(f);
		is_int(thrum_close(fd), 0);
		is_int(thrum_close(ends[1]), 0);
	}
	is_int(fds_open(), before);
	return 77;
}

/* It waits when this returns. */
static struct thrum_future *spawn_reader(struct thrum_runtime *rt, int fd)
{
	struct thrum_future *f = rt ? thrum_runtime_submit(rt, task_reads_one, as_arg(fd))
				    : thrum_spawn(task_reads_one, as_arg(fd));

	must(f);
	while (strcmp(thrum_state_name(f), "waiting") != 0)
		is_int(thrum_yield(), 0);
	return f;
}

static void pair_make_at_number(int ends[2], enum pair_kind kind, bool nonblocking)
{
	pair_make(ends, kind, nonblocking);
	must(dup2(ends[0], NUMBER) == NUMBER);
	close(ends[0]);
	ends[0] = NUMBER;
}

/* Their calls are on the number that was closed, and not on the next. */
static intptr_t calls_in_another_runtime(void *unused)
{
	(void)unused;
	for (int i = 0; i < 100; i++) {
		struct thrum_future *there[2], *here;
		int ends[2], next[2];

		pair_make_at_number(ends, (enum pair_kind)(i % PAIR_KINDS), i % 2);
		there[0] = spawn_reader(another, ends[0]);
		there[1] = spawn_reader(another, ends[0]);
		here = spawn_reader(NULL, ends[0]);
		is_int(thrum_close(ends[0]), 0);
		pair_make_at_number(next, PIPE, false); /* with a byte for whoever still reads */
		is_int(thrum_write(next[1], "z", 1), 1);
		is_int(thrum_join(there[0]), -EBADF);
		is_int(thrum_join(there[1]), -EBADF);
		is_int(thrum_join(here), -EBADF);
		pair_close(next);
		is_int(thrum_close(ends[1]), 0);
	}
	return 77;
}

/* One of them is told that it closes already, or is closed. */
static intptr_t closers_in_both(void *unused)
{
	(void)unused;
	is_int(thrum_close(-1), -EBADF);
	is_int(thrum_close(INT_MAX), -EBADF);
	for (int i = 0; i < 200; i++) {
		struct thrum_future *f, *reader;
		int ends[2], closed;

		pair_make(ends, UNIX, false);
		reader = spawn_reader(another, ends[0]);
		f = thrum_runtime_submit(another, task_just_closes, as_arg(ends[0]));
		must(f);
		closed = thrum_close(ends[0]) == 0;
		closed += thrum_join(f) == 0;
		is_int(closed, 1);
		is_int(thrum_join(reader), -EBADF);
		is_int(thrum_close(ends[1]), 0);
	}
	return 77;
}

static void beside_another(unsigned workers, thrum_fn fn)
{
	int before = fds_open();

	another = runtime_of(workers, THRUM_CLOCK_REAL);
	is_int(run_real(2, fn, NULL), 77);
	is_int(thrum_runtime_destroy(another), 0);
	is_int(fds_open(), before);
}

START_TEST(two_runtimes_and_their_calls)
{
	beside_another(1, calls_in_another_runtime);
	beside_another(2, closers_in_both);
}
END_TEST

static intptr_t task_reads_for_nothing(void *fd)
{
	(void)!task_reads_one(fd);
	return 0;
}

static intptr_t task_leaves_reader(void *unused)
{
	(void)unused;
	is_int(thrum_go(task_reads_for_nothing, as_arg(NUMBER)), 0);
	return 5;
}

static void *thread_runs(void *stop)
{
	while (!load_acquire((struct atomic32 *)stop))
		is_int(run_real(1, task_leaves_reader, NULL), 5);
	return NULL;
}

/* Runtimes come and go, with calls on that number, while it is closed. */
START_TEST(runtimes_that_end_meanwhile)
{
	struct thrum_runtime *here = runtime_of(1, THRUM_CLOCK_REAL);
	struct atomic32 stop = {0};
	pthread_t t;

	another = runtime_of(1, THRUM_CLOCK_REAL);
	t = thread_of(thread_runs, &stop);
	is_int(thrum_runtime_block_on(here, calls_in_another_runtime, NULL), 77);
	store_release(&stop, 1);
	pthread_join(t, NULL);
	is_int(thrum_runtime_destroy(another), 0);
	is_int(thrum_runtime_destroy(here), 0);
}
END_TEST

START_TEST(two_runtimes)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);

	snprintf(socket_name, sizeof(socket_name), "@thrum-test-close-%d", (int)getpid());
	is_int(thrum_runtime_create(&another, &c), 0);
	is_int(run_real(2, closed_by_another_runtime, NULL), 77);
	is_int(thrum_runtime_destroy(another), 0);
}
END_TEST

START_TEST(outside_tasks)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	is_int(thrum_close(fd), -EPERM);
	must(fcntl(fd, F_GETFD) >= 0);
	close(fd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    who_waits_is_told,
	    the_number_is_free_again,
	    what_is_closed_is_closed,
	    a_cancelled_task_closes,
	    a_file_that_was_written,
	    two_who_close_at_once,
	    two_runtimes,
	    two_runtimes_and_their_calls,
	    runtimes_that_end_meanwhile,
	    outside_tasks,
	};

	return RUN_TESTS("close", tests);
}
