/* SPDX-License-Identifier: MIT */
/*
 * scen_event.c - sync/event.c: who waits goes on when it is set, even if it is cleared at once, and
 * sees what was done before; and it goes with the last one that waited.
 */
#include "sync_world.h"

#include "core/waitqueue.h"

#include <errno.h>
#include <thrum/meet.h>
#include <thrum/time.h>

static struct thrum_event *e;
static int done_before; /* each set: how many */
static unsigned passed, cut;
static struct atomic32 users; /* who will still wait, or has to return */

static void start(unsigned threads, unsigned calls)
{
	world_start(threads, calls);
	e = model_alloc(sizeof(*e));
	thrum_event_init(e);
	plain_write(&done_before, 0);
	passed = cut = 0;
	store_relaxed(&users, 2);
	model_name(e, "event");
	model_name(&users, "users");
}

static void check(void)
{
	world_check();
	thrum_event_fini(e);
}

static void check_gone(void)
{
	world_check();
	world_check_memory();
}

static intptr_t wait(intptr_t deadline_ns)
{
	return thrum_event_wait_until(e, deadline_ns);
}

static intptr_t set_it(intptr_t unused)
{
	thrum_event_set(e);
	return unused;
}

static bool wait_by(int64_t deadline_ns)
{
	intptr_t err = in_frame(wait, deadline_ns);

	if (err) {
		model_assert(err == -ETIMEDOUT || err == -ECANCELED);
		cut++;
		return false;
	}
	model_assert(plain_read(&done_before) == 1);
	passed++;
	return true;
}

static void waits(void)
{
	wait_by(THRUM_FOREVER);
}

static void waits_and_frees(void)
{
	waits();
	model_free(e);
}

static void sets(void)
{
	plain_write(&done_before, 1);
	in_frame(set_it, 0);
}

static void cancel_0(void)
{
	cancel(0);
}

static void time_out_0(void)
{
	time_out(0, 0);
}

static void start_pair(void)
{
	start(2, 1);
}

SCENARIO(event_set_wait, .setup = start_pair, .thread = {waits_and_frees, sets},
	 .check = check_gone, .min_executions = 100, .covers = "T1 T2 T4");
SCENARIO(event_timeout, .setup = start_pair, .thread = {waits, sets, time_out_0}, .check = check,
	 .stale = 1, .min_executions = 5000, .covers = "T1 T2 T4 T5");
SCENARIO(event_cancel, .setup = start_pair, .thread = {waits, sets, cancel_0}, .check = check,
	 .stale = 1, .min_executions = 5000, .covers = "T1 T2 T4 T5");

/* Nobody sets it: nothing is left of the one that waited. */
SCENARIO(event_cut, .setup = start_pair, .thread = {waits, cancel_0}, .check = check,
	 .min_executions = 20, .covers = "T4 T5");

/* ---- Two wait, one hold of the word for each ---- */

static void waits_as_user(int64_t deadline_ns)
{
	if (!wait_by(deadline_ns))
		model_assert(wait_by(THRUM_FOREVER));
	if (fetch_sub_acq_rel(&users, 1) > 1)
		return;
	thrum_event_fini(e);
	model_free(e);
}

static void waits_for_good(void)
{
	waits_as_user(THRUM_FOREVER);
}

static void waits_in_time(void)
{
	waits_as_user(1);
}

static void start_two(void)
{
	start(3, 2);
	thrum__at_a_time = 1;
}

static void start_two_outside(void)
{
	start_two();
	world_put_outside(0);
}

SCENARIO(event_one_by_one, .setup = start_two, .thread = {waits_for_good, waits_for_good, sets},
	 .check = check_gone, .bound = 2, .stale = 1, .min_executions = 10000,
	 .covers = "T1 T2 T4");
SCENARIO(event_one_by_one_cut, .setup = start_two_outside,
	 .thread = {waits_in_time, waits_for_good, sets}, .check = check_gone, .bound = 2,
	 .stale = 1, .min_executions = 10000, .covers = "T1 T2 T4 T5");

/* ---- Set and cleared at once: who waited goes on ---- */

static void sets_and_clears(void)
{
	await_waits(2);
	sets();
	thrum_event_clear(e);
}

static void clears(void)
{
	thrum_event_clear(e);
}

static void start_clear(void)
{
	start(3, 1);
	thrum__at_a_time = 1;
}

static void check_passed(void)
{
	check();
	model_assert(passed == 2 && !thrum_event_is_set(e));
}

SCENARIO(event_set_clear, .setup = start_clear, .thread = {waits, waits, sets_and_clears},
	 .check = check_passed, .bound = 2, .stale = 1, .min_executions = 10000,
	 .covers = "T2 T3 T4");

/* Cleared by another one meanwhile: who came before the set goes on. */
static void sets_when_awaited(void)
{
	await_waits(1);
	sets();
}

SCENARIO(event_clear_meanwhile, .setup = start_pair, .thread = {waits, sets_when_awaited, clears},
	 .check = check, .stale = 1, .min_executions = 1000, .covers = "T2 T3 T4");

/* Cleared while those that wait are let go on one by one: it stays clear. */
static bool cleared;

static void clears_if_set(void)
{
	cleared = thrum_event_is_set(e);
	if (cleared)
		thrum_event_clear(e);
}

static void sets_when_both_wait(void)
{
	await_waits(2);
	sets();
}

static void check_cleared(void)
{
	check();
	model_assert(passed == 2 && thrum_event_is_set(e) == !cleared);
}

SCENARIO(event_clear_between, .setup = start_clear,
	 .thread = {waits, waits, sets_when_both_wait, clears_if_set}, .check = check_cleared,
	 .bound = 1, .stale = 1, .min_executions = 1000, .covers = "T2 T3 T4");

/* ---- A look ---- */

static void looks(void)
{
	if (thrum_event_is_set(e)) {
		model_assert(plain_read(&done_before) == 1);
		passed++;
	}
}

SCENARIO(event_look, .setup = start_pair, .thread = {waits, sets, looks}, .check = check,
	 .stale = 1, .min_executions = 500, .covers = "T1 T2 T4");
