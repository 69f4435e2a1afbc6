/* SPDX-License-Identifier: MIT */
/*
 * test_rw.c - read and write of pipes and sockets, in both modes: results are POSIX's, waiting
 * holds nobody up, and what was moved before a cancel is not lost.
 */
#define _GNU_SOURCE
#include <limits.h>

#include "base/os.h"
#include "io_test.h"

#define EACH_PAIR(kind, nonblocking)                                \
	for (enum pair_kind kind = PIPE; kind < PAIR_KINDS; kind++) \
		for (int nonblocking = 0; nonblocking < 2; nonblocking++)

/* A read waits until there is something, then until the end. */
static void read_waits(enum pair_kind kind, bool nonblocking)
{
	struct thrum_future *f;
	int ends[2];

	pair_make(ends, kind, nonblocking);
	f = spawn_waiting(task_reads_one, as_arg(ends[0]));
	is_int(thrum_write(ends[1], "q", 1), 1);
	is_int(thrum_join(f), 'q');
	f = spawn_waiting(task_reads_one, as_arg(ends[0]));
	is_int(thrum_close(ends[1]), 0);
	is_int(thrum_join(f), 0);
	is_int(thrum_close(ends[0]), 0);
}

IO_TEST(a_read_waits_for_a_byte_and_for_the_end)
{
	EACH_PAIR(kind, nonblocking)
	{
		read_waits(kind, nonblocking);
	}
}

ALONE_TEST(a_read_that_waits_holds_no_worker)
{
	EACH_PAIR(kind, nonblocking)
	{
		read_waits(kind, nonblocking);
	}
}

IO_TEST(descriptors_the_user_closes_and_makes_again)
{
	for (int i = 0; i < 20; i++) {
		struct thrum_future *f;
		int ends[2];

		pair_make(ends, (enum pair_kind)(i % PAIR_KINDS), i & 1);
		f = spawn_waiting(task_reads_one, as_arg(ends[0]));
		must(write(ends[1], "u", 1) == 1);
		is_int(thrum_join(f), 'u');
		close(ends[0]);
		close(ends[1]);
	}
}

#define MUCH much()

static void write_all(enum pair_kind kind, size_t piece)
{
	struct drain d = {.n = MUCH, .piece = piece};
	char *bytes = malloc(MUCH);
	struct thrum_future *f;
	int ends[2];

	must(bytes);
	fill_bytes(bytes, MUCH);
	pair_make(ends, kind, false);
	d.fd = ends[0];
	f = thrum_spawn(task_drains, &d);
	is_int(thrum_write(ends[1], bytes, MUCH), MUCH);
	is_int(thrum_join(f), 0);
	is_int(d.got, MUCH);
	must(d.same);
	pair_close(ends);
	free(bytes);
}

IO_TEST(a_blocking_descriptor_takes_all)
{
	for (enum pair_kind kind = PIPE; kind < PAIR_KINDS; kind++) {
		write_all(kind, 0);
		write_all(kind, 977);
	}
}

IO_TEST(a_nonblocking_descriptor_takes_some)
{
	char *bytes = calloc(1, 8 * MUCH);
	int ends[2], waiting;
	ssize_t r;

	must(bytes);
	for (enum pair_kind kind = PIPE; kind <= UNIX; kind++) {
		pair_make(ends, kind, true);
		r = thrum_write(ends[1], bytes, 8 * MUCH);
		must(r > 0 && (size_t)r < 8 * MUCH);
		must(ioctl(ends[0], FIONREAD, &waiting) == 0);
		is_int(waiting, r);
		pair_close(ends);
	}
	free(bytes);
}

IO_TEST(a_cancelled_write_tells_how_much_went)
{
	struct job j = {.bytes = calloc(1, 8 * MUCH), .n = 8 * MUCH};

	must(j.bytes);
	for (enum pair_kind kind = PIPE; kind <= UNIX; kind++) {
		struct thrum_future *f;
		int ends[2], waiting;
		ssize_t r;

		pair_make(ends, kind, false);
		j.fd = ends[1];
		f = thrum_spawn(task_writes, &j);
		do {
			is_int(thrum_yield(), 0);
			must(ioctl(ends[0], FIONREAD, &waiting) == 0);
		} while (!waiting);
		yield_often();
		thrum_cancel(f);
		r = thrum_join(f);
		must(ioctl(ends[0], FIONREAD, &waiting) == 0);
		is_int(r, waiting);
		must(r > 0 && (size_t)r < j.n);
		pair_close(ends);
	}
	free(j.bytes);
}

