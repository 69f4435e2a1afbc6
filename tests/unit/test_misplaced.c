/* SPDX-License-Identifier: MIT */
/*
 * test_misplaced.c - sockets that the library made, closed by close(2), their numbers used again:
 * waits there hear what happens.  Without the second look (poll/descriptor.c, verify) each of these
 * waits for ever.
 */
#define _GNU_SOURCE
#include <poll.h>

#include "io_test.h"

static struct sockaddr_in addr;
static int listener;

/* The library's end of a connection; the other is *@peer. */
static int accepted(int *peer)
{
	int fd;

	*peer = tcp_client(&addr);
	fd = thrum_accept(listener, NULL, NULL);
	must(fd >= 0);
	return fd;
}

static void begin(void)
{
	listener = tcp_listener(&addr, 0);
}

static void end(void)
{
	close(listener);
}

/* It has been waited for at its number. */
static int used(int *peer)
{
	int fd = accepted(peer);
	struct thrum_future *f = spawn_waiting(task_reads_one, as_arg(fd));

	must(write(*peer, "u", 1) == 1);
	is_int(thrum_join(f), 'u');
	return fd;
}

/* Under @number comes one end of a pair that is not the library's; the other is returned. */
static int reuse(int number, enum pair_kind kind)
{
	int ends[2];

	close(number);
	pair_make(ends, kind, false);
	if (ends[0] != number) {
		must(ends[1] != number);
		must(dup2(ends[0], number) == number);
		close(ends[0]);
	}
	return ends[1];
}

static void is_read(struct thrum_future *f, int c)
{
	is_int(thrum_wait_for(f, THRUM_SEC(10)), c);
	thrum_release(f);
}

/* All sleep: the monitor looks before it rests. */
static void read_at_rest(void)
{
	for (int kind = 0; kind < PAIR_KINDS; kind++) {
		int peer, fd = used(&peer), other = reuse(fd, (enum pair_kind)kind);
		struct thrum_future *f = spawn_waiting(task_reads_one, as_arg(fd));

		must(write(other, "r", 1) == 1);
		is_read(f, 'r');
		pair_close((int[]){fd, other});
		close(peer);
	}
}
IO_TEST(a_read_while_all_rest)
{
	begin();
	read_at_rest();
	end();
}

static intptr_t task_goes_on(void *unused)
{
	int err;

	(void)unused;
	do {
		err = thrum_yield();
	} while (!err);
	return err;
}

/* One worker has always something to do: the monitor never rests. */
IO_TEST(a_read_while_others_go_on)
{
	struct thrum_future *busy = thrum_spawn(task_goes_on, NULL);

	begin();
	read_at_rest();
	end();
	thrum_cancel(busy);
	is_int(thrum_join(busy), -ECANCELED);
}

/* It was looked at before, when its wait was a long one. */
IO_TEST(a_read_after_one_that_was_given_up)
{
	int peer, fd, other;
	struct thrum_future *f;

	begin();
	fd = used(&peer);
	f = spawn_waiting(task_reads_one, as_arg(fd));
	is_int(thrum_wait_for(f, THRUM_MS(100)), -ETIMEDOUT);
	thrum_release(f);
	other = reuse(fd, PIPE);
	f = spawn_waiting(task_reads_one, as_arg(fd));
	must(write(other, "g", 1) == 1);
	is_read(f, 'g');
	pair_close((int[]){fd, other});
	close(peer);
	end();
}

static intptr_t task_polls(void *fd)
{
	struct pollfd p = {.fd = (int)(intptr_t)fd, .events = POLLIN};

	return thrum_poll(&p, 1, -1);
}

IO_TEST(others_that_wait)
{
	for (int i = 0; i < 2; i++) {
		int peer, fd, other;
		struct thrum_future *f;

		begin();
		fd = used(&peer);
		other = reuse(fd, UNIX);
		f = i ? spawn_waiting(task_polls, as_arg(fd))
		      : thrum_spawn_when_readable(fd, task_reads_one, as_arg(fd));
		must(f);
		must(write(other, "w", 1) == 1);
		is_read(f, i ? 1 : 'w');
		pair_close((int[]){fd, other});
		close(peer);
		end();
	}
}

/* From the first one that was found on, nothing that is made is trusted: no more waits are late. */
IO_TEST(a_server_that_never_calls_thrum_close)
{
	begin();
	for (int i = 0; i < 200; i++) {
		int peer, fd = used(&peer), other = reuse(fd, PIPE);
		struct thrum_future *f = spawn_waiting(task_reads_one, as_arg(fd));

		must(write(other, "s", 1) == 1);
		is_read(f, 's');
		close(fd);
		close(other);
		close(peer);
	}
	end();
}

/* Files are not trusted at all: fclose. */
IO_TEST(what_was_opened)
{
	begin();
	for (int i = 0; i < 5; i++) {
		int fd = thrum_open("/dev/null", O_RDWR, 0), other = reuse(fd, PIPE);
		struct thrum_future *f = spawn_waiting(task_reads_one, as_arg(fd));

		must(write(other, "f", 1) == 1);
		is_read(f, 'f');
		other = (close(other), reuse(fd, UNIX));
		f = spawn_waiting(task_reads_one, as_arg(fd));
		must(write(other, "g", 1) == 1);
		is_read(f, 'g');
		close(fd);
		close(other);
	}
	end();
}

int main(void)
{
	const TTest *const tests[] = {
	    a_read_while_all_rest,
	    a_read_while_others_go_on,
	    a_read_after_one_that_was_given_up,
	    others_that_wait,
	    a_server_that_never_calls_thrum_close,
	    what_was_opened,
	};

	return RUN_TESTS("misplaced", tests);
}
