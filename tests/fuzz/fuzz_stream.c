/* SPDX-License-Identifier: MIT */
/*
 * fuzz_stream.c - runtime/io/stream.c alone, against a parser that has all bytes in one array.
 *
 * The calls below the stream are played here: a read gives as few bytes as the script says, or none
 * and an error; a write takes as few; a call may be refused on entry.  Whatever the pieces, the
 * same calls must give the same lines; an error loses nothing; all memory is given back.
 *
 * INPUT   2 bytes: the buffer's size; 1: the length of the script; the script, used round and
 *         round; the rest: the bytes to be read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thrum/stream.h>

#include "base/assert.h"
#include "base/os.h"
#include "sched/await.h"
#include "sched/worker.h"

#define HOLDS(cond)                                                                              \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

enum { FD = 1000, CALLS_MAX = 4096, WRITTEN_MAX = 1 << 20 };

static struct {
	const uint8_t *script;
	size_t script_bytes, script_at;
	const uint8_t *bytes;           /* what there is to read */
	size_t size, given;             /* of it, so far */
	size_t limit;                   /* the stream's buffer */
	size_t at;                      /* what the caller has taken */
	bool refused;                   /* this call, on entry */
	bool read_failed;               /* in this call */
	bool owed;                      /* an error that the next call is to return */
	char *taken;                    /* what the caller wrote */
	size_t taken_bytes, sent_bytes; /* ... and how much of it came out */
	size_t blocks;                  /* of memory */
	bool ended;                     /* a read was told of the end */
	bool closed;
} play;

/* The next byte of the script; without one: 0. */
static unsigned next(void)
{
	if (play.script_bytes == 0)
		return 0;
	return play.script[play.script_at++ % play.script_bytes];
}

/* ---- What the stream calls ---- */

ssize_t thrum_read(int fd, void *buf, size_t n)
{
	size_t rest = play.size - play.given;
	unsigned piece = next();

	HOLDS(fd == FD && n > 0 && !play.closed && !play.ended && !play.refused);
	if (piece >= 250) {
		play.read_failed = true;
		return -ETIMEDOUT;
	}
	if (n > rest)
		n = rest;
	if (piece < 200 && n > piece + 1)
		n = piece + 1;
	if (n)
		memcpy(buf, play.bytes + play.given, n);
	play.given += n;
	play.ended = n == 0;
	return (ssize_t)n;
}

ssize_t thrum_writev(int fd, const struct iovec *v, int count)
{
	size_t room = next(), sent = 0;

	HOLDS(fd == FD && !play.closed && count > 0 && !play.refused);
	if (room >= 250)
		return -ETIMEDOUT;
	room = room < 200 ? room + 1 : SIZE_MAX;
	for (int i = 0; i < count; i++)
		for (size_t k = 0; k < v[i].iov_len && sent < room; k++, sent++)
			HOLDS(play.taken[play.sent_bytes + sent] ==
			      ((const char *)v[i].iov_base)[k]);
	HOLDS(sent > 0);
	play.sent_bytes += sent;
	return (ssize_t)sent;
}

ssize_t thrum_write(int fd, const void *buf, size_t n)
{
	struct iovec v = {(void *)buf, n};

	return thrum_writev(fd, &v, 1);
}

int thrum__wait_entry(struct thrum__task *t)
{
	HOLDS(t);
	play.refused = next() >= 250;
	return play.refused ? -ETIMEDOUT : 0;
}

int thrum__no_task(void)
{
	HOLDS(false); /* the fuzzer is one */
	return -EPERM;
}

int thrum_close(int fd)
{
	HOLDS(fd == FD && !play.closed);
	play.closed = true;
	return 0;
}

void *thrum__os_alloc(size_t size)
{
	play.blocks++;
	return malloc(size);
}

void *thrum__os_alloc_zeroed(size_t size)
{
	play.blocks++;
	return calloc(1, size);
}

void thrum__os_free(void *p)
{
	play.blocks -= p != NULL;
	free(p);
}

void thrum__assert_fail(const char *file, int line, const char *what, const char *advice)
{
	fprintf(stderr, "%s:%d: %s does not hold; %s\n", file, line, what, advice);
	abort();
}

/* ---- The parser that has it easy ---- */

/* What read_until is to return. */
static ssize_t expected_until(const char *delimiter, size_t length, size_t limit)
{
	size_t rest = play.size - play.at;
	size_t n = rest < limit ? rest : limit;

	for (size_t i = 0; i + length <= n; i++)
		if (!memcmp(play.bytes + play.at + i, delimiter, length))
			return (ssize_t)(i + length);
	return n == limit ? -EMSGSIZE : (ssize_t)n;
}

static void is_next(const char *got, ssize_t n)
{
	HOLDS(n >= 0 && (size_t)n <= play.size - play.at);
	HOLDS(n == 0 || memcmp(got, play.bytes + play.at, (size_t)n) == 0);
}

