/* SPDX-License-Identifier: MIT */
/*
 * test_scope_failures.c - each failure of a scope's children is told once: by close, or in the
 * opener's list, or else by a report.
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

/* ---- Collected by the opener ---- */

static void open_collecting(struct thrum_scope *s, struct thrum_scope_failure *failures, size_t max)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;

	options.keep_going = true;
	options.failures = failures;
	options.failures_max = max;
	is_int(thrum_scope_open_with(s, &options), 0);
}

static intptr_t main_collects(void *most)
{
	struct failing f[4] = {{30, -EIO}, {10, -ENOENT}, {20, 0}, {40, -EIO}};
	struct failing *const order[] = {&f[1], &f[0], &f[3]};
	struct thrum_scope_failure failures[4] = {{0}};
	size_t kept = (size_t)most;
	struct thrum_scope s;

	open_collecting(&s, failures, kept);
	for (int i = 0; i < 4; i++)
		is_int(thrum_scope_spawn(&s, task_fails, &f[i]), 0);
	is_int(thrum_scope_close(&s), -ENOENT);
	is_int(thrum_scope_failures(&s), 3);
	for (size_t i = 0; i < 4; i++) {
		bool is_there = i < 3 && i < kept;

		must(failures[i].arg == (is_there ? order[i] : NULL));
		is_int(failures[i].result, is_there ? order[i]->result : 0);
		if (is_there)
			has_text(failures[i].place, "test_scope_failures.c:");
	}
	is_int(got.count, kept < 3 ? 2 - (kept ? (int)kept - 1 : 0)
				   : 0); /* the first is close's in any case */
	return 0;
}

START_TEST(they_come_in_order_as_far_as_there_is_room)
{
	run_reporting(main_collects, as_arg(_i));
}
END_TEST

static intptr_t main_is_cut_and_collects(void *unused)
{
	struct thrum_scope_failure failures[2] = {{0}};
	struct failing f = {0, -EIO};
	struct thrum_timeout t;
	struct thrum_scope s;

	(void)unused;
	thrum_timeout_begin(&t, 10);
	open_collecting(&s, failures, 2);
	is_int(thrum_scope_spawn(&s, task_fails_when_asked, &f), 0);
	is_int(thrum_scope_spawn_copy(&s, task_fails_when_asked, &f, sizeof(f)), 0);
	is_int(thrum_scope_close(&s), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	is_int(failures[0].result, -EIO);
	is_int(failures[1].result, -EIO);
	must(!failures[0].arg != !failures[1].arg); /* the copy is gone */
	return 0;
}

START_TEST(those_after_a_cut_as_well)
{
	run_reporting(main_is_cut_and_collects, NULL);
	is_int(got.count, 0);
}
END_TEST

#define MANY 1000

static intptr_t task_fails_its_way(void *number)
{
	return -(intptr_t)number;
}

/* Each once, in whatever order, and close returns the first. */
static intptr_t main_collects_many(void *unused)
{
	static struct thrum_scope_failure failures[MANY];
	bool seen[MANY + 1] = {false};
	struct thrum_scope s;

	(void)unused;
	open_collecting(&s, failures, MANY);
	for (intptr_t i = 1; i <= MANY; i++)
		is_int(thrum_scope_spawn(&s, task_fails_its_way, as_arg(i)), 0);
	is_int(thrum_scope_close(&s), failures[0].result);
	is_int(thrum_scope_failures(&s), MANY);
	for (int i = 0; i < MANY; i++) {
		intptr_t n = (intptr_t)failures[i].arg;

		must(n >= 1 && n <= MANY && !seen[n]);
		is_int(failures[i].result, -n);
		seen[n] = true;
	}
	return 0;
}

START_TEST(each_comes_once)
{
	for (int i = 0; i < 20; i++)
		is_int(run_real(4, main_collects_many, NULL), 0);
}
END_TEST

static intptr_t main_cannot_spawn(void *unused)
{
	struct thrum_scope_failure failure = {0};
	struct thrum_scope s;
	int copied = 7;

	(void)unused;
	open_collecting(&s, &failure, 1);
	is_int(thrum_scope_spawn(&s, task_return, &copied), -EAGAIN);
	is_int(thrum_scope_close(&s), -EAGAIN);
	must(failure.arg == &copied);
	is_int(failure.result, -EAGAIN);
	open_collecting(&s, &failure, 1);
	is_int(thrum_scope_spawn_copy(&s, task_return, &copied, sizeof(copied)), -EAGAIN);
	is_int(thrum_scope_close(&s), -EAGAIN);
	must(!failure.arg);
	return 0;
}

START_TEST(a_failed_spawn_is_one_of_them)
{
	is_int(run_at_limit(1, THRUM_CLOCK_VIRTUAL, main_cannot_spawn, NULL), 0);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("scope_failures");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, the_second_is_reported);
	tcase_add_test(tc, who_looks_itself_needs_no_report);
	tcase_add_test(tc, one_after_a_cut_is_reported);
	tcase_add_test(tc, all_but_the_first_are_reported);
	tcase_add_loop_test(tc, they_come_in_order_as_far_as_there_is_room, 0, 5);
	tcase_add_test(tc, those_after_a_cut_as_well);
	tcase_add_test(tc, each_comes_once);
	tcase_add_test(tc, a_failed_spawn_is_one_of_them);
	return run_case("scope_failures", tc);
}
