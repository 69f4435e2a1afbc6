/* SPDX-License-Identifier: MIT */
/*
 * test_calls.c - calls in tasks of their own: how many at a time, when another one is started, what
 * comes out when they fail or are cut short.
 */
#include "base/assert.h"
#include "base/os.h"
#include "child.h"
#include "several.h"

#define N 12

/* ---- Calls with a limit ---- */

static struct {
	int64_t alive, most, started;
} calls; /* by one worker */

static intptr_t call_counted(void *ns)
{
	intptr_t r = (intptr_t)ns;
	int err;

	calls.started++;
	if (++calls.alive > calls.most)
		calls.most = calls.alive;
	err = thrum_sleep(r < 0 ? 10 : r);
	calls.alive--;
	return err ? err : r;
}

TASK_TEST(calls_are_made_with_a_limit, 1)
{
	void *args[N];
	intptr_t results[N];

	for (size_t limit = 0; limit <= N + 1; limit++) {
		size_t most = limit && limit < N ? limit : N;
		int64_t start = thrum_now();

		memset(&calls, 0, sizeof(calls));
		for (int i = 0; i < N; i++)
			args[i] = as_arg(i == 9 ? -EIO : i == 4 ? -EPIPE : 10);
		is_int(thrum_gather_calls(call_counted, args, N, limit, results), -EPIPE);
		for (int i = 0; i < N; i++)
			is_int(results[i], (intptr_t)args[i]);
		is_int(calls.started, N);
		is_int(calls.most, most);
		is_int(thrum_now() - start, 10 * ((N + most - 1) / most));
	}
}

static uint64_t tasks_spawned(void)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(NULL, -1, &s), 0);
	return s.spawned;
}

TASK_TEST(calls_need_a_function_and_no_more, 1)
{
	void *args[2] = {as_arg(1), as_arg(2)};
	uint64_t spawned;

	is_int(thrum_gather_calls(NULL, args, 2, 0, NULL), -EINVAL);
	is_int(thrum_gather_calls(task_return, NULL, 3, 2, NULL), 0);
	is_int(thrum_gather_calls(task_return, args, 2, 0, NULL), 0);
	is_int(thrum_gather_calls(task_fails, args, 2, 1, NULL), -EIO);
	is_int((thrum_gather_calls)(task_fails, args, 2, 1, NULL), -EIO);
	thrum_cancel(thrum_self());
	is_int(thrum_gather_calls(task_return, args, 0, 0, NULL), 0);
	spawned = tasks_spawned();
	is_int(thrum_gather_calls(task_return, args, 1, 0, NULL), -ECANCELED);
	is_int(tasks_spawned(), spawned);
}

/* The places are filled in the order of the arguments, whatever ends first. */
TASK_TEST(results_stand_in_the_order_of_the_calls, 2)
{
	void *args[N];
	intptr_t results[N];

	for (int i = 0; i < N; i++)
		args[i] = as_arg(N - i);
	is_int(thrum_gather_calls(task_sleep, args, N, 5, results), 0);
	is_int(thrum_gather_calls(task_return, args, N, 5, results), 0);
	for (int i = 0; i < N; i++)
		is_int(results[i], N - i);
}

static intptr_t task_calls(void *results)
{
	void *args[4] = {as_arg(10), as_arg(30), as_arg(30), as_arg(30)};

	return thrum_gather_calls(call_counted, args, 4, 2, results);
}

TASK_TEST(calls_are_cut_short, 1)
{
	for (int how = 0; how < 2; how++) {
		intptr_t results[4] = {9, 9, 9, 9};
		struct thrum_timeout t;

		memset(&calls, 0, sizeof(calls));
		if (how) {
			thrum_timeout_begin(&t, 20);
			is_int(task_calls(results), -ETIMEDOUT);
			must(thrum_timeout_end(&t));
		} else {
			struct thrum_future *f = thrum_spawn(task_calls, results);

			is_int(thrum_sleep(20), 0);
			thrum_cancel(f);
			is_int(thrum_join(f), -ECANCELED);
		}
		is_int(results[0], 10);
		for (int i = 1; i < 4; i++)
			is_int(results[i], -ECANCELED);
		is_int(calls.started, 3);
		is_int(calls.alive, 0);
	}
}

