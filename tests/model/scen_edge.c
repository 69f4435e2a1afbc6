/* SPDX-License-Identifier: MIT */
/*
 * scen_edge.c - what happens again and again, and its waiters (runtime/core/edge.c).
 *
 * A waiter's memory goes, or is used again, the moment it may.  What the raiser did before is a
 * plain variable: whoever is fired, or reads the new tick, reads it.
 */
#include "core/edge.h"
#include "explorer.h"
#include "nodes.h"

static struct thrum__edge edge;
static unsigned registered[NODES], withdrawn[NODES];
static int thing;             /* what happens before the only raise */
static struct atomic32 there; /* how often it has happened: what a look finds */

static bool node_register(unsigned i, uint64_t tick)
{
	bool is_on = thrum__edge_register(&edge, &nodes[i]->waiter, tick);

	registered[i] += is_on;
	return is_on;
}

/* The node's memory goes at once. */
static bool node_withdraw(unsigned i)
{
	bool was_on = thrum__edge_withdraw(&edge, &nodes[i]->waiter);

	withdrawn[i] += was_on;
	model_free(nodes[i]);
	return was_on;
}

static void setup_nodes(unsigned n)
{
	thrum__edge_init(&edge);
	store_relaxed(&there, 0);
	plain_write(&thing, 0);
	model_name(&edge.word, "word");
	model_name(&edge.tick, "tick");
	model_name(&there, "there");
	nodes_reset();
	for (unsigned i = 0; i < NODES; i++)
		registered[i] = withdrawn[i] = 0;
	for (unsigned i = 0; i < n; i++) {
		node_new(i);
		model_assert(node_register(i, 0));
	}
}

static void setup(void)
{
	setup_nodes(0);
}

static void setup1(void)
{
	setup_nodes(1);
}

static void setup2(void)
{
	setup_nodes(2);
}

static void setup3(void)
{
	setup_nodes(3);
}

/* Each node had as many ends as beginnings; nothing is left on. */
static void check(void)
{
	model_assert(!thrum__edge_is_awaited(&edge));
	for (unsigned i = 0; i < NODES; i++)
		model_assert(registered[i] == withdrawn[i] + fired[i]);
	model_assert(model_live() == 0);
}

/* Looks and waits, until it has happened @times. */
static void wait_for(unsigned i, uint32_t times)
{
	for (;;) {
		uint64_t tick = thrum__edge_tick(&edge);

		model_assert(load_relaxed(&there) >= tick);
		if (load_relaxed(&there) >= times)
			return;
		node_new(i);
		if (node_register(i, tick))
			model_event_wait(&woken[i]);
		model_free(nodes[i]);
	}
}

static void waiter2(void)
{
	wait_for(2, 1);
}

static void raise_another(void)
{
	fetch_add_relaxed(&there, 1);
	thrum__edge_raise(&edge);
}

/* T1, T2, T5, T6: nobody sleeps through it, wherever it comes. */
SCENARIO(edge_register_raise, .setup = setup, .thread = {waiter2, raise_another}, .check = check,
	 .min_executions = 1300, .covers = "T1 T2 T4 T5 T6");

/* Who is fired by the only raise sees what it did; who sees the tick, too. */

static void raise_once(void)
{
	plain_write(&thing, 1);
	thrum__edge_raise(&edge);
}

static void await_thing(unsigned i)
{
	model_event_wait(&woken[i]);
	model_assert(plain_read(&thing) == 1);
	model_free(nodes[i]);
}

static void await0(void)
{
	await_thing(0);
}

/* One look, made before. */
static void register_and_await(unsigned i)
{
	if (node_register(i, 0)) {
		await_thing(i);
	} else {
		model_free(nodes[i]);
		model_assert(thrum__edge_tick(&edge) == 1);
		model_assert(plain_read(&thing) == 1);
	}
}

static void awaiter2(void)
{
	node_new(2);
	register_and_await(2);
}

static void awaiter3(void)
{
	node_new(3);
	register_and_await(3);
}

static void withdraw0(void)
{
	node_withdraw(0);
}

