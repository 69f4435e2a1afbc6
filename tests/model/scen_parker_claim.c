/* SPDX-License-Identifier: MIT */
/*
 * scen_parker_claim.c - waits that are ended by one who has still something to do before their
 * owner goes on (runtime/core/parker.c: claim, resume).
 */
#include "parker_world.h"

/*
 * Claims.  The owner does not go on before the claimer is done: in between it waits for a word of
 * his, as core/waitqueue.c has it.
 */

static struct atomic32 done; /* by who claimed */
static unsigned claimed;

static void setup_claims(void)
{
	setup();
	store_relaxed(&done, 0);
	claimed = 0;
	model_name(&done, "done");
}

static void claim_first(void)
{
	enum thrum__claim c = thrum__parker_claim(&p, first);

	if (c == THRUM__TOO_LATE)
		return;
	model_assert(claimed++ == 0);
	plain_write(&by_node, 1);
	store_release(&done, 1);
	if (c == THRUM__CLAIMED_PARKED)
		thrum__parker_resume(&p);
}

/* The owner, after a wait. */
static enum thrum__why after_claims(void)
{
	enum thrum__why why = thrum__parker_why(&p);

	seen[why]++;
	if (why != THRUM__BY_NODE)
		return why;
	while (!load_acquire(&done))
		spin_hint();
	model_assert(plain_read(&by_node) == 1);
	return why;
}

static void wait_to_be_claimed(void)
{
	enum thrum__why why;

	plain_write(&context, 1);
	if (thrum__parker_park(&p, first, false)) {
		parked++;
		model_event_wait(&woken);
	}
	model_assert(thrum__parker_is_over(&p, first));
	why = after_claims();
	model_assert(why != THRUM__BY_TIMER || plain_read(&by_timer) == 1);
	model_assert(why != THRUM__BY_CANCEL || plain_read(&by_cancel) == 1);
	plain_write(&context, 2);
}

/* The request stays, whoever ended the wait. */
static void check_claims(void)
{
	check_once();
	model_assert(claimed == seen[THRUM__BY_NODE]);
	model_assert(thrum__parker_requested(&p) & HARD);
}

/* T13, T14 beside a deadline and a cancel. */
SCENARIO(parker_claim_timer_cancel, .setup = setup_claims,
	 .thread = {wait_to_be_claimed, claim_first, timer_first, cancel_hard},
	 .check = check_claims, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T13 T14");

/* T13, T14: two claim one wait, of a select; one has it. */
SCENARIO(parker_claim_two, .setup = setup_claims,
	 .thread = {wait_to_be_claimed, claim_first, claim_first, cancel_hard},
	 .check = check_claims, .bound = 2, .min_executions = 10000,
	 .covers = "T1 T2 T4 T5 T13 T14");

/* A thread outside, whose deadline may have passed; then it waits once more. */
static void wait_outside_to_be_claimed(void)
{
	plain_write(&context, 1);
	if (thrum__parker_park(&p, first, true)) {
		if (model_choose(2) && thrum__parker_abandon(&p, first)) {
			model_assert(thrum__parker_why(&p) == THRUM__BY_SELF);
		} else {
			parked++;
			model_event_wait(&woken);
		}
	}
	after_claims();
	model_assert(thrum__parker_park(&p, first + 1, true));
	model_assert(thrum__parker_abandon(&p, first + 1));
}

static void check_outside_claims(void)
{
	check();
	model_assert(claimed == seen[THRUM__BY_NODE] && claimed + seen[THRUM__BY_SELF] == 1);
	model_assert(thrum__parker_requested(&p) == (SOFT | HARD));
}

/* T7, T13, T14: one that wakes by itself. */
SCENARIO(parker_claim_outside, .setup = setup_claims,
	 .thread = {wait_outside_to_be_claimed, claim_first, cancel_soft_then_hard},
	 .check = check_outside_claims, .covers = "T1 T5 T7 T13 T14");