static intptr_t task_calls_late(void *results)
{
	void *args[2] = {as_arg(7), as_arg(-EIO)};

	return thrum_gather_calls(task_ends_late, args, 2, 0, results);
}

TASK_TEST(calls_that_are_cut_short_are_waited_for, 1)
{
	intptr_t results[2];
	struct thrum_future *f = thrum_spawn(task_calls_late, results);

	is_int(thrum_sleep(20), 0);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	is_int(thrum_now(), 70);
	is_int(results[0], 7);
	is_int(results[1], -EIO);
}

TASK_TEST(many_calls, 2)
{
	size_t n = scaled(MANY);
	void **args = calloc(n, sizeof(*args));
	intptr_t *results = calloc(n, sizeof(*results));

	must(args && results);
	for (size_t i = 0; i < n; i++)
		args[i] = as_arg((intptr_t)i);
	for (size_t limit = 0; limit <= 100; limit += 50) {
		memset(results, 0xFF, n * sizeof(*results));
		is_int(thrum_gather_calls(task_return, args, n, limit, results), 0);
		for (size_t i = 0; i < n; i++)
			is_int(results[i], i);
	}
	free(args);
	free(results);
}

static intptr_t task_calls_at_limit(void *unused)
{
	intptr_t results[N];

	(void)unused;
#ifdef THRUM_FAULTS
	thrum__fault_set(1, true); /* and no node is lost */
#endif
	is_int(thrum_gather_calls(task_return, NULL, N, 0, results), -EAGAIN);
#ifdef THRUM_FAULTS
	thrum__fault_set(0, false);
#endif
	for (int i = 0; i < N; i++)
		is_int(results[i], -EAGAIN);
	is_int(thrum_hedge(task_return, NULL, 5, 3, NULL), -EAGAIN);
	is_int(thrum_now(), 0);
	return 0;
}

START_TEST(calls_that_cannot_be_started_have_failed)
{
	is_int(run_at_limit(1, THRUM_CLOCK_VIRTUAL, task_calls_at_limit, NULL), 0);
}
END_TEST

#ifdef THRUM_FAULTS
TASK_TEST(calls_without_memory, 1)
{
	intptr_t results[N];
	int ok, cut;

	ok = thrum_gather_calls(task_return, NULL, N, 0, results); /* tasks and stacks are there */
	thrum__fault_set(1, true);
	cut = thrum_gather_calls(task_return, NULL, N, 0, results);
	thrum__fault_set(0, false);
	is_int(ok, 0);
	is_int(cut, -ENOMEM);
	for (int i = 0; i < N; i++)
		is_int(results[i], i < 8 ? 0 : -ENOMEM);
	deadline_set(THRUM_SEC(1));
	thrum__fault_set(1, true); /* no timer: all are ended */
	cut = thrum_gather_calls(task_return, NULL, 4, 0, results);
	thrum__fault_set(0, false);
	deadline_set(THRUM_FOREVER);
	is_int(cut, -ENOMEM);
	for (int i = 0; i < 4; i++)
		is_int(results[i], -ECANCELED); /* none had begun */
}
#endif

/* ---- Hedged calls ---- */

/* What its copies do, one after the other. */
struct script {
	struct {
		int64_t ns;
		intptr_t result;
		bool stubborn; /* it hears no cancel */
	} copies[5];
	int64_t started_ns[5];
	int started, ended;
};

static intptr_t copy(void *script)
{
	struct script *s = script;
	int i = s->started++, err;
	struct thrum_shield shield;

	s->started_ns[i] = thrum_now();
	if (s->copies[i].stubborn)
		thrum_shield_begin(&shield, THRUM_FOREVER);
	err = thrum_sleep(s->copies[i].ns);
	if (s->copies[i].stubborn)
		thrum_shield_end(&shield);
	s->ended++;
	return err ? err : s->copies[i].result;
}

