/* SPDX-License-Identifier: MIT */
/*
 * scen_publication.c - a fiber is parked by the stack that runs after it, while others end its wait
 * (runtime/core/parker.c with runtime/core/future.c, as in runtime/sched/await.c).
 *
 * The fiber awaits two futures, one after the other, and counts its steps in its frame.  It starts
 * on thread 0; whoever ends its wait while it is parked runs it on, in place.  A fiber that is run
 * twice, too early, or with an old frame is a data race on the frame.
 */
#include "explorer.h"

#include "base/assert.h"
#include "core/future.h"
#include "core/parker.h"

static struct thrum__parker p;
static uint64_t first; /* the number of the fiber's first wait */
static unsigned parked, unparked;
static int by_timer, by_cancel; /* what happened before the wake */

enum { STAGES = 2 };

static struct thrum_future *stage[STAGES];
static struct thrum__wait_node *node; /* in the fiber's frame, as is */
static int steps;                     /* waits that have ended */
static unsigned finished;
static bool deaf;

static struct thrum__wait_node *node_new(uint64_t seq)
{
	struct thrum__wait_node *n = model_alloc(sizeof(*n));

	thrum__wait_node_init(n, &p, seq);
	return n;
}

/* Wait number @step has ended after a park. */
static void fiber_end_wait(int step)
{
	enum thrum__why why = thrum__parker_why(&p);

	model_assert(thrum__parker_seq(&p) == first + (uint64_t)step + 1);
	if (why == THRUM__BY_NODE)
		model_assert(plain_read(&stage[step]->result) == step + 1);
	else
		thrum__future_withdraw(stage[step], &plain_read(&node)->waiter);
	model_assert(why != THRUM__BY_CANCEL || (!deaf && plain_read(&by_cancel) == 1));
	model_assert(why != THRUM__BY_TIMER || plain_read(&by_timer) == 1);
	model_free(plain_read(&node));
	plain_write(&steps, step + 1);
}

/* Begins wait number @step: true: the fiber is parked, its frame is somebody else's now. */
static bool fiber_wait(int step)
{
	struct thrum__wait_node *n = node_new(first + (uint64_t)step);

	plain_write(&node, n);
	if (!thrum__future_register(stage[step], &n->waiter)) {
		model_assert(plain_read(&stage[step]->result) == step + 1);
		thrum__parker_abandon(&p, first + (uint64_t)step);
		model_free(n);
		plain_write(&steps, step + 1);
		return false;
	}
	/* From here it is the next stack that runs. */
	if (thrum__parker_park(&p, first + (uint64_t)step, deaf)) {
		parked++;
		return true;
	}
	fiber_end_wait(step);
	return false;
}

static void fiber_run(void)
{
	int step;

	while ((step = plain_read(&steps)) < STAGES)
		if (fiber_wait(step))
			return;
	finished++;
}

static void fiber_unpark(struct thrum__parker *q, void *relay, enum thrum__why why)
{
	model_assert(q == &p && !relay);
	model_assert(why == thrum__parker_why(&p));
	unparked++;
	fiber_end_wait(plain_read(&steps));
	fiber_run();
}

static void setup_fiber(void)
{
	thrum__parker_init(&p, fiber_unpark);
	thrum__parker_reset(&p);
	first = thrum__parker_seq(&p);
	parked = unparked = 0;
	plain_write(&by_timer, 0);
	plain_write(&by_cancel, 0);
	model_name(&p.word, "word");
	for (int i = 0; i < STAGES; i++) {
		stage[i] = model_alloc(sizeof(*stage[i]));
		store_relaxed(&stage[i]->word, 0);
		plain_write(&stage[i]->result, 0);
	}
	model_name(&stage[0]->word, "first");
	model_name(&stage[1]->word, "second");
	plain_write(&steps, 0);
	model_name(&steps, "steps");
	finished = 0;
	deaf = false;
}

static struct thrum__wait_node *stranger; /* of a wait of long ago, on the second future */

static void setup_with_stranger(void)
{
	setup_fiber();
	stranger = node_new(first - 1);
	model_assert(thrum__future_register(stage[1], &stranger->waiter));
}

static void stranger_leaves(void)
{
	thrum__future_withdraw(stage[1], &stranger->waiter);
	model_free(stranger);
}

static void setup_deaf_fiber(void)
{
	setup_fiber();
	deaf = true;
}

static void timer_first(void)
{
	plain_write(&by_timer, 1);
	thrum__parker_fire(&p, first, THRUM__BY_TIMER);
}

static void cancel_hard(void)
{
	plain_write(&by_cancel, 1);
	thrum__parker_cancel(&p, THRUM__PARKER_HARD);
}

static void complete_stage0(void)
{
	thrum__future_complete(stage[0], 1);
}

static void complete_stage1(void)
{
	thrum__future_complete(stage[1], 2);
}

static void complete_both(void)
{
	complete_stage0();
	complete_stage1();
}

static void check_fiber(void)
{
	model_assert(parked == unparked);
	model_assert(finished == 1 && steps == STAGES);
	model_assert(model_live() == STAGES);
}

/*
 * T1, T2, T3: parked by the next stack while the futures are completed elsewhere, and fired by
 * whoever holds the list.
 */
SCENARIO(publication_two_waits, .setup = setup_with_stranger,
	 .thread = {fiber_run, complete_both, stranger_leaves}, .check = check_fiber,
	 .min_executions = 10000, .covers = "T1 T2 T3 T7");

/* T1, T2, T3, T4: the second wait ends by the cancel only, the first perhaps. */
SCENARIO(publication_cancel, .setup = setup_fiber,
	 .thread = {fiber_run, complete_stage0, cancel_hard}, .check = check_fiber,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T7");

/* T1, T3, T5: a cancel that is not heard runs nothing. */
SCENARIO(publication_deaf, .setup = setup_deaf_fiber,
	 .thread = {fiber_run, complete_stage0, complete_stage1, cancel_hard}, .check = check_fiber,
	 .min_executions = 10000, .covers = "T1 T2 T3 T5 T7");

static void timer_then_complete_stage1(void)
{
	timer_first();
	complete_stage1();
}

/* T1, T2, T3: a deadline and the future race for the first wait; the loser's end comes late. */
SCENARIO(publication_deadline, .setup = setup_fiber,
	 .thread = {fiber_run, complete_stage0, timer_then_complete_stage1}, .check = check_fiber,
	 .min_executions = 10000, .covers = "T1 T2 T3 T7");
