/* SPDX-License-Identifier: MIT */
/* test_idle.c - each move of the idle protocol, one thread: who is woken, who is not, what is
 * counted. */
#include <check.h>
#include <signal.h>
#include <string.h>

#include "child.h"
#include "sched/idle.h"
#include "suite.h"

static struct thrum__idle idle;
static unsigned tokens, wakes;
static bool work;

static void wake(void *arg, unsigned n)
{
	ck_assert_ptr_eq(arg, &idle);
	ck_assert_uint_gt(n, 0);
	tokens += n;
	wakes++;
}

static bool has_work(void *arg)
{
	ck_assert_ptr_eq(arg, &idle);
	return work;
}

static void start(unsigned workers)
{
	tokens = wakes = 0;
	work = false;
	idle.arg = &idle;
	idle.wake = wake;
	idle.has_work = has_work;
	thrum__idle_init(&idle, workers, workers, false);
}

static void sleep_some(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		thrum__idle_sleep_begin(&idle, false, true);
}

static unsigned searching(void)
{
	return (uint32_t)load_relaxed(&idle.word);
}

START_TEST(nobody_sleeps_nobody_is_woken)
{
	start(4);
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 0);
	ck_assert_uint_eq(searching(), 0);
}
END_TEST

/* A burst wakes one; the next one only when that one has found work and there is more. */
START_TEST(one_wake_in_flight)
{
	start(4);
	sleep_some(4);
	for (int i = 0; i < 10; i++)
		thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 1);
	ck_assert_uint_eq(searching(), 1);
	work = true;
	for (unsigned n = 2; n <= 4; n++) {
		thrum__idle_search_found(&idle);
		ck_assert_uint_eq(wakes, n);
		ck_assert_uint_eq(searching(), 1);
	}
	thrum__idle_search_found(&idle);
	ck_assert_uint_eq(wakes, 4);
	ck_assert_uint_eq(searching(), 0);
	ck_assert_uint_eq(tokens, 4);
	ck_assert_uint_eq(thrum__idle_asleep(&idle), 0);
}
END_TEST

START_TEST(no_more_work_no_more_wakes)
{
	start(4);
	sleep_some(4);
	thrum__idle_notify(&idle);
	thrum__idle_search_found(&idle);
	ck_assert_uint_eq(wakes, 1);
	ck_assert_uint_eq(searching(), 0);
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 2);
}
END_TEST

/* Of several searchers the last one sees to the next wake. */
START_TEST(the_last_searcher_wakes)
{
	start(8);
	sleep_some(6);
	ck_assert(thrum__idle_search_begin(&idle));
	ck_assert(thrum__idle_search_begin(&idle));
	work = true;
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 0);
	thrum__idle_search_found(&idle);
	ck_assert_uint_eq(wakes, 0);
	thrum__idle_search_found(&idle);
	ck_assert_uint_eq(wakes, 1);
}
END_TEST

START_TEST(half_may_search)
{
	static const struct {
		unsigned workers, cpus, most;
	} cases[] = {{1, 8, 1}, {2, 2, 1}, {3, 3, 2}, {4, 8, 2},
		     {5, 5, 3}, {8, 8, 4}, {8, 3, 2}, {64, 2, 1}};

	for (size_t k = 0; k < sizeof(cases) / sizeof(cases[0]); k++) {
		unsigned n = 0;

		start(cases[k].workers);
		thrum__idle_init(&idle, cases[k].workers, cases[k].cpus, false);
		while (n < 20 && thrum__idle_search_begin(&idle))
			n++;
		ck_assert_uint_eq(n, cases[k].most);
		thrum__idle_search_found(&idle);
		ck_assert(thrum__idle_search_begin(&idle));
	}
}
END_TEST

/* 64 workers on two CPUs: with four awake that are not held none is woken. */
START_TEST(a_crowd_wakes_nobody)
{
	start(64);
	thrum__idle_init(&idle, 64, 2, true);
	work = true;
	sleep_some(60);
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 0);
	thrum__idle_set_held(&idle, 0);
	ck_assert_uint_eq(wakes, 0);
	sleep_some(1);
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 1);
	thrum__idle_search_found(&idle); /* four are awake again */
	ck_assert_uint_eq(wakes, 1);
	thrum__idle_wake_all(&idle);
	ck_assert_uint_eq(tokens, 61);
}
END_TEST

START_TEST(who_is_held_is_no_crowd)
{
	start(64);
	thrum__idle_init(&idle, 64, 2, true);
	work = true;
	sleep_some(60);
	thrum__idle_set_held(&idle, 1);
	ck_assert_uint_eq(wakes, 1);
	thrum__idle_search_found(&idle);
	ck_assert_uint_eq(wakes, 1);
	thrum__idle_set_held(&idle, 2);
	ck_assert_uint_eq(wakes, 2);
	thrum__idle_search_found(&idle);
	work = false;
	thrum__idle_set_held(&idle, 3); /* there is nothing to do */
	ck_assert_uint_eq(wakes, 2);
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 3);
}
END_TEST

