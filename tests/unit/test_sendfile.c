/* SPDX-License-Identifier: MIT */
/*
 * test_sendfile.c - sendfile to sockets, pipes and files, in both modes, with and without an
 * offset: the same bytes arrive, the positions are right.
 */
#define _GNU_SOURCE
#include "base/os.h"
#include "io_test.h"

/* Byte by byte, and each by the pool: few. */
#define BYTES (much() >> 20 ? much() | 13 : 4096 | 13)

struct sending {
	int out, in;
	bool offset;
	bool some; /* @out takes what it can */
};

static intptr_t task_sends(void *sending)
{
	struct sending *s = sending;
	size_t sent = 0;

	while (sent < BYTES) {
		off_t at = (off_t)sent;
		ssize_t r = thrum_sendfile(s->out, s->in, s->offset ? &at : NULL, BYTES - sent);

		if (r <= 0)
			return r;
		sent += (size_t)r;
		is_int(s->offset ? at : lseek(s->in, 0, SEEK_CUR), sent);
		must(s->some || sent == BYTES);
	}
	return 0;
}

static void send_to(enum pair_kind kind, bool nonblocking, bool offset)
{
	struct drain d = {.n = BYTES};
	struct sending s = {.in = file_make(BYTES), .offset = offset, .some = nonblocking};
	struct thrum_future *f;
	int ends[2];

	pair_make(ends, kind, nonblocking);
	d.fd = ends[0];
	s.out = ends[1];
	f = thrum_spawn(task_sends, &s);
	is_int(task_drains(&d), 0);
	is_int(thrum_join(f), 0);
	is_int(d.got, BYTES);
	must(d.same);
	is_int(thrum_sendfile(s.out, s.in, offset ? &(off_t){(off_t)BYTES} : NULL, 10), 0);
	is_int(thrum_sendfile(s.out, s.in, NULL, 0), 0);
	pair_close(ends);
	is_int(thrum_close(s.in), 0);
}

IO_TEST(to_sockets_and_pipes)
{
	for (int i = 0; i < 4 * PAIR_KINDS; i++)
		send_to((enum pair_kind)(i / 4), i & 1, i & 2);
}

IO_TEST(to_a_file)
{
	for (int i = 0; i < 2; i++) {
		char *a = malloc(BYTES), *b = malloc(BYTES);
		int in = file_make(BYTES), out = file_make(BYTES);
		off_t at = 0;

		must(a && b && ftruncate(out, 0) == 0);
		is_int(thrum_sendfile(out, in, i ? &at : NULL, 2 * BYTES), BYTES);
		must(pread(in, a, BYTES, 0) == (ssize_t)BYTES);
		must(pread(out, b, BYTES, 0) == (ssize_t)BYTES);
		is_int(memcmp(a, b, BYTES), 0);
		pair_close((int[]){in, out});
		free(a);
		free(b);
	}
}

/* Nothing goes into a full socket. */
IO_TEST(a_wait_is_cut_short)
{
	for (int i = 0; i < 4; i++) {
		struct sending s = {.in = file_make(BYTES), .offset = i & 2};
		struct thrum_future *f;
		int ends[2];

		pair_make(ends, UNIX, i & 1);
		s.out = ends[1];
		while (send(s.out, "x", 1, MSG_DONTWAIT) == 1)
			;
		is_int(thrum_sendfile(s.out, 9999, i & 2 ? &(off_t){0} : NULL, 1), -EBADF);
		f = spawn_waiting(task_sends, &s);
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		is_int(lseek(s.in, 0, SEEK_CUR), 0);
		f = spawn_waiting(task_sends, &s);
		is_int(thrum_close(s.in), 0); /* the one it reads */
		is_int(thrum_join(f), -EBADF);
		pair_close(ends);
	}
}

IO_TEST(errors_are_posix_s)
{
	int in = file_make(BYTES), directory = open("/", O_RDONLY), ends[2];
	off_t at = 0;

	pair_make(ends, UNIX, false);
	is_int(thrum_sendfile(-1, in, NULL, 1), -EBADF);
	is_int(thrum_sendfile(ends[1], -1, NULL, 1), -EBADF);
	is_int(thrum_sendfile(ends[1], 9999, &at, 1), -EBADF);
	at = -1;
	is_int(thrum_sendfile(ends[1], in, &at, 1), -EINVAL);
	at = 0;
	is_int(thrum_sendfile(ends[1], directory, &at, 1), -EINVAL);
	is_int(thrum_close(directory), 0);
	is_int(thrum_close(ends[0]), 0);
	at = 0;
	is_int(thrum_sendfile(ends[1], in, &at, 1), -EPIPE);
	make_nonblocking(ends[1]);
	is_int(thrum_sendfile(ends[1], in, &at, 1), -EPIPE);
	is_int(thrum_sendfile(ends[1], in, NULL, 1), -EPIPE);
	is_int(at, 0);
	pair_close((int[]){ends[1], in});
}

#ifdef THRUM_FAULTS
/* Calls of other threads are counted, too: then it is the buffer that is not to be had, once. */
static void send_exactly(int out, int in, off_t *at, size_t n)
{
	for (off_t end = *at + (off_t)n; *at < end;) {
		ssize_t r = thrum_sendfile(out, in, at, (size_t)(end - *at));

		must(r > 0 || r == -ENOMEM);
	}
}

IO_TEST(what_is_not_cached)
{
	for (int mode = 0; mode < 2; mode++) {
		int in = file_make(BYTES), ends[2];
		char bytes[4];
		off_t at = 1000;

		pair_make(ends, UNIX, mode);
		send_exactly(ends[1], in, &at, 2);
		thrum__fault_set(mode ? 1 : 2, false); /* preadv2: EOPNOTSUPP */
		send_exactly(ends[1], in, &at, 2);
		thrum__fault_set(0, false);
		is_int(at, 1004);
		read_all(ends[0], bytes, 4);
		for (int i = 0; i < 4; i++)
			is_int(bytes[i], (char)((1000 + i) * 7));
		pair_close(ends);
		is_int(thrum_close(in), 0);
	}
}

IO_TEST(no_memory_for_the_buffer)
{
	int in = file_make(BYTES), ends[2];
	bool seen = false;

	pair_make(ends, UNIX, false);
	for (int n = 1; n < 10; n++) {
		off_t at = 0;
		ssize_t r;

		thrum__fault_set((uint64_t)n, false);
		r = thrum_sendfile(ends[1], in, &at, 10);
		thrum__fault_set(0, false);
		must(r <= 10 && r);
		is_int(at, r > 0 ? r : 0);
		seen |= r == -ENOMEM;
	}
	must(seen);
	pair_close(ends);
	is_int(thrum_close(in), 0);
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    to_sockets_and_pipes, to_a_file,
	    a_wait_is_cut_short,  errors_are_posix_s,
#ifdef THRUM_FAULTS
	    what_is_not_cached,   no_memory_for_the_buffer,
#endif
	};

	return RUN_TESTS("sendfile", tests);
}
