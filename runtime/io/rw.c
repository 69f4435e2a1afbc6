/* SPDX-License-Identifier: MIT */
/*
 * rw.c - read, readv, write, writev of any descriptor, at its own position.
 *
 * Which system call is tried depends on what the descriptor was when last looked at, and its answer
 * says whether that still holds: a number may have been closed and used again meanwhile.
 *   unknown, socket   recv and send with MSG_DONTWAIT; -ENOTSOCK: look again
 *   file              preadv2 with RWF_NOWAIT serves what is cached; the rest, and all writes, are
 *                     the pool's, after a look that it is a file still
 *   anything else     preadv2, pwritev2 with RWF_NOWAIT.  What does not know it (-EOPNOTSUPP:
 *                     terminals, inotify, the writing side of an eventfd, pipes before Linux 6.4)
 *                     is read and written plainly if it is in non-blocking mode, else looked at
 *                     and left to the pool (op.c), writes by PIPE_BUF bytes, for which a pipe that
 *                     says it is writable has room.
 * What may be a pipe is written through sched/sigpipe.c, whose calls raise no signal.  What read
 * and write make of no bytes is the kernel's to say, and not the same for all: an eventfd refuses
 * them.
 */
#define _GNU_SOURCE /* RWF_NOWAIT */
#include "io/transfer.h"

#include "sched/sigpipe.h"

#include <limits.h>

static bool is_buffer(const struct thrum__transfer *t)
{
	return t->v == &t->one;
}

static ssize_t socket_now(struct thrum__transfer *t)
{
	const struct iovec *v;
	size_t n = thrum__transfer_rest(t, SIZE_MAX, &v);
	struct msghdr m = {.msg_iov = (struct iovec *)v, .msg_iovlen = n};
	int fd = t->op.fd;

	if (!t->op.out && !t->total)
		return thrum__os_readv(fd, v, (int)n); /* recv would wait, or take a datagram */
	if (n == 1 && t->op.out)
		return thrum__os_send(fd, v->iov_base, v->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n == 1) {
		ssize_t r = thrum__os_recv(fd, v->iov_base, v->iov_len, MSG_DONTWAIT);

		if (r > 0 && (size_t)r < v->iov_len)
			thrum__op_got_less(&t->op);
		return r;
	}
	if (t->op.out)
		return thrum__os_sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	return thrum__os_recvmsg(fd, &m, MSG_DONTWAIT);
}

static ssize_t plainly(struct thrum__transfer *t, size_t limit)
{
	const struct iovec *v;
	int n = (int)thrum__transfer_rest(t, limit, &v);

	if (!t->op.out)
		return thrum__os_readv(t->op.fd, v, n);
	if (thrum__op_kind(&t->op) == THRUM__FD_FILE)
		return thrum__os_writev(t->op.fd, v, n);
	return thrum__sigpipe_writev(t->op.fd, v, n, 0);
}

static ssize_t no_bytes(struct thrum__transfer *t)
{
	if (t->op.out)
		return thrum__os_write(t->op.fd, t->one.iov_base, 0);
	return thrum__os_read(t->op.fd, t->one.iov_base, 0);
}

/* The kernel cannot say at once, or cannot say at all. */
static ssize_t not_now(struct thrum__transfer *t, ssize_t r)
{
	int kind = thrum__op_kind_now(&t->op);

	if (kind < 0)
		return kind;
	if (kind == THRUM__FD_FILE)
		return THRUM__OP_POOL;
	if (kind == THRUM__FD_SOCKET)
		return THRUM__OP_AGAIN;
	if (r == -EAGAIN)
		return r;
	return thrum__op_is_nonblocking(&t->op) ? plainly(t, SIZE_MAX) : THRUM__OP_LOOK;
}

