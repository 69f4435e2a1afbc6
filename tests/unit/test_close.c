/* SPDX-License-Identifier: MIT */
/* test_close.c - thrum_close: who is inside leaves, nobody comes in, and then it is closed. */
#define _GNU_SOURCE
#include "io_test.h"

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

/* With one worker they do wait by then. */
IO_TEST_ON(1, who_waits_is_told)
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
	    who_waits_is_told,       the_number_is_free_again, what_is_closed_is_closed,
	    a_cancelled_task_closes, a_file_that_was_written,  two_who_close_at_once,
	    outside_tasks,
	};

	return RUN_TESTS("close", tests);
}
