/* SPDX-License-Identifier: MIT */
/*
 * test_parker.c - core/parker.h by one thread: each move of its table, and what each leaves in the
 * word for the next wait.
 */
#include <check.h>
#include <signal.h>

#include "child.h"
#include "core/future.h"
#include "core/parker.h"
#include "suite.h"

#define SOFT THRUM__PARKER_SOFT
#define HARD THRUM__PARKER_HARD

static struct thrum__parker parker;
static struct thrum__parker *const P = &parker;
static unsigned unparks;
static struct thrum__parker *unparked;
static void *unparked_relay;
static enum thrum__why unparked_why;
static int relay_object;

static void note_unpark(struct thrum__parker *p, void *relay, enum thrum__why why)
{
	unparks++;
	unparked = p;
	unparked_relay = relay;
	unparked_why = why;
}

/* A parker in the middle of its life, so that no number is 0 by chance. */
static uint64_t begin(void)
{
	unparks = 0;
	unparked = NULL;
	thrum__parker_init(P, note_unpark);
	for (int i = 0; i < 3; i++)
		ck_assert(thrum__parker_abandon(P, thrum__parker_seq(P)));
	return thrum__parker_seq(P);
}

static void check_unparked(enum thrum__why why, void *relay)
{
	ck_assert_uint_eq(unparks, 1);
	ck_assert_ptr_eq(unparked, P);
	ck_assert_ptr_eq(unparked_relay, relay);
	ck_assert_uint_eq(unparked_why, why);
}

static void check_over(uint64_t seq, enum thrum__why why)
{
	ck_assert_uint_eq(thrum__parker_seq(P), seq + 1);
	ck_assert(thrum__parker_is_over(P, seq));
	ck_assert(!thrum__parker_is_over(P, seq + 1));
	ck_assert_uint_eq(thrum__parker_why(P), why);
}

START_TEST(a_new_parker)
{
	thrum__parker_init(P, note_unpark);
	ck_assert_uint_ne(thrum__parker_seq(P), 0);
	ck_assert_uint_eq(thrum__parker_requested(P), 0);
	ck_assert(!thrum__parker_is_over(P, thrum__parker_seq(P)));
	ck_assert(thrum__parker_is_over(P, 0));
}
END_TEST

START_TEST(park_then_fire)
{
	enum thrum__why why = _i ? THRUM__BY_TIMER : THRUM__BY_NODE;
	uint64_t s = begin();

	ck_assert(thrum__parker_park(P, s, false));
	ck_assert_uint_eq(unparks, 0);
	ck_assert(thrum__parker_fire(P, s, why));
	check_unparked(why, NULL);
	check_over(s, why);
	ck_assert(!thrum__parker_fire(P, s, THRUM__BY_TIMER));
	ck_assert(!thrum__parker_abandon(P, s));
	check_over(s, why);
	ck_assert_uint_eq(unparks, 1);
}
END_TEST

START_TEST(fire_then_park)
{
	uint64_t s = begin();

	ck_assert(thrum__parker_fire(P, s, THRUM__BY_NODE));
	check_over(s, THRUM__BY_NODE);
	ck_assert(!thrum__parker_park(P, s, false));
	ck_assert(!thrum__parker_park(P, s, true));
	ck_assert_uint_eq(unparks, 0);
	check_over(s, THRUM__BY_NODE);
}
END_TEST

START_TEST(abandoned_waits_cannot_be_fired)
{
	uint64_t s = begin();

	ck_assert(thrum__parker_abandon(P, s));
	check_over(s, THRUM__BY_SELF);
	ck_assert(!thrum__parker_fire(P, s, THRUM__BY_NODE));
	ck_assert(!thrum__parker_park(P, s, false));
	ck_assert(!thrum__parker_abandon(P, s));
	ck_assert_uint_eq(unparks, 0);
	check_over(s, THRUM__BY_SELF);
}
END_TEST

