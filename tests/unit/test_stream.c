/* SPDX-License-Identifier: MIT */
/*
 * test_stream.c - reading from buffered streams: every way of cutting the bytes into pieces gives
 * the same lines; limits exactly at their edge; what a call that was cut short had read is still
 * there.
 */
#define _GNU_SOURCE
#include <fcntl.h>

#include "stream_pair.h"

TASK_TEST(lines, 1)
{
	struct pair p = pair_of(0);
	char *line;

	send_text(&p, "one\n\nthree and more\nrest");
	is_line(&p, 0, "one\n");
	is_line(&p, 0, "\n");
	is_line(&p, 0, "three and more\n");
	send_end(&p);
	is_line(&p, 0, "rest");
	is_int(thrum_stream_read_line(p.s, 0, &line), 0);
	is_int(thrum_stream_read_line(p.s, 0, &line), 0);
	pair_end(&p);
}

/* ---- Pieces ---- */

/* Bytes that a task sends one piece after the other, the first of which ends at cut. */
struct pieces {
	struct pair *p;
	const char *text;
	size_t cut, step;
};

static intptr_t task_send_pieces(void *arg)
{
	struct pieces *w = arg;
	size_t at = 0, n = strlen(w->text);

	while (at < n) {
		size_t end = at == 0 && w->cut ? w->cut : at + w->step;

		if (end > n)
			end = n;
		send_bytes(w->p, w->text + at, end - at);
		at = end;
		settle();
	}
	send_end(w->p);
	return 0;
}

/* What comes with @delimiter at the end of each part, then @rest, whatever the pieces. */
static void parts_of(const char *text, const char *delimiter, const char *const parts[], size_t cut,
		     size_t step, size_t buffer_bytes)
{
	struct pair p = pair_of(buffer_bytes);
	struct pieces w = {&p, text, cut, step};
	struct thrum_future *f = thrum_spawn(task_send_pieces, &w);
	ssize_t n;
	char *out;

	for (size_t i = 0; parts[i]; i++) {
		n = thrum_stream_read_until(p.s, delimiter, strlen(delimiter), 0, &out);
		is_bytes(out, n, parts[i], strlen(parts[i]));
	}
	is_int(thrum_stream_read_until(p.s, delimiter, strlen(delimiter), 0, &out), 0);
	is_int(thrum_join(f), 0);
	pair_end(&p);
}

static void any_pieces_of(const char *text, const char *delimiter, const char *const parts[])
{
	for (size_t cut = 1; cut <= strlen(text); cut++) {
		parts_of(text, delimiter, parts, cut, strlen(text), 0);
		parts_of(text, delimiter, parts, cut, 1, 0);
		parts_of(text, delimiter, parts, cut, 3, 16);
	}
}

TASK_TEST(any_pieces_give_the_same_lines, 1)
{
	any_pieces_of("a\nbcd\n\nefghi\nj", "\n",
		      (const char *[]){"a\n", "bcd\n", "\n", "efghi\n", "j", NULL});
}

TASK_TEST(a_delimiter_may_lie_across_reads, 2)
{
	any_pieces_of("GET /\r\nHost: x\r\n\r\n\rz\r\n", "\r\n",
		      (const char *[]){"GET /\r\n", "Host: x\r\n", "\r\n", "\rz\r\n", NULL});
	any_pieces_of("head\r\n\r\r\n\r\nbody", "\r\n\r\n",
		      (const char *[]){"head\r\n\r\r\n\r\n", "body", NULL});
}

TASK_TEST(a_delimiter_may_begin_inside_a_false_start, 1)
{
	any_pieces_of("aaabaabab", "aab", (const char *[]){"aaab", "aab", "ab", NULL});
	any_pieces_of("ababac.ababababac", "ababac",
		      (const char *[]){"ababac", ".ababababac", NULL});
}

/* ---- Limits ---- */

