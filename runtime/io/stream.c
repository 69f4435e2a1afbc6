/* SPDX-License-Identifier: MIT */
/*
 * stream.c - buffered reading and writing over thrum_read and thrum_writev.
 *
 * MEMORY  Two buffers, made when first needed: 1 KiB, which malloc has at hand, and up to the
 *         stream's limit by what does not fit.  The read buffer also grows while reads fill it to
 *         the brim: then more is coming.  What is large goes past them: a read of 4 KiB or more
 *         into the caller's memory, a write of more than there is room for out of it (writev).  A
 *         buffer that has grown goes when it is empty: that of reading before a read that probably
 *         waits, as lines point into it until then.  So a stream that idles holds 1 KiB, or 2.
 *
 * STATES  state has a bit for each direction in use and CLOSED.  A call takes its direction's bit
 *         (-EBUSY if it is taken) and clears it.  Who clears the last one after CLOSED frees the
 *         stream: so a close under a pending read is safe, and the read returns -EBADF.
 *
 * OWNERS  in, read_*: who holds READING; out, write_*: who holds WRITING.
 *
 * What can fail: the descriptor, memory.  A failed read loses nothing of what had come.  A failed
 * write is kept as write_error when the descriptor is broken, or when part of what the caller gave
 * was written and the rest was not: no later write can be right.
 */
#include <thrum/stream.h>

#include "core/bitlock.h"
#include "io/buffer.h"
#include "sched/await.h"
#include "sched/worker.h"

#define LIMIT_DEFAULT ((size_t)64 << 10)
#define LIMIT_MIN 16
#define LIMIT_MAX ((size_t)1 << 30)
#define PAST_BYTES 4096
#define DELIMITER_MAX 64

#define READING 1u
#define WRITING 2u
#define CLOSED 4u

struct thrum_stream {
	int fd;
	struct atomic32 state;
	uint32_t limit;
	bool read_end;      /* the end has come: there is no more but what is buffered */
	bool read_full;     /* the last read filled the buffer */
	int16_t read_error; /* for the next call that needs the descriptor */
	int16_t write_error;
	struct thrum__buffer in, out;
};

/* ---- Life ---- */

struct thrum_stream *thrum_stream_create(int fd, size_t buffer_bytes)
{
	struct thrum_stream *s;

	if (buffer_bytes == 0)
		buffer_bytes = LIMIT_DEFAULT;
	if (buffer_bytes < LIMIT_MIN || buffer_bytes > LIMIT_MAX)
		return NULL;
	s = thrum__os_alloc_zeroed(sizeof(*s));
	if (!s)
		return NULL;
	s->fd = fd;
	s->limit = (uint32_t)buffer_bytes;
	return s;
}

int thrum_stream_fd(const struct thrum_stream *s)
{
	return s->fd;
}

static int begin(struct thrum_stream *s, uint32_t direction)
{
	return thrum__bitlock_try(&s->state, direction) ? 0 : -EBUSY;
}

/* A call of one direction begins: 0; -EBUSY; what any other call of I/O says before it looks,
 * whether or not the buffer would do. */
static int enter(struct thrum_stream *s, uint32_t direction)
{
	struct thrum__task *t = thrum__current_task();
	int err = t ? thrum__wait_entry(t) : thrum__no_task();

	return err ? err : begin(s, direction);
}

/* The caller has left the state as @left: nothing but CLOSED: it frees the stream. */
static void free_if_last(struct thrum_stream *s, uint32_t left)
{
	if (left != CLOSED)
		return;
	thrum__buffer_free(&s->in);
	thrum__buffer_free(&s->out);
	thrum__os_free(s);
}

/* @r: what the call returns. */
static inline ssize_t leave(struct thrum_stream *s, uint32_t direction, ssize_t r)
{
	free_if_last(s, thrum__bitlock_leave(&s->state, direction) & ~direction);
	return r;
}

static int write_out(struct thrum_stream *s);

int thrum_stream_close(struct thrum_stream *s)
{
	int busy, err;
	uint32_t before;

	if (!thrum__current_task()) /* nothing by halves: the descriptor would stay open */
		return thrum__no_task();
	busy = begin(s, WRITING); /* whoever is in there gets -EBADF */
	err = busy ? busy : write_out(s);
	(void)thrum_close(s->fd);
	before = thrum__bitlock_mark(&s->state, CLOSED);
	if (!busy)
		return (int)leave(s, WRITING, err);
	free_if_last(s, before | CLOSED);
	return err;
}

