/* SPDX-License-Identifier: MIT */
/*
 * serve_answer.c - one request's answer: small ones into the exchange's buffer, where all answers
 * of one read gather; a large file's head goes out with what is before it, then sendfile sends the
 * rest.
 *
 * A file stays open for the requests of one read: whoever asks for it sixteen times in a row pays
 * for one look.
 */
#define _GNU_SOURCE 1
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve.h"

#define LOCATION_MAX (3 * HTTP_PATH_MAX + HTTP_LINE_MAX)
#define LOG_LINE_MAX 1024

/* Room for @n bytes more in the buffer; 0 or -errno. */
static int make_room(struct exchange *x, size_t n)
{
	return x->out.size - x->out.n >= n ? 0 : connection_flush(x, MSG_MORE);
}

static struct http_head head_of(struct exchange *x, const struct http_request *request)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME_COARSE, &now);
	if (now.tv_sec != x->date_s) {
		x->date_s = now.tv_sec;
		http_date_format(x->date, now.tv_sec);
	}
	return (struct http_head){.request = request, .date = x->date, .close = x->closing};
}

/* The other end of @fd as text. */
static void put_peer(int fd, char *out, socklen_t size)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
		struct sockaddr_storage storage;
	} peer;
	socklen_t length = sizeof(peer);

	memcpy(out, "-", 2);
	if (getpeername(fd, &peer.any, &length))
		return;
	if (peer.any.sa_family == AF_INET)
		inet_ntop(AF_INET, &peer.v4.sin_addr, out, size);
	else if (peer.any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, &peer.v6.sin6_addr, out, size);
}

static void note(struct exchange *x, const struct http_request *r, int status, uint64_t bytes)
{
	char peer[INET6_ADDRSTRLEN];
	int method = r ? (int)r->method.length : 1;
	int target = r ? (int)r->target.length : 1;
	int n;

	if (!x->server->options->log)
		return;
	if (sizeof(x->log) - x->log_n < LOG_LINE_MAX)
		answer_flush_log(x);
	head_of(x, r);
	put_peer(x->connection->fd, peer, sizeof(peer));
	/* llhttp lets nothing but visible characters through. */
	n = snprintf(x->log + x->log_n, LOG_LINE_MAX, "%s [%.*s] \"%.*s %.*s\" %d %llu\n", peer,
		     HTTP_DATE_LENGTH, x->date, method < 20 ? method : 20,
		     r ? http_text(r, r->method) : "-", target < 800 ? target : 800,
		     r ? http_text(r, r->target) : "-", status, (unsigned long long)bytes);
	x->log_n += (size_t)n;
}

void answer_flush_log(struct exchange *x)
{
	size_t at = 0;

	while (at < x->log_n) {
		ssize_t n = thrum_write(STDERR_FILENO, x->log + at, x->log_n - at);

		if (n <= 0)
			break;
		at += (size_t)n;
	}
	x->log_n = 0;
}

void answer_forget(struct exchange *x)
{
	if (x->has_file)
		serve_file_close(&x->file);
	x->has_file = false;
	x->copy_n = 0;
}

/* What follows an answer. */
static enum fate fate_of(const struct exchange *x)
{
	if (!x->closing)
		return FATE_GO_ON;
	return x->parser.at < x->parser.to ? FATE_LINGER : FATE_CLOSE;
}

static enum fate put_status(struct exchange *x, const struct http_request *r, int status,
			    const char *location)
{
	size_t extra = location ? LOCATION_MAX : 0;
	struct http_head head;

	if (make_room(x, HTTP_ANSWER_HEAD_MAX + extra))
		return FATE_CLOSE;
	head = head_of(x, r);
	http_put_status(&x->out, &head, status, location);
	note(x, r, status, 0);
	return fate_of(x);
}

enum fate answer_status(struct exchange *x, int status)
{
	enum fate fate;

	x->closing = true;
	fate = put_status(x, NULL, status, NULL);
	return fate == FATE_CLOSE && x->out.n == 0 ? FATE_CLOSE : FATE_LINGER;
}

/* A directory named without its slash: where its relative links would work. */
static enum fate put_redirect(struct exchange *x, const struct http_request *r)
{
	const struct http_path *path = &x->path;
	char *location;
	size_t n;

