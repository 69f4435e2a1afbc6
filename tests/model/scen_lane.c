/* SPDX-License-Identifier: MIT */
/*
 * scen_lane.c - core/lane.c: each fork is popped by its owner or taken by one thief, once; a taken
 * one carries the thief's mark.
 */
#include "lane_world.h"

/* ---- Threads ---- */

static void owner_one(void)
{
	push(0);
	join(0);
}

static void owner_two(void)
{
	push(0);
	push(1);
	join(1);
	join(0);
}

/* The same item at the same place again. */
static void owner_again(void)
{
	owner_one();
	owner_one();
}

/* It is offered. */
static void owner_joins_again(void)
{
	join(0);
	owner_one();
}

static void owner_up_and_down(void)
{
	push(0);
	push(1);
	join(1);
	push(2);
	join(2);
	join(0);
}

static void owner_shares(void)
{
	push(0);
	thrum__lane_share(&lane);
	push(1);
	join(1);
	join(0);
}

/* One place: a later one finds no room, unless those before were taken. */
static void owner_full(void)
{
	bool second, third;

	push(0);
	second = push(1);
	third = push(2);
	if (third)
		join(2);
	if (second)
		join(1);
	join(0);
}

static void owner_lets_go(void)
{
	struct item *item;

	push(0);
	push(1);
	while ((item = thrum__lane_take_back(&lane)))
		mark_and_run(item, &taken_back);
	model_assert(thrum__lane_is_clear(&lane));
}

static void owner_lets_go_and_joins(void)
{
	owner_lets_go();
	join(1);
	join(0);
}

/* No memory for more. */
static void owner_lets_one_go(void)
{
	struct item *item;

	push(0);
	push(1);
	item = thrum__lane_take_back(&lane);
	if (item)
		mark_and_run(item, &taken_back);
	join(1);
	join(0);
}

static void owner_pushes(void)
{
	push(0);
	push(1);
	push(2);
}

static void thief(void)
{
	take(true);
}

static void thief_twice(void)
{
	take(true);
	take(true);
}

static void polite(void)
{
	take(false);
}

static void polite_then_thief(void)
{
	take(false);
	take(true);
}

static void thief_then_polite(void)
{
	take(true);
	take(false);
}

static void asks(void)
{
	take(false);
	thrum__lane_ask(&lane);
	take(false);
}

/* ---- Ends ---- */

static void each_once(void)
{
	for (int i = 0; i < ITEMS; i++)
		model_assert(items[i].run == items[i].made);
	model_assert(pushed == popped + stolen + taken_back);
	model_assert(thrum__lane_is_clear(&lane));
	is_in_order();
}

/* Nobody joined: the oldest were taken, the others lie there. */
static void oldest_first(void)
{
	for (unsigned i = 0; i < ITEMS; i++)
		model_assert(items[i].run == (i < stolen));
	model_assert(lane.top.v == lane.base + stolen);
	model_assert(lane.front.head.v == lane.base + pushed);
	is_in_order();
}

SCENARIO(lane_thief, .setup = start, .thread = {owner_two, thief_twice}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6");

SCENARIO(lane_two_thieves, .setup = start, .thread = {owner_one, thief, thief}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6");

SCENARIO(lane_up_and_down, .setup = start, .thread = {owner_up_and_down, thief}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6");

SCENARIO(lane_same_again, .setup = start, .thread = {owner_again, thief_twice}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6");

static void start_shared(void)
{
	start_attentive();
	start_offered(0);
	thrum__lane_heed(&lane);
}
SCENARIO(lane_shared_again, .stale = 2, .setup = start_shared,
	 .thread = {owner_joins_again, polite, thief}, .check = each_once, .bounded_spin = true,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

SCENARIO(lane_shared, .setup = start, .thread = {owner_shares, asks}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T8");

SCENARIO(lane_attentive, .setup = start_attentive, .thread = {owner_two, asks}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T8");

SCENARIO(lane_locked_only, .setup = start_locked_only, .thread = {owner_two, thief_twice},
	 .check = each_once, .bounded_spin = true, .min_executions = 10000, .covers = "T1 T3 T6");

SCENARIO(lane_locked_only_two, .setup = start_locked_only, .thread = {owner_pushes, thief, thief},
	 .check = oldest_first, .min_executions = 10000, .covers = "T1 T6");

SCENARIO(lane_full, .setup = start_small, .thread = {owner_full, polite_then_thief},
	 .check = each_once, .bounded_spin = true, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T5 T6");

SCENARIO(lane_let_go, .setup = start, .thread = {owner_lets_go_and_joins, thief_twice},
	 .check = each_once, .bounded_spin = true, .min_executions = 10000,
	 .covers = "T1 T3 T5 T6 T7");

SCENARIO(lane_one_let_go, .setup = start, .thread = {owner_lets_one_go, thief}, .check = each_once,
	 .bounded_spin = true, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6 T7");

SCENARIO(lane_halves, .setup = start,
	 .thread = {owner_pushes, thief_then_polite, polite_then_thief}, .check = oldest_first,
	 .min_executions = 10000, .covers = "T1 T5 T6");

/* ---- The fiber goes on elsewhere: it sees the marks there ---- */

static struct atomic32 gone;

static void start_leaving(void)
{
	start();
	store_relaxed(&gone, 0);
	model_name(&gone, "gone");
}

static void owner_leaves(void)
{
	owner_lets_go();
	store_release(&gone, 1);
}

static void joins_elsewhere(void)
{
	if (!load_acquire(&gone))
		return;
	for (int i = 0; i < 2; i++)
		model_assert(plain_read(&items[i].taken) == 1);
}

SCENARIO(lane_left, .setup = start_leaving, .thread = {owner_leaves, thief_twice, joins_elsewhere},
	 .check = each_once, .bounded_spin = true, .min_executions = 10000,
	 .covers = "T1 T5 T6 T7");
