/* SPDX-License-Identifier: MIT */
/* scen_roll.c - core/roll.h: entries come while others walk over those that are there. */
#include "explorer.h"

#include "core/roll.h"

#define PLACES 3

struct entry {
	unsigned number;
};

static struct thrum__roll roll;
static struct entry entries[PLACES];
static struct entry *places[PLACES];

static void start(void)
{
	store_relaxed(&roll.count, 0);
	for (unsigned i = 0; i < PLACES; i++)
		plain_write(&places[i], NULL);
	model_name(&roll.count, "count");
}

static void add(void)
{
	unsigned i = thrum__roll_next(&roll);

	plain_write(&entries[i].number, i + 1);
	plain_write(&places[i], &entries[i]);
	thrum__roll_add(&roll);
}

static void adder(void)
{
	for (unsigned i = 0; i < PLACES; i++)
		add();
}

static unsigned walk(void)
{
	unsigned n = thrum__roll_count(&roll);

	for (unsigned i = 0; i < n; i++)
		model_assert(plain_read(&plain_read(&places[i])->number) == i + 1);
	return n;
}

/* What was there stays there. */
static void reader(void)
{
	unsigned n = walk();

	model_assert(walk() >= n);
}

/* One that was told by another reader finds as much. */
static unsigned told;
static struct model_event tells;

static void start_told(void)
{
	start();
	told = 0;
	model_event_init(&tells);
}

static void reader_tells(void)
{
	told = walk();
	model_event_set(&tells);
}

static void reader_told(void)
{
	model_event_wait(&tells);
	model_assert(walk() >= told);
}

static void all_there(void)
{
	model_assert(walk() == PLACES);
}

SCENARIO(roll_two_readers, .setup = start, .thread = {adder, reader, reader}, .check = all_there,
	 .covers = "T1");
SCENARIO(roll_three_readers, .setup = start, .thread = {adder, reader, reader, reader},
	 .check = all_there, .min_executions = 10000, .covers = "T1");
SCENARIO(roll_told, .setup = start_told, .thread = {adder, reader_tells, reader_told, reader},
	 .check = all_there, .observes_order = true, .min_executions = 10000, .covers = "T1");
