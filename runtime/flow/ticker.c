/* SPDX-License-Identifier: MIT */
/*
 * ticker.c - ticks on a beat: the time of the next one, and a sleep until then.
 *
 * A call moves `next` only when it returns a tick, so one that was cut short has lost nothing.
 * Sums that pass the end of time stay there: then there is no next tick.
 *
 * OWNERS  The task that uses it.
 *
 * What can fail: the sleep.
 */
#include "base/clock.h"

#include <string.h>

#include <thrum/pace.h>

struct ticker {
	int64_t period_ns; /* 0: it has not begun */
	int64_t next_ns;
	int policy;
} __attribute__((may_alias));

_Static_assert(sizeof(struct ticker) <= sizeof(struct thrum_ticker), "it fits");

int thrum_ticker_begin(struct thrum_ticker *ticker, int64_t period_ns, int policy)
{
	struct ticker *t = (struct ticker *)ticker;

	memset(ticker, 0, sizeof(*ticker));
	if (period_ns <= 0 || policy < THRUM_TICKER_SKIP || policy > THRUM_TICKER_DELAY)
		return -EINVAL;
	t->period_ns = period_ns;
	t->policy = policy;
	t->next_ns = thrum__deadline_after(thrum_now(), period_ns);
	return 0;
}

/* Ticks up to @now_ns, which are one or more. */
static int64_t ticks_until(const struct ticker *t, int64_t now_ns)
{
	return (now_ns - t->next_ns) / t->period_ns + 1;
}

int64_t thrum_ticker_next(struct thrum_ticker *ticker)
{
	struct ticker *t = (struct ticker *)ticker;
	bool missed = thrum_now() > t->next_ns;
	int64_t now, ticks;
	int err;

	if (!t->period_ns)
		return -EINVAL;
	err = thrum_sleep_until(t->next_ns);
	if (err)
		return err;
	now = thrum_now();
	ticks = t->policy == THRUM_TICKER_BURST ? 1 : ticks_until(t, now);
	if (t->policy == THRUM_TICKER_DELAY && (missed || ticks > 1))
		t->next_ns = now;
	else
		t->next_ns += (ticks - 1) * t->period_ns; /* the latest until now */
	t->next_ns = thrum__deadline_after(t->next_ns, t->period_ns);
	return ticks;
}