/* ---- Reading ---- */

/* The buffer is empty: as large as the next read deserves.  One that cannot grow will do. */
static void fit(struct thrum_stream *s)
{
	struct thrum__buffer *b = &s->in;

	if (!s->read_full)
		thrum__buffer_rest(b);
	b->from = b->to = 0;
	if (s->read_full && b->room < s->limit)
		(void)thrum__buffer_reserve(b, (size_t)b->room + 1, s->limit);
	s->read_full = false;
}

/* More bytes into the buffer, which holds less than the limit: how many, 0 at the end. */
static ssize_t fill(struct thrum_stream *s)
{
	struct thrum__buffer *b = &s->in;
	ssize_t r = s->read_error;

	s->read_error = 0;
	if (r || s->read_end)
		return r;
	if (!thrum__buffer_held(b))
		fit(s);
	r = thrum__buffer_reserve(b, 1, s->limit);
	if (r)
		return r;
	r = thrum_read(s->fd, b->bytes + b->to, b->room - b->to);
	if (r > 0)
		b->to += (uint32_t)r;
	s->read_full = b->to == b->room;
	s->read_end = r == 0;
	return r;
}

/* The same into the caller's memory; the buffer is empty. */
static ssize_t read_past(struct thrum_stream *s, void *buf, size_t n)
{
	ssize_t r = s->read_error;

	s->read_error = 0;
	if (r || s->read_end)
		return r;
	thrum__buffer_rest(&s->in);
	r = thrum_read(s->fd, buf, n);
	s->read_end = r == 0;
	return r;
}

static ssize_t read_some(struct thrum_stream *s, void *buf, size_t n)
{
	if (!thrum__buffer_held(&s->in) && n > 0) {
		ssize_t r = n >= PAST_BYTES ? read_past(s, buf, n) : fill(s);

		if (r <= 0 || !thrum__buffer_held(&s->in))
			return r;
	}
	return (ssize_t)thrum__buffer_get(&s->in, buf, n);
}

ssize_t thrum_stream_read(struct thrum_stream *s, void *buf, size_t n)
{
	int err = enter(s, READING);

	return err ? err : leave(s, READING, read_some(s, buf, n));
}

/* @err ended a read of which @n bytes at @bytes had come: they go back, or the error waits. */
static ssize_t cut_short(struct thrum_stream *s, const char *bytes, size_t n, ssize_t err)
{
	if (n == 0)
		return err;
	if (n <= s->limit && thrum__buffer_reserve(&s->in, n, s->limit) == 0) {
		thrum__buffer_put(&s->in, bytes, n);
		return err;
	}
	s->read_error = (int16_t)err;
	return (ssize_t)n;
}

static ssize_t read_exactly(struct thrum_stream *s, char *buf, size_t n)
{
	size_t done = thrum__buffer_get(&s->in, buf, n);

	while (done < n) {
		ssize_t r = read_some(s, buf + done, n - done);

		if (r == 0)
			break;
		if (r < 0)
			return cut_short(s, buf, done, r);
		done += (size_t)r;
	}
	return (ssize_t)done;
}

ssize_t thrum_stream_read_exactly(struct thrum_stream *s, void *buf, size_t n)
{
	int err = enter(s, READING);

	return err ? err : leave(s, READING, read_exactly(s, buf, n));
}

/* Takes the first @n bytes held. */
static ssize_t take(struct thrum_stream *s, size_t n, char **out)
{
	*out = thrum__buffer_first(&s->in);
	s->in.from += (uint32_t)n;
	return (ssize_t)n;
}

