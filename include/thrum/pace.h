/* SPDX-License-Identifier: MIT */
/*
 * pace.h - how often: try again with pauses, so many a second, once each period.
 *
 *	static struct thrum_rate rate; // 100 a second, 10 at once
 *	struct thrum_retry_options options = THRUM_RETRY_INIT;
 *	struct thrum_ticker ticker;
 *
 *	thrum_rate_init(&rate, 100, THRUM_SEC(1), 10);
 *	err = thrum_rate_take(&rate, 1);
 *	n = thrum_retry(&options, ask_backend, &request);
 *	thrum_ticker_begin(&ticker, THRUM_MS(20), THRUM_TICKER_SKIP);
 *	while ((n = thrum_ticker_next(&ticker)) > 0)
 *		step(n);
 *
 * None of them holds anything that would have to be given back: there is no end to call.
 */
#ifndef THRUM_PACE_H
#define THRUM_PACE_H

#include <thrum/result.h>
#include <thrum/time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Again, with pauses ---- */

struct thrum_retry_options {
	size_t size;       /* sizeof(struct thrum_retry_options) */
	uint64_t attempts; /* calls at most; 0: no limit */
	int64_t first_ns;  /* the first pause, 0 or more; 0: all are, and only yield */
	double factor;     /* each pause is so many times the one before, 1 or more, finite */
	int64_t most_ns;   /* no pause is longer, 0 or more; THRUM_FOREVER: no limit */
	double jitter;     /* 0 to 1: the share of a pause that is random; 0: all of it is waited */
	/* Is @result worth another attempt?  NULL: any failure is.  Runs in the calling task. */
	bool (*again)(intptr_t result, void *arg);
};

/* Five attempts; pauses of at most 100, 200, 400, 800 ms, of which none of it is sure. */
/* clang-format off */
#define THRUM_RETRY_INIT \
	{sizeof(struct thrum_retry_options), 5, THRUM_MS(100), 2, THRUM_SEC(30), 1, NULL}
/* clang-format on */

/*
 * thrum_retry - call fn(@arg), and again after a pause, until its result is not worth another
 * attempt.
 *
 * @options: NULL: as THRUM_RETRY_INIT; read before the first call.  The pause after attempt k is at
 * most first_ns * factor^(k-1), and most_ns; of that, a share between 0 and jitter, evenly
 * distributed, is left out, so that many who failed together do not come back together.  Random
 * numbers come from the runtime's seed.
 * Not worth another attempt: what again says; -ECANCELED when a hard cancel of the caller is
 * requested; any result when the pause would end at the nearest deadline around the call, or
 * later: then it is returned at once, and what is left of the time is the caller's.  So a timeout
 * in fn for each attempt is tried again, and one around all of them is not.
 * Called from: a task.  Suspends: yes.  Cancellation point: yes, before the first attempt and at
 * each pause.
 * Ownership: @arg is the caller's.
 * Returns: the result of the last attempt; -ECANCELED before the first, or in a pause; -ETIMEDOUT:
 * a deadline around the call had passed before the first; -ENOMEM: no timer for a pause; -EINVAL:
 * an option is out of range, no @fn; -E2BIG: @options is of a later version and sets what this one
 * does not know; -EPERM outside a task; -ENOTSUP in a forked child.
 * Source: full jitter (1): Brooker, Exponential Backoff And Jitter, AWS 2015; equal jitter is 0.5.
 */
THRUM_MUST_CHECK intptr_t thrum_retry(const struct thrum_retry_options *options, thrum_fn fn,
				      void *arg);

/* ---- So many in a time ---- */

/* Wherever it suits; its fields are the library's.  All its users go by one clock: that of a
 * runtime, or the real one.  Its memory may go when nobody is in a call on it. */
struct thrum_rate {
	uint64_t reserved[12];
};

