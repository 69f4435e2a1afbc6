/* SPDX-License-Identifier: MIT */
/*
 * test_report.c - a failure that nobody looked at is reported once, when the last handle goes or
 * the task ends, whichever is later, with its name and place; what was looked at or asked for is
 * not.
 */
#include <sys/wait.h>

#include "child.h"
#include "run.h"
#include "sched/report.h"

static struct reports got;

static void got_reset(void)
{
	got = (struct reports)REPORTS_INIT;
}

static intptr_t task_fails(void *err)
{
	is_int(thrum_sleep(5), 0);
	return (intptr_t)err;
}

static intptr_t main_lets_failures_go(void *unused)
{
	struct thrum_future *f;

	(void)unused;
	thrum_release(thrum_spawn(task_fails, as_arg(-EIO)));
	is_int(thrum_sleep(10), 0);
	is_int(got.count, 1); /* at its end */
	f = thrum_spawn(task_fails, as_arg(-ENOENT));
	is_int(thrum_sleep(10), 0);
	is_int(got.count, 1);
	thrum_release(f); /* with the last handle */
	is_int(got.count, 2);
	is_int(thrum_go(task_fails, as_arg(-ECANCELED)), 0); /* nobody had asked for that */
	is_int(thrum_sleep(10), 0);
	is_int(got.count, 3);
	thrum_release(thrum_spawn_blocking(task_return, as_arg(-EPIPE)));
	is_int(thrum_blocking(task_return, NULL), 0);
	return 0;
}

START_TEST(unseen_failures_are_reported)
{
	struct thrum_config c = reporting(&got, 1);

	got_reset();
	is_int(thrum_run_with(&c, main_lets_failures_go, NULL), 0);
	is_int(got.what, THRUM_REPORT_FAILURE);
	is_int(got.count, 4);
	has_text(got.text,
		 "task_fails failed and nobody looked: Input/output error (-5), made at ");
	has_text(got.text, "test_report.c:");
	has_text(got.text, "No such file or directory (-2)");
	has_text(got.text, "Operation canceled (-125)");
	has_text(got.text, "Broken pipe (-32)");
}
END_TEST

static void call_nothing(struct thrum_future *f, void *unused)
{
	(void)f;
	(void)unused;
}

static struct thrum_future *kept;

static intptr_t task_keeps_itself(void *err)
{
	kept = thrum_self();
	thrum_retain(kept);
	return (intptr_t)err;
}

static intptr_t main_looks(void *unused)
{
	struct thrum_future *f;
	intptr_t r;

	(void)unused;
	is_int(thrum_join(thrum_spawn(task_fails, as_arg(-EIO))), -EIO);
	is_int(thrum_join(thrum_spawn(task_keeps_itself, as_arg(-EIO))), -EIO);
	thrum_release(kept);
	f = thrum_spawn(task_fails, as_arg(-EIO));
	is_int(thrum_await(f), -EIO);
	thrum_release(f);
	f = thrum_spawn(task_fails, as_arg(-EIO));
	is_int(thrum_sleep(10), 0);
	is_int(thrum_result(f), -EIO);
	thrum_release(f);
	f = thrum_spawn(task_fails, as_arg(-EIO));
	is_int(thrum_gather(&f, 1, &r), -EIO);
	thrum_release(f);
	f = thrum_spawn(task_fails, as_arg(-EIO));
	is_int(thrum_wait_for(f, THRUM_FOREVER), -EIO);
	thrum_release(f);
	f = thrum_spawn(task_fails, as_arg(-EIO));
	is_int(thrum_future_on_done(f, call_nothing, NULL), 0);
	thrum_release(f);
	f = thrum_spawn(task_fails, as_arg(-4096)); /* no failure */
	is_int(thrum_sleep(10), 0);
	thrum_release(f);
	f = spawn_sleeper(THRUM_FOREVER);
	is_int(thrum_cancel(f), 0); /* -ECANCELED after a request */
	is_int(thrum_sleep(10), 0);
	thrum_release(f);
	thrum_release(spawn_sleeper(THRUM_FOREVER)); /* cancelled by the end */
	return 0;
}

START_TEST(what_was_seen_or_asked_for_is_not_reported)
{
	struct thrum_config c = reporting(&got, 1);

	got_reset();
	is_int(thrum_run_with(&c, main_looks, NULL), 0);
	is_text(got.text, "");
	is_int(got.count, 0);
}
END_TEST

static intptr_t main_fails_and_fails(void *unused)
{
	(void)unused;
	is_int(thrum_go(task_return, as_arg(-EIO)), 0);
	return thrum_yield();
}

START_TEST(each_runtime_reports_to_its_own)
{
	static struct reports other;
	struct thrum_config a = reporting(&got, 1), b = reporting(&other, 1);

	got_reset();
	other = (struct reports)REPORTS_INIT;
	is_int(thrum_run_with(&a, main_fails_and_fails, NULL), 0);
	is_int(thrum_run_with(&b, main_fails_and_fails, NULL), 0);
	is_int(thrum_run_with(&b, main_fails_and_fails, NULL), 0);
	is_int(got.count, 1);
	is_int(other.count, 2);
}
END_TEST

