/* SPDX-License-Identifier: MIT */
/*
 * scen_inbox.c - core/inbox.c: producers and takers; each item comes out once, a producer's items
 * in order.
 */
#include "explorer.h"

#include "core/inbox.h"

#define ITEMS 6

struct item {
	struct thrum__link link; /* first */
	int value;
};

static struct thrum__inbox box;
static struct item items[ITEMS];
static unsigned taken[ITEMS], pushed;

static void push(unsigned i)
{
	plain_write(&items[i].value, (int)i);
	thrum__inbox_push(&box, &items[i].link);
	pushed++;
}

/* Takes all; items 0 and 1, 2 and 3, 4 and 5 are of one producer each.  Returns how many. */
static unsigned take_all(void)
{
	struct thrum__link *l = thrum__inbox_take_all(&box);
	int last[ITEMS / 2] = {-1, -1, -1};
	unsigned n = 0;

	while (l) {
		struct thrum__link *next = plain_read(&l->next);
		int i = plain_read(&((struct item *)l)->value);

		model_assert(i >= 0 && i < ITEMS && l == &items[i].link);
		taken[i]++;
		model_assert(taken[i] == 1);
		model_assert(last[i / 2] < i);
		last[i / 2] = i;
		n++;
		l = next;
	}
	return n;
}

static void start(void)
{
	thrum__inbox_init(&box);
	pushed = 0;
	for (unsigned i = 0; i < ITEMS; i++)
		taken[i] = 0;
	model_name(&box.newest, "newest");
}

static void all_once(void)
{
	unsigned n = 0;

	take_all();
	model_assert(thrum__inbox_is_empty(&box));
	for (unsigned i = 0; i < ITEMS; i++)
		n += taken[i];
	model_assert(n == pushed);
}

static void push_01(void)
{
	push(0);
	push(1);
}

static void push_23(void)
{
	push(2);
	push(3);
}

static void push_4(void)
{
	push(4);
}

static void taker(void)
{
	take_all();
}

static void taker_twice(void)
{
	take_all();
	take_all();
}

SCENARIO(inbox_two_producers, .setup = start, .thread = {push_01, push_23, taker_twice},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2");

SCENARIO(inbox_two_takers, .setup = start, .thread = {push_01, push_4, taker, taker},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2");

/* A taker puts an item back at once: the newest is the same address again while a producer is
 * about to push on it. */
static void hand_back(void)
{
	struct thrum__link *l = thrum__inbox_take_all(&box);

	while (l) {
		struct thrum__link *next = plain_read(&l->next);

		plain_write(&((struct item *)l)->value, plain_read(&((struct item *)l)->value));
		thrum__inbox_push(&box, l);
		l = next;
	}
}
static void push_2(void)
{
	push(2);
}
static void start_with_one(void)
{
	start();
	push(0);
}
SCENARIO(inbox_address_again, .setup = start_with_one, .thread = {hand_back, push_2, push_4, taker},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2");
