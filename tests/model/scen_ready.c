/* SPDX-License-Identifier: MIT */
/*
 * scen_ready.c - core/ready.c: capacity 2, indices that wrap, growth beside takers.
 *
 * As in scen_deque.c an item is the address of a plain variable; besides coming out once, items
 * come out in order.
 */
#include "explorer.h"

#include "core/ready.h"

#define ITEMS 6

static struct thrum__ready q;
static int payload[ITEMS];
static unsigned taken[ITEMS], pushed;

static void push(unsigned i)
{
	plain_write(&payload[i], (int)i);
	model_assert(thrum__ready_push(&q, &payload[i]) == 0);
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

static void start(uint64_t at)
{
	model_assert(thrum__ready_init(&q, 2) == 0);
	store_relaxed(&q.head, at);
	store_relaxed(&q.tail, at);
	q.head_seen = at;
	pushed = 0;
	for (unsigned i = 0; i < ITEMS; i++)
		taken[i] = 0;
	model_name(&q.head, "head");
	model_name(&q.tail, "tail");
	model_name(&q.slots, "slots");
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

	model_assert(thrum__ready_count(&q) <= pushed);
	while (took(thrum__ready_take(&q)) >= 0)
		;
	for (unsigned i = 0; i < ITEMS; i++)
		n += taken[i];
	model_assert(n == pushed);
	thrum__ready_fini(&q);
	model_assert(model_live() == 0);
}

static void taker(void)
{
	took(thrum__ready_take(&q));
}

static void taker_twice(void)
{
	int first = took(thrum__ready_take(&q));
	int second = took(thrum__ready_take(&q));

	model_assert(first < 0 || second < 0 || first < second);
}

/* Each push beside takers that may have seen an older tail and a newer head. */
static void push_two(void)
{
	push(0);
	push(1);
}
SCENARIO(ready_push_beside_takers, .bound = 4, .setup = start_empty,
	 .thread = {push_two, taker_twice, taker_twice}, .check = all_once, .min_executions = 10000,
	 .covers = "T1 T2");

/* Growth across the wrap: a taker with an older tail meets the new ring. */
static void grow(void)
{
	push(2);
	push(3);
}
SCENARIO(ready_growth, .bound = 4, .setup = start_two, .thread = {grow, taker, taker},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2");

/* The owner takes, too, makes room by it and uses the slots again, while a slow taker holds the
 * old index. */
static void lap_owner(void)
{
	took(thrum__ready_take(&q));
	push(2);
}
SCENARIO(ready_next_lap, .bound = 4, .setup = start_two, .thread = {lap_owner, taker, taker},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2");

/* The owner's takes of all that it has pushed find exactly what the taker left. */
static void drain_owner(void)
{
	push(0);
	took(thrum__ready_take(&q));
	push(1);
	push(2);
	took(thrum__ready_take(&q));
	took(thrum__ready_take(&q));
	model_assert(!thrum__ready_take(&q) && thrum__ready_count(&q) == 0);
}
SCENARIO(ready_owner_drains, .bound = 4, .setup = start_empty, .thread = {drain_owner, taker_twice},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2");
