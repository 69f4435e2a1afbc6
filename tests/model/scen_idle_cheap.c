/* SPDX-License-Identifier: MIT */
/* scen_idle_cheap.c - sched/idle.c where sleeps are cheap: CAREFUL, and ALONE. */
#include "idle_world.h"

/*
 * Where sleeps are cheap: who goes to sleep and who publishes both pay a full fence; and on the way
 * there and back.
 */
static void turn_careful(void)
{
	thrum__idle_turn_careful(&idle);
}

static void turn_quick(void)
{
	thrum__idle_turn_quick(&idle);
}

static void turn_both(void)
{
	turn_careful();
	turn_quick();
}

static void publish_and_turn(void)
{
	publish();
	turn_careful();
}

static void be_careful(void)
{
	store_relaxed(&idle.word, load_relaxed(&idle.word) + CAREFUL);
}

static void start_two_careful(void)
{
	start(2);
	be_careful();
}
SCENARIO(idle_careful_publish_sleep, .stale = 1, .setup = start_two_careful,
	 .thread = {publish_twice, worker_0, worker_1}, .check = all_done, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T6 T7");

static void start_searcher_careful(void)
{
	start_searcher();
	be_careful();
}
SCENARIO(idle_careful_searcher_finds, .setup = start_searcher_careful,
	 .thread = {publish, worker_0, worker_1}, .check = all_done, .min_executions = 10000,
	 .covers = "T2 T3 T4 T6 T7");

static void start_one_asleep_careful(void)
{
	start_one_asleep();
	be_careful();
}
SCENARIO(idle_careful_wake_all, .stale = 1, .setup = start_one_asleep_careful,
	 .thread = {end_all, over_1, over_by_timer_0}, .check = all_done, .min_executions = 10000,
	 .covers = "T2 T3 T5 T6 T7");

/* Somebody turns it while one publishes and one goes to sleep. */
SCENARIO(idle_turns_careful, .setup = start_one, .thread = {publish, turn_careful, worker_0},
	 .check = all_done, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7 T8 T9");

static void start_one_careful(void)
{
	start(1);
	be_careful();
}
SCENARIO(idle_turns_quick, .setup = start_one_careful, .thread = {publish, turn_quick, worker_0},
	 .check = all_done, .min_executions = 1000, .covers = "T1 T2 T3 T4 T6 T7 T10");

SCENARIO(idle_turns_to_and_fro, .setup = start_one, .thread = {publish, turn_both, worker_0},
	 .check = all_done, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7 T8 T9 T10");

/* A searcher finds, and leaves, meanwhile. */
SCENARIO(idle_turns_while_found, .setup = start_one_seen,
	 .thread = {publish_and_turn, chosen_0, searcher_1}, .check = counts_fit,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7 T8 T9");

/* Who turns it goes to sleep itself. */
static void turns_and_finds_0(void)
{
	turn_careful();
	find(0);
}
SCENARIO(idle_turner_sleeps, .stale = 1, .setup = start_two,
	 .thread = {publish_twice, turns_and_finds_0, worker_1}, .check = all_done,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7 T8 T9");

/*
 * ALONE: whoever does not sleep is no worker, and pays a full fence; or wakes later, or is made
 * later.
 */
static void publish_from_outside(void)
{
	fetch_add_relaxed(&work, 1);
	thrum__idle_wake_one(&idle);
}

static void publish_twice_from_outside(void)
{
	publish_from_outside();
	publish_from_outside();
}

static void start_all_known(unsigned workers)
{
	start(workers);
	store_relaxed(&idle.total, workers);
}

static void start_alone(void)
{
	start_all_known(1);
}
SCENARIO(idle_alone, .stale = 1, .setup = start_alone,
	 .thread = {publish_from_outside, publish_from_outside, worker_0}, .check = counts_fit,
	 .min_executions = 5000, .covers = "T1 T2 T3 T4 T6 T7");

static void start_two_known(void)
{
	start_all_known(2);
}
SCENARIO(idle_last_of_two, .stale = 1, .setup = start_two_known,
	 .thread = {publish_twice_from_outside, worker_0, worker_1}, .check = all_done,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7");

static void start_asleep_and_awake(void)
{
	start_two_known();
	start_asleep(1);
}

/* One looks for work and sleeps, beside one whose timer wakes it and who publishes then. */
SCENARIO(idle_alone_no_more, .stale = 1, .setup = start_asleep_and_awake,
	 .thread = {by_timer_0, worker_1}, .check = none_left, .min_executions = 1000,
	 .covers = "T1 T2 T3 T4 T6 T7");

/* The same beside somebody from outside; the other one looks once. */
SCENARIO(idle_alone_at_times, .stale = 1, .setup = start_asleep_and_awake,
	 .thread = {publish_from_outside, by_timer_0, late_1}, .check = none_waits,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T2 T3 T4 T6 T7");

/* The only one that does not sleep has found work; somebody has relied on its search. */
static void start_asleep_and_finding(void)
{
	start_asleep_and_awake();
	store_relaxed(&work, 1);
	start_searching(1);
}
SCENARIO(idle_alone_finds, .stale = 1, .setup = start_asleep_and_finding,
	 .thread = {publish_from_outside, chosen_0, worker_1}, .check = all_done,
	 .min_executions = 1000, .covers = "T2 T4 T6");

/* Another worker is made meanwhile. */
static void new_worker(void)
{
	thrum__idle_add(&idle);
	publish();
}
SCENARIO(idle_one_more, .stale = 1, .setup = start_alone, .thread = {new_worker, worker_0},
	 .check = all_done, .min_executions = 500, .covers = "T1 T2 T3 T4 T6 T7 T13");
