/* SPDX-License-Identifier: MIT */
/*
 * net_connect.c - a TCP connection to a host of several addresses: RFC 8305, section 5.
 *
 * The addresses are tried in the order of the look-up (RFC 6724), but with the families in turn. A
 * next attempt begins when the one before has failed or 250 ms have passed; all go on side by side,
 * and the first that connects wins.  Each is a non-blocking socket that is asked again by another
 * connect(2) when its edge was raised: 0 is a connection, -EALREADY not yet, else it has failed.
 *
 * OWNERS  The race and its sockets are of the calling task; whatever way it ends, all of them but
 *         the winner are closed.
 *
 * What can fail: the look-up; every attempt (the last one's error is the result).
 */
#include "io/net.h"

#include "io/op.h"
#include "sched/worker.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

/* "Connection Attempt Delay", recommended there. */
#define ATTEMPT_DELAY_NS THRUM_MS(250)
/* Addresses tried of one host. */
#define ATTEMPTS_MAX 16

/* An attempt that goes on. */
struct attempt {
	int fd;
	struct thrum__descriptor *descriptor; /* entered */
	const struct addrinfo *to;
};

struct race {
	struct thrum_runtime *runtime;
	const struct addrinfo *order[ATTEMPTS_MAX];
	size_t count, next; /* addresses; the one to be tried next */
	int64_t next_ns;    /* when, at the latest; 0: now */
	struct attempt running[ATTEMPTS_MAX];
	size_t running_count;
	int error; /* of the attempt that failed last */
};

/* The next of @a that is of @family or (@same false) is not; NULL: none. */
static const struct addrinfo *skip(const struct addrinfo *a, int family, bool same)
{
	while (a && (a->ai_family == family) != same)
		a = a->ai_next;
	return a;
}

/* The first address's family, another one, the first's ... until one kind is used up. */
static void put_in_order(struct race *r, const struct addrinfo *list)
{
	int family = list->ai_family;
	const struct addrinfo *next[2] = {list, skip(list, family, false)};
	bool other = false;

	while (r->count < ATTEMPTS_MAX && (next[0] || next[1])) {
		if (!next[other])
			other = !other;
		r->order[r->count++] = next[other];
		next[other] = skip(next[other]->ai_next, family, !other);
		other = !other;
	}
}

/* 0: connected; -EINPROGRESS: not yet; else it failed. */
static int ask(const struct attempt *a)
{
	int err;

	do {
		err = thrum__os_connect(a->fd, a->to->ai_addr, a->to->ai_addrlen);
	} while (err == -EINTR);
	return err == -EALREADY ? -EINPROGRESS : err == -EISCONN ? 0 : err;
}

/* -EINPROGRESS: from now on its edge tells; else it has failed. */
static int let_watch(struct race *r, struct attempt *a)
{
	struct thrum__descriptors *ds = &r->runtime->descriptors;
	int err = thrum__descriptor_enter(ds, a->fd, &a->descriptor);

	if (err)
		return err;
	err = thrum__descriptor_watch(ds, a->descriptor, a->fd);
	if (err)
		thrum__descriptor_leave(a->descriptor);
	return err ? err : -EINPROGRESS;
}

/* As ask. */
static int begin(struct race *r, struct attempt *a)
{
	int one = 1, err;

	err = thrum__os_setsockopt(a->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (err)
		return err;
	err = ask(a);
	/* On this machine the other side has answered by now. */
	if (err == -EINPROGRESS)
		err = ask(a);
	return err == -EINPROGRESS ? let_watch(r, a) : err;
}

/* Begins the next attempt: a connected descriptor, or -errno: it failed or goes on. */
static int start_next(struct race *r)
{
	struct attempt *a = &r->running[r->running_count];
	int err;

	r->next_ns = 0;
	a->to = r->order[r->next++];
	a->fd = thrum__net_socket(a->to->ai_family);
	if (a->fd < 0) {
		r->error = a->fd;
		return a->fd;
	}
	err = begin(r, a);
	if (!err)
		return a->fd;
	if (err == -EINPROGRESS) {
		r->running_count++;
		r->next_ns =
		    thrum__deadline_after(thrum__runtime_now_ns(r->runtime), ATTEMPT_DELAY_NS);
		return err;
	}
	(void)thrum_close(a->fd);
	r->error = err;
	return err;
}

/* Attempt @i has ended; the last one takes its place. */
static void forget(struct race *r, size_t i)
{
	thrum__descriptor_leave(r->running[i].descriptor);
	r->running[i] = r->running[--r->running_count];
}

/* A connected descriptor; -EINPROGRESS: those that have not failed go on. */
static int ask_all(struct race *r)
{
	for (size_t i = r->running_count; i-- > 0;) {
		int fd = r->running[i].fd;
		int err = ask(&r->running[i]);

		if (err == -EINPROGRESS)
			continue;
		forget(r, i);
		if (!err)
			return fd;
		(void)thrum_close(fd);
		r->error = err;
		r->next_ns = 0;
	}
	return -EINPROGRESS;
}

/* Waits until one of them may have ended or the next is to begin. */
static int wait_for_any(struct race *r, const uint64_t ticks[])
{
	struct thrum__edge *edges[ATTEMPTS_MAX];
	int64_t deadline_ns = r->next < r->count ? r->next_ns : THRUM_FOREVER;
	int err;

	for (size_t i = 0; i < r->running_count; i++)
		edges[i] = &r->running[i].descriptor->out;
	err = thrum__wait_edges(edges, ticks, r->running_count, deadline_ns);
	if (err == -ETIMEDOUT && deadline_ns != THRUM_FOREVER)
		err = thrum__wait_entry(thrum__current_task()); /* the task's, or ours? */
	return err;
}

/* The winner's descriptor, or -errno. */
static int run_race(struct race *r)
{
	uint64_t ticks[ATTEMPTS_MAX];

	for (;;) {
		size_t running = r->running_count;
		int got, err;

		if (r->next < r->count &&
		    (running == 0 || r->next_ns <= thrum__runtime_now_ns(r->runtime))) {
			got = start_next(r);
			if (got >= 0)
				return got;
			continue;
		}
		if (running == 0)
			return r->error;
		for (size_t i = 0; i < running; i++)
			ticks[i] = thrum__edge_tick(&r->running[i].descriptor->out);
		got = ask_all(r);
		if (got >= 0)
			return got;
		if (r->running_count < running)
			continue; /* the ticks are not in their places any more */
		err = wait_for_any(r, ticks);
		if (err)
			return err;
	}
}

int thrum_tcp_connect(const char *host, const char *port)
{
	struct thrum__op op;
	struct race r = {.error = -ENOENT};
	struct addrinfo *list;
	int got = thrum__op_entry(&op);

	if (got)
		return got;
	r.runtime = thrum__op_runtime(&op);
	got = thrum__names_look_up(host, port, 0, AF_UNSPEC, &list);
	if (got)
		return got;
	put_in_order(&r, list);
	got = run_race(&r);
	while (r.running_count > 0) {
		int fd = r.running[0].fd;

		forget(&r, 0);
		(void)thrum_close(fd);
	}
	thrum__os_freeaddrinfo(list);
	return got;
}
