/* SPDX-License-Identifier: MIT */
/*
 * drain.c - a server that drains: at the first SIGTERM or SIGINT it accepts no more, lets go of
 * connections between two requests, answers the requests that have begun, and ends with status 0.
 * What is not done after THRUM_SOFT_MS (5 s), or at a second signal, is cut: status 1.
 *
 *   drain [PORT]   default 7007; 0: a free one; prints which
 *
 * A request is text up to an empty line, its answer a line with its length; a connection may carry
 * many.
 *
 * thrum_run makes of the signal a soft request to thrum_run_token, and a hard one later, which
 * cancels the main task and so its scope: all connections.  What the soft one is to end stands in a
 * scope of its own, in accept_all and wait_request.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <thrum/thrum.h>

#define CONNECTIONS_MAX 10000

/* Cancelled when no request is to begin any more. */
static struct thrum_token *no_more;

/* ---- A connection ---- */

/* Waits for the next request's first byte, but not beyond no_more: a scope without children is a
 * stretch of code that a token cuts short. */
static bool wait_request(struct thrum_stream *s)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope stretch;
	char *text, byte;
	ssize_t n;

	options.token = no_more;
	thrum_scope_open_with(&stretch, &options);
	n = thrum_stream_peek(s, 1, &text);
	if (thrum_scope_close(&stretch))
		return false;
	if (n == -ECANCELED) /* a request that came before the end is answered */
		n = thrum_recv(thrum_stream_fd(s), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n > 0;
}

/* False: there was no whole request, or nobody wants the answer. */
static bool answer(struct thrum_stream *s)
{
	char *text, line[32];
	ssize_t n = thrum_stream_read_until(s, "\n\n", 2, 0, &text);
	int length;

	if (n < 2 || memcmp(text + n - 2, "\n\n", 2) != 0)
		return false;
	length = snprintf(line, sizeof(line), "%zd bytes\n", n);
	return thrum_stream_write(s, line, (size_t)length) > 0 && thrum_stream_flush(s) == 0;
}

/* What goes wrong on a connection is its own end, and no failure of the server. */
static intptr_t converse(void *fd)
{
	struct thrum_stream *s = thrum_stream_create((int)(intptr_t)fd, 0);

	if (!s) {
		thrum_close((int)(intptr_t)fd);
		return 0;
	}
	while (wait_request(s) && answer(s))
		;
	thrum_stream_close(s);
	return 0;
}

/* ---- The server ---- */

/* Waits for the soft request, or until it is cancelled. */
static intptr_t stop_when_told(void *told)
{
	intptr_t reason = thrum_await(told);

	return thrum_token_cancel(no_more, THRUM_HARD, reason);
}

/* 0: until no_more. */
static int accept_all(int listener, struct thrum_scope *connections)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope stretch;
	int fd, err;

	options.token = no_more;
	thrum_scope_open_with(&stretch, &options);
	while ((fd = thrum_accept(listener, NULL, NULL)) >= 0)
		if (thrum_scope_spawn(connections, converse, (void *)(intptr_t)fd))
			thrum_close(fd);
	thrum_close(listener);
	err = thrum_scope_close(&stretch);
	return err || fd == -ECANCELED ? err : fd;
}

/* serve - until @told is done.  Closes @listener.  Returns 0, or why not all was answered. */
int serve(int listener, struct thrum_future *told);

int serve(int listener, struct thrum_future *told)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope connections;
	struct thrum_future *stopper;
	int err, more;

	no_more = thrum_token_create(NULL);
	options.limit = CONNECTIONS_MAX;
	options.keep_going = true;
	thrum_scope_open_with(&connections, &options);
	stopper = thrum_spawn(stop_when_told, told);
	if (!no_more || !stopper)
		thrum_scope_cancel(&connections);
	err = accept_all(listener, &connections);
	thrum_cancel(stopper); /* if it was not told: accepting has failed */
	more = (int)thrum_join(stopper);
	err = err ? err : more;
	more = thrum_scope_close(&connections); /* the requests in flight */
	thrum_token_release(no_more);
	return err ? err : more;
}

static intptr_t main_task(void *port)
{
	/* First of all: where nobody asks for soft requests, a signal is a hard one. */
	struct thrum_future *told = thrum_token_future(thrum_run_token(), THRUM_SOFT);
	int fd = told ? thrum_tcp_listen("127.0.0.1", port, 0, 0) : -ENOMEM, err = fd;

	if (fd >= 0) {
		printf("listening on port %d\n", thrum_local_port(fd));
		fflush(stdout);
		err = serve(fd, told);
	}
	thrum_release(told);
	return err;
}

int main(int argc, char **argv)
{
	intptr_t err = thrum_run(main_task, argc > 1 ? argv[1] : "7007");

	if (err)
		fprintf(stderr, "drain: %s\n",
			err == -ECANCELED ? "not all was answered" : strerror((int)-err));
	return err != 0;
}
