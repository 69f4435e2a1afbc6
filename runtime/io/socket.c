/* SPDX-License-Identifier: MIT */
/*
 * socket.c - accept and connect.
 *
 * ACCEPT   No flag keeps accept4 from waiting, only the listening socket's own mode.  One in
 *          blocking mode is looked at and left to the pool (op.c), which costs a hop for each
 *          connection: thrum_tcp_listen makes non-blocking ones.
 *          A connection that died in the queue is passed over.  With no descriptor or no memory
 *          left the connection stays in the queue and nothing says when there is one again: pauses.
 * CONNECT  No flag either, so a blocking socket is made non-blocking for the length of the system
 *          call.  While the attempt goes on in the kernel the call waits for the socket to become
 *          writable, and calls again, which tells how it went.  A Unix socket whose queue is full
 *          does not even begin an attempt, and no event says when it could: pauses.
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "io/op.h"

#include "sched/worker.h"

#include <fcntl.h>
#include <thrum/net.h>

struct acceptor {
	struct thrum__op op;
	struct sockaddr *addr;
	socklen_t *len;
	int flags;
	int64_t pause_ns;
};

struct connector {
	struct thrum__op op;
	const struct sockaddr *addr;
	socklen_t len;
	bool begun; /* an attempt goes on in the kernel */
	int64_t pause_ns;
};

static int socket_option(int fd, int name)
{
	int value = 0;
	socklen_t len = sizeof(value);
	int err = thrum__os_getsockopt(fd, SOL_SOCKET, name, &value, &len);

	return err ? err : value;
}

/* Pauses, longer each time: THRUM__OP_AGAIN or -errno. */
static ssize_t back_off(struct thrum__op *op, int64_t *pause_ns)
{
	int err;

	*pause_ns = thrum__op_backoff_ns(*pause_ns);
	err = thrum__op_pause(op, *pause_ns);
	return err ? err : THRUM__OP_AGAIN;
}

static ssize_t accept_block(struct thrum__op *op)
{
	struct acceptor *a = container_of(op, struct acceptor, op);

	return thrum__os_accept4(op->fd, a->addr, a->len, a->flags);
}

static ssize_t accept_attempt(struct thrum__op *op)
{
	/* What does not listen says so at once, and poll(2) would not. */
	if (thrum__op_is_nonblocking(op) || socket_option(op->fd, SO_ACCEPTCONN) <= 0)
		return accept_block(op);
	return THRUM__OP_LOOK;
}

static ssize_t accept_account(struct thrum__op *op, ssize_t r)
{
	struct acceptor *a = container_of(op, struct acceptor, op);

	if (r >= 0)
		thrum__descriptor_made(&thrum__op_runtime(op)->descriptors, (int)r);
	switch (r) {
	case -EMFILE:
	case -ENFILE:
	case -ENOBUFS:
	case -ENOMEM:
		return back_off(op, &a->pause_ns);
	case -EOPNOTSUPP: /* of the connection, or of a socket that is none to accept from */
		return socket_option(op->fd, SO_ACCEPTCONN) > 0 ? THRUM__OP_AGAIN : r;
	case -ECONNABORTED:
	case -EPROTO:
	case -ENETDOWN:
	case -ENOPROTOOPT:
	case -EHOSTDOWN:
	case -ENONET:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
		return THRUM__OP_AGAIN;
	default:
		return r;
	}
}

int thrum_accept4(int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct acceptor a = {.op = {.place = "? thrum_accept",
				    .fd = fd,
				    .attempt = accept_attempt,
				    .block = accept_block,
				    .account = accept_account},
			     .addr = addr,
			     .len = len,
			     .flags = flags | SOCK_CLOEXEC};

	return (int)thrum__op_run(&a.op);
}

int thrum_accept(int fd, struct sockaddr *addr, socklen_t *len)
{
	return thrum_accept4(fd, addr, len, 0);
}

/* connect(2) that does not wait. */
static ssize_t connect_now(struct connector *c)
{
	int flags = thrum__os_get_flags(c->op.fd);
	ssize_t r;
	int err;

	if (flags < 0)
		return flags;
	if (flags & O_NONBLOCK)
		return thrum__os_connect(c->op.fd, c->addr, c->len);
	err = thrum__os_set_flags(c->op.fd, flags | O_NONBLOCK);
	if (err)
		return err;
	r = thrum__os_connect(c->op.fd, c->addr, c->len);
	(void)thrum__os_set_flags(c->op.fd, flags); /* what could be set can be unset */
	return r;
}

/* How did the attempt go?  To ask by SO_ERROR would leave the socket half way. */
static ssize_t connect_outcome(struct connector *c)
{
	ssize_t r = thrum__os_ready(c->op.fd, POLLOUT);

	if (r <= 0)
		return r ? r : -EAGAIN;
	r = connect_now(c);
	if (r == -EISCONN)
		return 0;
	return r == -EALREADY || r == -EINPROGRESS ? -EAGAIN : r;
}

static ssize_t connect_attempt(struct thrum__op *op)
{
	struct connector *c = container_of(op, struct connector, op);
	ssize_t r;

	if (c->begun)
		return connect_outcome(c);
	r = connect_now(c);
	switch (r) {
	case -EINPROGRESS:
	case -EALREADY:
		c->begun = true;
		return -EAGAIN;
	case -EAGAIN:
		return back_off(op, &c->pause_ns);
	default:
		return r;
	}
}

int thrum_connect(int fd, const struct sockaddr *addr, socklen_t len)
{
	struct connector c = {
	    .op = {.place = "? thrum_connect", .fd = fd, .out = true, .attempt = connect_attempt},
	    .addr = addr,
	    .len = len};

	return (int)thrum__op_run(&c.op);
}
