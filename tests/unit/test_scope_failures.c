/* SPDX-License-Identifier: MIT */
/*
 * test_scope_failures.c - each failure of a scope's children is told once: by close, or by a
 * report.
 */
#include "run.h"

static struct reports got;

/* Runs @fn on one worker, and its reports are in got. */
static void run_reporting(thrum_fn fn, void *arg)
{
	struct thrum_config c = reporting(&got, 1);

	got = (struct reports)REPORTS_INIT;
	is_int(thrum_run_with(&c, fn, arg), 0);
}

struct failing {
	int64_t after_ns;
	intptr_t result;
};

static intptr_t task_fails(void *failing)
{
	const struct failing *f = failing;

	return thrum_sleep(f->after_ns) == 0 ? f->result : 0;
}

/* Neither waits, so neither hears of the other. */
static intptr_t main_two_fail(void *other)
{
	struct thrum_scope s;
	int err;

	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_return, as_arg(-EIO)), 0);
	is_int(thrum_scope_spawn(&s, task_return, other), 0);
	err = thrum_scope_close(&s);
	must(err == -EIO || err == (intptr_t)other);
	is_int(thrum_scope_failures(&s), 2);
	is_int(got.count, 1);
	has_text(got.text, err == (intptr_t)other ? "Input/output error" : "No such file");
	return 0;
}

START_TEST(the_second_is_reported)
{
	run_reporting(main_two_fail, as_arg(-ENOENT));
	run_reporting(main_two_fail, as_arg(-EIO));
	is_int(got.what, THRUM_REPORT_FAILURE);
}
END_TEST

static intptr_t main_looks_itself(void *unused)
{
	struct thrum_future *fs[2];
	struct thrum_scope s;

	(void)unused;
	is_int(thrum_scope_open(&s), 0);
	for (int i = 0; i < 2; i++)
		must((fs[i] = thrum_scope_spawn_future(&s, task_return, as_arg(-EIO))));
	is_int(thrum_scope_close(&s), -EIO);
	for (int i = 0; i < 2; i++)
		is_int(thrum_join(fs[i]), -EIO);
	return 0;
}

START_TEST(who_looks_itself_needs_no_report)
{
	run_reporting(main_looks_itself, NULL);
	is_int(got.count, 0);
}
END_TEST

static intptr_t task_fails_when_asked(void *failing)
{
	const struct failing *f = failing;

	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	return f->result;
}

/* Close returns why it was cut short. */
static intptr_t main_is_cut_short(void *unused)
{
	struct failing f = {0, -EIO};
	struct thrum_timeout t;
	struct thrum_scope s;

	(void)unused;
	thrum_timeout_begin(&t, 10);
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_fails_when_asked, &f), 0);
	is_int(thrum_scope_close(&s), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	is_int(thrum_scope_failures(&s), 1);
	is_int(got.count, 1);
	return 0;
}

START_TEST(one_after_a_cut_is_reported)
{
	run_reporting(main_is_cut_short, NULL);
	has_text(got.text, "task_fails_when_asked failed and nobody looked: Input/output error");
}
END_TEST

static intptr_t main_keeps_going(void *unused)
{
	struct failing f[3] = {{30, -EIO}, {10, -ENOENT}, {20, -EIO}};
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;

	(void)unused;
	options.keep_going = true;
	is_int(thrum_scope_open_with(&s, &options), 0);
	for (int i = 0; i < 3; i++)
		is_int(thrum_scope_spawn(&s, task_fails, &f[i]), 0);
	is_int(thrum_scope_close(&s), -ENOENT);
	is_int(thrum_scope_failures(&s), 3);
	is_int(got.count, 2);
	return 0;
}

START_TEST(all_but_the_first_are_reported)
{
	run_reporting(main_keeps_going, NULL);
	must(!strstr(got.text, "No such file"));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    the_second_is_reported,
	    who_looks_itself_needs_no_report,
	    one_after_a_cut_is_reported,
	    all_but_the_first_are_reported,
	};

	return RUN_TESTS("scope_failures", tests);
}
