/* SPDX-License-Identifier: MIT */
/*
 * pace.c - retries, rates, tickers.
 *
 * Whatever is cut short: nothing is attempted after it; no permit is taken that nobody was told
 * of, and none is lost to those behind in the line; no tick comes before its time.
 */
#include "ledger.h"

/* ---- Retry ---- */

struct attempts {
	int made, fail;
	int64_t nap_ns;
};

static intptr_t attempt(void *arg)
{
	struct attempts *a = arg;
	struct thrum_timeout t;
	intptr_t err;

	EXPECT(thrum_cancel_requested() < THRUM_HARD);
	a->made++;
	thrum_timeout_begin(&t, THRUM_MS(3));
	err = thrum_sleep(a->nap_ns);
	EXPECT(!thrum_timeout_end(&t) || err == -ETIMEDOUT);
	return err ? err : a->made <= a->fail ? -EIO : a->made;
}

static int retried(int fail, int64_t nap_ns, double jitter)
{
	struct thrum_retry_options options = THRUM_RETRY_INIT;
	struct attempts a = {0, fail, nap_ns};
	intptr_t r;

	options.attempts = 4;
	options.first_ns = THRUM_MS(2);
	options.jitter = jitter;
	r = thrum_retry(&options, attempt, &a);
	say("retry", r);
	say("attempts", a.made);
	EXPECT(r > 0 ? r == a.made : r == -EIO || was_cut(r));
	EXPECT(a.made <= 4);
	if (nap_ns > THRUM_MS(3)) /* each attempt is late by its own limit */
		return r == -ETIMEDOUT && a.made == 4 ? 0 : -ECANCELED;
	if (r > 0 || a.made == 4)
		return 0;
	return r == -EIO ? -ETIMEDOUT : (int)r; /* the next attempt would have come too late */
}

/* ---- Rate ---- */

#define EACH_NS THRUM_MS(1)
#define BURST 2

static struct thrum_rate rate;
static struct atomic64 permits;

struct user {
	int64_t n, patience_ns;
};

static intptr_t user(void *arg)
{
	const struct user *u = arg;
	struct thrum_timeout t;
	bool late;
	int err;

	thrum_timeout_begin(&t, u->patience_ns);
	err = thrum_rate_take(&rate, u->n);
	late = thrum_timeout_end(&t);
	if (!err) {
		uint64_t all = fetch_add_relaxed(&permits, (uint64_t)u->n) + (uint64_t)u->n;

		EXPECT(all <= BURST + (uint64_t)(thrum_now() / EACH_NS));
	}
	EXPECT(!err || was_cut(err));
	say("permits", err ? err : u->n);
	return late ? 0 : err;
}

/* Those with little patience give up at once; who is cancelled leaves his place to those behind. */
static int rated(void)
{
	struct user users[] = {{2, THRUM_FOREVER},
			       {1, THRUM_MS(1)},
			       {2, THRUM_FOREVER},
			       {1, THRUM_FOREVER},
			       {1, THRUM_FOREVER}};
	struct thrum_future *fs[5];
	int err, more;

	EXPECT(thrum_rate_init(&rate, 1, EACH_NS, BURST) == 0);
	for (int i = 0; i < 5; i++)
		fs[i] = thrum_spawn(user, &users[i]);
	err = thrum_sleep(THRUM_US(1500));
	thrum_cancel(fs[2]);
	for (int i = 0; i < 5; i++) {
		intptr_t r = thrum_join(fs[i]);

		err = err || i == 2 ? err : (int)r;
	}
	more = thrum_sleep(THRUM_MS(1) * BURST);
	if (!err && !more) /* and nothing is missing */
		EXPECT(thrum_rate_try(&rate, BURST) == 0);
	return err ? err : more;
}

/* ---- Ticker ---- */

static int ticked(int policy)
{
	struct thrum_ticker t;
	int64_t n = 0, all = 0, begun_ns = thrum_now();

	EXPECT(thrum_ticker_begin(&t, THRUM_MS(2), policy) == 0);
	for (int i = 0; i < 4 && n >= 0; i++) {
		if (i == 2)
			n = thrum_sleep(THRUM_MS(5)); /* misses some */
		if (n >= 0)
			n = thrum_ticker_next(&t);
		say("tick", n);
		EXPECT(n > 0 || was_cut(n));
		all += n > 0 ? n : 0;
		EXPECT(all <= (thrum_now() - begun_ns) / THRUM_MS(2));
	}
	return n < 0 ? (int)n : 0;
}

static intptr_t main_task(void *arg)
{
	int err = rated();

	(void)arg;
	err = first(err, retried(2, THRUM_MS(1), 0));
	err = first(err, retried(1, 0, 0.5));
	err = first(err, retried(9, THRUM_MS(1), 1));
	err = first(err, retried(0, THRUM_MS(4), 0));
	err = first(err, ticked(THRUM_TICKER_SKIP));
	err = first(err, ticked(THRUM_TICKER_BURST));
	return first(err, ticked(THRUM_TICKER_DELAY));
}

int main(void)
{
	return ledger_run(main_task);
}