/*
 * thrum_rate_init - @permits in each @per_ns, and @burst of them at once.
 *
 * In no stretch of t ns are more than @burst + t * @permits / @per_ns permits taken, nor fewer if
 * somebody waits all the time: nothing is rounded.  But more than @burst are never in store: with
 * 1, what a task comes late for one is later for the next.  At first @burst are there.
 * @permits, @per_ns, @burst: 1 to INT64_MAX.
 * Called from: anywhere, before it is used.  Suspends: no.
 * Returns: 0; -EINVAL: a number is out of range (then take and try return the same).
 * Go: rate.NewLimiter.
 */
int thrum_rate_init(struct thrum_rate *r, int64_t permits, int64_t per_ns, int64_t burst);

/*
 * thrum_rate_take - wait until @n permits are there, and take them.
 *
 * In the order of the calls: who wants many is not overtaken by who wants few.  Whoever waits has
 * taken nothing yet, so one that is cancelled leaves its place and nothing else, and those behind
 * move up.  When it is certain that the permits will not be there by the nearest deadline around
 * the call, it returns -ETIMEDOUT without waiting for that: a place in the line that cannot be used
 * would hold up others.  The timeout whose deadline it is learns of it as of one that passed.
 * Called from: a task.  Suspends: yes.  Cancellation point: yes.
 * Returns: 0; -ECANCELED; -ETIMEDOUT; -ENOMEM: no timer; -EINVAL: @n is 0, or more than @burst and
 * would never be there; -EPERM outside a task; -ENOTSUP in a forked child.  Nothing was taken after
 * a failure.
 * Source: the generic cell rate algorithm, ITU-T I.371.  Go: Limiter.WaitN.
 */
THRUM_MUST_CHECK int thrum_rate_take(struct thrum_rate *r, int64_t n);

/*
 * thrum_rate_try - take @n permits if they are there and nobody waits for some.
 *
 * Called from: anywhere, a thread outside only where the clock is the real one.  Suspends: no.
 * Returns: 0; -EAGAIN; -EINVAL as thrum_rate_take.
 * Go: Limiter.AllowN.
 */
THRUM_MUST_CHECK int thrum_rate_try(struct thrum_rate *r, int64_t n);

/* ---- Once in each period ---- */

/* What is done about ticks that nobody waited for in time. */
enum thrum_ticker_policy {
	THRUM_TICKER_SKIP,  /* one call for all; the next is the next on the beat */
	THRUM_TICKER_BURST, /* a call for each, at once, until it has caught up */
	THRUM_TICKER_DELAY, /* one call for all, and a whole period from then on: a new beat */
};

/* In the frame of whoever begins it, for one task at a time; its fields are the library's. */
struct thrum_ticker {
	uint64_t reserved[4];
};

/*
 * thrum_ticker_begin - a tick each @period_ns from now on, the first in @period_ns.
 *
 * Ticks are at begin + k * @period_ns and do not drift, however late a task comes to run.
 * @period_ns: 1 or more; THRUM_FOREVER: never.  @policy: an enum thrum_ticker_policy.
 * Called from: anywhere, by that task's clock.  Suspends: no.
 * Returns: 0; -EINVAL: an argument is out of range (then next returns the same).
 * tokio: interval, MissedTickBehavior.  Go: time.NewTicker.
 */
int thrum_ticker_begin(struct thrum_ticker *t, int64_t period_ns, int policy);

/*
 * thrum_ticker_next - wait for the next tick.
 *
 * One that is there already, or several, yield once, and are dealt with as the policy says.  DELAY
 * takes a tick for missed if it was there before the call, or if one more has come since.
 * Called from: the task that uses it.  Suspends: yes.  Cancellation point: yes.
 * Returns: how many ticks the call stands for: 1 or, with SKIP and DELAY, more; -ECANCELED;
 * -ETIMEDOUT: a deadline around the call passed first; -ENOMEM; -EINVAL: it has not begun; -EPERM
 * outside a task; -ENOTSUP in a forked child.  After a failure the tick is still to come.
 */
THRUM_MUST_CHECK int64_t thrum_ticker_next(struct thrum_ticker *t);

#ifdef __cplusplus
}
#endif
#endif
