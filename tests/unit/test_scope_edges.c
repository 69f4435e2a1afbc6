/* SPDX-License-Identifier: MIT */
/*
 * test_scope_edges.c - scopes at their edges: closed ones, inside one that was cancelled, without
 * room, of another runtime, as the runtime stops, from a thread, in a forked child; and what their
 * children do not inherit.
 */
#include "base/atomic.h"
#include "outcome.h"
#include "sched/task.h"
#include "token_test.h"

static void spawns_nothing(struct thrum_scope *s, int err)
{
	int copied = 1;

	is_int(thrum_scope_spawn(s, task_return, NULL), err);
	is_int(thrum_scope_spawn_copy(s, task_return, &copied, sizeof(copied)), err);
	must(!thrum_scope_spawn_future(s, task_return, NULL));
}

TASK_TEST(a_closed_one_takes_no_child, 1)
{
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_close(&s), 0);
	spawns_nothing(&s, -EINVAL);
	thrum_scope_cancel(&s);
	is_int(thrum_yield(), 0);
}

static intptr_t task_spawns_into(void *scope)
{
	spawns_nothing(scope, -EINVAL);
	return 4;
}

static intptr_t main_lends(void *other)
{
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_join(thrum_runtime_submit(other, task_spawns_into, &s)), 4);
	is_int(thrum_scope_failures(&s), 0);
	is_int(thrum_scope_spawn(&s, task_return, NULL), 0);
	is_int(thrum_scope_close(&s), 0);
	return 0;
}

START_TEST(another_runtime_s_tasks_spawn_nothing)
{
	struct thrum_runtime *other = runtime_of(1, THRUM_CLOCK_REAL);

	is_int(run_real(1, main_lends, other), 0);
	is_int(thrum_runtime_destroy(other), 0);
}
END_TEST

TASK_TEST(room_is_waited_for_in_vain, 1)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_timeout t;
	struct thrum_scope s;

	options.limit = 1;
	is_int(thrum_scope_open_with(&s, &options), 0);
	is_int(thrum_scope_spawn(&s, task_sleep, as_arg(100)), 0);
	thrum_timeout_begin(&t, 10);
	spawns_nothing(&s, -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	is_int(thrum_now(), 10);
	is_int(thrum_scope_failures(&s), 0);
	is_int(thrum_scope_spawn(&s, task_return, NULL), 0); /* it goes on */
	is_int(thrum_now(), 100);
	is_int(thrum_scope_close(&s), 0);
}

/* ---- Inside one that was cancelled ---- */

static intptr_t task_closes_inner(void *unused)
{
	struct thrum_scope inner;

	(void)unused;
	is_int(thrum_scope_open(&inner), 0);
	return thrum_scope_close(&inner);
}

static intptr_t task_waits_first(void *unused)
{
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	return task_closes_inner(unused);
}

/* Whether the child has waited, so that the cancel could come to it, or not. */
static void closes_inside_a_cancelled_one(thrum_fn child)
{
	struct thrum_future *f;
	struct thrum_scope outer;

	is_int(thrum_scope_open(&outer), 0);
	must((f = thrum_scope_spawn_future(&outer, child, NULL)));
	if (child == task_waits_first)
		settle();
	thrum_scope_cancel(&outer);
	is_int(thrum_scope_close(&outer), 0);
	is_int(thrum_join(f), -ECANCELED);
}

TASK_TEST(closing_one_with_nobody_in_it_tells_of_a_cancel, 1)
{
	closes_inside_a_cancelled_one(task_waits_first);
	closes_inside_a_cancelled_one(task_closes_inner);
	is_int(thrum_join(thrum_spawn(task_closes_inner, NULL)), 0);
}

static intptr_t task_cancels_joiner(void *joiner)
{
	is_int(thrum_cancel(joiner), 0);
	return task_closes_inner(NULL);
}

static intptr_t task_joins_in_place(void *unused)
{
	(void)unused;
	return thrum_join(thrum_spawn(task_cancels_joiner, thrum_self()));
}

TASK_TEST(also_of_the_joiner_s, 1)
{
	is_int(thrum_join(thrum_spawn(task_joins_in_place, NULL)), -ECANCELED);
}

/* ---- From outside ---- */

static void *thread_cancels(void *scope)
{
	thrum_scope_cancel(scope);
	return NULL;
}

static intptr_t main_is_cancelled_by_a_thread(void *unused)
{
	struct thrum_scope s;
	pthread_t thread;

	(void)unused;
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, task_sleep, as_arg(THRUM_FOREVER)), 0);
	thread = thread_of(thread_cancels, &s);
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	is_int(thrum_scope_close(&s), 0);
	thread_end(thread);
	is_int(thrum_yield(), 0);
	return 0;
}

START_TEST(a_thread_may_cancel_it)
{
	for (unsigned workers = 1; workers <= 2; workers++)
		is_int(run_real(workers, main_is_cancelled_by_a_thread, NULL), 0);
}
END_TEST

static int late;

