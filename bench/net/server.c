/* SPDX-License-Identifier: MIT */
/*
 * server.c - bench_server: what bench_load loads, on thrum.
 *
 *	bench_server echo|hello [--threads N] [--hogs N]
 *
 * A task for each connection, straight-line code: read, answer, read again.  hello parses with
 * llhttp and answers a fixed text, one write for what one read brought.  --hogs: ordinary tasks
 * beside it that compute for 50 ms and sleep for 50 ms.  Prints "port N" when it serves; ends when
 * its standard input does.
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

static bool hello;
static unsigned hogs;
static llhttp_settings_t settings;

static int on_message_complete(llhttp_t *parser)
{
	++*(unsigned *)parser->data;
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

static intptr_t greet(void *arg)
{
	int fd = (int)(intptr_t)arg;
	size_t size = sizeof(ANSWER) - 1;
	unsigned due = 0;
	llhttp_t parser;
	char buf[BUFFER];
	ssize_t n;

	llhttp_init(&parser, HTTP_REQUEST, &settings);
	parser.data = &due;
	while ((n = thrum_recv(fd, buf, sizeof(buf), 0)) > 0) {
		size_t out = 0;

		if (llhttp_execute(&parser, buf, (size_t)n) != HPE_OK)
			break;
		for (; due && out + size <= sizeof(buf); out += size, due--)
			memcpy(buf + out, ANSWER, size);
		if (out && thrum_send(fd, buf, out, 0) != (ssize_t)out)
			break;
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
		fputs("bench_server echo|hello [--threads N] [--hogs N]\n", stderr);
		return 2;
	}
	hello = !strcmp(argv[1], "hello");
	config.workers = 1;
	for (int i = 2; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--threads"))
			config.workers = (unsigned)atoi(argv[i + 1]);
		if (!strcmp(argv[i], "--hogs"))
			hogs = (unsigned)atoi(argv[i + 1]);
	}
	llhttp_settings_init(&settings);
	settings.on_message_complete = on_message_complete;
	result = thrum_run_with(&config, serve, NULL);
	if (result)
		fprintf(stderr, "bench_server: %s\n", strerror((int)-result));
	return result != 0;
}