/* An outside thread: parked, and awake by itself. */
START_TEST(a_parked_wait_abandoned)
{
	uint64_t s = begin();

	ck_assert(thrum__parker_park(P, s, true));
	thrum__parker_cancel(P, SOFT);
	ck_assert(thrum__parker_abandon(P, s));
	check_over(s, THRUM__BY_SELF);
	ck_assert(!thrum__parker_fire(P, s, THRUM__BY_NODE));
	ck_assert_uint_eq(unparks, 0);
	ck_assert_uint_eq(thrum__parker_requested(P), SOFT);
	ck_assert(thrum__parker_park(P, s + 1, false));
	ck_assert(thrum__parker_fire(P, s + 1, THRUM__BY_NODE));
	ck_assert_uint_eq(unparks, 1);
}
END_TEST

START_TEST(only_the_present_wait_is_fired)
{
	uint64_t s = begin();

	ck_assert(!thrum__parker_fire(P, s - 1, THRUM__BY_NODE));
	ck_assert(!thrum__parker_fire(P, s + 1, THRUM__BY_NODE));
	ck_assert(!thrum__parker_park(P, s - 1, false));
	ck_assert(!thrum__parker_lend(P, s - 1, &relay_object));
	ck_assert(!thrum__parker_abandon(P, s - 1));
	ck_assert_uint_eq(thrum__parker_seq(P), s);
	ck_assert(thrum__parker_park(P, s, false));
	ck_assert(!thrum__parker_fire(P, s - 1, THRUM__BY_NODE));
	ck_assert_uint_eq(unparks, 0);
}
END_TEST

START_TEST(a_hard_cancel_ends_a_parked_wait)
{
	uint64_t s = begin();

	ck_assert(thrum__parker_park(P, s, false));
	thrum__parker_cancel(P, HARD);
	check_unparked(THRUM__BY_CANCEL, NULL);
	check_over(s, THRUM__BY_CANCEL);
	ck_assert_uint_eq(thrum__parker_requested(P), HARD);
}
END_TEST

START_TEST(a_hard_cancel_meets_the_running)
{
	uint64_t s = begin();

	thrum__parker_cancel(P, HARD);
	ck_assert_uint_eq(thrum__parker_requested(P), HARD);
	ck_assert_uint_eq(thrum__parker_seq(P), s);
	/* It is level-triggered: every wait that hears it ends. */
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(!thrum__parker_park(P, s + i, false));
		check_over(s + i, THRUM__BY_CANCEL);
	}
	/* A deaf one does not hear it. */
	ck_assert(thrum__parker_park(P, s + 3, true));
	thrum__parker_cancel(P, HARD);
	ck_assert_uint_eq(unparks, 0);
	ck_assert(thrum__parker_fire(P, s + 3, THRUM__BY_NODE));
	check_unparked(THRUM__BY_NODE, NULL);
	ck_assert_uint_eq(thrum__parker_requested(P), HARD);
	/* An own end keeps the request too, and a fire comes before it. */
	ck_assert(thrum__parker_abandon(P, s + 4));
	ck_assert(thrum__parker_fire(P, s + 5, THRUM__BY_TIMER));
	check_over(s + 5, THRUM__BY_TIMER);
	ck_assert(!thrum__parker_park(P, s + 6, false));
	ck_assert_uint_eq(unparks, 1);
}
END_TEST

START_TEST(a_cancel_of_a_deaf_wait_is_recorded)
{
	uint64_t s = begin();

	ck_assert(thrum__parker_park(P, s, true));
	thrum__parker_cancel(P, HARD);
	ck_assert_uint_eq(unparks, 0);
	ck_assert_uint_eq(thrum__parker_requested(P), HARD);
	ck_assert(!thrum__parker_is_over(P, s));
	ck_assert(thrum__parker_fire(P, s, THRUM__BY_NODE));
	check_over(s, THRUM__BY_NODE);
	/* The next wait is not deaf. */
	ck_assert(!thrum__parker_park(P, s + 1, false));
	check_over(s + 1, THRUM__BY_CANCEL);
}
END_TEST

