/* SPDX-License-Identifier: MIT */
/* stream_pair.h - a stream whose other end the test has in its hand. */
#ifndef TESTS_UNIT_STREAM_PAIR_H
#define TESTS_UNIT_STREAM_PAIR_H

#include <sys/socket.h>
#include <unistd.h>

#include <thrum/stream.h>

#include "run.h"

/* A stream over one end of a socket pair; the test has the other. */
struct pair {
	struct thrum_stream *s;
	int peer;
};

static inline struct pair pair_of(size_t buffer_bytes)
{
	struct pair p;
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
	p.s = thrum_stream_create(ends[0], buffer_bytes);
	must(p.s);
	is_int(thrum_stream_fd(p.s), ends[0]);
	p.peer = ends[1];
	return p;
}

static inline void pair_end(struct pair *p)
{
	is_int(thrum_stream_close(p->s), 0);
	if (p->peer >= 0)
		close(p->peer);
}

static inline void send_bytes(const struct pair *p, const char *bytes, size_t n)
{
	must(write(p->peer, bytes, n) == (ssize_t)n);
}

static inline void send_text(const struct pair *p, const char *text)
{
	send_bytes(p, text, strlen(text));
}

static inline void send_end(struct pair *p)
{
	must(shutdown(p->peer, SHUT_WR) == 0);
}

static inline void is_bytes(const char *got, ssize_t n, const char *want, size_t want_n)
{
	is_int(n, want_n);
	must(memcmp(got, want, want_n) == 0);
}

#define is_line(p, limit, want)                                               \
	do {                                                                  \
		char *line_;                                                  \
		ssize_t n_ = thrum_stream_read_line((p)->s, (limit), &line_); \
		is_bytes(line_, n_, (want), strlen(want));                    \
	} while (0)

/* A task that reads a line. */
struct reader {
	struct thrum_stream *s;
	size_t n;
	char *out;
};

static inline intptr_t task_read_line(void *reader)
{
	struct reader *r = reader;

	return thrum_stream_read_line(r->s, 0, &r->out);
}

#endif
