/* SPDX-License-Identifier: MIT */
/*
 * test_scope.c - scopes: they wait for their children, the first failure ends all, whoever cancels
 * them reaches everyone, they nest, have limits and deadlines, and are cut short by their opener's
 * cancel without leaving anyone behind.
 */
#include "base/atomic.h"
#include "child.h"
#include "run.h"
#include "sched/task.h"

static struct atomic64 done, dropped;

static void setup_counts(void)
{
	store_relaxed(&done, 0);
	store_relaxed(&dropped, 0);
}

static intptr_t task_counts(void *ns)
{
	int err = ns ? thrum_sleep((intptr_t)ns) : 0;

	if (!err)
		fetch_add_relaxed(&done, 1);
	return err;
}

static void drop_counts(void *unused)
{
	(void)unused;
	fetch_add_relaxed(&dropped, 1);
}

static intptr_t task_fails_after(void *ns)
{
	return thrum_sleep((intptr_t)ns) ? 0 : -EIO;
}

static void children_are_waited_for(void)
{
	struct thrum_scope s;

	setup_counts();
	is_int(thrum_scope_open(&s), 0);
	for (int i = 0; i < 300; i++)
		is_int(thrum_scope_spawn(&s, task_counts, as_arg(i % 3 * 10)), 0);
	is_int(thrum_scope_close(&s), 0);
	is_int(load_relaxed(&done), 300);
	is_int(thrum_scope_failures(&s), 0);
	is_int(thrum_now(), 20);
}

TASK_TEST(it_waits_for_its_children, 1)
{
	children_are_waited_for();
}

TASK_TEST(it_waits_for_its_children_on_two_workers, 2)
{
	children_are_waited_for();
}

TASK_TEST(an_empty_one_is_nothing, 1)
{
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_close(&s), 0);
	is_int(thrum_scope_open(&s), 0); /* the same memory again */
	is_int(thrum_scope_spawn(&s, task_return, NULL), 0);
	is_int(thrum_sleep(1), 0); /* all have ended before close */
	is_int(thrum_scope_close(&s), 0);
}

TASK_TEST(the_first_failure_ends_all, 1)
{
	struct thrum_scope s;

	setup_counts();
	is_int(thrum_scope_open(&s), 0);
	for (int i = 0; i < 10; i++)
		is_int(thrum_scope_spawn(&s, task_counts, as_arg(THRUM_SEC(1))), 0);
	is_int(thrum_scope_spawn(&s, task_fails_after, as_arg(20)), 0);
	is_int(thrum_scope_spawn(&s, task_fails_after, as_arg(30)), 0);
	is_int(thrum_sleep(THRUM_SEC(2)), -ECANCELED);
	is_int(thrum_now(), 20);
	is_int(thrum_cancel_requested(), THRUM_HARD);
	is_int(thrum_yield(), -ECANCELED); /* until close */
	is_int(thrum_scope_spawn(&s, task_return, NULL), -ECANCELED);
	is_int(thrum_scope_close(&s), -EIO);
	is_int(thrum_now(), 20);
	is_int(load_relaxed(&done), 0);
	is_int(thrum_scope_failures(&s), 1);
	is_int(thrum_cancel_requested(), 0);
	is_int(thrum_sleep(1), 0);
}

TASK_TEST(a_failure_while_it_closes, 2)
{
	struct thrum_scope s;

	setup_counts();
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_counts, as_arg(THRUM_SEC(1))), 0);
	is_int(thrum_scope_spawn(&s, task_fails_after, as_arg(20)), 0);
	is_int(thrum_scope_close(&s), -EIO);
	is_int(thrum_now(), 20);
	is_int(load_relaxed(&done), 0);
	is_int(thrum_sleep(1), 0);
}

