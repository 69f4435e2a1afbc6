/* SPDX-License-Identifier: MIT */
/*
 * test_stream_write.c - writing to buffered streams: what is gathered and when it goes out; a slow
 * reader holds the writer back; errors stay; two tasks on one stream, and its close under them.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include "base/os.h"
#include "stream_pair.h"

static void fill_pattern(char *bytes, size_t n, unsigned salt)
{
	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(i * 7 + i / 251 + salt);
}

/* ---- Two tasks ---- */

static intptr_t task_write_much(void *stream)
{
	static char bytes[1 << 20];

	fill_pattern(bytes, sizeof(bytes), 1);
	return thrum_stream_write(stream, bytes, sizeof(bytes));
}

/* The hostile poller may hold the first write back for some turns. */
static void wait_for_bytes(const struct pair *p)
{
	char c;

	while (recv(p->peer, &c, 1, MSG_PEEK) != 1)
		settle();
}

TASK_TEST(a_second_task_is_refused, 2)
{
	struct pair p = pair_of(0);
	struct reader r = {.s = p.s};
	struct thrum_future *reading = thrum_spawn(task_read_line, &r);
	struct thrum_future *writing = thrum_spawn(task_write_much, p.s);
	char c, *out;

	settle();
	is_int(thrum_stream_read(p.s, &c, 1), -EBUSY);
	is_int(thrum_stream_read_exactly(p.s, &c, 1), -EBUSY);
	is_int(thrum_stream_read_line(p.s, 0, &out), -EBUSY);
	is_int(thrum_stream_peek(p.s, 0, &out), -EBUSY);
	is_int(thrum_stream_write(p.s, "x", 1), -EBUSY);
	is_int(thrum_stream_flush(p.s), -EBUSY);
	send_text(&p, "x\n");
	is_int(thrum_join(reading), 2);
	wait_for_bytes(&p);
	thrum_cancel(writing);
	is_int(thrum_join(writing), -ECANCELED);
	is_int(thrum_stream_close(p.s), -ECANCELED); /* a part of it was written */
	close(p.peer);
}

TASK_TEST(close_ends_a_pending_read, 2)
{
	struct pair p = pair_of(0);
	struct reader r = {.s = p.s};
	struct thrum_future *f = thrum_spawn(task_read_line, &r);

	send_text(&p, "abc");
	settle();
	is_int(thrum_stream_close(p.s), 0);
	is_int(thrum_join(f), -EBADF);
	close(p.peer);
}

TASK_TEST(close_ends_a_pending_write, 2)
{
	struct pair p = pair_of(0);
	struct thrum_future *f = thrum_spawn(task_write_much, p.s);

	settle();
	is_int(thrum_stream_close(p.s), -EBUSY);
	is_int(thrum_join(f), -EBADF);
	close(p.peer);
}

/* ---- Writing ---- */

static size_t peer_reads(const struct pair *p, char *bytes, size_t n)
{
	size_t got = 0;
	ssize_t r;

	while (got < n && (r = read(p->peer, bytes + got, n - got)) > 0)
		got += (size_t)r;
	return got;
}

TASK_TEST(writes_are_gathered, 1)
{
	struct pair p = pair_of(0);
	char got[64] = "";

	is_int(thrum_stream_write(p.s, "GET ", 4), 4);
	is_int(thrum_stream_write(p.s, "/\r\n", 3), 3);
	is_int(peer_reads(&p, got, sizeof(got)), 0);
	is_int(thrum_stream_flush(p.s), 0);
	is_int(peer_reads(&p, got, sizeof(got)), 7);
	is_text(got, "GET /\r\n");
	is_int(thrum_stream_write(p.s, "end", 3), 3);
	is_int(thrum_stream_close(p.s), 0);
	memset(got, 0, sizeof(got));
	is_int(peer_reads(&p, got, sizeof(got)), 3);
	is_text(got, "end");
	is_int(read(p.peer, got, 1), 0);
	close(p.peer);
}

/* As much as the mark waits; one byte more is written first. */
TASK_TEST(the_mark_is_exact, 1)
{
	struct pair p = pair_of(16);
	char got[64];

	is_int(thrum_stream_write(p.s, "0123456789", 10), 10);
	is_int(thrum_stream_write(p.s, "abcdef", 6), 6);
	is_int(peer_reads(&p, got, sizeof(got)), 0);
	is_int(thrum_stream_write(p.s, "g", 1), 1);
	is_int(peer_reads(&p, got, sizeof(got)), 17);
	must(memcmp(got, "0123456789abcdefg", 17) == 0);
	pair_end(&p);
}