START_TEST(a_soft_cancel_ends_no_wait)
{
	uint64_t s = begin();

	thrum__parker_cancel(P, SOFT);
	ck_assert_uint_eq(thrum__parker_requested(P), SOFT);
	ck_assert(thrum__parker_park(P, s, false));
	thrum__parker_cancel(P, SOFT);
	ck_assert_uint_eq(unparks, 0);
	thrum__parker_cancel(P, HARD);
	check_unparked(THRUM__BY_CANCEL, NULL);
	ck_assert_uint_eq(thrum__parker_requested(P), SOFT | HARD);
	check_over(s, THRUM__BY_CANCEL);
}
END_TEST

START_TEST(soft_comes_to_a_parked_wait)
{
	uint64_t s = begin();

	ck_assert(thrum__parker_park(P, s, false));
	thrum__parker_cancel(P, SOFT);
	ck_assert_uint_eq(thrum__parker_requested(P), SOFT);
	ck_assert_uint_eq(unparks, 0);
	ck_assert(thrum__parker_fire(P, s, THRUM__BY_TIMER));
	check_unparked(THRUM__BY_TIMER, NULL);
	ck_assert_uint_eq(thrum__parker_requested(P), SOFT);
}
END_TEST

START_TEST(a_lent_wait_passes_its_end_on)
{
	uint64_t s = begin();

	ck_assert(thrum__parker_lend(P, s, &relay_object));
	ck_assert_uint_eq(unparks, 0);
	if (_i)
		thrum__parker_cancel(P, HARD);
	else
		ck_assert(thrum__parker_fire(P, s, THRUM__BY_TIMER));
	check_unparked(_i ? THRUM__BY_CANCEL : THRUM__BY_TIMER, &relay_object);
	check_over(s, _i ? THRUM__BY_CANCEL : THRUM__BY_TIMER);
	ck_assert(!thrum__parker_abandon(P, s));
	/* The next wait is the owner's own. */
	if (_i)
		return;
	ck_assert(thrum__parker_park(P, s + 1, false));
	ck_assert(thrum__parker_fire(P, s + 1, THRUM__BY_NODE));
	ck_assert_uint_eq(unparks, 2);
	ck_assert_ptr_null(unparked_relay);
}
END_TEST

START_TEST(a_lent_wait_taken_back)
{
	uint64_t s = begin();

	ck_assert(thrum__parker_lend(P, s, &relay_object));
	thrum__parker_cancel(P, SOFT);
	ck_assert_uint_eq(unparks, 0);
	ck_assert(thrum__parker_abandon(P, s));
	check_over(s, THRUM__BY_SELF);
	ck_assert_uint_eq(thrum__parker_requested(P), SOFT);
	ck_assert(!thrum__parker_fire(P, s, THRUM__BY_TIMER));
	thrum__parker_cancel(P, HARD);
	ck_assert_uint_eq(unparks, 0);
}
END_TEST

START_TEST(no_lending_under_a_hard_request)
{
	uint64_t s = begin();

	thrum__parker_cancel(P, HARD);
	ck_assert(!thrum__parker_lend(P, s, &relay_object));
	/* The wait has not ended by that. */
	ck_assert(!thrum__parker_is_over(P, s));
	ck_assert(thrum__parker_abandon(P, s));
	ck_assert_uint_eq(unparks, 0);
}
END_TEST

START_TEST(no_lending_of_a_fired_wait)
{
	uint64_t s = begin();

	ck_assert(thrum__parker_fire(P, s, THRUM__BY_TIMER));
	ck_assert(!thrum__parker_lend(P, s, &relay_object));
	ck_assert(!thrum__parker_abandon(P, s));
	check_over(s, THRUM__BY_TIMER);
	ck_assert_uint_eq(unparks, 0);
}
END_TEST

