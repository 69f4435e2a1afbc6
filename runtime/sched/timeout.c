/* SPDX-License-Identifier: MIT */
/*
 * timeout.c - timeouts: brackets around a task's waits.
 *
 * Each lives in the frame of whoever begins it and leads to the one around it; the task knows the
 * innermost, and the nearest deadline of all, which is what waits look at.  A wait that such a
 * deadline ended marks the timeout that it was, and end tells.
 *
 * OWNERS  The task that began them, while it runs; nobody else looks.
 *
 * Nothing can fail.
 */
#include "sched/timeout.h"

#include "sched/fork_check.h"
#include "sched/worker.h"

/* What is in a struct thrum_timeout. */
struct thrum__timeout {
	struct thrum__task *task;     /* whose waits; NULL: begun outside tasks */
	struct thrum__timeout *outer; /* the one around it */
	int64_t deadline_ns;
	int64_t outer_ns; /* the nearest deadline around it */
	bool fired;
} __attribute__((may_alias));

_Static_assert(sizeof(struct thrum__timeout) <= sizeof(struct thrum_timeout), "it fits");

void thrum__timeout_mark(struct thrum__task *t)
{
	struct thrum__timeout *in = t->timeouts;

	while (in && (in->deadline_ns != t->deadline_ns || in->deadline_ns == in->outer_ns))
		in = in->outer;
	if (in)
		in->fired = true;
}

static void begin(struct thrum_timeout *timeout, struct thrum__task *t, int64_t deadline_ns)
{
	struct thrum__timeout *in = (struct thrum__timeout *)timeout;

	*in = (struct thrum__timeout){.task = t};
	if (!t)
		return;
	in->outer = t->timeouts;
	in->outer_ns = t->deadline_ns;
	in->deadline_ns = deadline_ns;
	t->timeouts = in;
	t->marks |= THRUM__TIMED;
	t->deadline_ns = thrum__min64(deadline_ns, t->deadline_ns);
}

void thrum_timeout_begin(struct thrum_timeout *timeout, int64_t ns)
{
	struct thrum__task *t = thrum__current_task();
	int64_t now = t ? thrum__runtime_now_ns(t->future.runtime) : 0;

	begin(timeout, t, thrum__deadline_after(now, ns));
}

void thrum_timeout_begin_at(struct thrum_timeout *timeout, int64_t deadline_ns)
{
	begin(timeout, thrum__current_task(), deadline_ns);
}

bool thrum_timeout_end(struct thrum_timeout *timeout)
{
	struct thrum__timeout *in = (struct thrum__timeout *)timeout;
	struct thrum__task *t = in->task;

	if (!t || thrum__in_forked_child())
		return false;
	ENSURE(t == thrum__current_task(), "a timeout is ended by the task that began it");
	ENSURE(t->timeouts == in, "timeouts are ended once, in the reverse order of their begin");
	t->timeouts = in->outer;
	if (!in->outer)
		t->marks &= (uint8_t)~THRUM__TIMED;
	t->deadline_ns = in->outer_ns;
	in->task = NULL;
	return in->fired;
}