TASK_TEST(a_child_cancelled_alone_is_no_failure, 1)
{
	struct thrum_future *f;
	struct thrum_scope s;

	setup_counts();
	is_int(thrum_scope_open(&s), 0);
	f = thrum_scope_spawn_future(&s, task_counts, as_arg(THRUM_FOREVER));
	must(f);
	is_int(thrum_scope_spawn(&s, task_counts, as_arg(50)), 0);
	is_int(thrum_sleep(10), 0);
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), -ECANCELED);
	is_int(thrum_sleep(10), 0);
	is_int(thrum_scope_close(&s), 0);
	is_int(load_relaxed(&done), 1);
}

static intptr_t task_cancels(void *scope)
{
	is_int(thrum_sleep(20), 0);
	thrum_scope_cancel(scope);
	return 0;
}

TASK_TEST(it_is_cancelled_from_outside, 2)
{
	struct thrum_future *f;
	struct thrum_scope s;

	setup_counts();
	is_int(thrum_scope_open(&s), 0);
	f = thrum_spawn(task_cancels, &s);
	is_int(thrum_scope_spawn(&s, task_counts, as_arg(THRUM_FOREVER)), 0);
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	is_int(thrum_now(), 20);
	is_int(thrum_scope_close(&s), 0); /* that is no failure */
	is_int(thrum_join(f), 0);
	is_int(load_relaxed(&done), 0);
	is_int(thrum_sleep(1), 0);
}

/* A child that has not run, or has not waited yet, hears of it too. */
static void cancel_at_once(bool drops)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;

	setup_counts();
	options.drop = drops ? drop_counts : NULL;
	is_int(thrum_scope_open_with(&s, &options), 0);
	for (int i = 0; i < 10; i++)
		is_int(thrum_scope_spawn(&s, task_counts, as_arg(5)), 0);
	thrum_scope_cancel(&s);
	is_int(thrum_scope_close(&s), 0);
	is_int(load_relaxed(&done), 0);
	is_int(load_relaxed(&dropped), drops ? 10 : 0);
	is_int(thrum_now(), 0);
}

TASK_TEST(who_has_not_run_hears_of_it, 1)
{
	cancel_at_once(false);
	cancel_at_once(true);
}

static intptr_t task_spins_then_waits(void *unused)
{
	(void)unused;
	fetch_add_relaxed(&done, 1);
	while (thrum_cancel_requested() != THRUM_HARD)
		;
	is_int(thrum_yield(), -ECANCELED);
	return -ECANCELED;
}

static intptr_t main_cancels_spinner(void *unused)
{
	struct thrum_scope s;

	(void)unused;
	setup_counts();
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_spins_then_waits, NULL), 0);
	while (!load_relaxed(&done))
		is_int(thrum_yield(), 0);
	thrum_scope_cancel(&s);
	is_int(thrum_scope_close(&s), 0);
	return 0;
}

START_TEST(who_runs_hears_of_it)
{
	is_int(run_real(2, main_cancels_spinner, NULL), 0);
}
END_TEST

static intptr_t task_opener(void *cause)
{
	struct thrum_timeout t;
	struct thrum_scope s;
	int err;

	thrum_timeout_begin(&t, cause ? 20 : THRUM_FOREVER);
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_counts, as_arg(THRUM_SEC(1))), 0);
	is_int(thrum_scope_spawn(&s, task_counts, as_arg(10)), 0);
	err = thrum_scope_close(&s);
	is_int(thrum_timeout_end(&t), !!cause);
	return err;
}

TASK_TEST(its_opener_is_cut_short, 1)
{
	struct thrum_future *f;

	setup_counts();
	f = thrum_spawn(task_opener, NULL);
	is_int(thrum_sleep(20), 0);
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), -ECANCELED);
	is_int(thrum_now(), 20);
	is_int(load_relaxed(&done), 1);
	is_int(thrum_join(thrum_spawn(task_opener, as_arg(1))), -ETIMEDOUT);
	is_int(thrum_now(), 40);
	is_int(load_relaxed(&done), 2);
}