TASK_TEST(a_slow_reader_holds_the_writer_back, 1)
{
	enum { ALL = 1 << 20 };
	struct pair p = pair_of(4096);
	struct thrum_future *f = thrum_spawn(task_write_much, p.s);
	char *want = malloc(ALL), *got = malloc(ALL);
	size_t n = 0, held;

	fill_pattern(want, ALL, 1);
	settle();
	must(!thrum_done(f));
	n = peer_reads(&p, got, ALL);
	must(n > 0 && n < ALL - 4096);
	while (!thrum_done(f)) {
		settle();
		n += peer_reads(&p, got + n, ALL - n);
	}
	is_int(thrum_join(f), ALL);
	held = ALL - n;
	must(held <= 4096);
	is_int(thrum_stream_flush(p.s), 0);
	is_int(peer_reads(&p, got + n, held), held);
	must(memcmp(want, got, ALL) == 0);
	free(want);
	free(got);
	pair_end(&p);
}

TASK_TEST(a_broken_stream_stays_broken, 1)
{
	struct pair p = pair_of(0);
	char *line;

	send_text(&p, "last words\n");
	close(p.peer);
	is_int(thrum_stream_write(p.s, "x", 1), 1);
	is_int(thrum_stream_flush(p.s), -EPIPE);
	is_int(thrum_stream_flush(p.s), -EPIPE);
	is_int(thrum_stream_write(p.s, "x", 1), -EPIPE);
	is_line(&p, 0, "last words\n");
	is_int(thrum_stream_read_line(p.s, 0, &line), 0);
	is_int(thrum_stream_close(p.s), -EPIPE);
}

/* Fills the socket, so that nothing more can be written. */
static void stuff(const struct pair *p)
{
	char bytes[4096] = "";

	while (write(thrum_stream_fd(p->s), bytes, sizeof(bytes)) > 0)
		;
	while (write(thrum_stream_fd(p->s), bytes, 1) > 0)
		;
}

