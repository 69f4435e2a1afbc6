/* SPDX-License-Identifier: MIT */
/*
 * scen_parker.c - the state of a task that waits (runtime/core/parker.c).
 *
 * The owner is one thread that sleeps while it is parked.  What is written before a wake is read
 * after it, and the owner's saved context is read by whoever unparks it.  scen_publication.c runs
 * the fiber itself.
 */
#include "parker_world.h"

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
	 .thread = {wait_deaf_then_hearing, cancel_soft_then_hard, fire_first}, .check = check_deaf,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5");

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
SCENARIO(parker_abandon, .setup = setup, .thread = {give_up, fire_first, timer_first, cancel_hard},
	 .check = check_given_up, .min_executions = 10000, .covers = "T2 T5 T7");

/* A thread outside, whose sleep may end by its own deadline. */
static void sleep_with_deadline(void)
{
	plain_write(&context, 1);
	if (!thrum__parker_park(&p, first, true)) {
		seen[thrum__parker_why(&p)]++;
	} else if (model_event_poll(&woken)) {
		parked++;
		seen[thrum__parker_why(&p)]++;
	} else if (thrum__parker_abandon(&p, first)) {
		seen[THRUM__BY_SELF]++;
		return;
	} else {
		/* Somebody was faster; he will say so. */
		parked++;
		model_event_wait(&woken);
		seen[thrum__parker_why(&p)]++;
	}
	model_assert(thrum__parker_why(&p) == THRUM__BY_NODE || plain_read(&by_timer) == 1);
	model_assert(thrum__parker_why(&p) == THRUM__BY_TIMER || plain_read(&by_node) == 1);
}

static void sleep_twice(void)
{
	sleep_with_deadline();
	model_assert(thrum__parker_park(&p, first + 1, true));
	model_assert(thrum__parker_abandon(&p, first + 1));
}

static void check_slept(void)
{
	check();
	model_assert(seen[THRUM__BY_SELF] + seen[THRUM__BY_NODE] + seen[THRUM__BY_TIMER] == 1);
	model_assert(seen[THRUM__BY_CANCEL] == 0);
}

/* T1, T2, T3, T5, T7: the waiter wakes by itself, beside two who would end its wait. */
SCENARIO(parker_outside, .setup = setup, .thread = {sleep_twice, fire_first, timer_first},
	 .check = check_slept, .min_executions = 10000, .covers = "T1 T2 T3 T5 T7");

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
	model_assert(!asked || thrum__parker_is_shielded(&p));
	parked++;
	if (thrum__parker_abandon(&p, seq)) {
		seen[THRUM__BY_SELF]++;
		child_drop(c);
		child_drop(c);
		return false;
	}
	why = thrum__parker_why(&p);
	seen[why]++;
	model_assert(why != THRUM__BY_CANCEL || !thrum__parker_is_shielded(&p));
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
SCENARIO(parker_lend, .setup = setup_lent,
	 .thread = {lend_once, timer_first, cancel_soft_then_hard}, .check = check_lent,
	 .min_executions = 10000, .covers = "T2 T5 T6 T7 T8");

/* T6, T8 twice: the relay is the one of the wait that was ended. */
SCENARIO(parker_lend_again, .setup = setup_lent, .thread = {lend_twice, end_lent},
	 .check = check_lent, .min_executions = 10000, .covers = "T2 T5 T6 T7 T8");

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
 * Scopes.  Who cancels one says so in the scope's own word, then asks the owner, who takes the
 * request back when the inner one is over and looks whether the outer one still asks.
 */

#define SCOPE THRUM__PARKER_SCOPE

static struct atomic32 cuts_outer;
static struct model_event inner_over; /* its canceller has left it */

static void setup_scopes(void)
{
	setup();
	store_relaxed(&cuts_outer, 0);
	model_event_init(&inner_over);
	plain_write(&by_cancel, 1);
	model_name(&cuts_outer, "cuts_outer");
}

static void cancel_outer(void)
{
	store_relaxed(&cuts_outer, 1);
	thrum__parker_cancel(&p, SCOPE);
}

static void cancel_inner(void)
{
	thrum__parker_cancel(&p, SCOPE);
	model_event_set(&inner_over);
}

static void maybe_cancel_outer(void)
{
	if (model_choose(2))
		cancel_outer();
}

static void end_inner(void)
{
	thrum__parker_scope_over(&p, SCOPE);
	if (load_relaxed(&cuts_outer))
		thrum__parker_cancel(&p, SCOPE);
}

/* The wait in the inner one ends by either's; the outer's request does not go with the inner. */
static void wait_in_both(void)
{
	model_assert(wait_to_end(first, false) == THRUM__BY_CANCEL);
	model_event_wait(&inner_over);
	end_inner();
	model_assert(wait_to_end(first + 1, false) == THRUM__BY_CANCEL);
	model_assert(load_relaxed(&cuts_outer) && thrum__parker_hears(&p));
}

