/* SPDX-License-Identifier: MIT */
/*
 * serve_server.c - a server, for whoever wants one: the directory, listening, accepting, the stop.
 *
 *	init -> listen -> accept ... -> stop: accept no more; what rests is closed; what is in
 *	flight is answered and closed; when the grace is over the rest is cut -> fini
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve.h"

#define ACCEPTS 16 /* in a row until others get a chance */
#define BACK_OFF_NS THRUM_MS(10)
#define CUT_NS THRUM_SEC(1) /* how long connections that were cut may take to see it */

int server_init(struct server *s, const struct serve_options *options)
{
	memset(s, 0, sizeof(*s));
	s->options = options;
	s->listener = -1;
	s->dir = serve_open_top(options->dir);
	if (s->dir < 0)
		return s->dir;
	s->stop = thrum_future_create();
	if (!s->stop) {
		close(s->dir);
		return -ENOMEM;
	}
	registry_init(s);
	return 0;
}

void server_fini(struct server *s)
{
	thrum_future_set(s->stop, 0);
	thrum_release(s->stop);
	thrum_release(s->accepting);
	registry_fini(s);
	close(s->dir);
}

int server_back_off(void)
{
	int error = thrum_sleep(BACK_OFF_NS);

	return error == -ENOMEM ? thrum_yield() : error;
}

/* Memory, or what the kernel lets us watch: others give some back. */
static bool is_running_out(int error)
{
	return error == -ENOMEM || error == -ENOSPC || error == -EAGAIN;
}

/* Waits until another connection may be taken.  None is ended for one that is not there yet. */
static int wait_room(struct server *s)
{
	struct pollfd next = {.fd = s->listener, .events = POLLIN};
	int error = 0;

	while (!error && registry_is_full(s)) {
		error = thrum_poll(&next, 1, -1);
		if (error < 0)
			break;
		if (!s->was_full)
			fprintf(stderr,
				"thrum serve: the limit on open files allows %u connections: new "
				"ones take the place of idle ones\n",
				s->live_max);
		s->was_full = true;
		error = registry_make_room(s);
	}
	return error;
}

/* A task: takes connections until the listening socket is closed. */
static intptr_t accept_all(void *arg)
{
	struct server *s = arg;
	int result = 0;

	for (unsigned n = 1; !result; n++) {
		int fd = wait_room(s);

		if (!fd)
			fd = thrum_accept4(s->listener, NULL, NULL, SOCK_NONBLOCK);
		if (fd < 0) {
			result = is_running_out(fd) ? server_back_off() : fd;
			continue;
		}
		if (registry_start(s, fd))
			thrum_close(fd);
		if (n % ACCEPTS == 0)
			result = thrum_yield();
	}
	return result;
}

bool server_accept_again(struct server *s)
{
	struct thrum_future *again;

	if (!is_running_out((int)thrum_result(s->accepting)) || server_back_off())
		return false;
	again = thrum_spawn(accept_all, s);
	if (again) {
		thrum_release(s->accepting);
		s->accepting = again;
	}
	return true;
}

int server_listen(struct server *s)
{
	const struct serve_options *o = s->options;
	const int on = 1;
	char port[12];
	int bound;

	snprintf(port, sizeof(port), "%u", o->port);
	s->listener = thrum_tcp_listen(o->bind, port, 0, 0);
	if (s->listener < 0)
		return s->listener;
	/* Accepted sockets have it too: no answer's end waits for an acknowledgement. */
	setsockopt(s->listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	bound = thrum_local_port(s->listener);
	if (bound >= 0) {
		s->accepting = thrum_spawn(accept_all, s);
		if (s->accepting)
			return bound;
		bound = -ENOMEM;
	}
	thrum_close(s->listener);
	return bound;
}

unsigned server_stop(struct server *s)
{
	unsigned cut = 0;

	thrum_future_set(s->stop, 0);
	thrum_close(s->listener);
	thrum_cancel(s->accepting); /* it may wait for room */
	(void)!thrum_await(s->accepting);
	registry_stop(s);
	if (registry_wait_drained(s, s->options->grace_ns)) {
		cut = registry_cut(s);
		(void)!registry_wait_drained(s, CUT_NS);
	}
	return cut;
}
