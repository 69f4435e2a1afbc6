/* SPDX-License-Identifier: MIT */
/*
 * scen_future.c - the future and its list of waiters (runtime/core/future.c).
 *
 * Each thread frees its nodes the moment it may.  Whoever is woken reads the result, which catches
 * an order that is too weak.
 */
#include "core/future.h"
#include "explorer.h"
#include "nodes.h"

enum fate { NOWHERE, REGISTERED, REFUSED, WITHDRAWN };

static struct thrum_future *f;
static enum fate fate[NODES];
static unsigned completed;

static bool node_register(unsigned i)
{
	bool is_on = thrum__future_register(f, &nodes[i]->waiter);

	fate[i] = is_on ? REGISTERED : REFUSED;
	return is_on;
}

/* True: withdrawn.  The node's memory goes at once. */
static bool node_withdraw(unsigned i)
{
	bool was_on = thrum__future_withdraw(f, &nodes[i]->waiter);

	if (was_on)
		fate[i] = WITHDRAWN;
	else
		model_assert(plain_read(&f->result) != 0);
	model_free(nodes[i]);
	return was_on;
}

/* Waits until node @i has been fired; sees the result. */
static void node_await(unsigned i)
{
	model_event_wait(&woken[i]);
	model_assert(plain_read(&f->result) != 0);
	model_free(nodes[i]);
}

static void complete(intptr_t result)
{
	completed++;
	thrum__future_complete(f, result);
}

static void setup(void)
{
	f = model_alloc(sizeof(*f));
	store_relaxed(&f->word, 0);
	plain_write(&f->result, 0);
	model_name(&f->word, "word");
	model_name(&f->result, "result");
	completed = 0;
	nodes_reset();
	for (unsigned i = 0; i < NODES; i++)
		fate[i] = NOWHERE;
}