TASK_TEST(it_has_a_deadline, 2)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;
	int64_t until;

	setup_counts();
	options.deadline_ns = 100;
	is_int(thrum_scope_open_with(&s, &options), 0);
	for (int i = 0; i < 10; i++)
		is_int(thrum_scope_spawn(&s, task_counts, as_arg(20 * i + 1)), 0);
	is_int(thrum_sleep(1000), -ETIMEDOUT);
	is_int(thrum_now(), 100);
	is_int(thrum_scope_close(&s), -ETIMEDOUT);
	is_int(load_relaxed(&done), 5);
	options.deadline_ns = until = thrum_now() + 100;
	is_int(thrum_scope_open_with(&s, &options), 0);
	is_int(thrum_scope_spawn(&s, task_counts, as_arg(THRUM_FOREVER)), 0);
	is_int(thrum_scope_close(&s), -ETIMEDOUT);
	is_int(thrum_now(), until);
	options.deadline_ns = thrum_now() + 100;
	is_int(thrum_scope_open_with(&s, &options), 0); /* in time */
	is_int(thrum_scope_spawn(&s, task_counts, as_arg(50)), 0);
	is_int(thrum_scope_close(&s), 0);
	is_int(thrum_sleep(200), 0);
}

static struct atomic64 living, most;

static intptr_t task_lives(void *unused)
{
	uint64_t n = fetch_add_relaxed(&living, 1) + 1, seen = load_relaxed(&most);

	(void)unused;
	while (n > seen && !cas_relaxed(&most, &seen, n))
		;
	is_int(thrum_sleep(10), 0);
	fetch_sub_relaxed(&living, 1);
	return 0;
}

TASK_TEST(it_has_a_limit, 2)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;

	store_relaxed(&living, 0);
	store_relaxed(&most, 0);
	options.limit = 3;
	is_int(thrum_scope_open_with(&s, &options), 0);
	for (int i = 0; i < 30; i++)
		is_int(thrum_scope_spawn(&s, task_lives, NULL), 0);
	is_int(thrum_scope_close(&s), 0);
	is_int(load_relaxed(&most), 3);
	is_int(thrum_now(), 100);
	is_int(thrum_scope_open_with(&s, &options),
	       0); /* who waits for room is told of a failure */
	for (int i = 0; i < 3; i++)
		is_int(thrum_scope_spawn(&s, task_fails_after, as_arg(10 + i)), 0);
	is_int(thrum_scope_spawn(&s, task_counts, NULL), -ECANCELED);
	is_int(thrum_scope_close(&s), -EIO);
}

TASK_TEST(it_may_keep_going, 1)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;

	setup_counts();
	options.keep_going = true;
	is_int(thrum_scope_open_with(&s, &options), 0);
	for (int i = 0; i < 10; i++)
		is_int(
		    thrum_scope_spawn(&s, i % 2 ? task_fails_after : task_counts, as_arg(10 + i)),
		    0);
	is_int(thrum_sleep(100), 0);
	is_int(thrum_scope_close(&s), -EIO);
	is_int(thrum_scope_failures(&s), 5);
	is_int(load_relaxed(&done), 5);
}

/* A scope inside a scope: the outer one's failure ends the inner one, not the other way. */
static void nest(bool outer_fails)
{
	struct thrum_scope outer, inner;

	setup_counts();
	is_int(thrum_scope_open(&outer), 0);
	is_int(thrum_scope_spawn(&outer, outer_fails ? task_fails_after : task_counts, as_arg(20)),
	       0);
	is_int(thrum_scope_open(&inner), 0);
	is_int(thrum_scope_spawn(&inner, outer_fails ? task_counts : task_fails_after, as_arg(30)),
	       0);
	is_int(thrum_scope_close(&inner), outer_fails ? -ECANCELED : -EIO);
	is_int(thrum_yield(), outer_fails ? -ECANCELED : 0);
	is_int(thrum_scope_close(&outer), outer_fails ? -EIO : 0);
	is_int(load_relaxed(&done), outer_fails ? 0 : 1);
	is_int(thrum_sleep(1), 0);
}

TASK_TEST(they_nest, 1)
{
	nest(true);
	nest(false);
}

