/* SPDX-License-Identifier: MIT */
/*
 * scen_once.c - sync/once.c: one call succeeds, all have its value and see what it did; after a
 * failure another one calls.
 */
#include "sync_world.h"

#include "core/waitqueue.h"

#include <errno.h>
#include <thrum/meet.h>
#include <thrum/time.h>

enum { VALUE = 7 };

static struct thrum_once *once;
static int did;           /* by the call that succeeded */
static unsigned calls;    /* under way or over */
static unsigned failures; /* that are still to come */
static unsigned successes, values, failed, cut;

static void start(unsigned threads, unsigned n)
{
	world_start(threads, 1);
	once = model_alloc(sizeof(*once));
	*once = (struct thrum_once)THRUM_ONCE_INIT;
	plain_write(&did, 0);
	failures = n;
	calls = successes = values = failed = cut = 0;
	model_name(once, "once");
}

static intptr_t call(void *unused)
{
	(void)unused;
	calls++;
	if (failures) {
		failures--;
		return -EIO;
	}
	successes++;
	plain_write(&did, plain_read(&did) + 1);
	return VALUE;
}

static intptr_t get(intptr_t unused)
{
	(void)unused;
	return thrum_once(once, call, NULL);
}

static void gets(void)
{
	intptr_t r = in_frame(get, 0);

	failed += r == -EIO;
	cut += r == -ECANCELED || r == -ETIMEDOUT;
	if (r == VALUE) {
		values++;
		model_assert(plain_read(&did) == 1);
	} else {
		model_assert(r == -EIO || r == -ECANCELED || r == -ETIMEDOUT);
	}
}

static void looks(void)
{
	if (thrum_once_done(once))
		model_assert(plain_read(&did) == 1);
}

static void check(void)
{
	world_check();
	model_assert(successes <= 1 && (values == 0) == (successes == 0));
	model_assert(calls == successes + failed);
	model_free(once);
	world_check_memory();
}

static void cancel_1(void)
{
	cancel(1);
}

static void start_good(void)
{
	start(3, 0);
}

static void start_bad_first(void)
{
	start(3, 1);
}

SCENARIO(once_three, .setup = start_good, .thread = {gets, gets, gets}, .check = check, .bound = 2,
	 .stale = 1, .min_executions = 500, .covers = "T1 T2 T4");
SCENARIO(once_look, .setup = start_good, .thread = {gets, gets, looks}, .check = check, .stale = 1,
	 .min_executions = 500, .covers = "T1 T2 T4");
SCENARIO(once_failure, .setup = start_bad_first, .thread = {gets, gets, gets}, .check = check,
	 .bound = 2, .stale = 1, .min_executions = 500, .covers = "T1 T2 T3 T4");
SCENARIO(once_cancel, .setup = start_bad_first, .thread = {gets, gets, gets, cancel_1},
	 .check = check, .bound = 1, .stale = 1, .min_executions = 500, .covers = "T1 T2 T3 T4 T5");