static intptr_t task_opens_late(void *unused)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;

	(void)unused;
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	options.deadline_ns = THRUM_SEC(1);
	is_int(thrum_scope_open_with(&s, &options), -ESHUTDOWN);
	spawns_nothing(&s, -ESHUTDOWN);
	is_int(thrum_scope_close(&s), -ESHUTDOWN);
	late++;
	return 0;
}

static intptr_t main_leaves_it(void *unused)
{
	(void)unused;
	is_int(thrum_go(task_opens_late, NULL), 0);
	settle();
	return 0;
}

START_TEST(as_the_runtime_stops_there_is_no_alarm)
{
	late = 0;
	is_int(run_virtual(1, main_leaves_it, NULL), 0);
	is_int(late, 1);
}
END_TEST

static struct thrum_scope left;
static struct thrum_timeout left_timeout;
static struct thrum_token *left_token;

static void child_of_a_task(void)
{
	struct thrum_timeout t;
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), -ENOTSUP);
	spawns_nothing(&s, -ENOTSUP);
	thrum_scope_cancel(&s);
	is_int(thrum_scope_failures(&s), 0);
	is_int(thrum_scope_close(&s), -ENOTSUP);
	spawns_nothing(&left, -ENOTSUP);
	thrum_scope_cancel(&left);
	is_int(thrum_scope_failures(&left), 0);
	is_int(thrum_scope_close(&left), -ENOTSUP);
	thrum_timeout_begin(&t, 0);
	is_int(thrum_sleep(1), -ENOTSUP);
	is_int(thrum_yield(), -ENOTSUP);
	must(!thrum_timeout_end(&t));
	must(!thrum_timeout_end(&left_timeout));
	must(!thrum_token_create(NULL));
	must(!thrum_token_create(left_token));
	must(!thrum_token_future(left_token, THRUM_SOFT));
	must(!thrum_spawn_token(left_token, task_return, NULL));
	must(!thrum_spawn_blocking_token(left_token, task_return, NULL));
	is_int(thrum_token_cancel(left_token, THRUM_HARD, 2), -ENOTSUP);
	is_asked(left_token, THRUM_SOFT, 1);
	thrum_token_retain(left_token);
	thrum_token_release(left_token);
	thrum_token_release(left_token);
	is_asked(left_token, THRUM_SOFT, 1);
}

/* The parent's are as they were. */
TASK_TEST(in_a_forked_child_there_are_none, 1)
{
	left_token = token_under(NULL);
	is_int(thrum_token_cancel(left_token, THRUM_SOFT, 1), 0);
	is_int(thrum_scope_open(&left), 0);
	thrum_timeout_begin(&left_timeout, 50);
	is_int(thrum_scope_spawn(&left, task_sleep, as_arg(10)), 0);
	passes(child_of_a_task);
	is_int(thrum_sleep(100), -ETIMEDOUT);
	must(thrum_timeout_end(&left_timeout));
	is_int(thrum_scope_close(&left), 0);
	is_int(thrum_token_cancel(left_token, THRUM_HARD, 2), 0);
	thrum_token_release(left_token);
}

/* ---- Not inherited ---- */

TASK_TEST(a_timeout_is_not_the_children_s, 1)
{
	struct thrum_spawn_options options = THRUM_SPAWN_OPTIONS_INIT;
	struct thrum_token *token = token_under(NULL);
	struct thrum_future *fs[5], *job;
	struct thrum_timeout passed, t;
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), 0);
	thrum_timeout_begin(&t, 10);
	fs[0] = thrum_scope_spawn_future(&s, task_sleep, as_arg(50));
	fs[1] = thrum_spawn_with(&options, task_sleep, as_arg(50));
	options.stack_bytes = 65536;
	fs[2] = thrum_spawn_with(&options, task_sleep, as_arg(50));
	fs[3] = thrum_spawn_token(token, task_sleep, as_arg(50));
	options.token = token;
	options.worker = 1;
	fs[4] = thrum_spawn_with(&options, task_sleep, as_arg(50));
	is_int(thrum_sleep(20), -ETIMEDOUT);
	thrum_timeout_begin(&passed, 0);
	job = thrum_spawn_blocking(task_return, as_arg(5));
	must(!thrum_timeout_end(&passed));
	must(thrum_timeout_end(&t));
	for (int i = 0; i < 5; i++)
		is_int(thrum_join(fs[i]), 0);
	is_int(thrum_now(), 50);
	is_int(thrum_join(job), 5);
	is_int(thrum_scope_close(&s), 0);
	thrum_token_release(token);
}

int main(void)
{
	const TTest *const tests[] = {
	    a_closed_one_takes_no_child,
	    another_runtime_s_tasks_spawn_nothing,
	    room_is_waited_for_in_vain,
	    closing_one_with_nobody_in_it_tells_of_a_cancel,
	    also_of_the_joiner_s,
	    a_thread_may_cancel_it,
	    as_the_runtime_stops_there_is_no_alarm,
	    in_a_forked_child_there_are_none,
	    a_timeout_is_not_the_children_s,
	};

	return RUN_TESTS("scope_edges", tests);
}
