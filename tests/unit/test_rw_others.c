/* SPDX-License-Identifier: MIT */
/*
 * test_rw_others.c - read and write of what is neither socket, pipe nor file; and of numbers that
 * mean one thing after another.
 */
#define _GNU_SOURCE
#include <pty.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "io_test.h"

static intptr_t task_reads_count(void *fd)
{
	uint64_t n = 0;
	ssize_t r = thrum_read((int)(intptr_t)fd, &n, sizeof(n));

	return r == sizeof(n) ? (intptr_t)n : r;
}

static intptr_t task_reads_none(void *fd)
{
	return thrum_read((int)(intptr_t)fd, NULL, 0);
}

IO_TEST(counts)
{
	for (int mode = 0; mode < 2; mode++) {
		int fd = eventfd(0, mode ? EFD_NONBLOCK : 0);
		struct thrum_future *f = spawn_waiting(task_reads_count, as_arg(fd));
		uint64_t n = 5;

		is_int(thrum_write(fd, &n, sizeof(n)), sizeof(n));
		is_int(thrum_join(f), 5);
		n = UINT64_MAX - 1;
		is_int(thrum_write(fd, &n, sizeof(n)), sizeof(n)); /* full */
		f = spawn_waiting(task_writes, &(struct job){fd, (char *)&n, sizeof(n)});
		is_int(thrum_read(fd, &n, sizeof(n)), sizeof(n));
		must(n == UINT64_MAX - 1);
		is_int(thrum_join(f), sizeof(n));
		is_int(thrum_close(fd), 0);
	}
}

/* What others make of no bytes. */
IO_TEST(no_bytes)
{
	for (int mode = 0; mode < 2; mode++) {
		int count = eventfd(0, mode ? EFD_NONBLOCK : 0);
		int events = inotify_init1(mode ? IN_NONBLOCK : 0);
		struct thrum_future *f;
		char byte;

		is_int(thrum_read(count, &byte, 0), -EINVAL);
		is_int(thrum_write(count, &byte, 0), -EINVAL);
		is_int(thrum_readv(count, &(struct iovec){&byte, 0}, 1), 0);
		is_int(thrum_readv(count, NULL, 0), 0);
		f = spawn_waiting(task_reads_none, as_arg(events)); /* it waits for an event */
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		is_int(thrum_close(count), 0);
		is_int(thrum_close(events), 0);
	}
}

/* It knows nothing of RWF_NOWAIT. */
IO_TEST(file_events)
{
	for (int mode = 0; mode < 2; mode++) {
		char dir[] = "/tmp/thrum-rw-XXXXXX", path[64];
		struct inotify_event event;
		struct thrum_future *f;
		char room[512];
		int fd = inotify_init1(mode ? IN_NONBLOCK : 0);

		must(fd >= 0 && mkdtemp(dir));
		must(inotify_add_watch(fd, dir, IN_CREATE) >= 0);
		f = spawn_waiting(task_reads_one, as_arg(fd));
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		f = spawn_waiting(task_reads_one, as_arg(fd));
		snprintf(path, sizeof(path), "%s/x", dir);
		must(mkdir(path, 0700) == 0);
		is_int(thrum_join(f), -EINVAL); /* too little room */
		must(thrum_read(fd, room, sizeof(room)) > (ssize_t)sizeof(event));
		memcpy(&event, room, sizeof(event));
		is_int(event.mask & IN_CREATE, IN_CREATE);
		is_int(thrum_close(fd), 0);
		must(rmdir(path) == 0 && rmdir(dir) == 0);
	}
}

IO_TEST(a_terminal_in_blocking_mode)
{
	struct thrum_future *fs[2];
	int master, slave, sum = 0;
	char text[8] = "";

	must(openpty(&master, &slave, NULL, NULL, NULL) == 0);
	for (int i = 0; i < 2; i++)
		fs[i] = spawn_waiting(task_reads_one, as_arg(slave));
	is_int(thrum_write(master, "a\n", 2), 2);
	for (int i = 0; i < 2; i++)
		sum += (int)thrum_join(fs[i]);
	is_int(sum, 'a' + '\n');
	is_int(thrum_read(master, text, 3), 3); /* the echo */
	is_int(thrum_write(slave, "out", 3), 3);
	while (strcmp(text, "out"))
		must(thrum_read(master, text, 3) > 0);
	fs[0] = spawn_waiting(task_reads_one, as_arg(slave));
	thrum_cancel(fs[0]);
	is_int(thrum_join(fs[0]), -ECANCELED);
	pair_close((int[]){master, slave});
}

IO_TEST(devices)
{
	int null = thrum_open("/dev/null", O_RDWR, 0), zero = thrum_open("/dev/zero", O_RDWR, 0);
	char c = 1;

	is_int(thrum_read(null, &c, 1), 0);
	is_int(thrum_write(null, &c, 1), 1);
	is_int(thrum_read(zero, &c, 1), 1);
	is_int(c, 0);
	pair_close((int[]){null, zero});
}

/* What was known of a number need not hold any more. */
IO_TEST(a_number_that_means_something_else)
{
	char dir[] = "/tmp/thrum-rw-XXXXXX", path[64];
	int number, file, ends[2];
	char c;

	must(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/x", dir);
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	number = open("/dev/null", O_RDWR | O_CLOEXEC);
	must(file >= 0 && number >= 0);
	for (int i = 0; i < 30; i++) {
		struct thrum_future *f;

		pair_make(ends, (enum pair_kind)(i * 7 % PAIR_KINDS), i % 5 == 0);
		must(dup2(ends[0], number) == number);
		f = spawn_waiting(task_reads_one, as_arg(number));
		is_int(thrum_write(ends[1], "n", 1), 1);
		is_int(thrum_join(f), 'n');
		if (i % 3 == 0) {
			must(dup2(file, number) == number);
			is_int(thrum_write(number, "f", 1), 1);
			must(lseek(file, -1, SEEK_CUR) == i / 3);
			is_int(thrum_read(number, &c, 1), 1);
			is_int(c, 'f');
		}
		close(ends[0]);
		close(ends[1]);
	}
	close(number);
	close(file);
	must(unlink(path) == 0 && rmdir(dir) == 0);
}

int main(void)
{
	const TTest *const tests[] = {
	    counts,      no_bytes,
	    file_events, a_terminal_in_blocking_mode,
	    devices,     a_number_that_means_something_else,
	};

	return RUN_TESTS("rw_others", tests);
}
