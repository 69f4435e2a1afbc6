/* SPDX-License-Identifier: MIT */
/*
 * scen_parker.c - the state of a task that waits (runtime/core/parker.c), and the publication of a
 * fiber: parking it from the next stack while others end its wait.
 *
 * parker_*: the owner is one thread that sleeps while it is parked.  publication_*: the fiber is a
 * frame that whoever unparks it runs on, in his own thread: a fiber that is run twice, too early or
 * with an old frame is a data race on it.
 */
#include "explorer.h"

#include "base/assert.h"
#include "core/future.h"
#include "core/parker.h"

#include <stddef.h>

#define SOFT THRUM__PARKER_SOFT
#define HARD THRUM__PARKER_HARD

static struct thrum__parker p;
static uint64_t first; /* the number of the owner's first wait */
static struct model_event woken;
static struct model_event alive; /* the new life, or the next wait, can be found */
static unsigned parked, unparked;
static unsigned ended[4];  /* by enum thrum__why, as those who ended waits saw it */
static unsigned seen[4];   /* and as the owner saw it */
static int context;	   /* what a switch saves */
static int by_node, by_timer, by_cancel; /* what happened before the wake */

static void owner_unpark(struct thrum__parker *q, void *relay, enum thrum__why why)
{
	model_assert(q == &p && !relay);
	model_assert(plain_read(&context) > 0);
	ended[why]++;
	unparked++;
	model_event_set(&woken);
}

static void setup(void)
{
	thrum__parker_init(&p, owner_unpark);
	thrum__parker_reset(&p);
	first = thrum__parker_seq(&p);
	model_event_init(&woken);
	model_event_init(&alive);
	parked = unparked = 0;
	for (unsigned i = 0; i < 4; i++)
		ended[i] = seen[i] = 0;
	plain_write(&context, 0);
	plain_write(&by_node, 0);
	plain_write(&by_timer, 0);
	plain_write(&by_cancel, 0);
	model_name(&p.word, "word");
	model_name(&p.relay, "relay");
	model_name(&context, "context");
}

/* Each parked wait was unparked once. */
static void check(void)
{
	model_assert(parked == unparked);
}

/* The owner's part of wait @seq; sees what the party did that ended it. */
static enum thrum__why wait_to_end(uint64_t seq, bool deaf)
{
	enum thrum__why why;

	plain_write(&context, (int)seq);
	if (thrum__parker_park(&p, seq, deaf)) {
		parked++;
		model_event_wait(&woken);
	}
	model_assert(thrum__parker_seq(&p) == seq + 1);
	model_assert(thrum__parker_is_over(&p, seq));
	why = thrum__parker_why(&p);
	seen[why]++;
	model_assert(why != THRUM__BY_NODE || plain_read(&by_node) == 1);
	model_assert(why != THRUM__BY_TIMER || plain_read(&by_timer) == 1);
	model_assert(why != THRUM__BY_CANCEL || plain_read(&by_cancel) == 1);
	model_assert(why != THRUM__BY_CANCEL || !deaf);
	return why;
}

static void fire_first(void)
{
	plain_write(&by_node, 1);
	thrum__parker_fire(&p, first, THRUM__BY_NODE);
}

static void timer_first(void)
{
	plain_write(&by_timer, 1);
	thrum__parker_fire(&p, first, THRUM__BY_TIMER);
}

static void cancel_hard(void)
{
	plain_write(&by_cancel, 1);
	thrum__parker_cancel(&p, HARD);
}

static void cancel_soft_then_hard(void)
{
	thrum__parker_cancel(&p, SOFT);
	cancel_hard();
}

static void wait_once(void)
{
	wait_to_end(first, false);
}

static void check_once(void)
{
	model_assert(seen[THRUM__BY_NODE] + seen[THRUM__BY_TIMER] + seen[THRUM__BY_CANCEL] == 1);
	check();
}

