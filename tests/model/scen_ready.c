/* SPDX-License-Identifier: MIT */
/*
 * scen_ready.c - core/ready.c: capacity 2, indices that wrap, growth beside takers.
 *
 * What an item is and what must hold at the end stands in scen_queue.h.
 */
#define QUEUE_IS_READY
#include "scen_queue.h"

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
