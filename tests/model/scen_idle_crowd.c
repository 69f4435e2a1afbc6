/* SPDX-License-Identifier: MIT */
/* scen_idle_crowd.c - sched/idle.c: where a crowd is awake none is woken, and nothing is left. */
#include "idle_world.h"

/* Worker 0 sleeps, worker 1 is awake, and that is a crowd. */
static void start_crowd(void)
{
	start_one_asleep();
	idle.crowd = 1;
	thrum__idle_set_held(&idle, 0);
}

/* Takes what comes until both items are taken, by whom ever; then it sleeps for good. */
static void takes(unsigned i)
{
	while (done < 2) {
		if (take()) {
			done++;
			stop_searching(i);
			continue;
		}
		if (!searching[i])
			searching[i] = thrum__idle_search_begin(&idle);
		sleep_if_no_work(i);
	}
	stop_searching(i);
}

static void sleeper_takes_0(void)
{
	await_token(0);
	takes(0);
}

static void takes_1(void)
{
	takes(1);
}

/* The publisher may rely on worker 1, until it sleeps. */
SCENARIO(idle_crowd, .stale = 1, .setup = start_crowd,
	 .thread = {publish_twice, sleeper_takes_0, takes_1}, .check = none_left,
	 .may_sleep = 1u << 1 | 1u << 2, .min_executions = 10000, .covers = "T2 T3 T4 T6 T7");

/* Worker 1 computes for ever: the monitor says so, before the item comes and after it. */
static struct atomic32 published;

static void start_held(void)
{
	start_crowd();
	store_relaxed(&published, 0);
	model_name(&idle.wake_from, "wake_from");
}

static void publish_and_tell(void)
{
	publish();
	store_release(&published, 1);
	model_futex_wake(&published, 1);
}

static void monitor(void)
{
	thrum__idle_set_held(&idle, 1);
	while (!load_acquire(&published))
		model_futex_wait(&published, 0);
	thrum__idle_set_held(&idle, 1);
}

static void monitor_sees_late(void)
{
	while (!load_acquire(&published))
		model_futex_wait(&published, 0);
	thrum__idle_set_held(&idle, 1);
}

SCENARIO(idle_crowd_held, .stale = 1, .setup = start_held,
	 .thread = {publish_and_tell, chosen_0, monitor}, .check = none_left, .min_executions = 100,
	 .covers = "T2 T4 T6 T14");
SCENARIO(idle_crowd_held_late, .stale = 1, .setup = start_held,
	 .thread = {publish_and_tell, chosen_0, monitor_sees_late}, .check = none_left,
	 .min_executions = 100, .covers = "T2 T4 T6 T14");
