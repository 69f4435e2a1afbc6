/* SPDX-License-Identifier: MIT */
/*
 * server.c - bench_server: what bench_load loads, on thrum.
 *
 *	bench_server echo|hello [--threads N] [--hogs N] [--rest 1] [--delay MS]
 *
 * A task for each connection, straight-line code: read, answer, read again.  hello parses with
 * llhttp and answers a fixed text, one write for what one read brought.
 *
 *	--hogs   so many ordinary tasks beside it that compute for 50 ms and sleep for 50 ms
 *	--rest   a connection with nothing to read has no task: the next byte starts one
 *	--delay  each answer comes so much later; at its end it prints "most N answers N", how many
 *	         requests were in its hands at once and how many it answered.  One thread.
 *
 * Prints "port N" when it serves; ends when its standard input does.
 */
#include <llhttp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/thrum.h>

#define ANSWER \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"
#define BUFFER 8192

struct greeting {
	llhttp_t parser;
	unsigned due; /* answers to what was parsed */
	bool inside;  /* a request has begun; kept with --rest */
};

static bool hello, rest;
static unsigned hogs;
static int64_t delay_ns;
static unsigned in_hand, most, answers; /* with --delay */
static llhttp_settings_t settings;

static int on_message_begin(llhttp_t *parser)
{
	((struct greeting *)parser->data)->inside = true;
	return 0;
}

static int on_message_complete(llhttp_t *parser)
{
	struct greeting *g = parser->data;

	g->due++;
	g->inside = false;
	return 0;
}

static intptr_t echo(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char buf[BUFFER];
	ssize_t n;

	while ((n = thrum_recv(fd, buf, sizeof(buf), 0)) > 0)
		if (thrum_send(fd, buf, (size_t)n, 0) != n)
			break;
	thrum_close(fd);
	return 0;
}

static void dawdle(unsigned due)
{
	in_hand += due;
	most = in_hand > most ? in_hand : most;
	(void)!thrum_sleep(delay_ns);
	in_hand -= due;
	answers += due;
}

/* Answers what @n bytes at @buf complete; false: it is over. */
static bool answer(struct greeting *g, int fd, char *buf, size_t n)
{
	size_t size = sizeof(ANSWER) - 1, out = 0;

	if (llhttp_execute(&g->parser, buf, n) != HPE_OK)
		return false;
	if (delay_ns && g->due)
		dawdle(g->due);
	for (; g->due && out + size <= BUFFER; out += size, g->due--)
		memcpy(buf + out, ANSWER, size);
	return !out || thrum_send(fd, buf, out, 0) == (ssize_t)out;
}

static intptr_t greet(void *arg)
{
	int fd = (int)(intptr_t)arg;
	struct greeting g = {0};
	char buf[BUFFER];
	ssize_t n;

	llhttp_init(&g.parser, HTTP_REQUEST, &settings);
	g.parser.data = &g;
	do
		n = thrum_recv(fd, buf, sizeof(buf), rest && !g.inside ? MSG_DONTWAIT : 0);
	while (n > 0 && answer(&g, fd, buf, (size_t)n));
	if (n == -EAGAIN) {
		struct thrum_future *next = thrum_spawn_when_readable(fd, greet, arg);

		if (next) {
			thrum_release(next);
			return 0;
		}
	}
	thrum_close(fd);
	return 0;
}

static intptr_t hog(void *arg)
{
	(void)arg;
	while (thrum_sleep(THRUM_MS(50)) == 0)
		for (int64_t end = thrum_now() + THRUM_MS(50); thrum_now() < end;)
			;
	return 0;
}

/* Until standard input ends. */
static intptr_t watch_input(void *arg)
{
	char line[16];
	ssize_t n;

	while ((n = thrum_read(0, line, sizeof(line))) > 0)
		;
	thrum_cancel(arg);
	return n;
}

static intptr_t serve(void *arg)
{
	int listener = thrum_tcp_listen("127.0.0.1", "0", 0, 0);
	int fd, one = 1;

	(void)arg;
	if (listener < 0)
		return listener;
	printf("port %d\n", thrum_local_port(listener));
	fflush(stdout);
	for (unsigned i = 0; i < hogs; i++)
		if (thrum_go(hog, NULL))
			return -ENOMEM;
	if (thrum_go(watch_input, thrum_self()))
		return -ENOMEM;
	while ((fd = thrum_accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (thrum_go(hello ? greet : echo, (void *)(intptr_t)fd))
			thrum_close(fd);
	}
	thrum_close(listener);
	return fd == -ECANCELED ? 0 : fd;
}

int main(int argc, char **argv)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	intptr_t result;

	if (argc < 2 || (strcmp(argv[1], "echo") && strcmp(argv[1], "hello"))) {
		fputs("bench_server echo|hello [--threads N] [--hogs N] [--rest 1] [--delay MS]\n",
		      stderr);
		return 2;
	}
	hello = !strcmp(argv[1], "hello");
	config.workers = 1;
	for (int i = 2; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--threads"))
			config.workers = (unsigned)atoi(argv[i + 1]);
		if (!strcmp(argv[i], "--hogs"))
			hogs = (unsigned)atoi(argv[i + 1]);
		if (!strcmp(argv[i], "--rest"))
			rest = atoi(argv[i + 1]);
		if (!strcmp(argv[i], "--delay"))
			delay_ns = THRUM_MS(atoi(argv[i + 1]));
	}
	if (delay_ns)
		config.workers = 1;
	llhttp_settings_init(&settings);
	settings.on_message_complete = on_message_complete;
	if (rest)
		settings.on_message_begin = on_message_begin;
	result = thrum_run_with(&config, serve, NULL);
	if (delay_ns)
		printf("most %u answers %u\n", most, answers);
	if (result)
		fprintf(stderr, "bench_server: %s\n", strerror((int)-result));
	return result != 0;
}