TASK_TEST(a_line_may_be_as_long_as_its_limit, 1)
{
	struct pair p = pair_of(0);
	char *line;

	send_text(&p, "1234567\n12345678\n");
	is_int(thrum_stream_read_line(p.s, 7, &line), -EMSGSIZE);
	is_line(&p, 8, "1234567\n");
	is_int(thrum_stream_read_line(p.s, 8, &line), -EMSGSIZE);
	is_int(thrum_stream_read_line(p.s, 1, &line), -EMSGSIZE);
	is_line(&p, 9, "12345678\n");
	pair_end(&p);
}

TASK_TEST(a_line_may_be_as_long_as_the_buffer, 1)
{
	struct pair p = pair_of(16);
	char rest[32];
	char *line;

	send_text(&p, "0123456789abcde\n0123456789abcdef\n");
	is_line(&p, 1000, "0123456789abcde\n");
	is_int(thrum_stream_read_line(p.s, 0, &line), -EMSGSIZE);
	is_bytes(rest, thrum_stream_read(p.s, rest, sizeof(rest)), "0123456789abcdef", 16);
	is_line(&p, 0, "\n");
	pair_end(&p);
}

TASK_TEST(a_limit_is_the_same_in_any_pieces, 1)
{
	for (size_t cut = 1; cut <= 8; cut++) {
		struct pair p = pair_of(0);
		struct pieces w = {&p, "1234567\n", cut, 1};
		struct thrum_future *f = thrum_spawn(task_send_pieces, &w);
		char *line;

		is_int(thrum_stream_read_line(p.s, 7, &line), -EMSGSIZE);
		is_line(&p, 8, "1234567\n");
		is_int(thrum_join(f), 0);
		pair_end(&p);
	}
}

/* A whole delimiter must lie within the limit. */
TASK_TEST(half_a_delimiter_is_beyond_the_limit, 1)
{
	struct pair p = pair_of(0);
	char *out;
	ssize_t n;

	send_text(&p, "abc\r\n");
	is_int(thrum_stream_read_until(p.s, "\r\n", 2, 4, &out), -EMSGSIZE);
	n = thrum_stream_read_until(p.s, "\r\n", 2, 5, &out);
	is_bytes(out, n, "abc\r\n", 5);
	pair_end(&p);
}

TASK_TEST(arguments_out_of_range, 1)
{
	struct pair p = pair_of(0);
	char *out, big[65] = "";
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	must(fd >= 0);
	must(!thrum_stream_create(fd, 15));
	must(!thrum_stream_create(fd, ((size_t)1 << 30) + 1));
	must(fcntl(fd, F_GETFD) >= 0);
	close(fd);
	is_int(thrum_stream_read_until(p.s, big, 0, 0, &out), -EINVAL);
	is_int(thrum_stream_read_until(p.s, big, 65, 0, &out), -EINVAL);
	is_int(thrum_stream_peek(p.s, 65537, &out), -EMSGSIZE);
	is_int(thrum_stream_read(p.s, big, 0), 0);
	is_int(thrum_stream_write(p.s, big, 0), 0);
	is_int(thrum_stream_flush(p.s), 0);
	pair_end(&p);
}

/* ---- Counts ---- */

TASK_TEST(read_exactly, 1)
{
	struct pair p = pair_of(16);
	char text[32] = "", big[20];

	send_text(&p, "0123456789abcdefghijKLMNOP");
	is_int(thrum_stream_read_exactly(p.s, text, 0), 0);
	is_int(thrum_stream_read_exactly(p.s, text, 3), 3);
	is_text(text, "012");
	is_bytes(big, thrum_stream_read_exactly(p.s, big, 17), "3456789abcdefghij", 17);
	send_end(&p);
	is_bytes(big, thrum_stream_read_exactly(p.s, big, 7), "KLMNOP", 6);
	is_int(thrum_stream_read_exactly(p.s, big, 7), 0);
	pair_end(&p);
}

