/* SPDX-License-Identifier: MIT */
/*
 * message.c - recv, send, recvmsg, sendmsg.
 *
 * MSG_DONTWAIT goes into every system call; what it takes away from a blocking socket is made up
 * for here: MSG_WAITALL (not with MSG_PEEK, nor with a control buffer, which a second message would
 * want for itself), and sending all.  What never waits in the kernel (urgent data, the error queue)
 * does not wait here.
 *
 * A datagram to a named Unix socket whose queue is full: no event says when there is room.  So such
 * a call tries again after a pause.
 */
#include "io/transfer.h"

static bool is_stream(int fd)
{
	int type = 0;
	socklen_t len = sizeof(type);

	return thrum__os_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
	       type == SOCK_STREAM;
}

/* op.account of what receives with MSG_WAITALL. */
static ssize_t receive_all(struct thrum__op *op, ssize_t r)
{
	if (r < 0)
		return r;
	op->done += (size_t)r;
	if (!r || op->done >= thrum__transfer_of(op)->total || thrum__op_is_nonblocking(op) ||
	    !is_stream(op->fd))
		return (ssize_t)op->done;
	return THRUM__OP_AGAIN;
}

static ssize_t attempt_recv(struct thrum__op *op)
{
	struct thrum__transfer *t = thrum__transfer_of(op);

	size_t want = t->total - op->done;
	ssize_t r = thrum__os_recv(op->fd, (char *)t->one.iov_base + op->done, want,
				   t->flags | MSG_DONTWAIT);

	if (r > 0 && (size_t)r < want && !t->flags)
		thrum__op_got_less(op);
	return r;
}

static ssize_t attempt_send(struct thrum__op *op)
{
	struct thrum__transfer *t = thrum__transfer_of(op);

	return thrum__os_send(op->fd, (char *)t->one.iov_base + op->done, t->total - op->done,
			      t->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
}

static ssize_t attempt_recvmsg(struct thrum__op *op)
{
	struct thrum__transfer *t = thrum__transfer_of(op);
	struct msghdr more = {0};
	const struct iovec *v;

	if (!op->done)
		return thrum__os_recvmsg(op->fd, t->m, t->flags | MSG_DONTWAIT);
	more.msg_iovlen = thrum__transfer_rest(t, SIZE_MAX, &v);
	more.msg_iov = (struct iovec *)v;
	return thrum__os_recvmsg(op->fd, &more, t->flags | MSG_DONTWAIT);
}

/* It would block: does an event say when it will not? */
static ssize_t pause_if_writable(struct thrum__transfer *t)
{
	int r = thrum__os_ready(t->op.fd, POLLOUT);

	if (r <= 0)
		return r ? r : -EAGAIN;
	t->pause_ns = thrum__op_backoff_ns(t->pause_ns);
	r = thrum__op_pause(&t->op, t->pause_ns);
	return r ? r : THRUM__OP_AGAIN;
}

static ssize_t attempt_sendmsg(struct thrum__op *op)
{
	struct thrum__transfer *t = thrum__transfer_of(op);
	struct msghdr m = *t->m;
	const struct iovec *v;
	ssize_t r;

	if (op->done) { /* the control part went with the first byte */
		m.msg_iovlen = thrum__transfer_rest(t, SIZE_MAX, &v);
		m.msg_iov = (struct iovec *)v;
		m.msg_control = NULL;
		m.msg_controllen = 0;
	}
	r = thrum__os_sendmsg(op->fd, &m, t->flags | MSG_DONTWAIT | MSG_NOSIGNAL);
	return r == -EAGAIN && m.msg_name && !op->once ? pause_if_writable(t) : r;
}

static inline void init_receiver(struct thrum__transfer *t, int fd, int flags,
				 ssize_t (*attempt)(struct thrum__op *))
{
	struct thrum__op op = {.place = "? thrum_recv",
			       .fd = fd,
			       .keep = true,
			       .once = flags & (MSG_DONTWAIT | MSG_OOB | MSG_ERRQUEUE),
			       .attempt = attempt};

	if (flags & MSG_WAITALL && !(flags & MSG_PEEK) && !op.once)
		op.account = receive_all;
	thrum__transfer_init(t, &op, flags);
}

static inline void init_sender(struct thrum__transfer *t, int fd, int flags,
			       ssize_t (*attempt)(struct thrum__op *))
{
	struct thrum__op op = {.place = "? thrum_send",
			       .fd = fd,
			       .out = true,
			       .once = flags & MSG_DONTWAIT,
			       .keep = true,
			       .attempt = attempt,
			       .account = thrum__transfer_all};

	thrum__transfer_init(t, &op, flags);
}

ssize_t thrum_recv(int fd, void *buf, size_t n, int flags)
{
	struct thrum__transfer t;

	init_receiver(&t, fd, flags, attempt_recv);
	thrum__transfer_buffer(&t, buf, n);
	return thrum__op_run(&t.op);
}

ssize_t thrum_send(int fd, const void *buf, size_t n, int flags)
{
	struct thrum__transfer t;

	init_sender(&t, fd, flags, attempt_send);
	thrum__transfer_buffer(&t, (void *)buf, n);
	return thrum__op_run(&t.op);
}

static bool is_null(const struct msghdr *m)
{
	return !m || (!m->msg_iov && m->msg_iovlen);
}

static ssize_t refuse_null(struct thrum__op *op)
{
	int err = thrum__op_entry(op);

	return err ? err : -EFAULT;
}

ssize_t thrum_recvmsg(int fd, struct msghdr *m, int flags)
{
	struct thrum__transfer t;

	init_receiver(&t, fd, flags, attempt_recvmsg);
	if (is_null(m))
		return refuse_null(&t.op);
	t.m = m;
	thrum__transfer_vector(&t, m->msg_iov, m->msg_iovlen);
	if (m->msg_controllen)
		t.op.account = NULL;
	return thrum__op_run(&t.op);
}

ssize_t thrum_sendmsg(int fd, const struct msghdr *m, int flags)
{
	struct thrum__transfer t;

	init_sender(&t, fd, flags, attempt_sendmsg);
	if (is_null(m))
		return refuse_null(&t.op);
	t.m = (struct msghdr *)m;
	thrum__transfer_vector(&t, m->msg_iov, m->msg_iovlen);
	return thrum__op_run(&t.op);
}