static ssize_t other_now(struct thrum__transfer *t, int kind)
{
	const struct iovec *v;
	int n = (int)thrum__transfer_rest(t, SIZE_MAX, &v);
	ssize_t r = -EOPNOTSUPP;

	if (!t->total && is_buffer(t) && kind != THRUM__FD_FILE)
		return thrum__op_is_nonblocking(&t->op) ? no_bytes(t)
							: thrum__op_block_waiting(&t->op);
	if (!t->op.out)
		r = thrum__os_preadv2(t->op.fd, v, n, -1, RWF_NOWAIT);
	else if (kind != THRUM__FD_FILE)
		r = thrum__sigpipe_writev(t->op.fd, v, n, RWF_NOWAIT);
	if (r == -EOPNOTSUPP || r == -ENOSYS || (r == -EAGAIN && kind == THRUM__FD_FILE))
		return not_now(t, r);
	return r;
}

static ssize_t attempt(struct thrum__op *op)
{
	struct thrum__transfer *t = thrum__transfer_of(op);
	int kind = thrum__op_kind(op);
	ssize_t r;

	if (kind == THRUM__FD_UNKNOWN && !t->total)
		kind = thrum__op_kind_now(op);
	if (kind == THRUM__FD_UNKNOWN || kind == THRUM__FD_SOCKET) {
		r = socket_now(t);
		if (r >= 0)
			thrum__op_kind_seen(op, THRUM__FD_SOCKET);
		if (r != -ENOTSOCK)
			return r;
		kind = thrum__op_kind_now(op);
	}
	return kind < 0 ? kind : other_now(t, kind);
}

static ssize_t block(struct thrum__op *op)
{
	struct thrum__transfer *t = thrum__transfer_of(op);

	if (!t->total && is_buffer(t))
		return no_bytes(t);
	return plainly(t, op->out && op->looked ? PIPE_BUF : SIZE_MAX);
}

static inline struct thrum__op reader(int fd, const char *place)
{
	return (struct thrum__op){.place = place, .fd = fd, .attempt = attempt, .block = block};
}

static inline struct thrum__op writer(int fd, const char *place)
{
	return (struct thrum__op){.place = place,
				  .fd = fd,
				  .out = true,
				  .keep = true,
				  .attempt = attempt,
				  .block = block,
				  .account = thrum__transfer_all};
}

static ssize_t refuse(struct thrum__op *op)
{
	int kind = thrum__op_kind_now(op);

	return kind < 0 ? kind : -EINVAL;
}

static ssize_t run_vector(struct thrum__transfer *t, const struct iovec *v, int count)
{
	int err = thrum__op_entry(&t->op);

	if (err)
		return err;
	if (count < 0 || count > IOV_MAX)
		return -EINVAL;
	if (!v && count)
		return -EFAULT;
	thrum__transfer_vector(t, v, (size_t)count);
	/* send and recv, which take a piece alone for a buffer, have another error for it. */
	if (count == 1 && v->iov_len > SSIZE_MAX)
		t->op.attempt = refuse;
	return thrum__op_start(&t->op);
}

ssize_t thrum_read(int fd, void *buf, size_t n)
{
	struct thrum__op op = reader(fd, "? thrum_read");
	struct thrum__transfer t;

	thrum__transfer_init(&t, &op, 0);
	thrum__transfer_buffer(&t, buf, n);
	return thrum__op_run(&t.op);
}

ssize_t thrum_readv(int fd, const struct iovec *v, int count)
{
	struct thrum__op op = reader(fd, "? thrum_readv");
	struct thrum__transfer t;

	thrum__transfer_init(&t, &op, 0);
	return run_vector(&t, v, count);
}

ssize_t thrum_write(int fd, const void *buf, size_t n)
{
	struct thrum__op op = writer(fd, "? thrum_write");
	struct thrum__transfer t;

	thrum__transfer_init(&t, &op, 0);
	thrum__transfer_buffer(&t, (void *)buf, n);
	return thrum__op_run(&t.op);
}

ssize_t thrum_writev(int fd, const struct iovec *v, int count)
{
	struct thrum__op op = writer(fd, "? thrum_writev");
	struct thrum__transfer t;

	thrum__transfer_init(&t, &op, 0);
	return run_vector(&t, v, count);
}