static intptr_t discarded[5];
static int discards;

static void discard(intptr_t result)
{
	discarded[discards++] = result;
}

TASK_TEST(one_copy_does_if_it_is_fast, 1)
{
	struct script s = {.copies = {{10, 42, false}}};

	is_int(thrum_hedge(copy, &s, 10 + 1, 3, discard), 42);
	is_int(thrum_now(), 10);
	is_int(s.started, 1);
	is_int((thrum_hedge)(task_return, as_arg(5), 1, 1, NULL), 5);
	is_int(thrum_hedge(NULL, NULL, 1, 1, NULL), -EINVAL);
	is_int(thrum_hedge(task_return, NULL, 1, 0, NULL), -EINVAL);
}

TASK_TEST(a_late_one_is_followed_by_another, 1)
{
	struct script s = {
	    .copies = {{100, 1, false}, {100, 2, true}, {5, 3, false}, {5, 4, false}}};

	discards = 0;
	is_int(thrum_hedge(copy, &s, 10, 4, discard), 3);
	is_int(s.started, 3);
	is_int(s.started_ns[0], 0);
	is_int(s.started_ns[1], 10);
	is_int(s.started_ns[2], 20);
	is_int(s.ended, 3);
	is_int(thrum_now(), 110); /* the stubborn one was waited for */
	is_int(discards, 1);
	is_int(discarded[0], 2);
}

TASK_TEST(there_are_no_more_copies_than_wanted, 1)
{
	struct script s = {.copies = {{100, 1, false}, {100, 2, false}, {5, 3, false}}};

	is_int(thrum_hedge(copy, &s, 10, 2, NULL), 1);
	is_int(s.started, 2);
	is_int(thrum_now(), 100);
	s = (struct script){.copies = {{100, 1, false}, {100, 2, true}}};
	is_int(thrum_hedge(copy, &s, THRUM_FOREVER, 2, NULL), 1);
	is_int(s.started, 1);
}

TASK_TEST(a_failure_is_followed_at_once, 1)
{
	struct script s = {
	    .copies = {{3, -EIO, false}, {18, -EPIPE, false}, {50, 3, false}, {5, 4, false}}};

	is_int(thrum_hedge(copy, &s, 10, 5, NULL), 4);
	is_int(s.started_ns[1], 3);
	is_int(s.started_ns[2], 13); /* 10 after the last start */
	is_int(s.started_ns[3], 21);
	is_int(s.started, 4);
	is_int(thrum_now(), 26);
}

TASK_TEST(if_all_copies_fail_the_last_tells, 1)
{
	struct script s = {.copies = {{30, -EIO, false}, {5, -EPIPE, false}, {40, -ENOENT, false}}};

	discards = 0;
	is_int(thrum_hedge(copy, &s, 10, 3, discard), -ENOENT);
	is_int(s.started_ns[2], 15);
	is_int(thrum_now(), 55);
	is_int(discards, 0);
	s = (struct script){.copies = {{30, -EIO, false}, {5, -EPIPE, false}}};
	is_int(thrum_hedge(copy, &s, 10, 2, NULL), -EIO);
}

TASK_TEST(without_a_delay_all_copies_start_at_once, 1)
{
	struct script s = {.copies = {{50, 1, false}, {40, 2, false}, {30, 3, false}}};

	is_int(thrum_hedge(copy, &s, 0, 3, NULL), 3);
	is_int(s.started, 3);
	is_int(s.ended, 3);
	is_int(thrum_now(), 30);
	s.started = 0;
	is_int(thrum_hedge(copy, &s, -5, 3, NULL), 3);
	is_int(thrum_now(), 60);
}

/* Beside the main task and one copy there is room for another from 15 on. */
static intptr_t task_hedges_at_limit(void *unused)
{
	struct script s = {.copies = {{100, 1, false}, {5, 2, false}}};
	struct thrum_future *f = spawn_sleeper(15);

	(void)unused;
	is_int(thrum_hedge(copy, &s, 10, 3, NULL), 2);
	is_int(s.started_ns[1], 20);
	is_int(thrum_now(), 25);
	return thrum_join(f);
}