/* T1, T2, T3, T4, T5: a future's end, a deadline and a cancel race for one wait. */
SCENARIO(parker_fire_timer_cancel, .setup = setup,
	 .thread = {wait_once, fire_first, timer_first, cancel_hard}, .check = check_once,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5");

/* Level-triggered: after the request every wait that hears it ends, a deaf one does not. */
static void wait_twice(void)
{
	enum thrum__why why = wait_to_end(first, false);
	bool asked = thrum__parker_requested(&p) & HARD;

	model_assert(why != THRUM__BY_CANCEL || asked);
	if (asked)
		model_assert(wait_to_end(first + 1, false) == THRUM__BY_CANCEL);
	wait_to_end(thrum__parker_seq(&p), false);
	model_assert(thrum__parker_requested(&p) & HARD);
}

static void check_requested(void)
{
	check();
	model_assert(thrum__parker_requested(&p) == (SOFT | HARD));
}

/* T1, T2, T4, T5: soft, then hard, by one; hard by another; the waits end by the hard ones. */
SCENARIO(parker_soft_then_hard, .setup = setup,
	 .thread = {wait_twice, cancel_soft_then_hard, fire_first}, .check = check_requested,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5");

static void wait_deaf_then_hearing(void)
{
	model_assert(wait_to_end(first, true) == THRUM__BY_NODE);
	model_assert(wait_to_end(first + 1, false) == THRUM__BY_CANCEL);
}

static void check_deaf(void)
{
	check_requested();
	model_assert(seen[THRUM__BY_NODE] == 1 && seen[THRUM__BY_CANCEL] == 1);
}

/* T1, T3, T5: a cancel of a deaf wait is kept for the next. */
SCENARIO(parker_deaf, .setup = setup,
	 .thread = {wait_deaf_then_hearing, cancel_soft_then_hard, fire_first},
	 .check = check_deaf, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5");

/* The owner gives up while others would end the wait. */
static void give_up(void)
{
	plain_write(&context, 1);
	if (thrum__parker_abandon(&p, first)) {
		model_assert(thrum__parker_why(&p) == THRUM__BY_SELF);
		seen[THRUM__BY_SELF]++;
	} else {
		/* Not parked: the request alone ends nothing. */
		model_assert(thrum__parker_why(&p) != THRUM__BY_CANCEL);
		seen[thrum__parker_why(&p)]++;
		model_assert(thrum__parker_why(&p) != THRUM__BY_NODE || plain_read(&by_node) == 1);
		model_assert(thrum__parker_why(&p) != THRUM__BY_TIMER ||
			     plain_read(&by_timer) == 1);
	}
	model_assert(!thrum__parker_park(&p, first, false));
}

static void check_given_up(void)
{
	model_assert(seen[THRUM__BY_SELF] + seen[THRUM__BY_NODE] + seen[THRUM__BY_TIMER] == 1);
	model_assert(!parked && !unparked);
}

/* T2, T5, T7: abandon beside a future's end, a deadline and a cancel; nobody is unparked. */
SCENARIO(parker_abandon, .setup = setup,
	 .thread = {give_up, fire_first, timer_first, cancel_hard}, .check = check_given_up,
	 .min_executions = 10000, .covers = "T2 T5 T7");

/* A new life in the same memory: what is still about from the last one ends nothing. */

static void second_life(void)
{
	give_up();
	thrum__parker_reset(&p);
	model_assert(thrum__parker_requested(&p) == 0);
	model_event_set(&alive);
	model_assert(wait_to_end(thrum__parker_seq(&p), false) == THRUM__BY_CANCEL);
}

static void cancel_second_life(void)
{
	model_event_wait(&alive);
	cancel_hard();
}

/* T9: a late end of a wait of the last life beside reset and the new life's first wait. */
SCENARIO(parker_late_fire_on_new_life, .setup = setup,
	 .thread = {second_life, fire_first, cancel_second_life}, .check = check,
	 .min_executions = 10000, .covers = "T1 T2 T4 T5 T7 T9");

/*
 * Lending.  The child that runs in place is counted: the owner has a reference for the whole time,
 * and each lent one has to be dropped by whoever ends the wait.
 */

struct child {
	struct atomic32 refs;
	int made; /* written before it is lent */
};

static struct child *children[2];

static void child_drop(struct child *c)
{
	if (fetch_sub_acq_rel(&c->refs, 1) == 1)
		model_free(c);
}

static void lent_unpark(struct thrum__parker *q, void *relay, enum thrum__why why)
{
	struct child *c = relay;

	model_assert(q == &p && c);
	model_assert(plain_read(&c->made) == 1);
	model_assert(why == THRUM__BY_CANCEL || why == THRUM__BY_TIMER);
	ended[why]++;
	child_drop(c);
}

static void setup_lent(void)
{
	setup();
	p.unpark = lent_unpark;
}

/* Runs child @i in place in wait @seq: true: the child was told to stop. */
static bool run_in_place(unsigned i, uint64_t seq)
{
	struct child *c = model_alloc(sizeof(*c));
	bool asked = thrum__parker_requested(&p) & HARD;
	enum thrum__why why;

	children[i] = c;
	store_relaxed(&c->refs, 2);
	plain_write(&c->made, 1);
	if (!thrum__parker_lend(&p, seq, c)) {
		thrum__parker_abandon(&p, seq);
		child_drop(c);
		child_drop(c);
		return true;
	}
	model_assert(!asked);
	parked++;
	if (thrum__parker_abandon(&p, seq)) {
		seen[THRUM__BY_SELF]++;
		child_drop(c);
		child_drop(c);
		return false;
	}
	why = thrum__parker_why(&p);
	seen[why]++;
	model_assert(why != THRUM__BY_CANCEL || plain_read(&by_cancel) == 1);
	model_assert(why != THRUM__BY_TIMER || plain_read(&by_timer) == 1);
	child_drop(c);
	return true;
}

static void lend_once(void)
{
	run_in_place(0, first);
}

static void lend_twice(void)
{
	run_in_place(0, first);
	model_event_set(&alive);
	run_in_place(1, first + 1);
}

/* A deadline for the first or the second wait, and a cancel before or after it. */
static void end_lent(void)
{
	bool second = model_choose(2), cancel_first = model_choose(2);

	if (cancel_first)
		cancel_hard();
	if (second)
		model_event_wait(&alive);
	plain_write(&by_timer, 1);
	thrum__parker_fire(&p, first + second, THRUM__BY_TIMER);
	if (!cancel_first)
		cancel_hard();
}

static void check_lent(void)
{
	model_assert(model_live() == 0);
	model_assert(parked ==
		     seen[THRUM__BY_SELF] + seen[THRUM__BY_CANCEL] + seen[THRUM__BY_TIMER]);
	model_assert(ended[THRUM__BY_CANCEL] == seen[THRUM__BY_CANCEL]);
	model_assert(ended[THRUM__BY_TIMER] == seen[THRUM__BY_TIMER]);
}

/* T5, T6, T7, T8: one wait lent, ended by its owner, a deadline or a cancel. */
SCENARIO(parker_lend, .setup = setup_lent, .thread = {lend_once, timer_first, cancel_hard},
	 .check = check_lent, .covers = "T2 T5 T6 T7 T8");

/* T6, T8 twice: the relay is the one of the wait that was ended. */
SCENARIO(parker_lend_again, .setup = setup_lent, .thread = {lend_twice, end_lent},
	 .check = check_lent, .covers = "T2 T5 T6 T7 T8");

/* Waits on a future, through a node in the owner's frame. */

static struct thrum_future *f;

static void setup_future(void)
{
	setup();
	f = model_alloc(sizeof(*f));
	store_relaxed(&f->word, 0);
	plain_write(&f->result, 0);
	model_name(&f->word, "future");
	model_name(&f->result, "result");
}

static struct thrum__wait_node *node_new(uint64_t seq)
{
	struct thrum__wait_node *n = model_alloc(sizeof(*n));

	thrum__wait_node_init(n, &p, seq);
	return n;
}

static void complete(void)
{
	plain_write(&by_node, 1);
	thrum__future_complete(f, 7);
}

static void timer_then_cancel(void)
{
	timer_first();
	cancel_hard();
}

/* One await with a deadline, frame and all; then another that only the cancel ends. */
static void await_then_sleep(void)
{
	struct thrum__wait_node *n = node_new(first);
	uint64_t seq = first;

	if (thrum__future_register(f, &n->waiter)) {
		enum thrum__why why = wait_to_end(seq++, false);

		if (why == THRUM__BY_NODE)
			model_assert(plain_read(&f->result) == 7);
		else
			thrum__future_withdraw(f, &n->waiter);
	}
	model_free(n);
	thrum__parker_abandon(&p, seq++);
	wait_to_end(seq, false);
}

/* T1 to T5, T7: the frame goes after the wait; late fires don't reach the next. */
SCENARIO(parker_await_deadline_cancel, .setup = setup_future,
	 .thread = {await_then_sleep, complete, timer_then_cancel}, .check = check,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T7");

/*
 * Publication.  The fiber awaits some futures, one after the other, and counts its steps in its
 * frame.  It starts on thread 0; whoever ends its wait while it is parked runs it on, in place.
 */

enum { STAGES = 2 };

static struct thrum_future *stage[STAGES];
static struct thrum__wait_node *node; /* in the fiber's frame, as is */
static int steps;		      /* waits that have ended */
static unsigned finished;
static bool deaf;

/* Wait number @step has ended after a park. */
static void fiber_end_wait(int step)
{
	enum thrum__why why = thrum__parker_why(&p);

	model_assert(thrum__parker_seq(&p) == first + (uint64_t)step + 1);
	seen[why]++;
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
	ended[why]++;
	unparked++;
	fiber_end_wait(plain_read(&steps));
	fiber_run();
}

static void setup_fiber(void)
{
	setup();
	p.unpark = fiber_unpark;
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
	check();
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
	 .thread = {fiber_run, complete_stage0, complete_stage1, cancel_hard},
	 .check = check_fiber, .min_executions = 10000, .covers = "T1 T2 T3 T5 T7");

static void timer_then_complete_stage1(void)
{
	timer_first();
	complete_stage1();
}

/* T1, T2, T3: a deadline and the future race for the first wait; the loser's end comes late. */
SCENARIO(publication_deadline, .setup = setup_fiber,
	 .thread = {fiber_run, complete_stage0, timer_then_complete_stage1},
	 .check = check_fiber, .min_executions = 10000, .covers = "T1 T2 T3 T7");
