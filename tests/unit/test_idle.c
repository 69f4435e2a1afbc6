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
static unsigned woken[THRUM__WORKERS_MAX], wakes;
static bool work;

static void wake(void *arg, unsigned i)
{
	ck_assert_ptr_eq(arg, &idle);
	ck_assert_uint_lt(i, idle.workers);
	woken[i]++;
	wakes++;
}

static bool has_work(void *arg)
{
	ck_assert_ptr_eq(arg, &idle);
	return work;
}

static void start(unsigned workers)
{
	memset(woken, 0, sizeof(woken));
	wakes = 0;
	work = false;
	idle.arg = &idle;
	idle.wake = wake;
	idle.has_work = has_work;
	thrum__idle_init(&idle, workers);
}

static void sleep_all(void)
{
	for (unsigned i = 0; i < idle.workers; i++)
		thrum__idle_sleep_begin(&idle, i, false);
}

static unsigned searching(void)
{
	return load_relaxed(&idle.searching);
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
	sleep_all();
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
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(woken[i], 1);
}
END_TEST

START_TEST(no_more_work_no_more_wakes)
{
	start(4);
	sleep_all();
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
	for (unsigned i = 2; i < 8; i++)
		thrum__idle_sleep_begin(&idle, i, false);
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
	static const unsigned workers[] = {1, 2, 3, 4, 5, 8}, most[] = {1, 1, 2, 2, 3, 4};

	for (int k = 0; k < 6; k++) {
		unsigned n = 0;

		start(workers[k]);
		while (n < 20 && thrum__idle_search_begin(&idle))
			n++;
		ck_assert_uint_eq(n, most[k]);
		thrum__idle_search_end(&idle);
		ck_assert(thrum__idle_search_begin(&idle));
	}
}
END_TEST

START_TEST(sleep_ends_by_itself_or_by_choice)
{
	start(2);
	ck_assert(thrum__idle_search_begin(&idle));
	thrum__idle_sleep_begin(&idle, 0, true);
	ck_assert_uint_eq(searching(), 0);
	ck_assert(thrum__idle_sleep_cancel(&idle, 0));
	ck_assert_uint_eq(searching(), 0);
	thrum__idle_notify(&idle);
	ck_assert_uint_eq(wakes, 0);

	thrum__idle_sleep_begin(&idle, 0, false);
	thrum__idle_notify(&idle);
	ck_assert(!thrum__idle_sleep_cancel(&idle, 0));
	ck_assert_uint_eq(woken[0], 1);
	ck_assert_uint_eq(searching(), 1);
}
END_TEST

/* Work was there at the last look: the worker searches on, and sees to the next wake. */
START_TEST(last_look_finds_work)
{
	start(2);
	thrum__idle_sleep_begin(&idle, 1, false);
	ck_assert(thrum__idle_search_begin(&idle));
	thrum__idle_sleep_begin(&idle, 0, true);
	ck_assert(thrum__idle_sleep_undo(&idle, 0));
	ck_assert_uint_eq(searching(), 1);
	work = true;
	thrum__idle_search_found(&idle);
	ck_assert_uint_eq(woken[1], 1);
	ck_assert_uint_eq(woken[0], 0);

	start(2);
	thrum__idle_sleep_begin(&idle, 0, false);
	thrum__idle_notify(&idle);
	ck_assert(!thrum__idle_sleep_undo(&idle, 0));
	ck_assert_uint_eq(woken[0], 1);
	ck_assert_uint_eq(searching(), 1);
}
END_TEST

START_TEST(a_certain_worker)
{
	start(4);
	sleep_all();
	thrum__idle_notify(&idle);
	ck_assert(thrum__idle_wake(&idle, 2));
	ck_assert_uint_eq(woken[2], 1);
	ck_assert_uint_eq(searching(), 2);
	ck_assert(!thrum__idle_wake(&idle, 2));
	ck_assert_uint_eq(woken[2], 1);
	ck_assert_uint_eq(searching(), 2);
}
END_TEST

/* Who missed the certain worker took a place for a moment: a notifier may have relied on it. */
START_TEST(a_missed_wake_looks_for_work)
{
	start(2);
	thrum__idle_sleep_begin(&idle, 0, false);
	work = true;
	ck_assert(!thrum__idle_wake(&idle, 1));
	ck_assert_uint_eq(woken[0], 1);
	ck_assert_uint_eq(searching(), 1);
}
END_TEST

START_TEST(all_asleep)
{
	static const unsigned workers[] = {1, 2, 63, 64, 65, 128, 200, 256};

	for (int k = 0; k < 8; k++) {
		start(workers[k]);
		for (unsigned i = 0; i < workers[k]; i++) {
			ck_assert(!thrum__idle_all_asleep(&idle));
			thrum__idle_sleep_begin(&idle, i, false);
		}
		ck_assert(thrum__idle_all_asleep(&idle));
		ck_assert(thrum__idle_sleep_cancel(&idle, workers[k] - 1));
		ck_assert(!thrum__idle_all_asleep(&idle));
	}
}
END_TEST

/* The only sleeper is found in each word. */
START_TEST(each_worker_can_be_woken)
{
	for (unsigned i = 0; i < THRUM__WORKERS_MAX; i++) {
		start(THRUM__WORKERS_MAX);
		thrum__idle_sleep_begin(&idle, i, false);
		thrum__idle_notify(&idle);
		ck_assert_uint_eq(wakes, 1);
		ck_assert_uint_eq(woken[i], 1);
	}
}
END_TEST

static void end_what_was_not_begun(void)
{
	start(2);
	thrum__idle_search_end(&idle);
}

START_TEST(underflow_is_caught)
{
	char err[1000];
	int status = child_run(end_what_was_not_begun, err, sizeof(err));

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(err, "had not begun"));
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
	    sleep_ends_by_itself_or_by_choice,
	    last_look_finds_work,
	    a_certain_worker,
	    a_missed_wake_looks_for_work,
	    all_asleep,
	    each_worker_can_be_woken,
	    underflow_is_caught,
	};

	return RUN_TESTS_FOR("idle", 4, tests);
}