TASK_TEST(a_write_not_begun_breaks_nothing, 1)
{
	struct pair p = pair_of(16);
	struct thrum_timeout t;
	char got[4096];

	stuff(&p);
	is_int(thrum_stream_write(p.s, "0123456789", 10), 10);
	thrum_timeout_begin(&t, THRUM_MS(5));
	is_int(thrum_stream_write(p.s, "abcdefghij", 10), -ETIMEDOUT);
	is_int(thrum_stream_flush(p.s), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	while (peer_reads(&p, got, sizeof(got)))
		;
	is_int(thrum_stream_write(p.s, "ABCDEFGHIJ", 10), 10);
	is_int(thrum_stream_flush(p.s), 0);
	is_bytes(got, (ssize_t)peer_reads(&p, got, sizeof(got)), "0123456789ABCDEFGHIJ", 20);
	pair_end(&p);
}

TASK_TEST(half_a_write_breaks_the_stream, 1)
{
	struct pair p = pair_of(16);
	struct thrum_timeout t;
	char *bytes = calloc(1, 4 << 20);

	thrum_timeout_begin(&t, THRUM_MS(5));
	is_int(thrum_stream_write(p.s, bytes, 4 << 20), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	is_int(thrum_stream_write(p.s, "x", 1), -ETIMEDOUT);
	is_int(thrum_stream_flush(p.s), -ETIMEDOUT);
	is_int(thrum_stream_close(p.s), -ETIMEDOUT);
	close(p.peer);
	free(bytes);
}

TASK_TEST(a_cancelled_task_closes, 1)
{
	struct pair p = pair_of(0);
	int fd = thrum_stream_fd(p.s);
	char c;

	is_int(thrum_stream_write(p.s, "x", 1), 1);
	thrum_cancel(thrum_self());
	is_int(thrum_stream_close(p.s), -ECANCELED);
	must(fcntl(fd, F_GETFD) == -1);
	is_int(read(p.peer, &c, 1), 0);
	close(p.peer);
}

/* ---- Other descriptors, other places ---- */

static intptr_t task_copy(void *streams)
{
	struct thrum_stream **s = streams;
	ssize_t n;
	char *line;

	while ((n = thrum_stream_read_line(s[0], 0, &line)) > 0)
		is_int(thrum_stream_write(s[1], line, (size_t)n), n);
	is_int(n, 0);
	is_int(thrum_stream_close(s[0]), 0);
	return thrum_stream_close(s[1]);
}

/* Pipes in blocking mode, one behind the other. */
TASK_TEST(through_pipes, 2)
{
	enum { LINES = 500 };
	struct thrum_stream *first, *last, *s[2];
	struct thrum_future *f;
	int a[2], b[2];

	must(pipe2(a, O_CLOEXEC) == 0 && pipe2(b, O_CLOEXEC) == 0);
	first = thrum_stream_create(a[1], 256);
	s[0] = thrum_stream_create(a[0], 64);
	s[1] = thrum_stream_create(b[1], 100);
	last = thrum_stream_create(b[0], 0);
	must(first && last && s[0] && s[1]);
	f = thrum_spawn(task_copy, s);
	for (int i = 0; i < LINES; i++) {
		char line[32];
		int n = snprintf(line, sizeof(line), "line %d of %d\n", i, LINES);

		is_int(thrum_stream_write(first, line, (size_t)n), n);
	}
	is_int(thrum_stream_close(first), 0);
	is_int(thrum_join(f), 0);
	for (int i = 0; i < LINES; i++) {
		char line[32], *got;
		int n = snprintf(line, sizeof(line), "line %d of %d\n", i, LINES);

		is_int(thrum_stream_read_line(last, 0, &got), n);
		is_bytes(got, n, line, (size_t)n);
	}
	is_int(thrum_stream_close(last), 0);
}

static intptr_t task_ends(void *pair)
{
	struct pair *p = pair;
	char c;

	is_int(thrum_stream_read(p->s, &c, 1), 1);
	pair_end(p);
	return 0;
}

/* No call does anything there, not even one for which the buffer would do. */
START_TEST(outside_tasks)
{
	struct pair p = pair_of(0);
	char c, *out;

	send_text(&p, "x");
	is_int(thrum_stream_read(p.s, &c, 1), -EPERM);
	is_int(thrum_stream_read(p.s, &c, 0), -EPERM);
	is_int(thrum_stream_peek(p.s, 0, &out), -EPERM);
	is_int(thrum_stream_peek(p.s, SIZE_MAX, &out), -EPERM);
	is_int(thrum_stream_read_until(p.s, "\n", 1, 0, &out), -EPERM);
	is_int(thrum_stream_read_until(p.s, "\n", 0, 0, &out), -EPERM);
	is_int(thrum_stream_read_until(p.s, "\n", 65, 0, &out), -EPERM);
	is_int(thrum_stream_write(p.s, "x", 1), -EPERM);
	is_int(thrum_stream_flush(p.s), -EPERM);
	is_int(thrum_stream_close(p.s), -EPERM);
	is_int(thrum_run(task_ends, &p), 0);
}
END_TEST

#ifdef THRUM_FAULTS
/* Runs out once at each point in turn until none is left; nothing is lost by it. */
TASK_TEST(running_out_loses_nothing, 1)
{
	bool fired = true;

	for (uint64_t n = 1; fired; n++) {
		struct pair p = pair_of(0);
		char *line = NULL, got[8] = "";
		ssize_t r;

		send_text(&p, "abc\n");
		thrum__fault_set(n, false);
		r = thrum_stream_read_line(p.s, 0, &line);
		if (r >= 0)
			r = thrum_stream_write(p.s, "ok", 2);
		if (r >= 0)
			r = thrum_stream_flush(p.s);
		fired = thrum__fault_fired();
		thrum__fault_set(0, false);
		must(fired ? r <= 0 : r == 0);
		if (!line)
			is_line(&p, 0, "abc\n");
		if (r == -ENOMEM) {
			is_int(thrum_stream_write(p.s, "ok", 2), 2);
			is_int(thrum_stream_flush(p.s), 0);
			is_int(peer_reads(&p, got, 2), 2);
		}
		(void)!thrum_stream_close(p.s);
		close(p.peer);
	}
}
#endif

/* The last of the list, which the hostile poller would make nonsense of. */
#define EXACT 2

int main(void)
{
	const TTest *const tests[] = {
	    a_second_task_is_refused,
	    close_ends_a_pending_read,
	    close_ends_a_pending_write,
	    writes_are_gathered,
	    a_broken_stream_stays_broken,
	    a_write_not_begun_breaks_nothing,
	    half_a_write_breaks_the_stream,
	    a_cancelled_task_closes,
	    through_pipes,
	    outside_tasks,
#ifdef THRUM_FAULTS
	    running_out_loses_nothing,
#endif
	    /* exact */
	    the_mark_is_exact,
	    a_slow_reader_holds_the_writer_back,
	};
	size_t n = sizeof(tests) / sizeof(*tests);

	return run_tests("stream_write", 30, tests, is_hostile() ? n - EXACT : n);
}