START_TEST(reset_begins_a_new_life)
{
	uint64_t s = begin();

	thrum__parker_cancel(P, SOFT);
	thrum__parker_cancel(P, HARD);
	ck_assert(!thrum__parker_park(P, s, false));
	thrum__parker_reset(P);
	ck_assert_uint_eq(thrum__parker_requested(P), 0);
	ck_assert_uint_gt(thrum__parker_seq(P), s + 1);
	/* What the last life left about is void, its number that never began included. */
	ck_assert(thrum__parker_park(P, thrum__parker_seq(P), false));
	ck_assert(!thrum__parker_fire(P, s, THRUM__BY_TIMER));
	ck_assert(!thrum__parker_fire(P, s + 1, THRUM__BY_TIMER));
	ck_assert_uint_eq(unparks, 0);
	ck_assert(thrum__parker_fire(P, s + 2, THRUM__BY_TIMER));
	ck_assert_uint_eq(unparks, 1);
}
END_TEST

START_TEST(many_waits_each_with_its_number)
{
	uint64_t s = begin();

	for (unsigned i = 0; i < 100000; i++) {
		ck_assert_uint_eq(thrum__parker_seq(P), s + i);
		if (i % 3)
			ck_assert(thrum__parker_park(P, s + i, i & 1));
		ck_assert(!thrum__parker_fire(P, s + i - 1, THRUM__BY_NODE));
		ck_assert(thrum__parker_fire(P, s + i, THRUM__BY_NODE));
	}
	ck_assert_uint_eq(unparks, 66666);
	ck_assert_uint_eq(thrum__parker_requested(P), 0);
}
END_TEST

START_TEST(a_wait_node_fires_its_wait)
{
	uint64_t s = begin();
	struct thrum_future f = {.result = 0};
	struct thrum__wait_node n, late;

	thrum__wait_node_init(&n, P, s);
	ck_assert(thrum__future_register(&f, &n.waiter));
	ck_assert(thrum__parker_park(P, s, false));
	thrum__future_complete(&f, 12);
	check_unparked(THRUM__BY_NODE, NULL);
	check_over(s, THRUM__BY_NODE);
	ck_assert_uint_eq(load_relaxed(&n.waiter.gone), 1);
	ck_assert(!thrum__future_withdraw(&f, &n.waiter));

	/* A node of a wait that has ended wakes nobody. */
	f = (struct thrum_future){.result = 0};
	thrum__wait_node_init(&late, P, s);
	ck_assert_uint_eq(load_relaxed(&late.waiter.gone), 0);
	ck_assert(thrum__future_register(&f, &late.waiter));
	ck_assert(thrum__parker_park(P, s + 1, false));
	thrum__future_complete(&f, 12);
	ck_assert_uint_eq(load_relaxed(&late.waiter.gone), 1);
	ck_assert_uint_eq(unparks, 1);
	ck_assert(!thrum__parker_is_over(P, s + 1));
}
END_TEST

static void lend_to_nobody(void)
{
	thrum__parker_lend(P, begin(), NULL);
}

START_TEST(a_scope_asks_until_it_is_over)
{
	const unsigned asks[] = {THRUM__PARKER_SCOPE, THRUM__PARKER_INNER};

	for (int i = 0; i < 2; i++) {
		uint64_t seq = begin();

		ck_assert(thrum__parker_park(P, seq, false));
		thrum__parker_cancel(P, asks[i]); /* ends a parked wait */
		ck_assert_uint_eq(unparks, 1);
		ck_assert_int_eq(unparked_why, THRUM__BY_CANCEL);
		ck_assert(thrum__parker_hears(P));
		ck_assert_uint_eq(thrum__parker_requested(P), 0);
		ck_assert(!thrum__parker_park(P, seq + 1, false)); /* and the next ones */
		ck_assert(!thrum__parker_lend(P, seq + 2, &relay_object));
		thrum__parker_cancel(P, asks[i]);
		thrum__parker_scope_over(P, asks[i]);
		ck_assert(!thrum__parker_hears(P));
		ck_assert(thrum__parker_park(P, seq + 2, false));
		ck_assert(thrum__parker_fire(P, seq + 2, THRUM__BY_NODE));
		ck_assert_uint_eq(unparks, 2);
	}
}
END_TEST

