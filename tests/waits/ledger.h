/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - what the programs that are cut short share: what is taken and has to be given back,
 * what has to hold however a run ends, the main function.
 *
 * Statuses as waits.py wants them: 0, 1: cut short and said so, 2: something does not hold.
 * On the virtual clock, so that a run is like the last.  Any thread may call all of this.
 */
#ifndef TESTS_WAITS_LEDGER_H
#define TESTS_WAITS_LEDGER_H

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <thrum/thrum.h>

#include "base/atomic.h"

static struct atomic64 ledger_taken;
static struct atomic32 ledger_wrong;

#define EXPECT(cond)                                                                             \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond); \
			store_relaxed(&ledger_wrong, 1);                                         \
		}                                                                                \
	} while (0)

static inline void take(void)
{
	fetch_add_relaxed(&ledger_taken, 1);
}

static inline void give(void)
{
	EXPECT(fetch_sub_relaxed(&ledger_taken, 1) != 0);
}

static inline uint64_t taken(void)
{
	return load_relaxed(&ledger_taken);
}

/* A task that was to give something back was cancelled before it ran. */
static inline void dropped(void *unused)
{
	(void)unused;
	give();
}

/* Takes something for @fn, which gives it back. */
static inline struct thrum_future *spawn_taken(thrum_fn fn, void *arg)
{
	struct thrum_future *f;

	take();
	f = thrum_spawn_drop(fn, arg, dropped);
	if (!f)
		give();
	return f;
}

static inline bool was_cut(intptr_t result)
{
	return result == -ECANCELED || result == -ETIMEDOUT;
}

/* first - the first failure of two; both were to happen. */
static inline int first(int err, int more)
{
	return err ? err : more;
}

/* say - a line with the time in ms, which shows where a run differs from another. */
static inline void say(const char *what, intptr_t result)
{
	printf("%lld %s %ld\n", (long long)(thrum_now() / 1000000), what, (long)result);
}

/* One after the other; what the first that was cut short returned. */
static inline int all_of(int (*const fns[])(void), size_t n)
{
	int err = 0;

	for (size_t i = 0; i < n; i++) {
		int now = fns[i]();

		err = err ? err : now;
	}
	return err;
}

/* Naps @ns, cancels those who have not ended by then, and waits for all; what cut one of them
 * short, or the nap, or 0.  Any of @fs may be NULL. */
static inline int stop_all(struct thrum_future *const fs[], size_t n, int64_t ns)
{
	int err = thrum_sleep(ns);

	for (size_t i = 0; i < n; i++)
		if (fs[i] && !thrum_done(fs[i]))
			(void)thrum_cancel(fs[i]);
	for (size_t i = 0; i < n; i++) {
		intptr_t r = fs[i] ? thrum_join(fs[i]) : -ECANCELED;

		err = !err && was_cut(r) ? (int)r : err;
	}
	return err;
}

static inline int ledger_run(thrum_fn fn)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	intptr_t result;

	config.clock = THRUM_CLOCK_VIRTUAL;
	result = thrum_run_with(&config, fn, NULL);
	EXPECT(taken() == 0);
	EXPECT(!thrum_failed(result) || was_cut(result));
	printf("result %ld\n", (long)result);
	return load_relaxed(&ledger_wrong) ? 2 : result != 0;
}

#endif