START_TEST(few_workers_are_no_crowd)
{
	static const unsigned workers[] = {1, 2, 4, 5}, cpus[] = {1, 1, 2, 2};

	for (int i = 0; i < 4; i++) {
		start(workers[i]);
		thrum__idle_init(&idle, workers[i], cpus[i], true);
		sleep_some(1);
		thrum__idle_notify(&idle);
		ck_assert_uint_eq(wakes, workers[i] < 5 ? 1 : 0);
	}
	start(64);
	thrum__idle_init(&idle, 64, 2, false);
	sleep_some(1);
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 1);
}
END_TEST

START_TEST(sleep_ends_by_itself_or_by_choice)
{
	start(2);
	ck_assert(thrum__idle_search_begin(&idle));
	thrum__idle_sleep_begin(&idle, true, true);
	ck_assert_uint_eq(searching(), 0);
	ck_assert(thrum__idle_sleep_undo(&idle));
	ck_assert_uint_eq(searching(), 1);
	ck_assert_uint_eq(thrum__idle_asleep(&idle), 0);
	thrum__idle_search_found(&idle);
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 0);

	thrum__idle_sleep_begin(&idle, false, true);
	thrum__idle_notify(&idle);
	ck_assert(!thrum__idle_sleep_undo(&idle));
	ck_assert_uint_eq(tokens, 1);
	ck_assert_uint_eq(searching(), 1);
}
END_TEST

/* Of two sleepers one is chosen: whichever goes on by itself leaves the token to the other. */
START_TEST(a_token_is_for_any)
{
	start(2);
	sleep_some(2);
	thrum__idle_notify(&idle);
	ck_assert(thrum__idle_sleep_undo(&idle));
	ck_assert(!thrum__idle_sleep_undo(&idle));
	ck_assert_uint_eq(tokens, 1);
	ck_assert_uint_eq(searching(), 2);
}
END_TEST

/* All were chosen; then another one sleeps, and may take the token: who was refused asks again. */
START_TEST(who_was_refused_may_ask_again)
{
	start(2);
	sleep_some(1);
	thrum__idle_notify(&idle);
	ck_assert(!thrum__idle_sleep_undo(&idle));
	sleep_some(1);
	ck_assert(thrum__idle_sleep_undo(&idle));
	ck_assert_uint_eq(searching(), 2);
	ck_assert_uint_eq(tokens, 1);
}
END_TEST

/* Work was there at the last look: the worker searches on, and sees to the next wake. */
START_TEST(last_look_finds_work)
{
	start(2);
	sleep_some(1);
	ck_assert(thrum__idle_search_begin(&idle));
	thrum__idle_sleep_begin(&idle, true, true);
	ck_assert_uint_eq(thrum__idle_asleep(&idle), 2);
	ck_assert(thrum__idle_sleep_undo(&idle));
	ck_assert_uint_eq(searching(), 1);
	ck_assert_uint_eq(thrum__idle_asleep(&idle), 1);
	work = true;
	thrum__idle_search_found(&idle);
	ck_assert_uint_eq(tokens, 1);
	ck_assert_uint_eq(searching(), 1);
	ck_assert_uint_eq(thrum__idle_asleep(&idle), 0);
}
END_TEST

/* One call for all that sleep; each is counted, and the last of them sees to the next wake. */
START_TEST(all_are_woken)
{
	start(8);
	thrum__idle_wake_all(&idle);
	ck_assert_uint_eq(wakes, 0);
	ck_assert(thrum__idle_search_begin(&idle));
	sleep_some(5);
	thrum__idle_wake_all(&idle);
	ck_assert_uint_eq(wakes, 1);
	ck_assert_uint_eq(tokens, 5);
	ck_assert_uint_eq(searching(), 6);
	ck_assert_uint_eq(thrum__idle_asleep(&idle), 0);
	thrum__idle_wake_all(&idle);
	ck_assert_uint_eq(wakes, 1);
	sleep_some(1);
	work = true;
	for (int i = 0; i < 5; i++)
		thrum__idle_search_found(&idle);
	ck_assert_uint_eq(tokens, 5);
	thrum__idle_search_found(&idle);
	ck_assert_uint_eq(tokens, 6);
}
END_TEST

START_TEST(all_asleep)
{
	static const unsigned workers[] = {1, 2, 64, 256};

	for (int k = 0; k < 4; k++) {
		start(workers[k]);
		for (unsigned i = 0; i < workers[k]; i++) {
			ck_assert_uint_eq(thrum__idle_asleep(&idle), i);
			thrum__idle_sleep_begin(&idle, false, true);
		}
		ck_assert_uint_eq(thrum__idle_asleep(&idle), workers[k]);
		thrum__idle_notify(&idle);
		ck_assert_uint_eq(thrum__idle_asleep(&idle), workers[k] - 1);
	}
}
END_TEST

static void end_what_was_not_begun(void)
{
	start(2);
	thrum__idle_search_found(&idle);
}

static void sleep_as_if_searching(void)
{
	start(2);
	thrum__idle_sleep_begin(&idle, true, true);
}