START_TEST(a_shield_hears_only_what_is_inside)
{
	uint64_t seq = begin();
	unsigned shield, deep, none;

	shield = thrum__parker_shield(P);
	ck_assert(thrum__parker_is_shielded(P));
	ck_assert(thrum__parker_park(P, seq, false));
	thrum__parker_cancel(P, HARD);
	thrum__parker_cancel(P, THRUM__PARKER_SCOPE);
	ck_assert_uint_eq(unparks, 0);
	ck_assert_uint_eq(thrum__parker_requested(P), HARD);
	ck_assert(!thrum__parker_hears(P));
	thrum__parker_cancel(P, THRUM__PARKER_INNER);
	ck_assert_uint_eq(unparks, 1);
	ck_assert(thrum__parker_hears(P));
	deep = thrum__parker_shield(P);
	ck_assert(!thrum__parker_hears(P));
	none = thrum__parker_shield(P);
	ck_assert_uint_eq(none, 0);
	ck_assert_uint_eq(thrum__parker_shields(P), shield | deep);
	thrum__parker_unshield(P, none);
	ck_assert_uint_eq(thrum__parker_shields(P), shield | deep);
	thrum__parker_unshield(P, deep);
	ck_assert(thrum__parker_hears(P));
	thrum__parker_scope_over(P, THRUM__PARKER_INNER);
	ck_assert(!thrum__parker_hears(P));
	thrum__parker_unshield(P, shield);
	ck_assert(!thrum__parker_is_shielded(P));
	ck_assert(thrum__parker_hears(P)); /* it waited outside */
	thrum__parker_reshield(P, shield);
	ck_assert(!thrum__parker_hears(P));
}
END_TEST

START_TEST(misuse_ends_the_process)
{
	char err[1000];
	int status = child_run(lend_to_nobody, err, sizeof(err));

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(err, "a wait is lent to somebody"));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("parker");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_new_parker);
	tcase_add_loop_test(tc, park_then_fire, 0, 2);
	tcase_add_test(tc, fire_then_park);
	tcase_add_test(tc, abandoned_waits_cannot_be_fired);
	tcase_add_test(tc, a_parked_wait_abandoned);
	tcase_add_test(tc, only_the_present_wait_is_fired);
	tcase_add_test(tc, a_hard_cancel_ends_a_parked_wait);
	tcase_add_test(tc, a_hard_cancel_meets_the_running);
	tcase_add_test(tc, a_cancel_of_a_deaf_wait_is_recorded);
	tcase_add_test(tc, a_soft_cancel_ends_no_wait);
	tcase_add_test(tc, soft_comes_to_a_parked_wait);
	tcase_add_loop_test(tc, a_lent_wait_passes_its_end_on, 0, 2);
	tcase_add_test(tc, a_lent_wait_taken_back);
	tcase_add_test(tc, no_lending_under_a_hard_request);
	tcase_add_test(tc, no_lending_of_a_fired_wait);
	tcase_add_test(tc, reset_begins_a_new_life);
	tcase_add_test(tc, many_waits_each_with_its_number);
	tcase_add_test(tc, a_wait_node_fires_its_wait);
	tcase_add_test(tc, a_scope_asks_until_it_is_over);
	tcase_add_test(tc, a_shield_hears_only_what_is_inside);
	tcase_add_test(tc, misuse_ends_the_process);
	return run_case("parker", tc);
}
