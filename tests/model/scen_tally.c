/* SPDX-License-Identifier: MIT */
/*
 * scen_tally.c - core/tally.h: who finds nothing under way sees all that was done.
 */
#include "explorer.h"

#include "core/tally.h"

#define THINGS 3

static struct thrum__tally tally, next;
static unsigned results[THINGS]; /* plain: each writes its own */
static unsigned last, seen_none;

static void start(unsigned under_way)
{
	thrum__tally_init(&tally);
	thrum__tally_init(&next);
	while (under_way--)
		thrum__tally_begin(&tally);
	for (unsigned i = 0; i < THINGS; i++)
		plain_write(&results[i], 0);
	last = seen_none = 0;
	model_name(&tally.n, "tally");
	model_name(&next.n, "next");
}

static void start_two(void)
{
	start(2);
}

static void start_one(void)
{
	start(1);
}

static void end(struct thrum__tally *t, unsigned i)
{
	plain_write(&results[i], 1);
	last += thrum__tally_end(t);
}

static void first_ends(void)
{
	end(&tally, 0);
}

/* Begins another before its own end. */
static void second_ends_after_third(void)
{
	thrum__tally_begin(&tally);
	end(&tally, 1);
	end(&tally, 2);
}

static void second_ends(void)
{
	end(&tally, 1);
}

static void look(unsigned expected)
{
	if (thrum__tally_any(&tally) || thrum__tally_any(&next))
		return;
	for (unsigned i = 0; i < expected; i++)
		model_assert(plain_read(&results[i]) == 1);
	seen_none++;
}

static void looker(void)
{
	look(2);
	look(2);
}

static void looker_for_three(void)
{
	look(3);
	look(3);
}

static void nothing_left(void)
{
	model_assert(tally.n.v == 0 && next.n.v == 0 && last >= 1);
}

SCENARIO(tally_two_end, .setup = start_two, .thread = {first_ends, second_ends, looker},
	 .check = nothing_left, .covers = "T2");
SCENARIO(tally_begin_inside, .setup = start_two,
	 .thread = {first_ends, second_ends_after_third, looker_for_three, looker_for_three},
	 .check = nothing_left, .min_executions = 10000, .covers = "T1 T2");

/*
 * One tally after the other, as a job's end makes its callback due: what ends in the first has
 * begun in the second.
 */
static struct model_event due;

static void start_relay(void)
{
	start_one();
	model_event_init(&due);
}

static void passes_on(void)
{
	thrum__tally_begin(&next);
	model_event_set(&due);
	end(&tally, 0);
}

static void goes_on(void)
{
	model_event_wait(&due);
	end(&next, 1);
}

SCENARIO(tally_relay, .setup = start_relay, .thread = {passes_on, goes_on, looker, looker},
	 .check = nothing_left, .min_executions = 10000, .covers = "T1 T2");
