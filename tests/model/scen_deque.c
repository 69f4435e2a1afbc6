/* SPDX-License-Identifier: MIT */
/*
 * scen_deque.c - core/deque.c: capacity 2, indices that wrap, growth beside thieves.
 *
 * Thieves are scen_queue.h's takers; what an item is and what must hold at the end stands there.
 */
#define QUEUE_IS_DEQUE
#include "scen_queue.h"

/* The last item: owner and two thieves; then the next one. */
static void last_owner(void)
{
	push(0);
	took(thrum__deque_pop(&q));
	push(1);
}
SCENARIO(deque_last_item, .bound = 4, .setup = start_empty, .thread = {last_owner, taker, taker},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T3 T4");

/* The fences: a thief gets to the second item while the owner pops it as one of several. */
static void pop_all(void)
{
	took(thrum__deque_pop(&q));
	took(thrum__deque_pop(&q));
}
SCENARIO(deque_pop_beside_thieves, .setup = start_two, .thread = {pop_all, taker, taker},
	 .check = all_once, .min_executions = 10000, .covers = "T2 T3 T4");

/* An index used again: popped as one of several, pushed again with another item, while a thief is
 * on its way to it. */
static void again_owner(void)
{
	took(thrum__deque_pop(&q));
	push(2);
	took(thrum__deque_pop(&q));
}
SCENARIO(deque_index_again, .bound = 5, .setup = start_two, .thread = {again_owner, taker_twice},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T3 T4");

/* A thief learns of the older item by the owner's claim of the newer one. */
static void push_two_pop_one(void)
{
	push(0);
	push(1);
	took(thrum__deque_pop(&q));
}
SCENARIO(deque_claim_shows_the_rest, .bound = 4, .setup = start_empty,
	 .thread = {push_two_pop_one, taker_twice, taker}, .check = all_once,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4");

/* Growth, from full and across the wrap, while thieves read the old ring and the new one. */
static void growing_owner(void)
{
	push(2);
	push(3);
	took(thrum__deque_pop(&q));
}
SCENARIO(deque_growth, .bound = 5, .setup = start_two, .thread = {growing_owner, taker_twice},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T4");
static void grow_once(void)
{
	push(2);
	took(thrum__deque_pop(&q));
}
SCENARIO(deque_growth_two_thieves, .setup = start_two, .thread = {grow_once, taker, taker},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T4");

/* A slot is used again in the next lap, for a thief's progress made room; a slow thief still
 * holds the old index. */
static void lap_owner(void)
{
	push(2);
	push(3);
}
SCENARIO(deque_next_lap, .bound = 4, .setup = start_two, .thread = {lap_owner, taker, taker},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T4");

/* The owner takes at the thieves' end, then a certain item at its own. */
static void both_ends(void)
{
	took(thrum__deque_pop_oldest(&q));
	push(2);
	took(thrum__deque_pop_if(&q, &payload[2]));
	model_assert(!thrum__deque_pop_if(&q, &payload[0]));
	took(thrum__deque_pop_oldest(&q));
}
SCENARIO(deque_both_ends, .bound = 5, .setup = start_two, .thread = {both_ends, taker_twice},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T3 T4");
