/* SPDX-License-Identifier: MIT */
/*
 * scen_bell.c - core/bell.h: nobody sleeps through a ring, and who heard it sees what it told of;
 * and a thread that waits for a future with a bell of its own, as sched/outside.c does.
 */
#include "explorer.h"

#include "base/assert.h"
#include "core/bell.h"
#include "core/future.h"
#include "core/parker.h"

#define FOREVER INT64_MAX

static struct thrum__bell bell;
static struct atomic32 there; /* relaxed: what a look finds */
static int thing;             /* what came before the only ring */

static void start(void)
{
	store_relaxed(&bell.rings, 0);
	store_relaxed(&there, 0);
	plain_write(&thing, 0);
	model_name(&bell.rings, "rings");
	model_name(&there, "there");
}

static void ring_another(void)
{
	fetch_add_relaxed(&there, 1);
	thrum__bell_ring(&bell);
}

static void ring_twice(void)
{
	ring_another();
	ring_another();
}

static void wait_for(uint32_t n)
{
	for (;;) {
		uint32_t seen = thrum__bell_listen(&bell);

		model_assert(load_relaxed(&there) >= seen);
		if (load_relaxed(&there) >= n)
			return;
		thrum__bell_wait(&bell, seen, FOREVER);
	}
}

static void waits_for_two(void)
{
	wait_for(2);
}

static void waits_for_three(void)
{
	wait_for(3);
}

SCENARIO(bell_two_ring, .setup = start, .thread = {ring_another, ring_another, waits_for_two},
	 .covers = "T1 T2");
SCENARIO(bell_two_wait, .stale = 1, .setup = start,
	 .thread = {ring_twice, waits_for_two, waits_for_two}, .min_executions = 10000,
	 .covers = "T1 T2");
SCENARIO(bell_three_rings, .setup = start, .thread = {ring_twice, ring_another, waits_for_three},
	 .min_executions = 10000, .covers = "T1 T2");

/* ---- A thread that waits for one future and then, with the same parker, for another ---- */

static struct {
	struct thrum__parker parker;
	struct thrum__bell bell;
} own;

static struct thrum_future *futures[2];
static unsigned rung, timed_out;

static void unpark(struct thrum__parker *p, void *relay, enum thrum__why why)
{
	model_assert(p == &own.parker && !relay && why == THRUM__BY_NODE);
	rung++;
	thrum__bell_ring(&own.bell);
}

static void start_futures(void)
{
	start();
	thrum__parker_init(&own.parker, unpark);
	thrum__parker_reset(&own.parker);
	store_relaxed(&own.bell.rings, 0);
	for (int i = 0; i < 2; i++) {
		futures[i] = model_alloc(sizeof(*futures[i]));
		store_relaxed(&futures[i]->word, 0);
		plain_write(&futures[i]->result, 0);
		model_name(&futures[i]->word, i ? "second" : "first");
	}
	rung = timed_out = 0;
	model_name(&own.parker.word, "parker");
	model_name(&own.bell.rings, "own rings");
}

static bool sleep_until(uint32_t seen, int64_t deadline_ns)
{
	while (thrum__bell_listen(&own.bell) == seen)
		if (thrum__bell_wait(&own.bell, seen, deadline_ns) == -ETIMEDOUT)
			return false;
	return true;
}

/* As thrum__await_outside: true: done. */
static bool await(struct thrum_future *f, int64_t deadline_ns)
{
	struct thrum__wait_node *n = model_alloc(sizeof(*n));
	uint64_t seq = thrum__parker_seq(&own.parker);
	uint32_t seen = thrum__bell_listen(&own.bell);
	bool done = true;

	thrum__wait_node_init(n, &own.parker, seq);
	if (thrum__future_register(f, &n->waiter) && thrum__parker_park(&own.parker, seq, true) &&
	    !sleep_until(seen, deadline_ns)) {
		if (thrum__parker_abandon(&own.parker, seq))
			done = !thrum__future_withdraw(f, &n->waiter);
		else
			sleep_until(seen, FOREVER);
	}
	model_free(n);
	timed_out += !done;
	return done;
}

static void await_both(void)
{
	if (await(futures[0], 1))
		model_assert(plain_read(&futures[0]->result) == 1);
	model_assert(await(futures[1], FOREVER));
	model_assert(plain_read(&futures[1]->result) == 2);
}

static void complete_first(void)
{
	thrum__future_complete(futures[0], 1);
}

static void complete_second(void)
{
	thrum__future_complete(futures[1], 2);
}

static void complete_both(void)
{
	complete_first();
	complete_second();
}

static void all_done(void)
{
	model_assert(own.bell.rings.v == rung && rung <= 2);
	model_assert(futures[0]->result == 1 && futures[1]->result == 2);
}

SCENARIO(bell_outside, .setup = start_futures, .thread = {await_both, complete_both},
	 .check = all_done, .covers = "T1 T2");
SCENARIO(bell_outside_two, .setup = start_futures,
	 .thread = {await_both, complete_first, complete_second}, .check = all_done,
	 .min_executions = 10000, .covers = "T1 T2");
