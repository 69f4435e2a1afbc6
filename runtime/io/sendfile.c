/* SPDX-License-Identifier: MIT */
/*
 * sendfile.c - sendfile: neither the receiver nor the disk may hold the worker.
 *
 * The kernel's own call has no flag for that; what it would wait for depends on @out:
 *   in non-blocking mode   it never waits for @out.  Whether the disk is needed is asked by
 *                          preadv2 with RWF_NOWAIT for the first and the last byte of the next
 *                          128 KiB, as much as readahead brings in at a time: 0.3 us each beside
 *                          some 20 us of sending.  If it is, or without an offset (to ask would
 *                          move the file's position), the pool makes the call.
 *   in blocking mode       with an offset: a buffer is filled, from the cache or by the pool, and
 *                          sent without blocking.  Without: looked at, and the pool sends a little
 *                          (op.c).
 *   a file                 the pool.
 * A non-blocking @out gets what it takes at once, a blocking one all, up to the end of @in.
 *
 * OWNERS  *@offset: the call, until it returns; a job while it runs.
 *
 * What can fail: memory for the buffer.
 */
#define _GNU_SOURCE /* RWF_NOWAIT */
#include "io/op.h"

#include "sched/sigpipe.h"
#include "sched/worker.h"

#include <limits.h>

#define CHUNK ((size_t)128 << 10)       /* in one call on a worker */
#define POOL_CHUNK ((size_t)1 << 20)    /* ... on the pool, to where nothing blocks but the disk */
#define SOCKET_CHUNK ((size_t)16 << 10) /* ... to a socket that has room for something */
#define BUFFER ((size_t)64 << 10)

struct sender {
	struct thrum__op op;
	int in;
	off_t *offset;
	size_t total;
	size_t chunk;    /* what the last call was asked to move */
	char *buffer;    /* NULL until it is needed */
	size_t from, to; /* what is in it and not sent yet */
	bool fills;      /* block fills the buffer */
};

static size_t at_most(size_t a, size_t b)
{
	return a < b ? a : b;
}

static struct sender *sender_of(struct thrum__op *op)
{
	return container_of(op, struct sender, op);
}

static ssize_t send_file(struct sender *s, size_t chunk)
{
	struct thrum__sigpipe held;
	ssize_t r;

	s->chunk = at_most(s->total - s->op.done, chunk);
	if (thrum__op_kind(&s->op) == THRUM__FD_FILE)
		return thrum__os_sendfile(s->op.fd, s->in, s->offset, s->chunk);
	thrum__sigpipe_hold(&held);
	r = thrum__os_sendfile(s->op.fd, s->in, s->offset, s->chunk);
	thrum__sigpipe_let(&held, r == -EPIPE || (r > 0 && (size_t)r < s->chunk));
	return r;
}

static ssize_t fill_now(struct sender *s, int flags)
{
	struct iovec v = {s->buffer, at_most(s->total - s->op.done, BUFFER)};

	if (!flags)
		return thrum__os_pread(s->in, v.iov_base, v.iov_len, *s->offset);
	return thrum__os_preadv2(s->in, &v, 1, *s->offset, flags);
}

static bool is_cached(const struct sender *s)
{
	return thrum__op_is_cached(s->in, *s->offset, at_most(s->total - s->op.done, CHUNK));
}

/* On the pool. */
static ssize_t block(struct thrum__op *op)
{
	struct sender *s = sender_of(op);

	if (s->fills)
		return fill_now(s, 0);
	s->from = s->to; /* if there is a buffer, it starts where this does */
	if (!op->looked)
		return send_file(s, POOL_CHUNK);
	return send_file(s, thrum__op_kind(op) == THRUM__FD_SOCKET ? SOCKET_CHUNK : PIPE_BUF);
}

/* The buffer has something; 0: the end of the file. */
static ssize_t fill(struct sender *s)
{
	ssize_t r;

	if (!s->buffer)
		s->buffer = thrum__os_alloc(BUFFER);
	if (!s->buffer)
		return -ENOMEM;
	r = fill_now(s, RWF_NOWAIT);
	if (r == -EAGAIN || r == -EOPNOTSUPP || r == -ENOSYS) {
		s->fills = true;
		r = thrum__op_block(&s->op);
		s->fills = false;
	}
	if (r > 0) {
		s->from = 0;
		s->to = (size_t)r;
	}
	return r == -EISDIR ? -EINVAL : r; /* as sendfile says it */
}

static ssize_t send_buffer(struct sender *s)
{
	struct iovec v = {s->buffer + s->from, s->to - s->from};
	ssize_t r;

	s->chunk = v.iov_len;
	r = thrum__os_send(s->op.fd, v.iov_base, v.iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (r == -ENOTSOCK)
		r = thrum__sigpipe_writev(s->op.fd, &v, 1, RWF_NOWAIT);
	if (r == -EOPNOTSUPP || r == -ENOSYS)
		return THRUM__OP_LOOK;
	if (r > 0) {
		s->from += (size_t)r;
		*s->offset += r;
	}
	return r;
}

static ssize_t attempt_buffered(struct sender *s)
{
	ssize_t r = 1;

	if (s->from == s->to)
		r = fill(s);
	return r > 0 ? send_buffer(s) : r;
}

/* As sendfile would say before it looks at what it writes to; a wait for that says nothing. */
static bool is_readable(int fd)
{
	int flags = thrum__os_get_flags(fd);

	return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY;
}

static ssize_t attempt(struct thrum__op *op)
{
	struct sender *s = sender_of(op);
	int kind = thrum__op_kind(op);

	if (s->offset && *s->offset < 0)
		return -EINVAL; /* -1 has a meaning for preadv2 */
	if (!s->total)
		return send_file(s, 0);
	if (kind == THRUM__FD_UNKNOWN || kind == THRUM__FD_FILE)
		kind = thrum__op_kind_now(op);
	if (kind < 0)
		return kind;
	if (kind == THRUM__FD_FILE)
		return THRUM__OP_POOL;
	if (thrum__op_is_nonblocking(op))
		return s->offset && is_cached(s) ? send_file(s, CHUNK) : THRUM__OP_POOL;
	if (s->offset)
		return attempt_buffered(s);
	return is_readable(s->in) ? THRUM__OP_LOOK : -EBADF;
}

static ssize_t account(struct thrum__op *op, ssize_t r)
{
	struct sender *s = sender_of(op);

	if (r < 0)
		return r;
	op->done += (size_t)r;
	/* From here on would-block is an end, as some bytes went. */
	op->once = thrum__op_is_nonblocking(op);
	if (!r || op->done >= s->total || (op->once && (size_t)r < s->chunk))
		return (ssize_t)op->done;
	return THRUM__OP_AGAIN;
}

/* While inside @in as well. */
static ssize_t run(struct sender *s)
{
	ssize_t r = thrum__op_start(&s->op);

	thrum__os_free(s->buffer);
	thrum__descriptor_leave(s->op.also);
	return r;
}

ssize_t thrum_sendfile(int out, int in, off_t *offset, size_t n)
{
	struct sender s = {.op = {.place = "? thrum_sendfile",
				  .fd = out,
				  .out = true,
				  .keep = true,
				  .attempt = attempt,
				  .block = block,
				  .account = account},
			   .in = in,
			   .offset = offset,
			   .total = n};
	int err = thrum__op_entry(&s.op);

	if (!err)
		err =
		    thrum__descriptor_enter(&thrum__op_runtime(&s.op)->descriptors, in, &s.op.also);
	return err ? err : run(&s);
}