static ssize_t read_until(struct thrum_stream *s, const void *delimiter, size_t length,
			  size_t limit, char **out)
{
	size_t seen = 0; /* no delimiter begins before it */

	if (length == 0 || length > DELIMITER_MAX)
		return -EINVAL;
	if (limit == 0 || limit > s->limit)
		limit = s->limit;
	for (;;) {
		size_t n = thrum__buffer_held(&s->in) < limit ? thrum__buffer_held(&s->in) : limit;
		ssize_t r;

		if (n >= seen + length) {
			char *first = thrum__buffer_first(&s->in);
			char *at = length == 1
				       ? memchr(first + seen, *(const char *)delimiter, n - seen)
				       : memmem(first + seen, n - seen, delimiter, length);

			if (at)
				return take(s, (size_t)(at - first) + length, out);
			seen = n - length + 1;
		}
		if (n == limit)
			return -EMSGSIZE;
		r = fill(s);
		if (r == 0)
			return take(s, n, out);
		if (r < 0)
			return r;
	}
}

ssize_t thrum_stream_read_until(struct thrum_stream *s, const void *delimiter, size_t length,
				size_t limit, char **out)
{
	int err = enter(s, READING);

	return err ? err : leave(s, READING, read_until(s, delimiter, length, limit, out));
}

ssize_t thrum_stream_read_line(struct thrum_stream *s, size_t limit, char **out)
{
	return thrum_stream_read_until(s, "\n", 1, limit, out);
}

static ssize_t peek(struct thrum_stream *s, size_t least, char **out)
{
	if (least > s->limit)
		return -EMSGSIZE;
	while (thrum__buffer_held(&s->in) < least) {
		ssize_t r = fill(s);

		if (r < 0)
			return r;
		if (r == 0)
			break;
	}
	*out = thrum__buffer_first(&s->in);
	return (ssize_t)thrum__buffer_held(&s->in);
}

ssize_t thrum_stream_peek(struct thrum_stream *s, size_t least, char **out)
{
	int err = enter(s, READING);

	return err ? err : leave(s, READING, peek(s, least, out));
}

void thrum_stream_take(struct thrum_stream *s, size_t n)
{
	ENSURE(n <= thrum__buffer_held(&s->in), "take no more than peek returned");
	s->in.from += (uint32_t)n;
}

/* ---- Writing ---- */

/* After these a later call may go on where this one stopped: nothing was done. */
static bool is_passing(ssize_t err)
{
	return err == -ECANCELED || err == -ETIMEDOUT || err == -ENOMEM || err == -EAGAIN ||
	       err == -EPERM || err == -ENOTSUP;
}

/* Writes some of what is buffered and of the @n bytes at @bytes after it, *@used of them. */
static int write_some(struct thrum_stream *s, const char *bytes, size_t n, size_t *used)
{
	struct thrum__buffer *b = &s->out;
	size_t first = thrum__buffer_held(b);
	struct iovec v[2] = {{thrum__buffer_first(b), first}, {(char *)bytes, n}};
	ssize_t r = first ? thrum_writev(s->fd, v, n ? 2 : 1) : thrum_write(s->fd, bytes, n);

	if (r < 0)
		return (int)r;
	if ((size_t)r < first) {
		b->from += (uint32_t)r;
		return 0;
	}
	*used += (size_t)r - first;
	thrum__buffer_rest(b);
	return 0;
}

/* Writes all that is buffered. */
static int write_out(struct thrum_stream *s)
{
	size_t none = 0;
	int err = s->write_error;

	while (!err && thrum__buffer_held(&s->out)) {
		err = write_some(s, NULL, 0, &none);
		if (err && !is_passing(err))
			s->write_error = (int16_t)err;
	}
	return err;
}

static ssize_t write_all(struct thrum_stream *s, const char *bytes, size_t n)
{
	size_t used = 0;
	int err = s->write_error;

	while (!err && thrum__buffer_held(&s->out) + (n - used) > s->limit)
		err = write_some(s, bytes + used, n - used, &used);
	if (!err)
		err = thrum__buffer_reserve(&s->out, n - used, s->limit);
	if (err) {
		if (used || !is_passing(err))
			s->write_error = (int16_t)err;
		return err;
	}
	thrum__buffer_put(&s->out, bytes + used, n - used);
	return (ssize_t)n;
}

ssize_t thrum_stream_write(struct thrum_stream *s, const void *buf, size_t n)
{
	int err = enter(s, WRITING);

	return err ? err : leave(s, WRITING, write_all(s, buf, n));
}

int thrum_stream_flush(struct thrum_stream *s)
{
	int err = enter(s, WRITING);

	return err ? err : (int)leave(s, WRITING, write_out(s));
}