START_TEST(careful_wakes_alike)
{
	start(2);
	thrum__idle_turn_quick(&idle);
	ck_assert(!thrum__idle_is_careful(&idle));
	thrum__idle_turn_careful(&idle);
	thrum__idle_turn_careful(&idle);
	ck_assert(thrum__idle_is_careful(&idle));
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 0);
	sleep_some(2);
	ck_assert_uint_eq(thrum__idle_asleep(&idle), 2);
	thrum__idle_notify(&idle);
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 1);
	thrum__idle_wake_all(&idle);
	ck_assert_uint_eq(tokens, 2);
	ck_assert_uint_eq(searching(), 2);
	ck_assert(thrum__idle_is_careful(&idle));
	thrum__idle_turn_quick(&idle);
	ck_assert(!thrum__idle_is_careful(&idle));
	ck_assert_uint_eq(searching(), 2);
}
END_TEST

static unsigned asked;
static bool told;

static void attend(void *arg)
{
	ck_assert_ptr_eq(arg, &idle);
	asked++;
}

static bool heard(void *arg)
{
	ck_assert_ptr_eq(arg, &idle);
	return told;
}

static void start_with_withheld(void)
{
	start(4);
	idle.attend = attend;
	idle.heard = heard;
	asked = 0;
	told = false;
	thrum__idle_withhold(&idle);
}

/* Nobody is asked to tell of withheld work before there is any, nor by one who does not mind it. */
START_TEST(withheld_work_is_asked_for)
{
	start_with_withheld();
	thrum__idle_init(&idle, 4, 4, false);
	sleep_some(1);
	ck_assert_uint_eq(asked, 0);
	thrum__idle_withhold(&idle);
	thrum__idle_sleep_begin(&idle, false, false);
	ck_assert_uint_eq(asked, 0);
	thrum__idle_sleep_begin(&idle, false, true);
	ck_assert_uint_eq(asked, 1);
}
END_TEST

/* Who does not know that it will be told of it leaves another to look. */
START_TEST(the_last_searcher_asks)
{
	for (int i = 0; i < 2; i++) {
		start_with_withheld();
		sleep_some(1);
		told = i;
		asked = 0;
		ck_assert(thrum__idle_search_begin(&idle));
		thrum__idle_search_found(&idle);
		ck_assert_uint_eq(asked, 1);
		ck_assert_uint_eq(wakes, !told);
	}
}
END_TEST

/* Who withholds nothing any more need not be asked. */
START_TEST(what_is_offered_is_not_asked_for)
{
	start_with_withheld();
	thrum__idle_withhold(&idle);
	thrum__idle_offer(&idle);
	sleep_some(1);
	ck_assert_uint_eq(asked, 1);
	thrum__idle_offer(&idle);
	sleep_some(1);
	ck_assert_uint_eq(asked, 1);
}
END_TEST

/* The last of all to sleep takes no membarrier, unless work is withheld; nor does anyone where
 * sleeps are cheap. */
START_TEST(the_last_sleeps_cheaply)
{
	start_with_withheld();
	thrum__idle_offer(&idle);
	thrum__idle_add(&idle);
	for (int i = 1; i <= 4; i++)
		ck_assert(thrum__idle_sleep_begin(&idle, false, true));
	ck_assert(!thrum__idle_sleep_begin(&idle, false, true));
	ck_assert(thrum__idle_sleep_undo(&idle));
	ck_assert(!thrum__idle_sleep_begin(&idle, true, true));
	ck_assert(thrum__idle_sleep_undo(&idle));
	thrum__idle_withhold(&idle);
	ck_assert(thrum__idle_sleep_begin(&idle, true, true));
	thrum__idle_wake_all(&idle);
	thrum__idle_offer(&idle);
	thrum__idle_turn_careful(&idle);
	ck_assert(!thrum__idle_sleep_begin(&idle, false, true));
}
END_TEST

START_TEST(underflow_is_caught)
{
	void (*const wrong[])(void) = {end_what_was_not_begun, sleep_as_if_searching};

	for (int i = 0; i < 2; i++) {
		char err[1000];
		int status = child_run(wrong[i], err, sizeof(err));

		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		ck_assert_ptr_nonnull(strstr(err, "had not begun"));
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    nobody_sleeps_nobody_is_woken,
	    one_wake_in_flight,
	    no_more_work_no_more_wakes,
	    the_last_searcher_wakes,
	    half_may_search,
	    a_crowd_wakes_nobody,
	    who_is_held_is_no_crowd,
	    few_workers_are_no_crowd,
	    sleep_ends_by_itself_or_by_choice,
	    a_token_is_for_any,
	    who_was_refused_may_ask_again,
	    last_look_finds_work,
	    all_are_woken,
	    all_asleep,
	    careful_wakes_alike,
	    withheld_work_is_asked_for,
	    the_last_searcher_asks,
	    what_is_offered_is_not_asked_for,
	    the_last_sleeps_cheaply,
	    underflow_is_caught,
	};

	return RUN_TESTS_FOR("idle", 4, tests);
}
