/* SPDX-License-Identifier: MIT */
/*
 * scen_bias.c - core/bias.c: the owner and others, never two inside; each sees what the last one
 * did.
 */
#include "explorer.h"

#include "core/bias.h"

static struct thrum__bias b;
static int inside;       /* how many are in */
static unsigned payload; /* what the lock guards */
static unsigned entered, took, gave_up;

static void start(void)
{
	thrum__bias_init(&b);
	inside = 0;
	payload = 0;
	entered = took = gave_up = 0;
	model_name(&b.inside, "inside");
	model_name(&b.taken, "taken");
	model_name(&payload, "payload");
}

/* Inside: a look and a change of what is guarded, with a scheduling point between. */
static void work(void)
{
	unsigned seen;

	model_assert(inside == 0);
	inside++;
	seen = plain_read(&payload);
	model_yield();
	plain_write(&payload, seen + 1);
	inside--;
}

static void enter_once(void)
{
	thrum__bias_enter(&b);
	work();
	thrum__bias_leave(&b);
	entered++;
}

static void owner(void)
{
	enter_once();
}

static void owner_thrice(void)
{
	enter_once();
	enter_once();
	enter_once();
}

static void take_once(void)
{
	if (!thrum__bias_try_take(&b)) {
		gave_up++;
		return;
	}
	work();
	thrum__bias_untake(&b);
	took++;
}

static void taker(void)
{
	take_once();
}

static void taker_again(void)
{
	take_once();
	take_once();
}

static void all_counted(void)
{
	model_assert(payload == entered + took);
	model_assert(b.inside.v == 0 && b.taken.v == 0);
}

SCENARIO(bias_taker_comes_back, .setup = start, .thread = {owner, taker_again},
	 .check = all_counted, .bounded_spin = true, .observes_order = true,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4");

SCENARIO(bias_owner_comes_back, .setup = start, .thread = {owner_thrice, taker},
	 .check = all_counted, .bounded_spin = true, .observes_order = true,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4");

SCENARIO(bias_two_takers, .setup = start, .thread = {owner, taker, taker}, .check = all_counted,
	 .bounded_spin = true, .observes_order = true, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4");

/* Two locks for one heavy fence. */
static struct thrum__bias other;
static unsigned other_payload, other_entered, other_took;

static void start_two(void)
{
	start();
	thrum__bias_init(&other);
	other_payload = other_entered = other_took = 0;
	model_name(&other.inside, "other inside");
	model_name(&other.taken, "other taken");
}

static void add_to_other(unsigned *count)
{
	unsigned seen = plain_read(&other_payload);

	model_yield();
	plain_write(&other_payload, seen + 1);
	++*count;
}

static void taker_of_two(void)
{
	bool first = thrum__bias_ask(&b), second = thrum__bias_ask(&other);

	thrum__bias_after_asks();
	if (first && thrum__bias_come_in(&b)) {
		work();
		thrum__bias_untake(&b);
		took++;
	}
	if (second && thrum__bias_come_in(&other)) {
		add_to_other(&other_took);
		thrum__bias_untake(&other);
	}
}

static void owner_of_both(void)
{
	enter_once();
	thrum__bias_enter(&other);
	add_to_other(&other_entered);
	thrum__bias_leave(&other);
}

static void both_counted(void)
{
	all_counted();
	model_assert(other_payload == other_entered + other_took);
	model_assert(other.inside.v == 0 && other.taken.v == 0);
}

SCENARIO(bias_two_at_once, .setup = start_two, .thread = {owner_of_both, taker_of_two},
	 .check = both_counted, .bounded_spin = true, .observes_order = true,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4");

/* Takers alone: one of them is in. */
static void one_took(void)
{
	all_counted();
	model_assert(took >= 1);
}
SCENARIO(bias_takers_alone, .setup = start, .thread = {taker_again, taker_again, taker_again},
	 .check = one_took, .bounded_spin = true, .observes_order = true, .min_executions = 10000,
	 .covers = "T3 T4");
