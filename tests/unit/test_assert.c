/* SPDX-License-Identifier: MIT */
/* test_assert.c - a failed assertion says what, where, in which task and what to do, and aborts. */
#include <signal.h>
#include <stddef.h>

#include "base/assert.h"
#include "child.h"
#include "run.h"

static int evaluated;

static bool evaluate(bool value)
{
	evaluated++;
	return value;
}

START_TEST(what_holds_is_silent_and_evaluated_once)
{
	evaluated = 0;
	ENSURE(evaluate(true), "no advice");
	ck_assert_int_eq(evaluated, 1);
	DEBUG_ENSURE(evaluate(true), "no advice");
#ifdef THRUM_DEBUG
	ck_assert_int_eq(evaluated, 2);
#else
	ck_assert_int_eq(evaluated, 1);
#endif
}
END_TEST

static void child_fails(void)
{
	ENSURE(1 + 1 == 3, "count again");
}

static const char *a_name(void)
{
	return "a named task";
}

static void child_fails_in_a_named_task(void)
{
	thrum__assert_task = a_name;
	ENSURE(0, "look");
}

static intptr_t task_fails(void *unused)
{
	(void)unused;
	is_int(thrum_set_name("culprit"), 0);
	ENSURE(0, "mend it");
	return 0;
}

static void child_fails_in_a_task(void)
{
	(void)run_real(1, task_fails, NULL);
}

static intptr_t task_leaves_open(void *t)
{
	is_int(thrum_set_name("forgetful"), 0);
	thrum_timeout_begin(t, 10);
	return 0;
}

static intptr_t task_joins_it(void *unused)
{
	struct thrum_timeout t;

	(void)unused;
	return thrum_join(thrum_spawn(task_leaves_open, &t));
}

static void child_fails_after_a_task_in_place(void)
{
	(void)run_real(1, task_joins_it, NULL);
}

/* The older one is left. */
static intptr_t task_joins_one(void *unused)
{
	struct thrum_fork older, newer;

	(void)unused;
	is_int(thrum_set_name("maker"), 0);
	thrum_fork(&older, task_return, NULL);
	thrum_fork(&newer, task_return, NULL);
	is_int(thrum_yield(), 0); /* they become tasks */
	return thrum_fork_join(&newer);
}

static void child_leaves_a_fork(void)
{
	(void)run_real(1, task_joins_one, NULL);
}

static void aborts_with(void (*fn)(void), const char *text)
{
	char err[3000];
	int status = child_run(fn, err, sizeof(err));

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_msg(strstr(err, text), "%s", err);
}

START_TEST(a_failure_says_what_and_where)
{
	char want[300];

	snprintf(want, sizeof(want), "thrum: assertion failed: 1 + 1 == 3 at %s:", __FILE__);
	aborts_with(child_fails, want);
	aborts_with(child_fails, ", in no task: count again\n");
}
END_TEST

START_TEST(a_failure_names_the_task)
{
	aborts_with(child_fails_in_a_named_task, ", in a named task: look\n");
	aborts_with(child_fails_in_a_task, ", in culprit: mend it\n");
	aborts_with(child_fails_after_a_task_in_place, ", in forgetful: a timeout");
	aborts_with(child_leaves_a_fork, ", in maker: a fork is joined before its maker ends");
}
END_TEST

static void child_debug_fails(void)
{
	DEBUG_ENSURE(evaluate(2 < 1), "costly");
}

START_TEST(debug_assertions_are_for_debug_builds)
{
#ifdef THRUM_DEBUG
	aborts_with(child_debug_fails, "evaluate(2 < 1)");
#else
	char err[100];

	ck_assert_int_eq(child_run(child_debug_fails, err, sizeof(err)), 0);
	ck_assert_str_eq(err, "");
#endif
}
END_TEST

START_TEST(container_of_goes_back_to_the_whole)
{
	struct {
		long a;
		char b[3];
	} whole;

	ck_assert_ptr_eq(container_of(&whole.b, __typeof__(whole), b), &whole);
	ck_assert_ptr_eq(container_of(&whole.a, __typeof__(whole), a), &whole);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    what_holds_is_silent_and_evaluated_once,
	    a_failure_says_what_and_where,
	    a_failure_names_the_task,
	    debug_assertions_are_for_debug_builds,
	    container_of_goes_back_to_the_whole,
	};

	return RUN_TESTS("assert", tests);
}