TASK_TEST(both_fail, 1)
{
	struct thrum_scope outer, inner;

	is_int(thrum_scope_open(&outer), 0);
	is_int(thrum_scope_open(&inner), 0);
	is_int(thrum_scope_spawn(&inner, task_fails_after, as_arg(10)), 0);
	is_int(thrum_scope_spawn(&outer, task_fails_after, as_arg(10)), 0);
	is_int(thrum_sleep(20), -ECANCELED);
	is_int(thrum_scope_close(&inner), -EIO);
	is_int(thrum_yield(), -ECANCELED); /* the outer one's still stands */
	is_int(thrum_scope_close(&outer), -EIO);
	is_int(thrum_yield(), 0);
}

static intptr_t task_spawns_siblings(void *scope)
{
	for (int i = 0; i < 5; i++) {
		is_int(thrum_scope_spawn(scope, task_counts, as_arg(5)), 0);
		is_int(thrum_sleep(10), 0);
	}
	return 0;
}

TASK_TEST(children_spawn_while_it_closes, 2)
{
	struct thrum_scope s;

	setup_counts();
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_spawns_siblings, &s), 0);
	is_int(thrum_scope_close(&s), 0);
	is_int(load_relaxed(&done), 5);
}

static intptr_t task_takes_copy(void *copy)
{
	fetch_add_relaxed(&done, (uint64_t) * (int *)copy);
	return 0;
}

TASK_TEST(a_copy_is_freed_in_any_case, 1)
{
	struct thrum_scope s;

	setup_counts();
	for (int cancels = 0; cancels < 2; cancels++) {
		is_int(thrum_scope_open(&s), 0);
		for (int i = 1; i <= 3; i++)
			is_int(thrum_scope_spawn_copy(&s, task_takes_copy, &i, sizeof(i)), 0);
		if (cancels)
			thrum_scope_cancel(&s);
		is_int(thrum_scope_close(&s), 0);
		is_int(load_relaxed(&done), 6);
	}
}

static intptr_t main_at_limit(void *unused)
{
	struct thrum_scope s;

	(void)unused;
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_return, NULL), -EAGAIN);
	is_int(thrum_yield(), -ECANCELED); /* a failed spawn counts */
	is_int(thrum_scope_close(&s), -EAGAIN);
	is_int(thrum_yield(), 0);
	return 0;
}

START_TEST(a_failed_spawn_is_a_failure)
{
	is_int(run_at_limit(1, THRUM_CLOCK_VIRTUAL, main_at_limit, NULL), 0);
}
END_TEST

static intptr_t task_in_place(void *unused)
{
	(void)unused;
	return thrum_join(thrum_spawn(task_counts, as_arg(THRUM_FOREVER)));
}

/* The child of a scope runs another in its place, which waits: the cancel comes up to it. */
TASK_TEST(a_cancel_reaches_who_runs_in_place, 1)
{
	struct thrum_scope s;

	setup_counts();
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_in_place, NULL), 0);
	is_int(thrum_sleep(10), 0);
	thrum_scope_cancel(&s);
	is_int(thrum_scope_close(&s), 0);
	is_int(thrum_now(), 10);
}

/* In the opener's join: it is cut short by a failure, so the joined task is cancelled. */
TASK_TEST(a_failure_cancels_what_the_opener_joins, 1)
{
	struct thrum_scope s;

	setup_counts();
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_fails_after, as_arg(10)), 0);
	is_int(thrum_join(thrum_spawn(task_counts, as_arg(THRUM_FOREVER))), -ECANCELED);
	is_int(thrum_now(), 10);
	is_int(thrum_scope_close(&s), -EIO);
}

static intptr_t task_polls(void *unused)
{
	(void)unused;
	return thrum_cancel_requested() == THRUM_HARD ? -ECANCELED : 0;
}

static intptr_t task_joins_sibling(void *scope)
{
	struct thrum_future *f = thrum_scope_spawn_future(scope, task_polls, NULL);

	must(f);
	thrum_cancel(thrum_self());
	return thrum_join(f);
}

