/* SPDX-License-Identifier: MIT */
/*
 * rate.c - the rate limiter: a line (core/rate.c) whose first sleeps until its permits are there.
 *
 * Who waits has a turn and an edge in its frame.  The first in line waits for a time, which stands
 * still as long as it is the first; the others wait for their edge, which is raised when they have
 * become the first.  So a permit costs one wake, however long the line is.
 *
 * OWNERS  turn and edge: the waiter's frame.  The edge is raised with the line locked, and its
 * owner takes that lock once more before the frame goes, so a raise is over by then.
 *
 * What can fail: the wait, for memory, a cancel, a deadline; then its place goes to the next.
 */
#include "core/rate.h"

#include "sched/await.h"
#include "sched/worker.h"

#include <string.h>

#include <thrum/pace.h>

struct waiter {
	struct thrum__rate_turn turn;
	struct thrum__edge first; /* raised: it is */
};

_Static_assert(sizeof(struct thrum__rate) <= sizeof(struct thrum_rate), "it fits");

static struct thrum__rate *rate_of(struct thrum_rate *r)
{
	return (struct thrum__rate *)r;
}

int thrum_rate_init(struct thrum_rate *rate, int64_t permits, int64_t per_ns, int64_t burst)
{
	bool fits = permits > 0 && per_ns > 0 && burst > 0;

	memset(rate, 0, sizeof(*rate));
	if (fits)
		thrum__rate_init(rate_of(rate), (uint64_t)permits, (uint64_t)per_ns,
				 (uint64_t)burst);
	return fits ? 0 : -EINVAL;
}

/* Will @n ever be there?  In one that was not made there is room for none. */
static bool is_possible(const struct thrum__rate *r, int64_t n)
{
	return n > 0 && (uint64_t)n <= r->burst;
}

int thrum_rate_try(struct thrum_rate *rate, int64_t n)
{
	struct thrum__rate *r = rate_of(rate);

	if (!is_possible(r, n))
		return -EINVAL;
	return thrum__rate_try(r, (uint64_t)n, thrum_now()) ? 0 : -EAGAIN;
}

static void tell(struct thrum__rate_turn *turn)
{
	thrum__edge_raise(&container_of(turn, struct waiter, turn)->first);
}

/* Until the next look: 0, or why it is to wait no more. */
static int wait_for_turn(struct waiter *w, struct thrum__task *t, uint64_t tick, bool is_first,
			 int64_t when_ns)
{
	int err;

	if (when_ns > t->deadline_ns)
		return thrum__bracket_learn(t, -ETIMEDOUT, when_ns);
	err = thrum__wait_edge(&w->first, tick, is_first ? when_ns : THRUM_FOREVER, false);
	/* If its own time has come it is served, whatever else has passed meanwhile. */
	return err == -ETIMEDOUT && is_first ? 0 : err;
}

int thrum_rate_take(struct thrum_rate *rate, int64_t n)
{
	struct thrum__rate *r = rate_of(rate);
	struct thrum__task *t = thrum__current_task();
	struct waiter w = {.first = {.tick = {0}}};
	int err;

	if (!t)
		return thrum__no_task();
	if (!is_possible(r, n))
		return -EINVAL;
	err = thrum__wait_entry(t);
	thrum__rate_turn_init(&w.turn, (uint64_t)n, tell);
	while (!err) {
		uint64_t tick = thrum__edge_tick(&w.first);
		int64_t when_ns;
		enum thrum__rate_says says = thrum__rate_ask(r, &w.turn, thrum_now(), &when_ns);

		if (says == THRUM__RATE_TAKEN)
			return 0;
		err = wait_for_turn(&w, t, tick, says == THRUM__RATE_FIRST, when_ns);
	}
	thrum__rate_leave(r, &w.turn);
	return err;
}
