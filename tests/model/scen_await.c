/* SPDX-License-Identifier: MIT */
/*
 * scen_await.c - a wait for an edge that a raise, a deadline and a cancel would end, as
 * sched/await.c makes it; and a task that is parked before it has ever run, as sched/later.c does.
 *
 * The parker's memory stays; the frame with the node goes at the end of the wait.
 */
#include "explorer.h"

#include "base/assert.h"
#include "core/edge.h"
#include "core/parker.h"

#include <stddef.h>

static struct thrum__parker p;
static struct thrum__edge edge;
static struct model_event woken;
static struct atomic32 there; /* what the raise tells of */
static int done_before;       /* what was done before it */
static uint64_t first;
static unsigned parked, unparked;

static void unpark(struct thrum__parker *q, void *relay, enum thrum__why why)
{
	(void)why;
	model_assert(q == &p && !relay);
	unparked++;
	model_event_set(&woken);
}

static void setup(void)
{
	thrum__parker_init(&p, unpark);
	thrum__parker_reset(&p);
	first = thrum__parker_seq(&p);
	thrum__edge_init(&edge);
	model_event_init(&woken);
	store_relaxed(&there, 0);
	plain_write(&done_before, 0);
	parked = unparked = 0;
	model_name(&p.word, "parker");
	model_name(&edge.word, "edge");
	model_name(&edge.tick, "tick");
	model_name(&there, "there");
}

static void check(void)
{
	model_assert(parked == unparked);
	model_assert(!thrum__edge_is_awaited(&edge));
	model_assert(model_live() == 0);
}

static void park(uint64_t seq)
{
	if (thrum__parker_park(&p, seq, false)) {
		parked++;
		model_event_wait(&woken);
	}
	model_assert(thrum__parker_seq(&p) == seq + 1);
}

/* One wait for the edge, in a frame of its own. */
static enum thrum__why wait_once(uint64_t tick)
{
	struct thrum__wait_node *n = model_alloc(sizeof(*n));
	uint64_t seq = thrum__parker_seq(&p);
	enum thrum__why why = THRUM__BY_NODE;

	thrum__wait_node_init(n, &p, seq);
	if (thrum__edge_register(&edge, &n->waiter, tick)) {
		park(seq);
		why = thrum__parker_why(&p);
		if (why != THRUM__BY_NODE)
			thrum__edge_withdraw(&edge, &n->waiter);
	}
	model_free(n);
	return why;
}

static void wait_until_there(void)
{
	for (;;) {
		uint64_t tick = thrum__edge_tick(&edge);
		enum thrum__why why;

		if (load_relaxed(&there)) {
			model_assert(!tick || plain_read(&done_before) == 1);
			return;
		}
		why = wait_once(tick);
		if (why == THRUM__BY_NODE)
			continue;
		model_assert(why != THRUM__BY_CANCEL ||
			     (thrum__parker_requested(&p) & THRUM__PARKER_HARD));
		if (why == THRUM__BY_CANCEL)
			return;
	}
}

static void raise_it(void)
{
	plain_write(&done_before, 1);
	store_relaxed(&there, 1);
	thrum__edge_raise(&edge);
}

static void raise_for_nothing_then_it(void)
{
	thrum__edge_raise(&edge);
	store_relaxed(&there, 1);
	thrum__edge_raise(&edge);
}

static void time_out(void)
{
	thrum__parker_fire(&p, first, THRUM__BY_TIMER);
}

static void cancel(void)
{
	thrum__parker_cancel(&p, THRUM__PARKER_HARD);
}

static void time_out_and_cancel(void)
{
	bool cancel_first = model_choose(2);

	if (cancel_first)
		cancel();
	time_out();
	if (!cancel_first)
		cancel();
}

/* The wait ends once, whoever is first; nothing sleeps on; the frame goes at once. */
SCENARIO(await_edge_timer, .setup = setup, .thread = {wait_until_there, raise_it, time_out},
	 .check = check, .min_executions = 10000, .covers = "T1 T2 T3 T7");
/* Deadline and cancel come from one thread; parker_fire_timer_cancel has them apart. */
SCENARIO(await_edge_timer_cancel, .setup = setup,
	 .thread = {wait_until_there, raise_it, time_out_and_cancel}, .check = check, .bound = 2,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5");

/* A raise for nothing in between: looked at again, and not missed. */
static void wait_without_end(void)
{
	for (;;) {
		uint64_t tick = thrum__edge_tick(&edge);

		if (load_relaxed(&there))
			return;
		model_assert(wait_once(tick) == THRUM__BY_NODE);
	}
}

SCENARIO(await_edge_again, .setup = setup, .thread = {wait_without_end, raise_for_nothing_then_it},
	 .check = check, .covers = "T1 T2 T3");

/*
 * A task that is parked before it has run: its node lies in itself.  The spawner parks it; a worker
 * starts it when it was unparked, takes the node off, and uses the memory for something else.
 */

static struct thrum__waiter ready;
static uint64_t wait_seq;
static struct model_event queued; /* for the worker */

static void ready_fire(struct thrum__waiter *n)
{
	uint64_t seq = plain_read(&wait_seq);

	model_assert(n == &ready);
	thrum__waiter_let_go(n);
	thrum__parker_fire(&p, seq, THRUM__BY_NODE);
}

static void unpark_armed(struct thrum__parker *q, void *relay, enum thrum__why why)
{
	unpark(q, relay, why);
	model_event_set(&queued);
}

static void setup_armed(void)
{
	setup();
	p.unpark = unpark_armed;
	model_event_init(&queued);
	plain_write(&wait_seq, 0);
	plain_write(&ready.fire, ready_fire);
	store_relaxed(&ready.gone, 0);
}

static void spawner(void)
{
	plain_write(&wait_seq, first);
	if (!thrum__edge_register(&edge, &ready, 0)) {
		/* It looks again, and starts it at once. */
		model_assert(thrum__edge_tick(&edge) == 1 && load_relaxed(&there));
		plain_write(&ready.fire, NULL);
		return;
	}
	if (thrum__parker_park(&p, first, false))
		parked++;
	else
		model_event_set(&queued);
}

/* What starts it, and its first wait of its own, which only the cancel ends. */
static void worker(void)
{
	model_event_wait(&queued);
	thrum__edge_withdraw(&edge, &ready);
	plain_write(&ready.fire, NULL);
	plain_write(&ready.next, NULL);
	plain_write(&wait_seq, first + 1);
	if (thrum__parker_park(&p, first + 1, false)) {
		parked++;
		model_event_wait(&queued);
	}
	model_assert(thrum__parker_why(&p) == THRUM__BY_CANCEL);
}

/* If it was not armed the worker has nothing to start. */
static void check_armed(void)
{
	model_assert(parked == unparked);
	model_assert(!thrum__edge_is_awaited(&edge));
}

SCENARIO(await_armed_raise_cancel, .setup = setup_armed,
	 .thread = {spawner, worker, raise_it, cancel}, .check = check_armed, .bound = 2,
	 .may_sleep = 1u << 1, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5");
