/* SPDX-License-Identifier: MIT */
/*
 * scen_refs.c - references (runtime/core/refs.h): who gives the last one back sees what all others
 * did; a walker gets a whole thing or none, in whichever of its block's lives.
 */
#include "core/future.h"
#include "core/refs.h"
#include "explorer.h"

#include <string.h>

enum { USERS = 4 };

static struct thing {
	struct atomic32 refs;
	int life;        /* 0: free */
	int did[USERS];  /* each user's own */
	int made, ended; /* how often */
} thing;
static struct atomic32 pool; /* 1: the block is there */

static void start_with(uint32_t refs)
{
	memset(&thing, 0, sizeof(thing));
	store_relaxed(&pool, !refs);
	if (refs) {
		thing.life = thing.made = 1;
		store_relaxed(&thing.refs, refs);
	}
	model_name(&thing.refs, "refs");
	model_name(&thing.life, "life");
	model_name(&pool, "pool");
}

static void start(void)
{
	start_with(0);
}

static void start1(void)
{
	start_with(1);
}

static void start2(void)
{
	start_with(2);
}

static void start3(void)
{
	start_with(3);
}

/* The last one: everything that was done is seen, and nobody does more. */
static void end_thing(void)
{
	for (unsigned i = 0; i < USERS; i++)
		plain_write(&thing.did[i], 0);
	model_assert(plain_read(&thing.life) > 0);
	plain_write(&thing.life, 0);
	thing.ended++;
	thrum__refs_clear(&thing.refs);
	store_release(&pool, 1);
}

/* With a reference: the thing is whole. */
static void use(void)
{
	int *mine = &thing.did[model_thread()];

	model_assert(plain_read(&thing.life) > 0);
	plain_write(mine, plain_read(mine) + 1);
}

static void use_release(void)
{
	use();
	if (thrum__refs_release(&thing.refs))
		end_thing();
}

static void walk_once(void)
{
	if (thrum__refs_try_retain(&thing.refs))
		use_release();
}

static void walk_twice(void)
{
	walk_once();
	walk_once();
}

static void walk_thrice(void)
{
	walk_twice();
	walk_once();
}

/* A new life in the block, if it is free, with @refs references: the caller's. */
static bool make(uint32_t refs)
{
	if (!exchange_acquire(&pool, 0))
		return false;
	thing.made++;
	plain_write(&thing.life, thing.made);
	thrum__refs_publish(&thing.refs, refs);
	return true;
}

static void make_release(void)
{
	if (make(1))
		use_release();
}

/* A second one of its own in between. */
static void make_release_both(void)
{
	if (!make(2))
		return;
	use_release();
	use_release();
}

static void check(void)
{
	model_assert(thing.made == thing.ended);
	model_assert(thing.refs.v == 0 && thing.life == 0 && pool.v == 1);
}

/* T1, T2, T4, T7: the last release, the block's next life, and walkers that look at either. */
SCENARIO(refs_walker_reuse, .setup = start1,
	 .thread = {use_release, make_release, walk_twice, walk_once}, .check = check,
	 .min_executions = 10000, .covers = "T1 T2 T4 T7");

/* T1, T2, T4, T7: two makers, so that a walker's look and its CAS may lie two lives apart. */
SCENARIO(refs_walker_two_lives, .setup = start,
	 .thread = {make_release_both, make_release, walk_once, walk_once}, .check = check,
	 .min_executions = 10000, .covers = "T1 T2 T4 T7");

/* T1, T2, T4, T7: walkers who may be the last to hold it. */
SCENARIO(refs_walkers_last, .setup = start, .thread = {make_release, walk_twice, walk_thrice},
	 .check = check, .min_executions = 10000, .covers = "T1 T2 T4 T7");

/* T2, T4, T7: two give theirs back while one walks. */
SCENARIO(refs_two_releasers, .setup = start2,
	 .thread = {use_release, use_release, walk_twice, walk_once}, .check = check,
	 .min_executions = 10000, .covers = "T2 T4 T7");

/* T1, T2, T4, T7, T8: one has two, as who joins a task in place; walkers hold it up. */
static void use_release_both(void)
{
	use();
	if (thrum__refs_release_both(&thing.refs)) {
		end_thing();
		return;
	}
	use_release();
	use_release();
}
SCENARIO(refs_both_walked, .setup = start2,
	 .thread = {use_release_both, make_release, walk_twice, walk_once}, .check = check,
	 .min_executions = 10000, .covers = "T1 T2 T4 T7 T8");