IO_TEST(a_cancelled_read_takes_nothing)
{
	EACH_PAIR(kind, nonblocking)
	{
		struct thrum_future *f;
		int ends[2];
		ssize_t r;

		pair_make(ends, kind, nonblocking);
		f = spawn_waiting(task_reads_one, as_arg(ends[0]));
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		/* Cancel and byte at once: it is read, now or later. */
		f = spawn_waiting(task_reads_one, as_arg(ends[0]));
		is_int(thrum_write(ends[1], "z", 1), 1);
		thrum_cancel(f);
		r = thrum_join(f);
		must(r == 'z' || r == -ECANCELED);
		if (r == -ECANCELED)
			is_int(task_reads_one(as_arg(ends[0])), 'z');
		pair_close(ends);
	}
}

IO_TEST(deadlines)
{
	struct thrum_timeout t;
	struct thrum_future *f;
	int ends[2];
	char c;

	pair_make(ends, PIPE, false);
	f = thrum_spawn(task_reads_one, as_arg(ends[0]));
	is_int(thrum_wait_for(f, THRUM_MS(2)), -ETIMEDOUT);
	thrum_release(f);
	thrum_timeout_begin(&t, THRUM_MS(2));
	is_int(thrum_read(ends[0], &c, 1), -ETIMEDOUT);
	is_int(thrum_write(ends[1], &c, 1), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	is_int(thrum_write(ends[1], "x", 1), 1);
	is_int(thrum_read(ends[0], &c, 1), 1);
	pair_close(ends);
}

/* One way to write to a descriptor that takes all. */
static ssize_t write_by(int way, int fd, char *bytes, size_t n)
{
	struct iovec v[2] = {{bytes, n / 2}, {bytes + n / 2, n - n / 2}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};

	switch (way) {
	case 0:
		return thrum_write(fd, bytes, n);
	case 1:
		return thrum_writev(fd, v, 2);
	case 2:
		return thrum_send(fd, bytes, n, 0);
	default:
		return thrum_sendmsg(fd, &m, 0);
	}
}

/* Both are known: how much went, and that it was the deadline. */
IO_TEST(a_deadline_in_the_middle_of_a_write)
{
	static char bytes[1 << 20];
	const int little = 16 << 10;

	fill_bytes(bytes, sizeof(bytes));
	for (int i = 0; i < PAIR_KINDS * 4; i++) {
		struct thrum_timeout outer, inner;
		struct drain d = {0};
		ssize_t r = -ETIMEDOUT;
		int ends[2], way = i % 4;

		if (i / 4 == PIPE && way > 1)
			continue;
		pair_make(ends, (enum pair_kind)(i / 4), false);
		for (int k = 0; k < 2 && i / 4 != PIPE; k++) {
			int name = k ? SO_SNDBUF : SO_RCVBUF;

			must(!setsockopt(ends[k], SOL_SOCKET, name, &little, sizeof(little)));
		}
		/* The machine may be slow: nothing done at all is no answer. */
		for (int64_t ns = THRUM_MS(2); r == -ETIMEDOUT; ns *= 2) {
			thrum_timeout_begin(&outer, i % 2 ? ns : THRUM_SEC(1000));
			thrum_timeout_begin(&inner, i % 2 ? THRUM_SEC(1000) : ns);
			r = write_by(way, ends[1], bytes, sizeof(bytes));
			is_int(thrum_timeout_end(&inner), i % 2 == 0);
			if (i % 2)
				is_int(write_by(way, ends[1], bytes, 1), -ETIMEDOUT);
			is_int(thrum_timeout_end(&outer), i % 2 == 1);
		}
		must(r > 0 && r < (ssize_t)sizeof(bytes));
		d = (struct drain){.fd = ends[0], .n = (size_t)r};
		is_int(task_drains(&d), 0);
		must(d.same);
		is_int(thrum_close(ends[1]), 0);
		is_int(task_reads_one(as_arg(ends[0])), 0); /* nothing more had gone */
		is_int(thrum_close(ends[0]), 0);
	}
}

static intptr_t task_cancelled_calls(void *ends)
{
	int *e = ends;
	char c;

	thrum_cancel(thrum_self());
	is_int(thrum_write(e[1], "x", 1), -ECANCELED);
	is_int(thrum_read(e[0], &c, 1), -ECANCELED);
	return -ECANCELED;
}

IO_TEST(the_check_on_entry)
{
	struct thrum_future *f;
	int ends[2], waiting;

	pair_make(ends, PIPE, false);
	is_int(thrum_write(ends[1], "y", 1), 1);
	f = thrum_spawn(task_cancelled_calls, ends);
	is_int(thrum_join(f), -ECANCELED);
	must(ioctl(ends[0], FIONREAD, &waiting) == 0);
	is_int(waiting, 1);
	pair_close(ends);
}

IO_TEST(many_readers_of_one_pipe)
{
	struct thrum_future *fs[8];
	int ends[2], sum = 0;

	pair_make(ends, PIPE, false);
	for (int i = 0; i < 8; i++)
		fs[i] = spawn_waiting(task_reads_one, as_arg(ends[0]));
	for (int i = 1; i <= 8; i++) {
		char c = (char)i;

		is_int(thrum_write(ends[1], &c, 1), 1);
	}
	for (int i = 0; i < 8; i++) {
		intptr_t r = thrum_join(fs[i]);

		must(r > 0);
		sum += (int)r;
	}
	is_int(sum, 36);
	pair_close(ends);
}

struct echo {
	int fd;
	int rounds;
};

static intptr_t task_echoes(void *echo)
{
	struct echo *e = echo;
	char c;

	for (int i = 0; i < e->rounds; i++)
		if (thrum_read(e->fd, &c, 1) != 1 || thrum_write(e->fd, &c, 1) != 1)
			return -EIO;
	return 0;
}

IO_TEST(bytes_to_and_fro)
{
	for (int mode = 0; mode < 2; mode++) {
		struct echo e = {.rounds = 3000};
		struct thrum_future *f;
		int ends[2];

		pair_make(ends, mode ? TCP : UNIX, mode);
		e.fd = ends[1];
		f = thrum_spawn(task_echoes, &e);
		for (int i = 0; i < e.rounds; i++) {
			char c = (char)i, back = 0;

			is_int(thrum_write(ends[0], &c, 1), 1);
			is_int(thrum_read(ends[0], &back, 1), 1);
			is_int(back, c);
		}
		is_int(thrum_join(f), 0);
		pair_close(ends);
	}
}

static intptr_t task_sets(void *flag)
{
	*(volatile bool *)flag = true;
	return 0;
}

/* Who never has to wait lets others run. */
ALONE_TEST(reading_without_end_starves_nobody)
{
	int fd = thrum_open("/dev/zero", O_RDWR, 0);
	volatile bool flag = false;
	struct thrum_future *f = thrum_spawn(task_sets, (void *)&flag);
	char c = 1;

	must(fd >= 0);
	do {
		is_int(thrum_read(fd, &c, 1), 1);
	} while (!flag);
	is_int(c, 0);
	is_int(thrum_join(f), 0);
	is_int(thrum_close(fd), 0);
}

ALONE_TEST(an_event_is_seen_beside_one_who_never_waits)
{
	int fd = thrum_open("/dev/zero", O_RDONLY, 0);
	struct thrum_future *f;
	int ends[2];
	char c;

	pair_make(ends, PIPE, false);
	f = spawn_waiting(task_reads_one, as_arg(ends[0]));
	must(write(ends[1], "e", 1) == 1);
	while (!thrum_done(f))
		is_int(thrum_read(fd, &c, 1), 1);
	is_int(thrum_join(f), 'e');
	pair_close(ends);
	is_int(thrum_close(fd), 0);
}

IO_TEST(vectors)
{
	char out[200], in[200];
	struct iovec w[20], r[20], too_long = {in, SIZE_MAX};
	ssize_t got;
	int ends[2];

	fill_bytes(out, sizeof(out));
	for (int i = 0; i < 20; i++) {
		w[i] = (struct iovec){out + 10 * i, 10};
		r[i] = (struct iovec){in + 10 * i, 10};
	}
	EACH_PAIR(kind, nonblocking)
	{
		memset(in, 0, sizeof(in));
		pair_make(ends, kind, nonblocking);
		got = thrum_writev(ends[1], w, 20);
		must(got > 0 && (nonblocking || got == 200));
		write_exactly(ends[1], out + got, sizeof(out) - (size_t)got);
		got = thrum_readv(ends[0], r, 20);
		must(got > 0);
		read_all(ends[0], in + got, sizeof(in) - (size_t)got);
		is_int(memcmp(in, out, sizeof(in)), 0);
		is_int(thrum_readv(ends[0], r, -1), -EINVAL);
		is_int(thrum_readv(ends[0], &too_long, 1), -EINVAL);
		is_int(thrum_writev(ends[1], &too_long, 1), -EINVAL);
		is_int(thrum_writev(ends[1], w, IOV_MAX + 1), -EINVAL);
		is_int(thrum_writev(ends[1], w, 0), 0);
		is_int(thrum_readv(ends[0], r, 0), 0);
		pair_close(ends);
	}
}

/* More than a pipe holds, in uneven pieces. */
IO_TEST(a_vector_goes_out_in_parts)
{
	struct drain d = {.n = MUCH};
	char *bytes = malloc(MUCH);
	struct iovec v[100];
	struct thrum_future *f;
	size_t at = 0;
	int ends[2];

	must(bytes);
	fill_bytes(bytes, MUCH);
	for (int i = 0; i < 100; i++) {
		size_t n = i % 5 == 4 ? 0 : (size_t)i * (MUCH / 8000);

		if (i == 99)
			n = MUCH - at;
		v[i] = (struct iovec){bytes + at, n};
		at += n;
	}
	for (enum pair_kind kind = PIPE; kind < PAIR_KINDS; kind++) {
		pair_make(ends, kind, false);
		d.fd = ends[0];
		d.got = 0;
		f = thrum_spawn(task_drains, &d);
		is_int(thrum_writev(ends[1], v, 100), MUCH);
		is_int(thrum_join(f), 0);
		must(d.same && d.got == MUCH);
		pair_close(ends);
	}
	free(bytes);
}

IO_TEST(nothing_to_move)
{
	char c = 0;
	int ends[2];

	pair_make(ends, PIPE, false);
	is_int(thrum_read(ends[0], &c, 0), 0);
	is_int(thrum_write(ends[1], &c, 0), 0);
	pair_close(ends);
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
	is_int(thrum_write(ends[1], &c, 0), 0); /* an empty datagram */
	is_int(thrum_write(ends[1], "d", 1), 1);
	is_int(thrum_read(ends[0], &c, 0), 0); /* leaves it there */
	is_int(thrum_read(ends[0], &c, 1), 0);
	is_int(thrum_read(ends[0], &c, 1), 1);
	is_int(c, 'd');
	pair_close(ends);
}

IO_TEST(errors_are_posix_s)
{
	char c = 0;
	int ends[2];

	is_int(thrum_read(-1, &c, 1), -EBADF);
	is_int(thrum_write(-1, &c, 1), -EBADF);
	is_int(thrum_read(9999, &c, 1), -EBADF);
	is_int(thrum_read(INT_MAX, &c, 1), -EBADF);
	pair_make(ends, PIPE, false);
	is_int(thrum_write(ends[1], "x", 1), 1);
	is_int(thrum_write(ends[0], &c, 1), -EBADF);
	is_int(thrum_read(ends[1], &c, 1), -EBADF);
	is_int(thrum_read(ends[0], (void *)8, 1), -EFAULT);
	is_int(thrum_read(ends[0], &c, 1), 1);
	pair_close(ends);
}

IO_TEST(a_broken_pipe_is_an_error)
{
	int ends[2];

	EACH_PAIR(kind, nonblocking)
	{
		ssize_t r = 1;

		pair_make(ends, kind, nonblocking);
		is_int(thrum_close(ends[0]), 0);
		for (int i = 0; i < 1000 && r == 1; i++) /* TCP hears of it late */
			r = thrum_write(ends[1], "x", 1);
		must(r == -EPIPE || (kind == TCP && r == -ECONNRESET));
		is_int(thrum_write(ends[1], "x", 1), -EPIPE);
		is_int(thrum_close(ends[1]), 0);
	}
}

#ifdef THRUM_FAULTS
/* Kernels before 6.4: pipes that do not know RWF_NOWAIT. */
IO_TEST(without_nowait)
{
	for (int mode = 0; mode < 2; mode++) {
		struct thrum_future *f;
		char c = 0;
		int ends[2];

		pair_make(ends, PIPE, mode);
		is_int(thrum_write(ends[1], "1", 1), 1);
		is_int(thrum_read(ends[0], &c, 1), 1);
		f = spawn_waiting(task_reads_one, as_arg(ends[0]));
		thrum__fault_set(1, false); /* pwritev2: EOPNOTSUPP */
		is_int(thrum_write(ends[1], "2", 1), 1);
		must(thrum__fault_fired());
		is_int(thrum_join(f), '2');
		must(write(ends[1], "3", 1) == 1);
		thrum__fault_set(1, false); /* preadv2 */
		is_int(thrum_read(ends[0], &c, 1), 1);
		must(thrum__fault_fired());
		thrum__fault_set(0, false);
		is_int(c, '3');
		pair_close(ends);
	}
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    a_read_waits_for_a_byte_and_for_the_end,
	    a_read_that_waits_holds_no_worker,
	    descriptors_the_user_closes_and_makes_again,
	    a_blocking_descriptor_takes_all,
	    a_nonblocking_descriptor_takes_some,
	    a_cancelled_write_tells_how_much_went,
	    a_cancelled_read_takes_nothing,
	    deadlines,
	    a_deadline_in_the_middle_of_a_write,
	    the_check_on_entry,
	    many_readers_of_one_pipe,
	    bytes_to_and_fro,
	    reading_without_end_starves_nobody,
	    an_event_is_seen_beside_one_who_never_waits,
	    vectors,
	    a_vector_goes_out_in_parts,
	    nothing_to_move,
	    errors_are_posix_s,
	    a_broken_pipe_is_an_error,
#ifdef THRUM_FAULTS
	    without_nowait,
#endif
	};

	return RUN_TESTS("rw", tests);
}