START_TEST(a_copy_that_cannot_be_started_has_failed)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_VIRTUAL);

	c.tasks_max = 3;
	is_int(thrum_run_with(&c, task_hedges_at_limit, NULL), 0);
}
END_TEST

static intptr_t task_hedge(void *script)
{
	return thrum_hedge(copy, script, 10, 3, discard);
}

TASK_TEST(a_hedged_call_is_cut_short, 1)
{
	uint64_t spawned;

	for (int how = 0; how < 2; how++) {
		struct script s = {.copies = {{1000, 1, false}, {30, 2, true}, {1000, 3, false}}};
		int64_t start = thrum_now();
		struct thrum_timeout t;

		discards = 0;
		if (how) {
			thrum_timeout_begin(&t, 15);
			is_int(task_hedge(&s), -ETIMEDOUT);
			must(thrum_timeout_end(&t));
		} else {
			struct thrum_future *f = thrum_spawn(task_hedge, &s);

			is_int(thrum_sleep(15), 0);
			thrum_cancel(f);
			is_int(thrum_join(f), -ECANCELED);
		}
		is_int(thrum_now(), start + 40);
		is_int(s.started, 2);
		is_int(s.ended, 2);
		is_int(discards, 1);
		is_int(discarded[0], 2);
	}
	thrum_cancel(thrum_self());
	spawned = tasks_spawned();
	is_int(thrum_hedge(task_return, NULL, 1, 1, NULL), -ECANCELED);
	is_int(tasks_spawned(), spawned);
}

#ifdef THRUM_FAULTS
TASK_TEST(a_hedged_call_without_memory, 1)
{
	struct script s = {.copies = {{0, 0, false}, {0, 0, false}}};
	intptr_t got[2];

	is_int(thrum_hedge(task_return, as_arg(4), THRUM_FOREVER, 2, NULL), 4);
	thrum__fault_set(1, true);
	got[0] = thrum_hedge(task_return, as_arg(4), THRUM_FOREVER, 2, NULL);
	got[1] = thrum_hedge(copy, &s, 10, 2, NULL); /* no timer */
	thrum__fault_set(0, false);
	is_int(got[0], 4); /* it needs none */
	is_int(got[1], -ENOMEM);
	is_int(s.started, 0);
}
#endif

/* ---- Who may ---- */

static void nobody_may(int err)
{
	is_int(thrum_gather_calls(task_return, NULL, 1, 0, NULL), err);
	is_int(thrum_hedge(task_return, NULL, 1, 1, NULL), err);
}

START_TEST(outside_tasks_nobody_may)
{
	nobody_may(-EPERM);
}
END_TEST

static void in_a_child(void)
{
	nobody_may(-ENOTSUP);
}

TASK_TEST(in_a_forked_child_nobody_may, 1)
{
	char err[512];

	is_int(child_run(in_a_child, err, sizeof(err)), 0);
}

int main(void)
{
	const TTest *const tests[] = {
	    calls_are_made_with_a_limit,
	    calls_need_a_function_and_no_more,
	    results_stand_in_the_order_of_the_calls,
	    calls_are_cut_short,
	    calls_that_are_cut_short_are_waited_for,
	    many_calls,
	    calls_that_cannot_be_started_have_failed,
	    one_copy_does_if_it_is_fast,
	    a_late_one_is_followed_by_another,
	    there_are_no_more_copies_than_wanted,
	    a_failure_is_followed_at_once,
	    if_all_copies_fail_the_last_tells,
	    without_a_delay_all_copies_start_at_once,
	    a_copy_that_cannot_be_started_has_failed,
	    a_hedged_call_is_cut_short,
#ifdef THRUM_FAULTS
	    calls_without_memory,
	    a_hedged_call_without_memory,
#endif
	    outside_tasks_nobody_may,
	    in_a_forked_child_nobody_may,
	};

	return RUN_TESTS_FOR("calls", 120, tests);
}
