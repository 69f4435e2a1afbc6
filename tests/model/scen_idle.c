/* SPDX-License-Identifier: MIT */
/* scen_idle.c - sched/idle.c: publishers and workers that search, find and sleep. */
#include "idle_world.h"

#include "core/errand.h"

/* Dekker's pattern: publishers and workers on their way to sleep. */
SCENARIO(idle_two_publishers, .setup = start_one, .thread = {publish, publish, worker_0},
	 .check = counts_fit, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7");
SCENARIO(idle_publish_sleep, .stale = 1, .setup = start_two,
	 .thread = {publish_twice, worker_0, worker_1}, .check = all_done, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T6 T7");

/* A searcher beside a sleeper. */
SCENARIO(idle_burst, .setup = start_one_seen, .thread = {publish, chosen_0, searcher_1},
	 .check = counts_fit, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7");

/* The second item's publisher relies on a searcher that leaves to sleep, sees the first item, and
 * never comes back. */
static void start_one_leaving(void)
{
	start_one_asleep();
	start_searching(1);
}
SCENARIO(idle_last_look, .stale = 1, .setup = start_one_leaving,
	 .thread = {publish_twice, chosen_0, late_1}, .check = counts_fit, .min_executions = 10000,
	 .covers = "T2 T3 T4 T6 T7");

/* The chain: one wake at a time, each woken worker that finds work sees to the next. */
static void start_both_asleep(void)
{
	start(2);
	start_asleep(2);
}

static void chosen_1(void)
{
	await_token(1);
	take_one(1);
}

static void publish_two(void)
{
	fetch_add_relaxed(&work, 2);
	thrum__idle_notify(&idle);
}
SCENARIO(idle_chain, .bound = 4, .setup = start_both_asleep,
	 .thread = {publish_two, chosen_0, chosen_1}, .check = all_done, .min_executions = 10000,
	 .covers = "T2 T4 T6");

/* A publisher relies on the last searcher, which finds other work and leaves; the other worker is
 * going to sleep. */
SCENARIO(idle_searcher_finds, .setup = start_searcher, .thread = {publish, worker_0, worker_1},
	 .check = all_done, .min_executions = 10000, .covers = "T2 T3 T4 T6 T7");

/* Of two that sleep one is woken by its timer: it takes what is there and publishes, and never
 * comes back.  Chosen or not, the other one gets what it leaves. */
static void sleeper_1(void)
{
	await_token(1);
	find(1);
}
SCENARIO(idle_undo_notify, .setup = start_both_asleep, .thread = {publish, by_timer_0, sleeper_1},
	 .check = counts_fit, .min_executions = 10000, .covers = "T2 T4 T6 T7");

/* Worker 1 has taken what was published and goes to sleep beside one whose timer has come; it may
 * take the token that was meant for that one, which goes on nevertheless. */
static void busy_1(void)
{
	if (take())
		done++;
	late_1();
}
SCENARIO(idle_token_taken, .stale = 1, .setup = start_one_asleep,
	 .thread = {publish, by_timer_0, busy_1}, .check = none_waits, .may_sleep = 1u << 2,
	 .min_executions = 10000, .covers = "T2 T3 T4 T6 T7");

/* All are to see that it is over: one is about to sleep, one is woken by its timer. */
SCENARIO(idle_wake_all, .stale = 1, .setup = start_one_asleep,
	 .thread = {end_all, over_1, over_by_timer_0}, .check = all_done, .min_executions = 10000,
	 .covers = "T2 T3 T5 T6 T7");

/* Beside a notifier: nobody is chosen twice or forgotten. */
static void woken_0(void)
{
	await_token(0);
	stop_searching(0);
}
static void woken_1(void)
{
	await_token(1);
	stop_searching(1);
}
SCENARIO(idle_wake_all_notify, .stale = 1, .setup = start_both_asleep,
	 .thread = {end_all, publish, woken_0, woken_1}, .check = counts_fit,
	 .min_executions = 10000, .covers = "T2 T4 T5 T6");

/*
 * The virtual clock: who sees all asleep and no token moves the time to the earliest timer and
 * wakes all (timer.c).  A sleeper takes nothing while it sleeps (elsewhere.c): it comes back when
 * something is there.  Each worker has one timer, written before its sleep; each must fire in its
 * turn, though nobody else ever wakes anyone.
 */
static struct atomic32 now;
static struct thrum__errand advancing;
static bool fired[WORKERS];
static unsigned due[WORKERS];

static void start_clocked(void)
{
	start_two();
	thrum__errand_init(&advancing);
	store_relaxed(&now, 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		due[i] = 0;
		fired[i] = false;
	}
}
static unsigned earliest(void)
{
	unsigned found = 0;

	for (unsigned i = 0; i < workers_there; i++) {
		unsigned d = plain_read(&due[i]);

		if (d && (!found || d < found))
			found = d;
	}
	return found;
}
/* Moves the time if all sleep: true. */
static bool move_clock(void)
{
	unsigned next = 0;

	if (!has_work(NULL) && thrum__idle_asleep(&idle) == workers_there)
		next = earliest();
	if (!next)
		return false;
	model_assert(next >= load_relaxed(&now));
	store_relaxed(&now, next);
	return true;
}
static void advance(void)
{
	if (thrum__idle_asleep(&idle) != workers_there || !thrum__errand_ask(&advancing))
		return; /* not yet, or whoever is at it looks again */
	do {
		thrum__errand_take(&advancing);
		if (move_clock()) {
			thrum__idle_wake_all(&idle);
			thrum__errand_drop(&advancing); /* it comes again itself */
			return;
		}
	} while (!thrum__errand_finish(&advancing));
}
static void clocked(unsigned i)
{
	plain_write(&due[i], i + 1);
	for (;;) {
		if (!fired[i] && load_relaxed(&now) > i) {
			model_assert(load_relaxed(&now) == i + 1);
			fired[i] = true;
			plain_write(&due[i], 0);
		}
		stop_searching(i);
		while (load_relaxed(&tokens)) /* for one that sleeps: it goes first */
			spin_hint();
		announce(i);
		advance();
		await_token(i);
	}
}
static void clocked_0(void)
{
	clocked(0);
}
static void clocked_1(void)
{
	clocked(1);
}
static void all_fired(void)
{
	none_left();
	model_assert(fired[0] && fired[1]);
	model_assert(thrum__idle_asleep(&idle) == workers_there);
}
SCENARIO(idle_virtual_clock, .stale = 1, .setup = start_clocked, .thread = {clocked_0, clocked_1},
	 .check = all_fired, .may_sleep = 3, .min_executions = 10000, .covers = "T3 T5 T6");

/* Many come to search at once: one too many takes it back, and sees to what it met. */
static void searches_0(void)
{
	searching[0] = thrum__idle_search_begin(&idle);
	take_one(0);
}
static void searches_1(void)
{
	searching[1] = thrum__idle_search_begin(&idle);
	take_one(1);
}
static void start_third_asleep(void)
{
	start(2);
	start_asleep(1);
}
/* What is left has woken the one who sleeps. */
static void left_wakes(void)
{
	model_assert(!load_relaxed(&work) || load_relaxed(&tokens) == 1);
}
SCENARIO(idle_too_many_search, .setup = start_third_asleep,
	 .thread = {publish, searches_0, searches_1}, .check = left_wakes, .min_executions = 10000,
	 .covers = "T1 T2 T4");