static void withdraw1(void)
{
	if (!node_withdraw(1))
		model_assert(plain_read(&thing) == 1);
}

static void withdraw2(void)
{
	node_withdraw(2);
}

/* T1 to T6: two come, it happens. */
SCENARIO(edge_two_waiters_raise, .setup = setup, .thread = {awaiter2, awaiter3, raise_once},
	 .check = check, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

/* T2, T3, T4, T6: the newer leaves while both are fired; the holder hands on what was done. */
SCENARIO(edge_withdraw_raise, .setup = setup2, .thread = {await0, withdraw1, raise_once},
	 .check = check, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6");

/* T1 to T6: one leaves, one comes, it happens. */
SCENARIO(edge_withdraw_raise_register, .setup = setup1, .thread = {withdraw0, raise_once, awaiter2},
	 .check = check, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

/* T3, T4, T6: head and middle leave beside it; back links of nodes that are then taken. */
static void check_free0(void)
{
	model_assert(fired[0] == 1);
	model_free(nodes[0]);
	check();
}
SCENARIO(edge_head_middle_raise, .setup = setup3, .thread = {withdraw2, withdraw1, raise_once},
	 .check = check_free0, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6");

/* T3, T4: two raises meet each other's LOCKED, and a withdrawal's. */

static void raise_it(void)
{
	thrum__edge_raise(&edge);
}

static void withdraw1_any(void)
{
	node_withdraw(1);
}
SCENARIO(edge_raise_raise_withdraw, .setup = setup2, .thread = {raise_it, raise_it, withdraw1_any},
	 .check = check_free0, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6");

/* T3, T4: a raise takes the list; before it has given LOCKED back a waiter for the next one comes,
 * and that one, too. */
static void wait_and_raise(void)
{
	node_new(2);
	if (node_register(2, 1)) {
		raise_it();
		model_event_wait(&woken[2]);
	}
	model_free(nodes[2]);
}
SCENARIO(edge_owed, .setup = setup1, .thread = {raise_it, wait_and_raise}, .check = check_free0,
	 .min_executions = 2000, .covers = "T1 T2 T3 T4 T5 T6");

/* T1 to T6: one waits for both. */
static void waiter2_twice(void)
{
	wait_for(2, 2);
}
SCENARIO(edge_raise_raise_register, .setup = setup,
	 .thread = {raise_another, raise_another, waiter2_twice}, .check = check, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

/* The same memory comes back, right after it was fired and before the firing raise has ended. */

static void wait_again0(void)
{
	model_event_wait(&woken[0]);
	store_relaxed(&nodes[0]->waiter.gone, 0);
	if (node_register(0, 1))
		model_event_wait(&woken[0]);
	else
		model_assert(thrum__edge_tick(&edge) == 2);
	model_free(nodes[0]);
}

static void await1(void)
{
	model_event_wait(&woken[1]);
	model_free(nodes[1]);
}

static void raise_twice(void)
{
	raise_it();
	raise_it();
}

/* T2, T5, T6: node 0 is the oldest of the first list, and the newest of the second. */
SCENARIO(edge_again, .setup = setup2, .thread = {raise_twice, wait_again0, await1}, .check = check,
	 .min_executions = 10000, .covers = "T1 T2 T4 T5 T6");

/* T2 to T6: two raise. */
SCENARIO(edge_again_two_raise, .setup = setup1, .thread = {raise_it, raise_it, wait_again0},
	 .check = check, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

/* T2 to T6: the other node leaves. */
SCENARIO(edge_again_and_leave, .setup = setup2, .thread = {raise_twice, wait_again0, withdraw1_any},
	 .check = check, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");

/* T5, T6: it leaves and comes back while the raise looks at it. */
static void leave_and_return0(void)
{
	if (thrum__edge_withdraw(&edge, &nodes[0]->waiter))
		withdrawn[0]++;
	else
		model_event_wait(&woken[0]);
	store_relaxed(&nodes[0]->waiter.gone, 0);
	register_and_await(0);
}
SCENARIO(edge_leave_and_return, .setup = setup2, .thread = {leave_and_return0, raise_once, await1},
	 .check = check, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6");
