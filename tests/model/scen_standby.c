/* SPDX-License-Identifier: MIT */
/*
 * scen_standby.c - core/standby.c: a keeper and its thread: leave, take up again, end, begin anew.
 *
 * What it has put down, and what it is taken up for, are plain variables, one for each rest.
 */
#include "explorer.h"

#include "core/standby.h"

#define RESTS 3

static struct thrum__standby s;
static unsigned put_down[RESTS], orders[RESTS];
static struct model_event made[2], over[2];
static unsigned rested, taken_up, ended;
static bool each_rests;         /* the keeper waits for each rest */
static struct atomic32 exiting; /* as the runtime's: its workers end without a word */

static void start(void)
{
	store_relaxed(&s.state, THRUM__STANDBY_NONE);
	store_relaxed(&exiting, 0);
	for (int i = 0; i < RESTS; i++) {
		plain_write(&put_down[i], 0);
		plain_write(&orders[i], 0);
	}
	each_rests = false;
	rested = taken_up = ended = 0;
	for (int i = 0; i < 2; i++) {
		model_event_init(&made[i]);
		model_event_init(&over[i]);
	}
	model_name(&s.state, "state");
	model_name(&exiting, "exiting");
}

/* ---- The thread ---- */

static bool is_told(void *unused)
{
	(void)unused;
	return s.state.v != THRUM__STANDBY_RUNNING || exiting.v;
}

static bool rest(void)
{
	bool goes_on;

	if (each_rests)
		plain_write(&put_down[rested], 1);
	goes_on = thrum__standby_rest(&s);
	if (each_rests)
		model_assert(plain_read(&orders[rested]) == 1);
	rested++;
	return goes_on;
}

/* Its @turn-th thread. */
static void life(unsigned turn)
{
	bool goes_on = true;

	model_event_wait(&made[turn]);
	while (goes_on) {
		model_block_until(is_told, NULL);
		if (load_relaxed(&exiting))
			break;
		if (thrum__standby_is(&s, THRUM__STANDBY_LEAVING))
			goes_on = rest();
		else
			spin_hint();
	}
	ended++;
	model_event_set(&over[turn]);
}

static void life0(void)
{
	life(0);
}

/* Rests once, if it comes to that. */
static void life0_until_stopped(void)
{
	model_event_wait(&made[0]);
	while (!thrum__standby_is(&s, THRUM__STANDBY_ENDING)) {
		if (thrum__standby_is(&s, THRUM__STANDBY_LEAVING) && !thrum__standby_rest(&s)) {
			model_assert(plain_read(&orders[0]) == 1);
			break;
		}
		spin_hint();
	}
	ended++;
	model_event_set(&over[0]);
}

static void life1(void)
{
	life(1);
}

/* ---- Its keeper ---- */

static void make(unsigned turn)
{
	model_assert(thrum__standby_is(&s, THRUM__STANDBY_NONE));
	thrum__standby_begin(&s);
	model_event_set(&made[turn]);
}

static void join(unsigned turn)
{
	model_event_wait(&over[turn]);
	thrum__standby_over(&s);
}

static bool is_resting(void *unused)
{
	(void)unused;
	return s.state.v == THRUM__STANDBY_RESTING;
}

/* It is at work again, wherever it was. */
static void take_up(void)
{
	thrum__standby_want(&s, true);
	if (!thrum__standby_wake(&s, true))
		return;
	taken_up++;
}

/* It rests; the keeper may be the last to see it. */
static void wake_for_sure(bool to_work)
{
	while (!thrum__standby_wake(&s, to_work))
		spin_hint();
}

static void let_go_and_end(unsigned turn)
{
	thrum__standby_want(&s, false);
	model_block_until(is_resting, NULL);
	wake_for_sure(false);
	join(turn);
}

static void keeper_takes_up(void)
{
	make(0);
	thrum__standby_want(&s, false);
	take_up();
	model_assert(thrum__standby_is_active(&s));
	thrum__standby_want(&s, false);
	take_up();
	let_go_and_end(0);
}

static void ended_once(void)
{
	model_assert(ended == 1 && s.state.v == THRUM__STANDBY_NONE);
	model_assert(taken_up <= rested);
}

static void nobody_but_looks(void)
{
	unsigned active = thrum__standby_is_active(&s);

	model_assert(active <= 1);
	thrum__standby_is(&s, THRUM__STANDBY_RESTING);
}

/* T1 to T5, T7: told to leave and wanted again, wherever it is meanwhile. */
SCENARIO(standby_take_up, .stale = 1, .setup = start,
	 .thread = {keeper_takes_up, life0, nobody_but_looks}, .check = ended_once,
	 .bounded_spin = true, .observes_order = true, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T5 T7");

/* The keeper sees what was put down, and it what it is taken up for. */
static void start_each(void)
{
	start();
	each_rests = true;
}

static void wake_one(unsigned i, bool to_work)
{
	thrum__standby_want(&s, false);
	model_block_until(is_resting, NULL);
	plain_write(&orders[i], 1);
	wake_for_sure(to_work);
	model_assert(plain_read(&put_down[i]) == 1);
}

static void keeper_works(void)
{
	make(0);
	wake_one(0, true);
	wake_one(1, true);
	wake_one(2, false);
	join(0);
}

SCENARIO(standby_rest, .stale = 1, .setup = start_each,
	 .thread = {keeper_works, life0, nobody_but_looks}, .check = ended_once,
	 .bounded_spin = true, .observes_order = true, .covers = "T1 T2 T3 T4 T5 T7");

/* The end of all, wherever it is: one that rested knows why. */
static void keeper_stops(void)
{
	make(0);
	thrum__standby_want(&s, false);
	if (model_choose(2))
		take_up();
	store_relaxed(&exiting, 1);
	thrum__standby_stop(&s);
	join(0);
}
SCENARIO(standby_stop, .setup = start, .thread = {keeper_stops, life0}, .check = ended_once,
	 .bounded_spin = true, .observes_order = true, .covers = "T1 T2 T3 T4 T6 T7");

static void keeper_stops_one_at_rest(void)
{
	make(0);
	thrum__standby_want(&s, false);
	if (model_choose(2))
		model_block_until(is_resting, NULL);
	plain_write(&orders[0], 1);
	thrum__standby_stop(&s);
	join(0);
}
SCENARIO(standby_stop_at_rest, .setup = start_each,
	 .thread = {keeper_stops_one_at_rest, life0_until_stopped}, .check = ended_once,
	 .observes_order = true, .covers = "T1 T2 T3 T6 T7");

/* Another thread in its place; the second one is stopped. */
static void keeper_begins_anew(void)
{
	make(0);
	let_go_and_end(0);
	make(1);
	thrum__standby_want(&s, false);
	take_up();
	store_relaxed(&exiting, 1);
	thrum__standby_stop(&s);
	join(1);
}

static void ended_twice(void)
{
	model_assert(ended == 2 && s.state.v == THRUM__STANDBY_NONE);
}

SCENARIO(standby_again, .stale = 1, .setup = start, .thread = {keeper_begins_anew, life0, life1},
	 .check = ended_twice, .bounded_spin = true, .observes_order = true,
	 .covers = "T1 T2 T3 T4 T5 T6 T7");