	if (make_room(x, HTTP_ANSWER_HEAD_MAX + 2 * LOCATION_MAX))
		return FATE_CLOSE;
	/* Behind where the answer will stand. */
	location = x->out.text + x->out.n + HTTP_ANSWER_HEAD_MAX + LOCATION_MAX;
	location[0] = '/';
	n = 1 + http_path_encode(location + 1, LOCATION_MAX, path->name, path->length);
	location[n++] = '/';
	memcpy(location + n, http_text(r, r->target) + path->query.at, path->query.length);
	location[n + path->query.length] = '\0';
	return put_status(x, r, 301, location);
}

static enum fate put_list(struct exchange *x, const struct http_request *r)
{
	struct http_head head = head_of(x, r);
	char *page;
	ssize_t n = serve_list(x->file.fd, &x->path, &page);
	int error = 0;

	x->file.fd = -1;
	x->has_file = false;
	if (n < 0)
		return put_status(x, r, n == -ENOMEM || n == -EAGAIN ? 503 : 500, NULL);
	error = make_room(x, HTTP_ANSWER_HEAD_MAX);
	if (!error) {
		http_put_page(&x->out, &head, (uint64_t)n);
		note(x, r, 200, (uint64_t)n);
		if (r->get) {
			error = connection_flush(x, MSG_MORE);
			error = error ? error : connection_send(x, page, (size_t)n, 0);
		}
	}
	free(page);
	return error ? FATE_CLOSE : fate_of(x);
}

/* The small part that @a names, behind what is in the buffer.  0; -EIO: the file is shorter now;
 * -errno. */
static int copy_content(struct exchange *x, const struct http_answer *a)
{
	char *to = x->out.text + x->out.n;
	size_t at = 0;

	if (x->copy_n == a->length && a->from == 0) {
		memcpy(to, x->out.text + x->copy_at, a->length);
		at = a->length;
	}
	while (at < a->length) {
		ssize_t n = thrum_pread(x->file.fd, to + at, a->length - at, (off_t)(a->from + at));

		if (n <= 0)
			return n ? (int)n : -EIO;
		at += (size_t)n;
	}
	if (a->from == 0 && a->length == x->file.entity.size) {
		x->copy_at = x->out.n;
		x->copy_n = a->length;
	}
	x->out.n += a->length;
	return 0;
}

static enum fate put_file(struct exchange *x, const struct http_request *r)
{
	const struct http_entity *e = &x->file.entity;
	struct http_head head = head_of(x, r);
	struct http_answer a;
	bool small;
	size_t before;

	http_decide(&a, r, e, x->date_s);
	small = a.body && a.length <= SERVE_SMALL_BYTES;
	if (make_room(x, HTTP_ANSWER_HEAD_MAX + (small ? a.length : 0)))
		return FATE_CLOSE;
	before = x->out.n;
	http_put_answer(&x->out, &head, &a, e);
	if (small && copy_content(x, &a)) {
		x->out.n = before;
		return put_status(x, r, 500, NULL);
	}
	note(x, r, a.status, a.body ? a.length : 0);
	if (a.body && !small) {
		if (connection_flush(x, MSG_MORE) ||
		    connection_send_file(x, x->file.fd, a.from, a.length))
			return FATE_CLOSE;
	}
	return fate_of(x);
}

/* Opens the file of @x->path unless it is open already. */
static void find_file(struct exchange *x)
{
	if (x->has_file && x->opened_directory == x->path.directory &&
	    strcmp(x->opened, x->path.name) == 0)
		return;
	answer_forget(x);
	serve_file_find(x->server, &x->path, &x->file);
	x->has_file = true;
	x->opened_directory = x->path.directory;
	memcpy(x->opened, x->path.name, x->path.length + 1);
}

enum fate answer_request(struct exchange *x)
{
	const struct http_request *r = &x->parser.request;
	int status;

	x->requests++;
	if (!r->keep_alive || r->wants_close || thrum_done(x->server->stop))
		x->closing = true;
	if (!r->get && !r->head)
		return put_status(x, r, 405, NULL);
	status = http_path_parse(&x->path, http_text(r, r->target), r->target.length);
	if (status)
		return put_status(x, r, status, NULL);
	find_file(x);
	if (x->file.status == 301)
		return put_redirect(x, r);
	if (x->file.status != 200)
		return put_status(x, r, x->file.status, NULL);
	if (x->file.directory)
		return put_list(x, r);
	return put_file(x, r);
}
