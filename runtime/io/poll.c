/* SPDX-License-Identifier: MIT */
/*
 * poll.c - thrum_poll: poll(2) with no time to wait says how things are; until it has something to
 * say the call waits for the edges of all that it was asked about, and looks again.
 *
 * What cannot be watched (a file) is always ready or never will be: it has no part in the wait.
 * Urgent data (POLLPRI) raises the edge of what is read.
 *
 * What can fail: memory for more than a few descriptors, and watching.
 */
#include "io/poll_set.h"

#include "io/op.h"
#include "sched/worker.h"

/* Descriptors that need no memory. */
#define FEW 4

int thrum__poll_look(struct thrum__poll_set *s)
{
	int n;

	do {
		n = thrum__os_poll(s->fds, s->n, 0);
	} while (n == -EINTR);
	return n;
}

static void leave_first(struct thrum__poll_set *s, nfds_t n)
{
	while (n--)
		if (s->inside[n])
			thrum__descriptor_leave(s->inside[n]);
}

int thrum__poll_enter(struct thrum__poll_set *s)
{
	for (nfds_t i = 0; i < s->n; i++) {
		int err = 0;

		s->inside[i] = NULL;
		if (s->fds[i].fd >= 0)
			err = thrum__descriptor_enter(&s->runtime->descriptors, s->fds[i].fd,
						      &s->inside[i]);
		if (err) {
			leave_first(s, i);
			return err;
		}
	}
	return 0;
}

static void add_edge(struct thrum__poll_set *s, struct thrum__edge *e)
{
	s->edges[s->used] = e;
	s->ticks[s->used++] = thrum__edge_tick(e);
}

void thrum__poll_leave(struct thrum__poll_set *s)
{
	leave_first(s, s->n);
}

static int watch(struct thrum__poll_set *s)
{
	const short out = POLLOUT | POLLWRNORM | POLLWRBAND;

	s->used = 0;
	for (nfds_t i = 0; i < s->n; i++) {
		struct thrum__descriptor *d = s->inside[i];
		short events = s->fds[i].events;
		int err;

		if (!d)
			continue;
		err = thrum__descriptor_watch(&s->runtime->descriptors, d, s->fds[i].fd);
		if (err == -EPERM)
			continue;
		if (err)
			return err;
		if (events & out)
			add_edge(s, &d->out);
		if (!(events & out) || events & ~out) /* errors raise both */
			add_edge(s, &d->in);
	}
	return 0;
}

static bool is_closing(const struct thrum__poll_set *s)
{
	for (nfds_t i = 0; i < s->n; i++)
		if (s->inside[i] && thrum__descriptor_is_closing(s->inside[i]))
			return true;
	return false;
}

int thrum__poll_watch(struct thrum__poll_set *s)
{
	int err = watch(s);

	return is_closing(s) ? -EBADF : err;
}

/* Inside all of them. */
static int poll_inside(struct thrum__poll_set *s, struct thrum__task *t, int64_t deadline_ns)
{
	for (;;) {
		int n, err = thrum__poll_watch(s);

		if (err)
			return err;
		n = thrum__poll_look(s);
		if (n)
			return n;
		err = thrum__wait_edges(s->edges, s->ticks, s->used, deadline_ns);
		if (err == -ETIMEDOUT && deadline_ns <= t->deadline_ns)
			return 0;
		if (err)
			return err;
	}
}

static int poll_with(struct thrum__poll_set *s, struct thrum__task *t, int64_t deadline_ns)
{
	int n = thrum__poll_enter(s);

	if (n)
		return n;
	n = poll_inside(s, t, deadline_ns);
	thrum__poll_leave(s);
	return n;
}

/* The same with memory for the set. */
static int poll_waiting(struct thrum__poll_set *s, struct thrum__task *t, int64_t deadline_ns)
{
	struct thrum__descriptor *few[FEW];
	struct thrum__edge *few_edges[2 * FEW];
	uint64_t few_ticks[2 * FEW];
	char *memory;
	int n;

	s->inside = few;
	s->edges = few_edges;
	s->ticks = few_ticks;
	if (s->n <= FEW)
		return poll_with(s, t, deadline_ns);
	memory = thrum__os_alloc(
	    s->n * (2 * sizeof(*s->ticks) + 2 * sizeof(*s->edges) + sizeof(*s->inside)));
	if (!memory)
		return -ENOMEM;
	s->ticks = (uint64_t *)memory;
	s->edges = (struct thrum__edge **)(s->ticks + 2 * s->n);
	s->inside = (struct thrum__descriptor **)(s->edges + 2 * s->n);
	n = poll_with(s, t, deadline_ns);
	thrum__os_free(memory);
	return n;
}

int thrum_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct thrum__op op = {0};
	struct thrum__poll_set s = {.fds = fds, .n = n};
	int64_t deadline_ns = THRUM_FOREVER;
	int r = thrum__op_entry(&op);

	if (r)
		return r;
	r = thrum__poll_look(&s); /* refuses a bad @fds or @n, too */
	if (r || !timeout_ms)
		return r;
	s.runtime = thrum__op_runtime(&op);
	if (timeout_ms > 0)
		deadline_ns = thrum__runtime_now_ns(s.runtime) + THRUM_MS((int64_t)timeout_ms);
	return poll_waiting(&s, op.task, deadline_ns);
}