/* T2, T4, T7, T8: a third is given back meanwhile. */
SCENARIO(refs_both_and_third, .setup = start3,
	 .thread = {use_release_both, use_release, walk_thrice}, .check = check,
	 .min_executions = 10000, .covers = "T2 T4 T7 T8");

/* Things that nobody walks. */

static void use_release_unwalked(void)
{
	use();
	if (thrum__refs_release_unwalked(&thing.refs))
		end_thing();
}

/* T3, T4, T5, T7: each takes another one and gives both back. */
static void retain_release(void)
{
	thrum__refs_retain(&thing.refs);
	use_release_unwalked();
	use_release_unwalked();
}
SCENARIO(refs_unwalked, .setup = start3,
	 .thread = {retain_release, retain_release, use_release_unwalked}, .check = check,
	 .min_executions = 10000, .covers = "T3 T4 T5 T7");

/* T3, T4, T5, T7: one looks whether it is the only one, and then does as it likes. */
static void look_often(void)
{
	for (int i = 0; i < 2; i++) {
		use();
		if (!thrum__refs_is_only(&thing.refs))
			continue;
		for (unsigned user = 0; user < USERS; user++)
			plain_write(&thing.did[user], 0);
	}
	use_release_unwalked();
}
SCENARIO(refs_only_one, .setup = start3,
	 .thread = {retain_release, look_often, use_release_unwalked}, .check = check,
	 .min_executions = 10000, .covers = "T3 T4 T5 T7");

/*
 * As shields do: a node on another future's list is worth a reference to the thing; whoever takes
 * the node off has it.  The thing is done when the other is, or when it is cancelled.
 */

static struct thrum_future target, own;
static struct thrum__waiter node;
static unsigned completed;

static bool take_back(void *unused)
{
	(void)unused;
	return !thrum__future_is_done(&own) && thrum__future_withdraw(&target, &node);
}

static void release_hung(void)
{
	if (!thrum__refs_release_or_take_back(&thing.refs, take_back, NULL))
		return;
	plain_write(&node.next, NULL);
	plain_write(&own.result, 0);
	end_thing();
}

static void use_release_hung(void)
{
	use();
	release_hung();
}

static bool complete_own(intptr_t result)
{
	if (!thrum__future_claim(&own))
		return false;
	completed++;
	thrum__future_complete(&own, result);
	return true;
}

static void node_fire(struct thrum__waiter *n)
{
	thrum__waiter_let_go(n);
	complete_own(1);
	use_release_hung();
}

static void start_hung(uint32_t users)
{
	start_with(users + 1);
	memset(&target, 0, sizeof(target));
	memset(&own, 0, sizeof(own));
	memset(&node, 0, sizeof(node));
	node.fire = node_fire;
	completed = 0;
	model_assert(thrum__future_register(&target, &node));
	model_name(&target.word, "target");
	model_name(&own.word, "own");
}

static void start_hung1(void)
{
	start_hung(1);
}

static void start_hung2(void)
{
	start_hung(2);
}

static void start_hung3(void)
{
	start_hung(3);
}

static void complete_target(void)
{
	thrum__future_complete(&target, 1);
}

static void use_cancel_release(void)
{
	use();
	if (complete_own(2) && thrum__future_withdraw(&target, &node))
		release_hung();
	release_hung();
}

static void check_hung(void)
{
	check();
	model_assert(completed <= 1);
}

/* T4, T6, T7: nobody completes it; the last user takes the node back. */
SCENARIO(refs_hung, .setup = start_hung3,
	 .thread = {use_release_hung, use_release_hung, use_release_hung}, .check = check_hung,
	 .covers = "T4 T6 T7");

/* T4, T6, T7: it is completed meanwhile. */
SCENARIO(refs_hung_fired, .setup = start_hung2,
	 .thread = {use_release_hung, use_release_hung, complete_target}, .check = check_hung,
	 .min_executions = 10000, .covers = "T4 T6 T7");

/* T4, T6, T7: a user cancels it. */
SCENARIO(refs_hung_cancelled, .setup = start_hung2,
	 .thread = {use_release_hung, use_cancel_release, complete_target}, .check = check_hung,
	 .min_executions = 10000, .covers = "T4 T6 T7");

/* T4, T7: the only user cancels it. */
SCENARIO(refs_hung_only_cancels, .setup = start_hung1,
	 .thread = {use_cancel_release, complete_target}, .check = check_hung, .covers = "T4 T7");