static void setup_nodes(unsigned n)
{
	setup();
	for (unsigned i = 0; i < n; i++) {
		node_new(i);
		model_assert(node_register(i));
	}
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

static void setup4(void)
{
	setup_nodes(4);
}

/* Completes the future if nobody has: what is still on is fired, and each node had one end. */
static void check(void)
{
	if (!thrum__future_is_done(f))
		complete(9);
	model_assert(completed == 1);
	for (unsigned i = 0; i < NODES; i++)
		model_assert(fired[i] == (fate[i] == REGISTERED ? 1 : 0));
}

static void completer(void)
{
	complete(7);
}

/* Fibers that wait to the end. */

static void awaiter0(void)
{
	node_await(0);
}

static void awaiter3(void)
{
	node_new(3);
	if (node_register(3)) {
		node_await(3);
	} else {
		model_assert(plain_read(&f->result) != 0);
		model_free(nodes[3]);
	}
}

/* Fibers that give up at once. */

static void leaver2(void)
{
	node_new(2);
	if (node_register(2))
		node_withdraw(2);
	else
		model_free(nodes[2]);
}

static void withdraw0(void)
{
	node_withdraw(0);
}

static void withdraw1(void)
{
	node_withdraw(1);
}

static void withdraw2(void)
{
	node_withdraw(2);
}

/* T2, T3, T4, T5, T6, T7: one waits, one gives up, one completes. */
SCENARIO(future_await_leave_complete, .setup = setup1, .thread = {completer, awaiter3, leaver2},
	 .check = check, .min_executions = 10000, .covers = "T2 T3 T4 T5 T6 T7");

/* T5, T6, T7 by two, beside T2 or T3: the head and the middle leave while the rest is fired. */
SCENARIO(future_head_middle_complete, .setup = setup3, .thread = {withdraw2, withdraw1, completer},
	 .check = check, .min_executions = 10000, .covers = "T2 T3 T5 T6 T7");

static void withdraw1_leave2_await3(void)
{
	node_withdraw(1);
	leaver2();
	awaiter3();
}

/* T3: the party that holds the list fires for the completer, and hands the result on. */
SCENARIO(future_holder_fires, .setup = setup2,
	 .thread = {awaiter0, withdraw1_leave2_await3, completer}, .check = check, .bound = 4,
	 .min_executions = 10000, .covers = "T3 T5 T6 T7");

/* T4 beside T3: nodes that come after LOCKED was taken are the holder's to fire as well. */
SCENARIO(future_late_comer_and_holder, .setup = setup2, .thread = {withdraw0, awaiter3, completer},
	 .check = check, .bound = 4, .min_executions = 10000, .covers = "T3 T4 T5 T7");

/* Back links: a list of four is emptied by two, in any order. */

static void leave_ends(void)
{
	unsigned first = model_choose(2) ? 3 : 0;

	node_withdraw(first);
	node_withdraw(3 - first);
}

static void leave_middle(void)
{
	unsigned first = 1 + model_choose(2);

	node_withdraw(first);
	node_withdraw(3 - first);
}

/* T5, T6, T7: back links are made, cut at the head, made again. */
SCENARIO(future_back_links, .setup = setup4, .thread = {leave_ends, leave_middle}, .check = check,
	 .covers = "T5 T6 T7");

/* Node 1 knows node 2 above it, which leaves; then what is above is somebody else. */
static void setup_linked(void)
{
	setup3();
	model_assert(thrum__future_withdraw(f, &nodes[0]->waiter));
	fate[0] = WITHDRAWN;
}

static void comer3(void)
{
	node_new(3);
	node_register(3);
}

/* T4, T5, T6, T7: a back link to a node that has gone is not followed. */
SCENARIO(future_old_link, .setup = setup_linked, .thread = {withdraw2, comer3, withdraw1},
	 .check = check, .min_executions = 10000, .covers = "T4 T5 T6 T7");

/* The same memory comes back as the newest node: the word is the same again, the links are not. */
static void leave_and_return1(void)
{
	model_assert(thrum__future_withdraw(f, &nodes[1]->waiter));
	model_assert(node_register(1));
}

static void leave_and_return1_twice(void)
{
	leave_and_return1();
	leave_and_return1();
}

/* T4, T5, T6: the word's old value comes back between a withdrawal's look and its T5. */
SCENARIO(future_same_head_again, .setup = setup2, .thread = {withdraw0, leave_and_return1_twice},
	 .check = check, .min_executions = 10000, .covers = "T4 T5 T6 T7");

/* T4 to T7: and the others leave, too, while it does. */
static void withdraw_node_0_or_2(void)
{
	node_withdraw(model_choose(2) ? 0 : 2);
}
SCENARIO(future_leave_and_return, .setup = setup3,
	 .thread = {withdraw_node_0_or_2, leave_and_return1_twice}, .check = check,
	 .min_executions = 10000, .covers = "T4 T5 T6 T7");

/* Completing by those who win the claim. */

static void claimer(void)
{
	if (thrum__future_claim(f))
		complete(1 + model_thread());
	else
		model_assert(!thrum__future_claim(f));
}

static void check_claims(void)
{
	model_assert(completed == 1);
	check();
}

/* T1 by three, T2, T4: two set, one cancels, one waits. */
SCENARIO(future_claims, .setup = setup1, .thread = {claimer, claimer, claimer, awaiter3},
	 .check = check_claims, .min_executions = 10000, .covers = "T1 T2 T4");

/* T1 beside T4 to T7: the claim comes while the list is held. */
SCENARIO(future_claim_beside_withdrawal, .setup = setup3, .thread = {claimer, claimer, withdraw1},
	 .check = check_claims, .min_executions = 10000, .covers = "T1 T2 T3 T5 T6 T7");

/*
 * The last reference goes as soon as somebody has seen the end, while others are still being fired:
 * the completer holds none.
 */

static struct atomic32 refs;

static void release(void)
{
	if (fetch_sub_acq_rel(&refs, 1) == 1)
		model_free(f);
}

static void setup_refs(void)
{
	setup_nodes(1);
	store_relaxed(&refs, 2);
}

static void await_and_release(void)
{
	awaiter3();
	release();
}

static void look_and_release(void)
{
	while (!thrum__future_is_done(f))
		spin_hint();
	model_assert(plain_read(&f->result) == 7);
	release();
}

static void leave_and_release(void)
{
	leaver2();
	release();
}

static void check_gone(void)
{
	model_assert(completed == 1 && fired[0] == 1);
	model_assert(model_live() == 1); /* node 0 */
}

/* T2, T3, T4: completing touches nothing of the future after its one instruction. */
SCENARIO(future_freed_by_awaiter, .setup = setup_refs,
	 .thread = {completer, await_and_release, leave_and_release}, .check = check_gone,
	 .min_executions = 10000, .covers = "T2 T3 T4 T5 T6 T7");
SCENARIO(future_freed_by_looker, .setup = setup_refs,
	 .thread = {completer, look_and_release, leave_and_release}, .check = check_gone,
	 .min_executions = 10000, .covers = "T2 T3 T4 T5 T6 T7");

/* Taking a callback back: found by what it is. */

static bool is_number(struct thrum__waiter *w, void *arg)
{
	return plain_read(&container_of(w, struct node, waiter)->number) == *(unsigned *)arg;
}

static void match1(void)
{
	unsigned one = 1;
	bool done;
	struct thrum__waiter *w = thrum__future_withdraw_match(f, is_number, &one, &done);

	if (w) {
		model_assert(!done && w == &nodes[1]->waiter);
		fate[1] = WITHDRAWN;
		model_free(nodes[1]);
	} else {
		/* Nobody else takes node 1 off. */
		model_assert(done && thrum__future_is_done(f));
		model_assert(plain_read(&f->result) != 0);
	}
}

/* T3, T5, T6, T7: a walk along the list while its head leaves and its end comes. */
SCENARIO(future_match, .setup = setup3, .thread = {match1, withdraw2, completer}, .check = check,
	 .min_executions = 10000, .covers = "T2 T3 T5 T6 T7");

/* T4, T5: the walk meets a node that was pushed just now. */
SCENARIO(future_match_newcomer, .setup = setup2, .thread = {match1, leaver2, completer},
	 .check = check, .min_executions = 10000, .covers = "T2 T3 T4 T5 T6 T7");
