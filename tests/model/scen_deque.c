/* SPDX-License-Identifier: MIT */
/*
 * scen_deque.c - core/deque.c: capacity 2, indices that wrap, growth beside thieves.
 *
 * An item is the address of a plain variable that is written before its push and read by whoever
 * takes it, so an item that is seen too early is a race.  At the end what is left is taken, and
 * each item must have come out once.
 */
#include "explorer.h"

#include "core/deque.h"

#define ITEMS 6

static struct thrum__deque d;
static int payload[ITEMS];
static unsigned taken[ITEMS], pushed;

static void push(unsigned i)
{
	plain_write(&payload[i], (int)i);
	model_assert(thrum__deque_push(&d, &payload[i]) == 0);
	pushed++;
}

static int took(void *item)
{
	int i;

	if (!item)
		return -1;
	i = plain_read((int *)item);
	model_assert(i >= 0 && i < ITEMS && item == &payload[i]);
	taken[i]++;
	model_assert(taken[i] == 1);
	return i;
}

/* An empty deque whose next index is @at. */
static void start(uint64_t at)
{
	model_assert(thrum__deque_init(&d, 2) == 0);
	store_relaxed(&d.top, at);
	store_relaxed(&d.bottom, at);
	d.top_seen = at;
	pushed = 0;
	for (unsigned i = 0; i < ITEMS; i++)
		taken[i] = 0;
	model_name(&d.top, "top");
	model_name(&d.bottom, "bottom");
	model_name(&d.slots, "slots");
}

static void start_empty(void)
{
	start(UINT64_MAX);
}

static void start_two(void)
{
	start(UINT64_MAX);
	push(0);
	push(1);
}

static void all_once(void)
{
	unsigned n = 0;

	model_assert(thrum__deque_count(&d) <= pushed);
	while (took(thrum__deque_steal(&d)) >= 0)
		;
	for (unsigned i = 0; i < ITEMS; i++)
		n += taken[i];
	model_assert(n == pushed);
	thrum__deque_fini(&d);
	model_assert(model_live() == 0);
}

static void thief(void)
{
	took(thrum__deque_steal(&d));
}

static void thief_twice(void)
{
	int first = took(thrum__deque_steal(&d));
	int second = took(thrum__deque_steal(&d));

	model_assert(first < 0 || second < 0 || first < second);
}

/* The last item: owner and two thieves; then the next one. */
static void last_owner(void)
{
	push(0);
	took(thrum__deque_pop(&d));
	push(1);
}
SCENARIO(deque_last_item, .bound = 4, .setup = start_empty, .thread = {last_owner, thief, thief},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T3 T4");

/* The fences: a thief gets to the second item while the owner pops it as one of several. */
static void pop_all(void)
{
	took(thrum__deque_pop(&d));
	took(thrum__deque_pop(&d));
}
SCENARIO(deque_pop_beside_thieves, .setup = start_two, .thread = {pop_all, thief, thief},
	 .check = all_once, .min_executions = 10000, .covers = "T2 T3 T4");

/* An index used again: popped as one of several, pushed again with another item, while a thief is
 * on its way to it. */
static void again_owner(void)
{
	took(thrum__deque_pop(&d));
	push(2);
	took(thrum__deque_pop(&d));
}
SCENARIO(deque_index_again, .bound = 5, .setup = start_two, .thread = {again_owner, thief_twice},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T3 T4");

/* A thief learns of the older item by the owner's claim of the newer one. */
static void push_two_pop_one(void)
{
	push(0);
	push(1);
	took(thrum__deque_pop(&d));
}
SCENARIO(deque_claim_shows_the_rest, .bound = 4, .setup = start_empty,
	 .thread = {push_two_pop_one, thief_twice, thief}, .check = all_once,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4");

/* Growth, from full and across the wrap, while thieves read the old ring and the new one. */
static void growing_owner(void)
{
	push(2);
	push(3);
	took(thrum__deque_pop(&d));
}
SCENARIO(deque_growth, .bound = 5, .setup = start_two, .thread = {growing_owner, thief_twice},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T4");
static void grow_once(void)
{
	push(2);
	took(thrum__deque_pop(&d));
}
SCENARIO(deque_growth_two_thieves, .setup = start_two, .thread = {grow_once, thief, thief},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T4");

/* A slot is used again in the next lap, for a thief's progress made room; a slow thief still
 * holds the old index. */
static void lap_owner(void)
{
	push(2);
	push(3);
}
SCENARIO(deque_next_lap, .bound = 4, .setup = start_two, .thread = {lap_owner, thief, thief},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T4");

/* The owner takes at the thieves' end, then a certain item at its own. */
static void both_ends(void)
{
	took(thrum__deque_pop_oldest(&d));
	push(2);
	took(thrum__deque_pop_if(&d, &payload[2]));
	model_assert(!thrum__deque_pop_if(&d, &payload[0]));
	took(thrum__deque_pop_oldest(&d));
}
SCENARIO(deque_both_ends, .bound = 5, .setup = start_two, .thread = {both_ends, thief_twice},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T3 T4");
