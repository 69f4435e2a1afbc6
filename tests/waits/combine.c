/* SPDX-License-Identifier: MIT */
/*
 * combine.c - wait in its three modes, drains, races, calls with a limit, hedges.
 *
 * Whatever is cut short: waits and drains leave the tasks alone; who races, calls or hedges has
 * nobody left when that returns; each future is drained once; each success that nobody wants is
 * discarded.
 */
#include "ledger.h"

#define MANY 10 /* more than a drain has places for in the frame */

static struct atomic64 living;

/* Naps so many ms; below 0, it fails after so many.  It was taken. */
static intptr_t nap(void *arg)
{
	intptr_t ms = (intptr_t)arg;
	int err;

	fetch_add_relaxed(&living, 1);
	err = thrum_sleep(THRUM_MS(ms < 0 ? -ms : ms));
	fetch_sub_relaxed(&living, 1);
	give();
	return err ? err : ms < 0 ? -EIO : ms;
}

static struct thrum_future *start(intptr_t ms)
{
	return spawn_taken(nap, (void *)ms);
}

/* What cut one of them short, or 0. */
static int end_all(struct thrum_future **fs, int n)
{
	int err = 0;

	for (int i = 0; i < n; i++) {
		intptr_t r = thrum_join(fs[i]);

		EXPECT(r > 0 || r == -EIO || was_cut(r));
		err = was_cut(r) ? (int)r : err;
	}
	EXPECT(taken() == 0);
	return err;
}

/* ---- Wait ---- */

static size_t count_done(struct thrum_future *const *fs, size_t n)
{
	size_t done = 0;

	while (n-- > 0)
		done += thrum_done(fs[n]);
	return done;
}

static int wait_until(struct thrum_future *const *fs, int until, int64_t timeout_ns)
{
	ssize_t n = thrum_wait(fs, 4, until, timeout_ns);

	say("wait", n);
	EXPECT(n < 0 ? was_cut(n) : (size_t)n <= count_done(fs, 4));
	return n < 0 ? (int)n : 0;
}

static int waited(void)
{
	struct thrum_future *fs[] = {start(3), start(1), start(-2), start(5)};
	int err = wait_until(fs, THRUM_FIRST_COMPLETED, THRUM_FOREVER), more;

	if (!err)
		err = wait_until(fs, THRUM_FIRST_FAILED, THRUM_FOREVER);
	if (!err)
		err = wait_until(fs, THRUM_ALL, THRUM_MS(2));
	if (!err)
		err = wait_until(fs, THRUM_ALL, THRUM_FOREVER);
	EXPECT(err || count_done(fs, 4) == 4);
	more = end_all(fs, 4);
	return err ? err : more;
}

/* ---- Drain ---- */

static int take_one(struct thrum_drain *d, struct thrum_future *const *fs, unsigned *seen)
{
	struct thrum_future *f = NULL;
	size_t tag = MANY;
	int err = thrum_drain_next(d, &f, &tag);

	if (err) {
		EXPECT(was_cut(err) || err == -ENODATA);
		return err;
	}
	say("drained", (intptr_t)tag);
	EXPECT(tag < MANY && fs[tag] == f && thrum_done(f));
	EXPECT(!(*seen & 1u << tag));
	*seen |= 1u << tag;
	thrum_release(f);
	return 0;
}

/* All of them; then half of them, and the drain ends with the rest in it. */
static int drained(int n)
{
	struct thrum_future *fs[MANY];
	struct thrum_drain d;
	unsigned seen = 0;
	int err, more;

	for (int i = 0; i < MANY; i++)
		fs[i] = start(MANY - i);
	err = thrum_drain_begin(&d);
	for (int i = 0; i < MANY && !err; i++)
		err = thrum_drain_add(&d, fs[i], (size_t)i);
	EXPECT(!err && thrum_drain_count(&d) == MANY);
	for (int i = 0; i < n && !err; i++)
		err = take_one(&d, fs, &seen);
	EXPECT(thrum_drain_count(&d) == MANY - (size_t)__builtin_popcount(seen));
	if (!err && n == MANY)
		EXPECT(take_one(&d, fs, &seen) == -ENODATA);
	thrum_drain_end(&d);
	more = end_all(fs, MANY);
	return err ? err : more;
}

/* ---- Race ---- */

static int raced(intptr_t first, intptr_t second, intptr_t third)
{
	struct thrum_future *fs[] = {start(first), start(second), start(third)};
	struct thrum_timeout t;
	intptr_t result = 0;
	ssize_t winner;
	bool late;

	thrum_timeout_begin(&t, THRUM_MS(5));
	winner = thrum_race(fs, 3, &result);
	late = thrum_timeout_end(&t);
	say("race", winner);
	EXPECT(count_done(fs, 3) == 3);
	EXPECT(winner < 0 ? was_cut(winner) || winner == -EIO : thrum_result(fs[winner]) == result);
	(void)end_all(fs, 3);
	return late || winner == -EIO ? 0 : winner < 0 ? (int)winner : 0;
}

/* ---- Calls ---- */

static intptr_t call(void *arg)
{
	take();
	return nap(arg);
}

static int called(size_t limit)
{
	void *args[] = {(void *)3, (void *)-1, (void *)2, (void *)1, (void *)2};
	intptr_t results[5];
	int err = thrum_gather_calls(call, args, 5, limit, results);

	EXPECT(load_relaxed(&living) == 0);
	EXPECT(taken() == 0);
	for (int i = 0; i < 5; i++) {
		say("call", results[i]);
		EXPECT(results[i] == (i == 1 ? -EIO : (intptr_t)args[i]) || was_cut(results[i]));
	}
	return err == -EIO ? 0 : err;
}

/* ---- Hedge ---- */

static void discard(intptr_t result)
{
	EXPECT(result == 1);
	give();
}

/* What it returns is to be given back by whoever gets it.  Each copy is quicker than the one
 * before; the first has it ready when it is cancelled. */
static intptr_t fetch(void *copies)
{
	intptr_t k = (intptr_t)fetch_add_relaxed((struct atomic64 *)copies, 1);
	int err = thrum_sleep(THRUM_MS(10 - 4 * k));

	if (err && k != 0)
		return err;
	take();
	return 1;
}

static int hedged(int64_t delay_ns)
{
	struct atomic64 copies = {0};
	intptr_t r = thrum_hedge(fetch, &copies, delay_ns, 3, discard);

	say("hedge", r);
	say("copies", (intptr_t)load_relaxed(&copies));
	EXPECT(r == 1 || was_cut(r));
	if (r == 1)
		give();
	EXPECT(taken() == 0);
	return r == 1 ? 0 : (int)r;
}

static intptr_t main_task(void *arg)
{
	int err = waited();

	(void)arg;
	err = first(err, drained(MANY));
	err = first(err, drained(MANY / 2));
	err = first(err, raced(4, -1, 2));
	err = first(err, raced(-1, -3, -2));
	err = first(err, raced(9, 8, 7));
	err = first(err, called(2));
	err = first(err, called(0));
	err = first(err, hedged(THRUM_MS(3)));
	return first(err, hedged(THRUM_FOREVER));
}

int main(void)
{
	return ledger_run(main_task);
}