/* True if @r is an error that was due. */
static bool is_excused(ssize_t r)
{
	bool due = play.read_failed || play.owed;

	if (r != -ETIMEDOUT)
		return false;
	if (play.refused) /* before it did anything */
		return true;
	HOLDS(due);
	play.owed = false;
	return true;
}

static void try_until(struct thrum_stream *s, unsigned which)
{
	static const char *const delimiters[] = {"\n", "\r\n", "aab", "abab", "\r\n\r\n", "aa"};
	const char *delimiter = delimiters[which % 6];
	size_t limit = next() % 64;
	size_t bound = limit && limit < play.limit ? limit : play.limit;
	char *out = NULL;
	ssize_t r = thrum_stream_read_until(s, delimiter, strlen(delimiter), limit, &out);

	if (is_excused(r))
		return;
	HOLDS(r == expected_until(delimiter, strlen(delimiter), bound));
	if (r < 0)
		return;
	is_next(out, r);
	play.at += (size_t)r;
}

static void try_read(struct thrum_stream *s)
{
	size_t n = 1 + next() % 80;
	char got[80];
	ssize_t r = thrum_stream_read(s, got, n);

	if (is_excused(r))
		return;
	HOLDS(r <= (ssize_t)n && (r > 0 || play.at == play.size));
	is_next(got, r);
	play.at += (size_t)r;
}

static void try_exactly(struct thrum_stream *s)
{
	size_t n = next() * (next() % 40), rest = play.size - play.at;
	char *got = malloc(n + 1);
	ssize_t r = thrum_stream_read_exactly(s, got, n);

	if (!is_excused(r)) {
		is_next(got, r);
		if (play.read_failed) { /* the buffer could not hold what had come */
			HOLDS((size_t)r < n && (size_t)r > play.limit);
			play.owed = true;
		} else {
			HOLDS((size_t)r == (n < rest ? n : rest));
		}
		play.at += (size_t)r;
	}
	free(got);
}

static void try_peek(struct thrum_stream *s)
{
	size_t least = next() % 80, rest = play.size - play.at, n;
	char *out = NULL;
	ssize_t r = thrum_stream_peek(s, least, &out);

	if (is_excused(r))
		return;
	if (least > play.limit) {
		HOLDS(r == -EMSGSIZE);
		return;
	}
	is_next(out, r);
	HOLDS((size_t)r >= least || (size_t)r == rest);
	n = r ? next() % ((size_t)r + 1) : 0;
	thrum_stream_take(s, n);
	play.at += n;
}

/* Writes a piece of what there is to read: false once the stream is broken. */
static bool try_write(struct thrum_stream *s)
{
	size_t n = next() * (next() % 8), sent = play.sent_bytes, before = play.taken_bytes;
	ssize_t r;

	if (n > play.size)
		n = play.size;
	if (before + n > WRITTEN_MAX)
		return true;
	if (n)
		memcpy(play.taken + before, play.bytes, n);
	play.taken_bytes += n; /* it may be written at once */
	r = thrum_stream_write(s, play.bytes, n);
	HOLDS(r == (ssize_t)n || r == -ETIMEDOUT);
	if (r == (ssize_t)n) {
		HOLDS(play.taken_bytes - play.sent_bytes <= play.limit);
		return true;
	}
	HOLDS(sent <= play.sent_bytes);
	if (play.sent_bytes > before) { /* a part of this one */
		HOLDS(thrum_stream_write(s, "x", 1) == -ETIMEDOUT);
		HOLDS(thrum_stream_flush(s) == -ETIMEDOUT);
		return false;
	}
	play.taken_bytes = before;
	return true;
}

static void try_flush(struct thrum_stream *s)
{
	int r = thrum_stream_flush(s);

	HOLDS(r == 0 ? play.sent_bytes == play.taken_bytes : r == -ETIMEDOUT);
}

static void use(struct thrum_stream *s)
{
	bool writable = true;

	for (int i = 0; i < CALLS_MAX && (play.at < play.size || i % 4); i++) {
		unsigned op = next();

		play.read_failed = false;
		if (op < 128)
			try_until(s, op);
		else if (op < 160)
			try_read(s);
		else if (op < 192)
			try_exactly(s);
		else if (op < 216)
			try_peek(s);
		else if (op < 240 && writable)
			writable = try_write(s);
		else if (writable)
			try_flush(s);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char taken[WRITTEN_MAX];
	static struct thrum__task task;
	static struct thrum__worker worker = {.current = &task};
	struct thrum_stream *s;

	if (size < 3)
		return 0;
	thrum__tls_set_worker(&worker);
	memset(&play, 0, sizeof(play));
	play.taken = taken;
	play.limit = 16 + (data[0] % 2 ? data[1] * 64u : data[1] % 64u);
	play.script = data + 3;
	play.script_bytes = data[2] < size - 3 ? data[2] : size - 3;
	play.bytes = play.script + play.script_bytes;
	play.size = size - 3 - play.script_bytes;
	s = thrum_stream_create(FD, play.limit);
	HOLDS(s);
	use(s);
	play.refused = false;
	(void)thrum_stream_close(s);
	HOLDS(play.closed && play.blocks == 0);
	return 0;
}
