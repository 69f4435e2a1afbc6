/* SPDX-License-Identifier: MIT */
/*
 * pages.c - bench_pages: fetches pages from a slow server, many at once, on thrum.
 *
 *	bench_pages --port N [--pages N] [--jobs N] [--threads N]
 *
 * A task for each job, straight-line code over a buffered stream, as the peers write it: connect
 * once, then ask for one page after the other and read each answer to its end.  The pages are
 * shared out beforehand.  Every status and length is checked; prints "pages N bytes N"; exit status
 * 1: not all came.
 */
#define _GNU_SOURCE /* strcasestr */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/thrum.h>

#define REQUEST "GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define END "\r\n\r\n"
#define BUFFER 4096

static const char *port;
static unsigned pages = 1000, jobs = 256;

/* The length of the body that follows, or -1: no good answer. */
static ssize_t read_head(struct thrum_stream *s)
{
	char *head, *length, text[BUFFER + 1];
	ssize_t n = thrum_stream_read_until(s, END, sizeof(END) - 1, 0, &head);

	if (n <= 0)
		return -1;
	memcpy(text, head, (size_t)n);
	text[n] = 0;
	length = strcasestr(text, "\r\ncontent-length:");
	if (strncmp(text, "HTTP/1.1 200", 12) || !length)
		return -1;
	return (ssize_t)strtoul(length + 17, NULL, 10);
}

/* The length of the page, or -1. */
static ssize_t fetch_page(struct thrum_stream *s)
{
	ssize_t n;
	char *body;

	if (thrum_stream_write(s, REQUEST, sizeof(REQUEST) - 1) < 0 || thrum_stream_flush(s))
		return -1;
	n = read_head(s);
	if (n < 0 || thrum_stream_peek(s, (size_t)n, &body) < n)
		return -1;
	thrum_stream_take(s, (size_t)n);
	return n;
}

/* A task: its bytes, or -EIO. */
static intptr_t run_job(void *arg)
{
	unsigned first = (unsigned)(uintptr_t)arg;
	struct thrum_stream *s;
	intptr_t bytes = 0;
	int fd = thrum_tcp_connect("127.0.0.1", port);

	if (fd < 0)
		return fd;
	s = thrum_stream_create(fd, BUFFER);
	if (!s) {
		thrum_close(fd);
		return -ENOMEM;
	}
	for (unsigned page = first; page < pages && bytes >= 0; page += jobs) {
		ssize_t n = fetch_page(s);

		bytes = n < 0 ? -EIO : bytes + n;
	}
	thrum_stream_close(s);
	return bytes;
}

static intptr_t run_all(void *arg)
{
	struct thrum_future **running = calloc(jobs, sizeof(struct thrum_future *));
	intptr_t bytes = 0, failed = 0;

	(void)arg;
	if (!running)
		return -ENOMEM;
	for (unsigned i = 0; i < jobs; i++)
		running[i] = thrum_spawn(run_job, (void *)(uintptr_t)i);
	for (unsigned i = 0; i < jobs; i++) {
		intptr_t n = running[i] ? thrum_join(running[i]) : -ENOMEM;

		if (thrum_failed(n))
			failed = n;
		else
			bytes += n;
	}
	free(running);
	if (!failed)
		printf("pages %u bytes %ld\n", pages, (long)bytes);
	return failed;
}

int main(int argc, char **argv)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	intptr_t result;

	config.workers = 1;
	for (int i = 1; i + 1 < argc; i += 2) {
		if (!strcmp(argv[i], "--port"))
			port = argv[i + 1];
		if (!strcmp(argv[i], "--pages"))
			pages = (unsigned)atoi(argv[i + 1]);
		if (!strcmp(argv[i], "--jobs"))
			jobs = (unsigned)atoi(argv[i + 1]);
		if (!strcmp(argv[i], "--threads"))
			config.workers = (unsigned)atoi(argv[i + 1]);
	}
	if (!port || !pages || !jobs) {
		fputs("bench_pages --port N [--pages N] [--jobs N] [--threads N]\n", stderr);
		return 2;
	}
	result = thrum_run_with(&config, run_all, NULL);
	if (result)
		fprintf(stderr, "bench_pages: %s\n", strerror((int)-result));
	return result != 0;
}
