/* SPDX-License-Identifier: MIT */
/*
 * server.c - the floor: the least that a C program over epoll does for each request.
 *
 *	peer_epoll echo|hello [--threads N] [--hogs N]
 *
 * Each thread has a level-triggered set and a listening socket of its own (SO_REUSEPORT), reads,
 * writes at once what it read brought, and asks the kernel again: how a C programmer writes it by
 * hand. hello parses with llhttp and answers a fixed text, one write for what one read brought.
 * Hogs are threads of their own, which compute for 50 ms and sleep for 50 ms: what the kernel's
 * scheduler makes of them.  Prints "port N" when it serves; ends when its standard input does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <llhttp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER \
	"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\nHello, World!"
#define BUFFER (1 << 16)

struct connection {
	int fd;
	unsigned due; /* answers to what was parsed */
	llhttp_t parser;
};

static bool hello;
static llhttp_settings_t settings;

static int on_message_complete(llhttp_t *parser)
{
	((struct connection *)parser->data)->due++;
	return 0;
}

static int listen_at(int port)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, SOMAXCONN)) {
		perror("epoll_server");
		exit(1);
	}
	return fd;
}

static int port_of(int fd)
{
	struct sockaddr_in at;
	socklen_t n = sizeof(at);

	getsockname(fd, (struct sockaddr *)&at, &n);
	return ntohs(at.sin_port);
}

static void accept_all(int set, int listener)
{
	int fd, one = 1;

	while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct connection *c = malloc(sizeof(*c));
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->fd = fd;
		c->due = 0;
		llhttp_init(&c->parser, HTTP_REQUEST, &settings);
		c->parser.data = c;
		epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
	}
}

static bool answer(struct connection *c, char *buf, size_t n)
{
	size_t size = sizeof(ANSWER) - 1;

	if (hello) {
		if (llhttp_execute(&c->parser, buf, n) != HPE_OK)
			return false;
		for (n = 0; c->due && n + size <= BUFFER; n += size, c->due--)
			memcpy(buf + n, ANSWER, size);
	}
	return n == 0 || send(c->fd, buf, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static void *serve(void *arg)
{
	int listener = (int)(intptr_t)arg, set = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event e = {.events = EPOLLIN}, events[128];
	char *buf = malloc(BUFFER);

	epoll_ctl(set, EPOLL_CTL_ADD, listener, &e);
	for (;;) {
		int n = epoll_wait(set, events, 128, -1);

		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;
			ssize_t r;

			if (!c) {
				accept_all(set, listener);
				continue;
			}
			r = recv(c->fd, buf, BUFFER, 0);
			if (r < 0 && errno == EAGAIN)
				continue;
			if (r <= 0 || !answer(c, buf, (size_t)r)) {
				close(c->fd);
				free(c);
			}
		}
	}
	return NULL;
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000 + now.tv_nsec;
}

static void *hog(void *unused)
{
	(void)unused;
	for (;;) {
		int64_t end;

		usleep(50000);
		for (end = now_ns() + 50000000; now_ns() < end;)
			;
	}
	return NULL;
}

static int option(int argc, char **argv, const char *name, int otherwise)
{
	for (int i = 2; i + 1 < argc; i += 2)
		if (!strcmp(argv[i], name))
			return atoi(argv[i + 1]);
	return otherwise;
}

int main(int argc, char **argv)
{
	int threads = option(argc, argv, "--threads", 1), port = 0;
	char line[16];

	if (argc < 2 || (strcmp(argv[1], "echo") && strcmp(argv[1], "hello"))) {
		fputs("peer_epoll echo|hello [--threads N] [--hogs N]\n", stderr);
		return 2;
	}
	hello = !strcmp(argv[1], "hello");
	llhttp_settings_init(&settings);
	settings.on_message_complete = on_message_complete;
	for (int i = 0; i < threads; i++) {
		int listener = listen_at(port);
		pthread_t thread;

		port = port_of(listener);
		pthread_create(&thread, NULL, serve, (void *)(intptr_t)listener);
	}
	for (int i = option(argc, argv, "--hogs", 0); i > 0; i--) {
		pthread_t thread;

		pthread_create(&thread, NULL, hog, NULL);
	}
	printf("port %d\n", port);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		;
	return 0;
}