TASK_TEST(read_gives_what_there_is, 1)
{
	struct pair p = pair_of(0);
	char text[8192] = "";

	send_text(&p, "hello\nworld");
	is_line(&p, 0, "hello\n");
	is_int(thrum_stream_read(p.s, text, 2), 2);
	is_int(thrum_stream_read(p.s, text + 2, sizeof(text)), 3);
	is_text(text, "world");
	send_text(&p, "xyz");
	is_int(thrum_stream_read(p.s, text, sizeof(text)), 3);
	send_end(&p);
	is_int(thrum_stream_read(p.s, text, sizeof(text)), 0);
	is_int(thrum_stream_read(p.s, text, 1), 0);
	pair_end(&p);
}

TASK_TEST(peek_and_take, 1)
{
	struct pair p = pair_of(16);
	char *out;
	ssize_t n;

	is_int(thrum_stream_peek(p.s, 0, &out), 0);
	send_text(&p, "0123456789");
	n = thrum_stream_peek(p.s, 4, &out);
	is_bytes(out, n, "0123456789", 10);
	is_int(thrum_stream_peek(p.s, 0, &out), 10);
	thrum_stream_take(p.s, 3);
	send_text(&p, "abcdefghi");
	n = thrum_stream_peek(p.s, 16, &out);
	is_bytes(out, n, "3456789abcdefghi", 16);
	is_int(thrum_stream_peek(p.s, 17, &out), -EMSGSIZE);
	thrum_stream_take(p.s, 15);
	send_end(&p);
	n = thrum_stream_peek(p.s, 2, &out);
	is_bytes(out, n, "i", 1);
	thrum_stream_take(p.s, 1);
	is_int(thrum_stream_peek(p.s, 1, &out), 0);
	pair_end(&p);
}

/* Lines that outgrow the first buffer, and reads that fill it to the brim. */
TASK_TEST(long_lines, 1)
{
	enum { LONG = 60000 };
	struct pair p = pair_of(0);
	char *bytes = malloc(LONG + 1), *line;
	struct pieces w = {&p, bytes, 1000, 5000};

	memset(bytes, 'x', LONG);
	bytes[LONG] = 0;
	for (size_t i = 1; i <= 3; i++)
		bytes[i * (LONG / 3) - 1] = '\n';
	for (int step = 100; step <= 15000; step = step * 2 + 1) {
		struct thrum_future *f;

		w.step = (size_t)step;
		f = thrum_spawn(task_send_pieces, &w);
		for (int i = 0; i < 3; i++) {
			is_int(thrum_stream_read_line(p.s, 0, &line), LONG / 3);
			must(line[0] == 'x' && line[LONG / 3 - 1] == '\n');
		}
		is_int(thrum_stream_read_line(p.s, 0, &line), 0);
		is_int(thrum_join(f), 0);
		pair_end(&p);
		p = pair_of(0);
	}
	pair_end(&p);
	free(bytes);
}

/* ---- Cut short ---- */

static intptr_t task_read_exactly(void *reader)
{
	struct reader *r = reader;

	return thrum_stream_read_exactly(r->s, r->out, r->n);
}

TASK_TEST(a_cancelled_line_stays, 1)
{
	struct pair p = pair_of(0);
	struct reader r = {.s = p.s};
	struct thrum_future *f = thrum_spawn(task_read_line, &r);

	send_text(&p, "abc");
	settle();
	must(!thrum_done(f));
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	send_text(&p, "def\n");
	is_line(&p, 0, "abcdef\n");
	pair_end(&p);
}

