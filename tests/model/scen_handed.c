/* SPDX-License-Identifier: MIT */
/*
 * scen_handed.c - tasks for one worker alone, which sleeps where tokens have no names
 * (core/handed.h, with sched/idle.c).
 */
#include "idle_world.h"

#include "core/handed.h"

static struct thrum__handed handed; /* worker 0's */
static struct thrum__link task[2];
static unsigned given, taken;

static void start_handed(unsigned workers, unsigned tasks)
{
	static const struct thrum__handed none;

	start(workers);
	handed = none;
	given = tasks;
	taken = 0;
	model_name(&handed.tasks.newest, "handed");
	model_name(&handed.sleeps, "sleeps");
}

static void give(unsigned i)
{
	if (thrum__handed_give(&handed, &task[i]))
		thrum__idle_wake_all(&idle);
}

static void give_one(void)
{
	give(0);
}

static void give_two(void)
{
	give(0);
	give(1);
}

static void take_own(void)
{
	for (struct thrum__link *l = thrum__inbox_take_all(&handed.tasks); l; l = l->next)
		taken++;
}

static bool is_needed(void)
{
	return has_work(NULL) || thrum__handed_lie(&handed);
}

/* Worker 0, from where it sleeps until it has them all. */
static void owner_wakes(void)
{
	await_token(0);
	thrum__handed_go_on(&handed);
	take_own();
	stop_searching(0);
}

static void owner_sleeps(void)
{
	while (taken < given) {
		take_own();
		if (taken == given)
			break;
		if (take())
			done++;
		thrum__handed_sleep(&handed);
		announce(0);
		if (is_needed()) {
			thrum__handed_go_on(&handed);
			go_on(0);
			continue;
		}
		await_token(0);
		thrum__handed_go_on(&handed);
	}
	stop_searching(0);
}

static void owner_slept(void)
{
	owner_wakes();
	if (taken < given)
		owner_sleeps();
}

/* Another worker goes to sleep, once, and may stay there, or be woken for nothing. */
static void other_sleeps(void)
{
	announce(1);
	if (is_needed())
		go_on(1);
	else
		await_token(1);
	stop_searching(1);
}

/* The same until the tasks are taken: awake it may try again at once. */
static void other_tries_twice(void)
{
	other_sleeps();
	other_sleeps();
}

static void own_are_taken(void)
{
	counts_fit();
	model_assert(taken == given);
}

static void start_awake(void)
{
	start_handed(1, 1);
}

static void start_two_awake(void)
{
	start_handed(2, 1);
}

static void start_asleep_0(void)
{
	start_handed(2, 1);
	start_asleep(1);
	thrum__handed_sleep(&handed);
}

static void start_asleep_two_tasks(void)
{
	start_handed(2, 2);
	start_asleep(1);
	thrum__handed_sleep(&handed);
}

SCENARIO(handed_sleep, .stale = 1, .setup = start_awake, .thread = {give_one, owner_sleeps},
	 .check = own_are_taken, .min_executions = 10, .covers = "T1 T2 T3");
SCENARIO(handed_token, .stale = 1, .setup = start_asleep_0,
	 .thread = {give_one, owner_wakes, other_sleeps}, .check = own_are_taken,
	 .may_sleep = 1u << 2, .min_executions = 100, .covers = "T1 T3");
SCENARIO(handed_token_twice, .stale = 1, .setup = start_asleep_0,
	 .thread = {give_one, owner_wakes, other_tries_twice}, .check = own_are_taken,
	 .may_sleep = 1u << 2, .min_executions = 1000, .covers = "T1 T3");
SCENARIO(handed_both_sleep, .stale = 1, .setup = start_two_awake,
	 .thread = {give_one, owner_sleeps, other_sleeps}, .check = own_are_taken,
	 .may_sleep = 1u << 2, .min_executions = 1000, .covers = "T1 T2 T3");
/* Somebody else wants one woken for work of all: that may be the owner, too early. */
SCENARIO(handed_and_work, .stale = 1, .setup = start_asleep_0,
	 .thread = {give_one, owner_slept, publish}, .check = own_are_taken, .min_executions = 1000,
	 .covers = "T1 T2 T3");
SCENARIO(handed_two, .stale = 1, .setup = start_asleep_two_tasks,
	 .thread = {give_two, owner_slept, other_sleeps}, .check = own_are_taken,
	 .may_sleep = 1u << 2, .min_executions = 1000, .covers = "T1 T2 T3");
