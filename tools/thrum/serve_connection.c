/* SPDX-License-Identifier: MIT */
/*
 * serve_connection.c - one connection's task: it starts when there is something to read, answers
 * what there is with as few writes as it can, and ends when nothing more is there; the next byte
 * starts another (serve_registry.c).
 *
 * Each phase has its limit of time: a request from its first byte to its last, an answer that does
 * not move on, the farewell; rest has the registry's.
 */
#include <errno.h>
#include <sys/socket.h>

#include "serve.h"

#define TURNS 16                  /* reads until others get a chance */
#define LINGER_NS THRUM_SEC(2)    /* how long the client may take to read a last answer */
#define LINGER_BYTES (1u << 20)   /* and how much of what it still sends is read */
#define SENDFILE_BYTES (1u << 19) /* of one call, so that no fast client keeps a worker */

/* Waits no longer than an answer may stand still. */
static ssize_t send_some(struct exchange *x, const char *text, size_t n, int flags)
{
	int fd = x->connection->fd;
	struct thrum_timeout timeout;
	ssize_t sent = thrum_send(fd, text, n, flags | MSG_DONTWAIT);

	if (sent != -EAGAIN)
		return sent;
	thrum_timeout_begin(&timeout, x->server->options->write_ns);
	sent = thrum_send(fd, text, n, flags);
	thrum_timeout_end(&timeout);
	return sent;
}

int connection_send(struct exchange *x, const char *text, size_t n, int flags)
{
	while (n) {
		ssize_t sent = send_some(x, text, n, flags);

		if (sent < 0)
			return (int)sent;
		text += sent;
		n -= (size_t)sent;
	}
	return 0;
}

int connection_flush(struct exchange *x, int flags)
{
	int error = connection_send(x, x->out.text, x->out.n, flags);

	x->out.n = 0;
	x->copy_n = 0;
	return error;
}

int connection_send_file(struct exchange *x, int fd, uint64_t from, uint64_t n)
{
	off_t at = (off_t)from;

	while (n) {
		size_t part = n < SENDFILE_BYTES ? (size_t)n : SENDFILE_BYTES;
		struct thrum_timeout timeout;
		ssize_t sent;

		thrum_timeout_begin(&timeout, x->server->options->write_ns);
		sent = thrum_sendfile(x->connection->fd, fd, &at, part);
		thrum_timeout_end(&timeout);
		if (sent < 0)
			return (int)sent;
		if (sent == 0) /* the file has become shorter than its answer says */
			return -EIO;
		n -= (uint64_t)sent;
	}
	return 0;
}

/* More of a request that has begun, until its time is over. */
static ssize_t receive_rest(struct exchange *x, char *room, size_t n)
{
	struct thrum_timeout timeout;
	ssize_t got;

	if (!x->deadline_ns)
		x->deadline_ns = thrum_now() + x->server->options->request_ns;
	thrum_timeout_begin_until(&timeout, x->deadline_ns);
	got = thrum_recv(x->connection->fd, room, n, 0);
	thrum_timeout_end(&timeout);
	return got;
}

/* One read.  FATE_GO_ON: there is input; *@drained: and no more for now. */
static enum fate receive(struct exchange *x, bool *drained)
{
	bool between = http_parser_is_between(&x->parser);
	size_t n;
	char *room = http_parser_room(&x->parser, &n);
	ssize_t got;

	if (!room)
		return FATE_CLOSE;
	if (between)
		got = thrum_recv(x->connection->fd, room, n, MSG_DONTWAIT);
	else
		got = receive_rest(x, room, n);
	if (between && got == -EAGAIN)
		return FATE_REST;
	if (got == -ETIMEDOUT)
		return answer_status(x, 408);
	if (got <= 0)
		return FATE_CLOSE;
	*drained = (size_t)got < n;
	http_parser_filled(&x->parser, (size_t)got);
	return FATE_GO_ON;
}

/* Answers all requests that are there. */
static enum fate answer_all(struct exchange *x)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	enum fate fate = FATE_GO_ON;

	while (fate == FATE_GO_ON) {
		switch (http_parser_next(&x->parser)) {
		case HTTP_STEP_REQUEST:
			x->deadline_ns = 0;
			fate = answer_request(x);
			break;
		case HTTP_STEP_BROKEN:
			return answer_status(x, x->parser.status);
		case HTTP_STEP_MORE:
			if (!x->parser.wants_continue)
				return FATE_GO_ON;
			x->parser.wants_continue = false;
			if (connection_flush(x, 0) ||
			    connection_send(x, go_on, sizeof(go_on) - 1, 0))
				return FATE_CLOSE;
			return FATE_GO_ON;
		}
	}
	return fate;
}

/* One read and all its answers, in one write. */
static enum fate turn(struct exchange *x)
{
	bool drained = false;
	enum fate fate = receive(x, &drained);

	if (fate == FATE_GO_ON)
		fate = answer_all(x);
	answer_forget(x);
	if (connection_flush(x, 0))
		return FATE_CLOSE;
	answer_flush_log(x);
	if (fate == FATE_GO_ON && drained && http_parser_is_between(&x->parser))
		return FATE_REST;
	return fate;
}

/* The client may still be sending: closed now, the socket would throw away what the client has not
 * read yet.  So say that nothing follows, and read until the client has closed. */
static void linger(struct exchange *x)
{
	struct thrum_timeout timeout;
	size_t left = LINGER_BYTES;
	ssize_t got = 1;

	shutdown(x->connection->fd, SHUT_WR);
	thrum_timeout_begin(&timeout, LINGER_NS);
	while (got > 0 && left) {
		got = thrum_recv(x->connection->fd, x->out_text, sizeof(x->out_text), 0);
		left -= got > 0 && (size_t)got < left ? (size_t)got : left;
	}
	thrum_timeout_end(&timeout);
}

intptr_t connection_run(void *arg)
{
	struct connection *c = arg;
	struct exchange *x = registry_wake(c);
	enum fate fate = FATE_GO_ON;

	if (!x) {
		registry_drop(c, NULL);
		return 0;
	}
	for (unsigned turns = 1; fate == FATE_GO_ON; turns++) {
		fate = turn(x);
		if (turns % TURNS == 0 && thrum_yield())
			fate = FATE_CLOSE;
	}
	if (fate == FATE_REST && !x->closing) {
		registry_rest(c, x);
		return 0;
	}
	if (fate == FATE_LINGER)
		linger(x);
	registry_drop(c, x);
	return 0;
}