TASK_TEST(a_late_line_stays, 1)
{
	struct pair p = pair_of(0);
	struct thrum_timeout t;
	char *line;

	send_text(&p, "abc");
	thrum_timeout_begin(&t, THRUM_MS(5));
	is_int(thrum_stream_read_line(p.s, 0, &line), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	send_text(&p, "def\nghi\n");
	is_line(&p, 0, "abcdef\n");
	pair_end(&p);
}

/* Every call, even if the buffer would do, and nothing of it is lost. */
static void calls_say(struct pair *p, intptr_t err)
{
	char *line, bytes[4];

	is_int(thrum_stream_peek(p->s, 4, &line), err);
	is_int(thrum_stream_peek(p->s, SIZE_MAX, &line), err);
	is_int(thrum_stream_read_line(p->s, 0, &line), err);
	is_int(thrum_stream_read_until(p->s, "i", 1, 0, &line), err);
	is_int(thrum_stream_read_until(p->s, "i", 0, 0, &line), err);
	is_int(thrum_stream_read(p->s, bytes, 4), err);
	is_int(thrum_stream_read_exactly(p->s, bytes, 4), err);
	is_int(thrum_stream_write(p->s, "x", 1), err);
	is_int(thrum_stream_flush(p->s), err);
}

static intptr_t task_is_cut_short(void *pair)
{
	struct pair *p = pair;
	struct thrum_timeout t;
	struct thrum_shield s;
	char *line;

	send_text(p, "ghi\n");
	is_int(thrum_stream_peek(p->s, 4, &line), 4);
	thrum_timeout_begin(&t, 0);
	calls_say(p, -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	thrum_cancel(thrum_self());
	calls_say(p, -ECANCELED);
	thrum_shield_begin(&s, THRUM_FOREVER);
	is_line(p, 0, "ghi\n");
	must(!thrum_shield_end(&s));
	return 5;
}

TASK_TEST(what_need_not_wait_hears_both, 1)
{
	struct pair p = pair_of(0);

	is_int(thrum_join(thrum_spawn(task_is_cut_short, &p)), 5);
	pair_end(&p);
}

TASK_TEST(a_cancelled_count_stays, 1)
{
	struct pair p = pair_of(16);
	char got[16];
	struct reader r = {.s = p.s, .n = 16, .out = got};
	struct thrum_future *f = thrum_spawn(task_read_exactly, &r);

	for (int i = 0; i < 15; i++) {
		send_bytes(&p, &"0123456789abcde"[i], 1);
		settle();
	}
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	is_bytes(got, thrum_stream_read_exactly(p.s, got, 15), "0123456789abcde", 15);
	pair_end(&p);
}

/* More had come than the buffer holds: the count is the result, the error that of the next call. */
TASK_TEST(a_large_count_cut_short_says_how_much, 1)
{
	struct pair p = pair_of(16);
	char got[64];
	struct reader r = {.s = p.s, .n = 40, .out = got};
	struct thrum_timeout t;

	send_text(&p, "0123456789abcdefg");
	thrum_timeout_begin(&t, THRUM_MS(5));
	is_bytes(got, thrum_stream_read_exactly(p.s, got, 40), "0123456789abcdefg", 17);
	must(thrum_timeout_end(&t));
	is_int(thrum_stream_read(p.s, got, 1), -ETIMEDOUT);
	send_text(&p, "hij");
	is_int(task_read_exactly(&(struct reader){p.s, 3, got}), 3);
	must(memcmp(got, "hij", 3) == 0);
	send_text(&p, "0123456789abcdef"); /* just what the buffer holds */
	thrum_timeout_begin(&t, THRUM_MS(5));
	is_int(task_read_exactly(&r), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	is_bytes(got, thrum_stream_read(p.s, got, 64), "0123456789abcdef", 16);
	pair_end(&p);
}

/* The last of the list, which the hostile poller would make nonsense of. */
#define EXACT 4

int main(void)
{
	const TTest *const tests[] = {
	    lines,
	    any_pieces_give_the_same_lines,
	    a_delimiter_may_lie_across_reads,
	    a_delimiter_may_begin_inside_a_false_start,
	    a_line_may_be_as_long_as_its_limit,
	    a_line_may_be_as_long_as_the_buffer,
	    a_limit_is_the_same_in_any_pieces,
	    half_a_delimiter_is_beyond_the_limit,
	    arguments_out_of_range,
	    read_exactly,
	    a_cancelled_line_stays,
	    a_late_line_stays,
	    what_need_not_wait_hears_both,
	    a_cancelled_count_stays,
	    /* exact */
	    read_gives_what_there_is,
	    peek_and_take,
	    long_lines,
	    a_large_count_cut_short_says_how_much,
	};
	size_t n = sizeof(tests) / sizeof(*tests);

	return run_tests("stream", 30, tests, is_hostile() ? n - EXACT : n);
}
