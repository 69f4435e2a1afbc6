/* SPDX-License-Identifier: MIT */
/*
 * bytes.c - bytes and connections through sockets and pipes, by plain calls and by streams, each
 * with a timeout of its own.
 *
 * Whatever is cut short: what was written was read, or is in the socket; every descriptor that
 * somebody got was closed.
 */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ledger.h"

#define CHUNK 65536
#define CHUNKS 6

struct side {
	int fd;
	uint64_t bytes;
};

static char buffer[CHUNK];

static intptr_t writer(void *arg)
{
	struct side *side = arg;
	ssize_t n = 0;

	for (int i = 0; i < CHUNKS && n >= 0; i++) {
		n = thrum_write(side->fd, buffer, CHUNK);
		if (n > 0)
			side->bytes += (uint64_t)n;
	}
	return n < 0 ? n : 0;
}

static intptr_t reader(void *arg)
{
	struct side *side = arg;
	char to[7000];
	ssize_t n = 1;

	while (n > 0) {
		struct thrum_timeout t;

		thrum_timeout_begin(&t, THRUM_SEC(1));
		n = thrum_read(side->fd, to, sizeof(to));
		EXPECT(!thrum_timeout_end(&t) || n == -ETIMEDOUT);
		if (n > 0)
			side->bytes += (uint64_t)n;
	}
	return n;
}

/* What nobody has read. */
static uint64_t left_in(int fd)
{
	char to[7000];
	uint64_t all = 0;
	ssize_t n;

	while ((n = recv(fd, to, sizeof(to), MSG_DONTWAIT)) > 0)
		all += (uint64_t)n;
	return all;
}

static int transfer(void)
{
	struct side in, out;
	struct thrum_future *r, *w;
	intptr_t wrote, got;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return -EIO;
	in = (struct side){ends[0], 0};
	out = (struct side){ends[1], 0};
	r = thrum_spawn(reader, &in);
	w = thrum_spawn(writer, &out);
	wrote = thrum_wait_for(w, THRUM_SEC(5));
	EXPECT(!w || thrum_done(w));
	EXPECT(shutdown(ends[1], SHUT_WR) == 0);
	got = thrum_join(r);
	EXPECT(in.bytes + left_in(ends[0]) == out.bytes);
	say("wrote", wrote);
	say("read", got);
	thrum_release(w);
	EXPECT(thrum_close(ends[0]) == 0);
	EXPECT(thrum_close(ends[1]) == 0);
	return wrote ? (int)wrote : (int)got;
}

static intptr_t echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct thrum_stream *s = thrum_stream_create(fd, 64);
	ssize_t n = 1;
	char *line;
	int err;

	give();
	if (!s) {
		(void)thrum_close(fd);
		return -ENOMEM;
	}
	while (n > 0) {
		n = thrum_stream_read_line(s, 0, &line);
		if (n > 0)
			n = thrum_stream_write(s, line, (size_t)n);
		if (n >= 0) {
			err = thrum_stream_flush(s);
			n = err ? err : n;
		}
	}
	err = thrum_stream_close(s);
	return n < 0 ? n : err;
}

static intptr_t server(void *arg)
{
	int listener = *(int *)arg;
	struct thrum_scope s;
	int err = thrum_scope_open(&s), more;

	for (int i = 0; i < 2 && !err; i++) {
		int fd = thrum_accept(listener, NULL, NULL);

		if (fd < 0) {
			err = fd;
			break;
		}
		take();
		err = thrum_scope_spawn(&s, echo, (void *)(intptr_t)fd);
		if (err) {
			give();
			EXPECT(thrum_close(fd) == 0);
		}
	}
	more = thrum_scope_close(&s);
	return more ? more : err;
}

/* All of @n bytes there and back; 0: the end; else what went wrong. */
static ssize_t there_and_back(int fd, const char *text, size_t n)
{
	char got[16];
	ssize_t m = 1;

	for (size_t at = 0; at < n && m > 0; at += (size_t)m)
		m = thrum_write(fd, text + at, n - at);
	for (size_t at = 0; at < n && m > 0; at += (size_t)m) {
		m = thrum_recv(fd, got, n - at, MSG_WAITALL);
		if (m > 0)
			EXPECT(!memcmp(got, text + at, (size_t)m));
	}
	return m;
}

static intptr_t client(void *arg)
{
	struct sockaddr_in to = *(struct sockaddr_in *)arg;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct thrum_timeout t; /* the server alone may have been cut short */
	ssize_t n;

	EXPECT(fd >= 0);
	thrum_timeout_begin(&t, THRUM_SEC(1));
	n = thrum_connect(fd, (struct sockaddr *)&to, sizeof(to));
	for (int i = 0; i < 2 && n >= 0; i++)
		n = there_and_back(fd, "hello\n", 6);
	EXPECT(!thrum_timeout_end(&t) || n == -ETIMEDOUT);
	EXPECT(thrum_close(fd) == 0);
	return n < 0 ? n : 0;
}

static int serve(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int listener = thrum_tcp_listen("127.0.0.1", "0", 8, 0);
	struct thrum_scope s;
	int err;

	if (listener < 0)
		return listener;
	to.sin_port = htons((uint16_t)thrum_local_port(listener));
	err = thrum_scope_open(&s);
	if (!err)
		err = thrum_scope_spawn(&s, server, &listener);
	for (int i = 0; i < 2 && !err; i++)
		err = thrum_scope_spawn(&s, client, &to);
	err = thrum_scope_close(&s);
	EXPECT(thrum_close(listener) == 0);
	EXPECT(taken() == 0);
	say("served", err);
	/* A client that is cut off sees the other side's reset. */
	return err == -ECONNRESET || err == -EPIPE || err == -ECONNREFUSED ? -ECANCELED : err;
}

static intptr_t main_task(void *arg)
{
	int err = transfer(), more = serve();

	(void)arg;
	return err ? err : more;
}

int main(void)
{
	return ledger_run(main_task);
}