/* The last handle may go on any thread. */
START_TEST(a_handle_let_go_outside_reports_to_its_runtime)
{
	struct thrum_config c = reporting(&got, 1);
	struct thrum_runtime *rt;
	struct thrum_future *f;

	got_reset();
	is_int(thrum_runtime_create(&rt, &c), 0);
	f = thrum_runtime_submit(rt, task_return, as_arg(-EIO));
	is_int(thrum_runtime_block_on(rt, task_sleep, as_arg(5)), 0);
	must(thrum_done(f));
	is_int(got.count, 0);
	thrum_release(f);
	is_int(got.count, 1);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

static intptr_t main_fails_often(void *n)
{
	for (intptr_t i = 0; i < (intptr_t)n; i++) {
		is_int(thrum_go(task_return, as_arg(-EIO)), 0);
		is_int(thrum_yield(), 0);
	}
	return 0;
}

START_TEST(reports_are_rate_limited)
{
	struct thrum_config c = reporting(&got, 1);

	got_reset();
	is_int(thrum_run_with(&c, main_fails_often, as_arg(9)), 0);
	is_int(got.count, 9);
	got_reset();
	is_int(thrum_run_with(&c, main_fails_often, as_arg(1000)), 0);
	must(got.count >= 10 && got.count < 200); /* ten a second, however long it took */
}
END_TEST

START_TEST(what_was_held_back_is_counted)
{
	struct thrum__reporter r = {.report = take_report, .report_arg = &got};

	got_reset();
	for (int i = 0; i < 25; i++)
		thrum__report(&r, THRUM_REPORT_STALL, "line %d", i);
	must(got.count >= 10);
	if (load_relaxed(&r.rates[THRUM_REPORT_STALL].held_back) != 15)
		return; /* a second has passed meanwhile */
	is_int(got.count, 10);
	is_int(got.what, THRUM_REPORT_STALL);
	store_relaxed(&r.rates[THRUM_REPORT_STALL].window_ns, 0); /* the next second */
	thrum__report(&r, THRUM_REPORT_STALL, "later");
	has_text(got.text, "line 9\nlater (and 15 more were held back)\n");
	thrum__report(&r, THRUM_REPORT_STALL, "last");
	has_text(got.text, "\nlast\n");
}
END_TEST

/* Who is stuck is told, however many failures were told of in the same second. */
START_TEST(each_kind_has_its_own_limit)
{
	struct thrum__reporter r = {.report = take_report, .report_arg = &got};

	got_reset();
	for (int i = 0; i < 25; i++)
		thrum__report(&r, THRUM_REPORT_FAILURE, "line %d", i);
	thrum__report(&r, THRUM_REPORT_STUCK, "stuck");
	is_int(got.what, THRUM_REPORT_STUCK);
	has_text(got.text, "\nstuck\n");
}
END_TEST

/* As a runtime stops: a hundred in a second, and how many more there are. */
START_TEST(who_is_stuck_is_named)
{
	struct thrum__reporter r = {.report = take_report, .report_arg = &got};

	got_reset();
	thrum__report_held_back(&r, THRUM_REPORT_STUCK);
	is_int(got.count, 0);
	for (int i = 0; i < 150; i++)
		thrum__report(&r, THRUM_REPORT_STUCK, "%d", i);
	if (load_relaxed(&r.rates[THRUM_REPORT_STUCK].held_back) != 50)
		return; /* a second has passed meanwhile */
	is_int(got.count, 100);
	thrum__report_held_back(&r, THRUM_REPORT_STUCK);
	thrum__report_held_back(&r, THRUM_REPORT_STUCK);
	is_int(got.count, 101);
	has_text(got.text, "\n99\n50 more were held back\n");
}
END_TEST

START_TEST(a_long_line_is_cut)
{
	struct thrum__reporter r = {.report = take_report, .report_arg = &got};

	got_reset();
	thrum__report(&r, THRUM_REPORT_FAILURE, "%0*d", 2000, 7);
	must(strlen(got.text) > 480 && strlen(got.text) <= 512);
}
END_TEST

static void child_bare_failures(void)
{
	struct thrum_future *f = future_new();

	thrum_future_set(f, -EIO);
	thrum_release(f);
	f = future_new();
	thrum_cancel(f);
	thrum_release(f);
	f = future_new();
	thrum_future_set(f, -4095);
	thrum_release(f);
}

static void child_unset(void)
{
	thrum_release(future_new());
}

START_TEST(without_a_callback_they_go_to_standard_error)
{
	char err[2000];

	is_int(child_run(child_bare_failures, err, sizeof(err)), 0);
	has_text(err, "thrum: future failed and nobody looked: Input/output error (-5), made at ");
	has_text(err, "unknown error (-4095)");
	must(!strstr(err, "-125"));
	is_int(child_run(child_unset, err, sizeof(err)), 0);
#ifdef THRUM_DEBUG
	has_text(err, "thrum: a future was released and never set, made at ");
#else
	is_text(err, "");
#endif
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    unseen_failures_are_reported,
	    what_was_seen_or_asked_for_is_not_reported,
	    each_runtime_reports_to_its_own,
	    a_handle_let_go_outside_reports_to_its_runtime,
	    reports_are_rate_limited,
	    what_was_held_back_is_counted,
	    each_kind_has_its_own_limit,
	    who_is_stuck_is_named,
	    a_long_line_is_cut,
	    without_a_callback_they_go_to_standard_error,
	};

	return RUN_TESTS("report", tests);
}