/* A child that runs in place hears by a look that its joiner was cancelled, and ends. */
TASK_TEST(asked_through_its_joiner_is_no_failure, 1)
{
	struct thrum_scope s;

	setup_counts();
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_counts, as_arg(20)), 0);
	is_int(thrum_scope_spawn(&s, task_joins_sibling, &s), 0);
	is_int(thrum_scope_close(&s), 0);
	is_int(thrum_scope_failures(&s), 0);
	is_int(load_relaxed(&done), 1);
}

TASK_TEST(a_timeout_learns_that_it_cancelled_children, 1)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_timeout t;
	struct thrum_scope s;

	options.keep_going = true;
	thrum_timeout_begin(&t, 50);
	is_int(thrum_scope_open_with(&s, &options), 0);
	is_int(thrum_scope_spawn(&s, task_fails_after, as_arg(10)), 0);
	is_int(thrum_scope_spawn(&s, task_counts, as_arg(1000)), 0);
	is_int(thrum_scope_close(&s), -EIO);
	is_int(thrum_now(), 50);
	must(thrum_timeout_end(&t));
}

TASK_TEST(options_are_checked, 1)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct {
		struct thrum_scope_options known;
		uint64_t more;
	} later = {THRUM_SCOPE_OPTIONS_INIT, 0};
	struct thrum_scope s;

	options.deadline_ns = -1;
	is_int(thrum_scope_open_with(&s, &options), -EINVAL);
	is_int(thrum_scope_spawn(&s, task_return, NULL), -EINVAL);
	is_int(thrum_scope_close(&s), -EINVAL);
	later.known.size = sizeof(later);
	is_int(thrum_scope_open_with(&s, &later.known), 0);
	is_int(thrum_scope_close(&s), 0);
	later.more = 1;
	is_int(thrum_scope_open_with(&s, &later.known), -E2BIG);
	options.size = 0;
	is_int(thrum_scope_open_with(&s, &options), -EINVAL);
}

START_TEST(outside_tasks)
{
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), -EPERM);
	is_int(thrum_scope_spawn(&s, task_return, NULL), -EPERM);
	must(!thrum_scope_spawn_future(&s, task_return, NULL));
	thrum_scope_cancel(&s);
	is_int(thrum_scope_close(&s), -EPERM);
}
END_TEST

static intptr_t task_leaves_open(void *s)
{
	is_int(thrum_scope_open((struct thrum_scope *)s), 0);
	return 0;
}

static void leave_open(void)
{
	struct thrum_scope s;

	run_virtual(1, task_leaves_open, &s);
}

START_TEST(misuse_ends_the_process)
{
	char err[4096];

	must(WIFSIGNALED(child_run(leave_open, err, sizeof(err))));
	has_text(err, "ended before its frame is left");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    it_waits_for_its_children,
	    it_waits_for_its_children_on_two_workers,
	    an_empty_one_is_nothing,
	    the_first_failure_ends_all,
	    a_failure_while_it_closes,
	    a_child_cancelled_alone_is_no_failure,
	    it_is_cancelled_from_outside,
	    who_has_not_run_hears_of_it,
	    who_runs_hears_of_it,
	    its_opener_is_cut_short,
	    it_has_a_deadline,
	    it_has_a_limit,
	    it_may_keep_going,
	    they_nest,
	    both_fail,
	    children_spawn_while_it_closes,
	    a_copy_is_freed_in_any_case,
	    a_failed_spawn_is_a_failure,
	    a_cancel_reaches_who_runs_in_place,
	    a_failure_cancels_what_the_opener_joins,
	    asked_through_its_joiner_is_no_failure,
	    a_timeout_learns_that_it_cancelled_children,
	    options_are_checked,
	    outside_tasks,
	    misuse_ends_the_process,
	};

	return run_tests("scope", 30, tests, sizeof(tests) / sizeof(tests[0]));
}