static void check_outer_asks(void)
{
	check();
	model_assert(thrum__parker_hears(&p) && !thrum__parker_requested(&p));
}

/* T1, T2, T4, T5, T12: two scopes are cancelled, the inner one ends. */
SCENARIO(parker_scopes, .setup = setup_scopes, .thread = {wait_in_both, cancel_outer, cancel_inner},
	 .check = check_outer_asks, .min_executions = 10000, .covers = "T1 T2 T4 T5 T12");

/* Nobody waits for who cancels the inner one. */
static void end_inner_early(void)
{
	end_inner();
	model_assert(wait_to_end(first, false) == THRUM__BY_CANCEL);
	end_inner();
}

/* T1, T2, T4, T5, T12: the same, the inner one's canceller comes at any time. */
SCENARIO(parker_scopes_late, .setup = setup_scopes,
	 .thread = {end_inner_early, cancel_outer, cancel_inner}, .check = check_outer_asks,
	 .min_executions = 10000, .covers = "T1 T2 T4 T5 T12");

static void wait_in_inner(void)
{
	model_assert(wait_to_end(first, false) == THRUM__BY_CANCEL);
	model_event_wait(&inner_over);
	thrum__parker_cancel(&p, SOFT);
	end_inner();
}

static void check_taken_back(void)
{
	check();
	model_assert(thrum__parker_hears(&p) == load_relaxed(&cuts_outer));
	model_assert(thrum__parker_requested(&p) == SOFT);
}

/* T1, T2, T4, T5, T12: if the inner one alone was cancelled, nothing is left of it. */
SCENARIO(parker_scope_taken_back, .setup = setup_scopes,
	 .thread = {wait_in_inner, maybe_cancel_outer, cancel_inner}, .check = check_taken_back,
	 .min_executions = 10000, .covers = "T1 T2 T4 T5 T12");

/* Shields: nothing inside hears a cancel, the first wait outside does. */

static void wait_shielded(void)
{
	unsigned shield = thrum__parker_shield(&p);

	model_assert(wait_to_end(first, false) != THRUM__BY_CANCEL);
	model_assert(thrum__parker_is_shielded(&p) && !thrum__parker_hears(&p));
	thrum__parker_unshield(&p, shield);
	model_assert(wait_to_end(first + 1, false) == THRUM__BY_CANCEL);
}

/* T1 to T5, T10, T11: a cancel beside a shield and the wait in it. */
SCENARIO(parker_shield, .setup = setup,
	 .thread = {wait_shielded, fire_first, cancel_soft_then_hard}, .check = check_deaf,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T10 T11");

static void lend_shielded(void)
{
	unsigned shield = thrum__parker_shield(&p);

	run_in_place(0, first);
	thrum__parker_unshield(&p, shield);
	run_in_place(1, first + 1);
	model_assert(!ended[THRUM__BY_CANCEL] || thrum__parker_hears(&p));
}

/* T2, T5 to T8, T10, T11: a wait lent inside a shield is not passed on by a cancel. */
SCENARIO(parker_shield_lend, .setup = setup_lent,
	 .thread = {lend_shielded, timer_first, cancel_soft_then_hard}, .check = check_lent,
	 .stale = 1, .min_executions = 10000, .covers = "T2 T5 T6 T7 T8 T10 T11");

/* A scope inside the shield is heard there, in one more shield only the node is. */

static void wait_inside_out(void)
{
	unsigned shield = thrum__parker_shield(&p), deep;

	model_assert(wait_to_end(first, false) == THRUM__BY_CANCEL);
	deep = thrum__parker_shield(&p);
	model_event_set(&alive);
	model_assert(wait_to_end(first + 1, false) == THRUM__BY_NODE);
	model_assert(!thrum__parker_hears(&p));
	thrum__parker_unshield(&p, deep);
	model_assert(wait_to_end(first + 2, false) == THRUM__BY_CANCEL);
	thrum__parker_scope_over(&p, THRUM__PARKER_INNER);
	model_assert(!thrum__parker_hears(&p));
	thrum__parker_unshield(&p, shield);
	model_assert(wait_to_end(first + 3, false) == THRUM__BY_CANCEL);
	model_assert(plain_read(&by_timer) == 1);
}

static void cancel_inside(void)
{
	thrum__parker_cancel(&p, THRUM__PARKER_INNER);
	model_event_wait(&alive);
	plain_write(&by_node, 1);
	thrum__parker_fire(&p, first + 1, THRUM__BY_NODE);
}

static void cancel_outside(void)
{
	plain_write(&by_timer, 1);
	thrum__parker_cancel(&p, model_choose(2) ? SCOPE : HARD);
}

/* T1 to T5, T10 to T12: each shield lets in what belongs inside it. */
SCENARIO(parker_shields, .setup = setup_scopes,
	 .thread = {wait_inside_out, cancel_inside, cancel_outside}, .check = check, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T10 T11 T12");
