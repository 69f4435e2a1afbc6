/* SPDX-License-Identifier: MIT */
/*
 * test_join.c - waiting to the end: join, beside its child and in its place, and wait_for with its
 * limit.
 */
#include "base/assert.h"
#include "base/os.h"
#include "meanwhile.h"
#include "sched/task.h"
#include "sched/worker.h"

static uint64_t in_place_count(void)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(NULL, -1, &s), 0);
	return s.in_place;
}

/* Join: */

static intptr_t task_join_new_child(void *gate)
{
	return thrum_join(thrum_spawn(task_await, gate));
}

TASK_TEST(the_newest_child_runs_in_place, 1)
{
	uint64_t before = in_place_count();
	struct thrum_future *a, *b;

	is_int(thrum_join(thrum_spawn(task_return, as_arg(4))), 4);
	is_int(in_place_count(), before + 1);
	a = thrum_spawn(task_return, as_arg(1));
	b = thrum_spawn(task_return, as_arg(2));
	is_int(thrum_join(a), 1); /* not the newest */
	is_int(in_place_count(), before + 1);
	is_int(thrum_join(b), 2);
}

static intptr_t task_checks_self(void *parent)
{
	must(thrum_self() != parent);
	is_text(thrum_name(thrum_self()), "task_checks_self");
	is_int(thrum_set_name("child"), 0);
	is_int(thrum_sleep(3), 0);
	return 3;
}

TASK_TEST(a_task_in_place_is_itself, 1)
{
	struct thrum_future *self = thrum_self();

	is_int(thrum_set_name("parent"), 0);
	is_int(thrum_join(thrum_spawn(task_checks_self, self)), 3);
	must(thrum_self() == self);
	is_text(thrum_name(self), "parent");
	is_int(thrum_now(), 3);
}

static intptr_t task_nested(void *left)
{
	intptr_t n = (intptr_t)left;

	if (n == 0)
		return thrum_sleep(THRUM_FOREVER) == -ECANCELED ? 1000 : -1;
	return thrum_join(thrum_spawn(task_nested, as_arg(n - 1))) + 1;
}

static void cancel_reaches(struct thrum_future *f, intptr_t result)
{
	settle();
	must(!thrum_done(f));
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), result);
}

TASK_TEST(a_cancel_of_the_joiner_reaches_the_child, 1)
{
	struct thrum_future *gate = future_new();

	cancel_reaches(thrum_spawn(task_join_new_child, gate), -ECANCELED);
	must(!thrum_done(gate));
	for (intptr_t depth = 0; depth < 8; depth++)
		cancel_reaches(thrum_spawn(task_nested, as_arg(depth)), 1000 + depth);
	future_drop(gate);
}

TASK_TEST(a_cancel_of_the_joiner_reaches_the_child_on_two_workers, 2)
{
	for (intptr_t depth = 0; depth < 8; depth++)
		cancel_reaches(thrum_spawn(task_nested, as_arg(depth)), 1000 + depth);
}

static intptr_t task_sees_request(void *unused)
{
	(void)unused;
	is_int(thrum_cancel_requested(), THRUM_HARD);
	is_int(thrum_yield(), -ECANCELED);
	return 8;
}

TASK_TEST(a_cancelled_joiner_cancels_before_it_waits, 1)
{
	struct thrum_future *sleeper = spawn_sleeper(THRUM_FOREVER), *bare = future_new();

	thrum_cancel(thrum_self());
	is_int(thrum_join(thrum_spawn(task_sees_request, NULL)), 8);
	is_int(thrum_join(sleeper), -ECANCELED);
	is_int(thrum_join(bare), -ECANCELED);
}

static intptr_t task_join(void *f)
{
	return thrum_join(f);
}

static void join_is_never_cut_short(bool cancel_held)
{
	struct hold h;
	struct thrum_future *held, *joiner;

	hold_init(&h, 42);
	held = thrum_spawn(task_hold, &h);
	thrum_retain(held);
	joiner = thrum_spawn(task_join, held);
	is_int(thrum_await(h.started), 0);
	yield_often();
	if (cancel_held)
		is_int(thrum_cancel(held), 0);
	else
		is_int(thrum_cancel(joiner), 0);
	yield_often();
	must(!thrum_done(held));
	must(!thrum_done(joiner));
	sem_post(&h.go);
	is_int(thrum_join(joiner), 42); /* a task that returned a value has that value */
	is_int(thrum_join(held), 42);
	hold_end(&h);
}

TASK_TEST(join_waits_for_the_end_of_what_it_cancels, 1)
{
	join_is_never_cut_short(false);
	join_is_never_cut_short(true);
}

TASK_TEST(join_cancels_past_its_deadline_and_waits, 1)
{
	struct thrum_future *f = spawn_sleeper(THRUM_FOREVER);

	deadline_set(40);
	is_int(thrum_join(f), -ECANCELED);
	is_int(thrum_now(), 40);
	is_int(thrum_join(spawn_sleeper(5)), -ECANCELED); /* the deadline has passed already */
	is_int(thrum_now(), 40);
	deadline_set(100);
	is_int(thrum_join(spawn_sleeper(50)), 0);
	deadline_set(THRUM_FOREVER);
}

TASK_TEST(join_gives_the_reference_back, 1)
{
	struct thrum_future *f = future_new();

	thrum_retain(f);
	thrum_future_set(f, 2);
	is_int(load_relaxed(&f->refs), 2);
	is_int(thrum_join(f), 2);
	is_int(load_relaxed(&f->refs), 1);
	is_int(thrum_join(f), 2);
}

/* wait_for: */

TASK_TEST(wait_for_in_time, 1)
{
	const int64_t limits[] = {11, THRUM_SEC(1), THRUM_FOREVER, THRUM_FOREVER - 1};

	is_int(thrum_sleep(3), 0); /* now + limit passes the end of time */
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		struct thrum_future *f = future_new();
		int64_t now = thrum_now();

		set_later(f, 10, -7);
		is_int(thrum_wait_for(f, limits[i]), -7);
		is_int(thrum_now(), now + 10);
		is_int(thrum_wait_for(f, 0), -7);
		is_int(thrum_wait_for(f, INT64_MIN), -7);
		is_int(load_relaxed(&f->refs), 1); /* the caller's stays */
		thrum_release(f);
	}
}

TASK_TEST(wait_for_past_its_limit, 1)
{
	struct thrum_future *f = spawn_sleeper(THRUM_SEC(1)), *bare = future_new();

	is_int(thrum_wait_for(f, 10), -ETIMEDOUT);
	is_int(thrum_now(), 10);
	must(thrum_cancelled(f));
	is_int(thrum_wait_for(f, 10), -ECANCELED); /* done already: its own result */
	thrum_release(f);
	is_int(thrum_wait_for(bare, 5), -ETIMEDOUT);
	must(thrum_cancelled(bare));
	thrum_release(bare);
	is_int(thrum_now(), 15);
}

static bool ran;

static intptr_t task_ran(void *unused)
{
	(void)unused;
	ran = true;
	return 1;
}

static void drop_nothing(void *unused)
{
	(void)unused;
}

/* 0 or less: @f must be done already. */
static void wait_for_without_time(int64_t limit_ns)
{
	struct thrum_future *f;

	ran = false;
	f = thrum_spawn_drop(task_ran, NULL, drop_nothing);
	is_int(thrum_wait_for(f, limit_ns), -ETIMEDOUT);
	must(!ran);
	thrum_release(f);
	f = future_new();
	is_int(thrum_wait_for(f, limit_ns), -ETIMEDOUT);
	thrum_release(f);
}

TASK_TEST(wait_for_no_time_at_all, 1)
{
	wait_for_without_time(0);
	wait_for_without_time(-1);
	wait_for_without_time(INT64_MIN);
	is_int(thrum_now(), 0);
}

static intptr_t task_own_result(void *unused)
{
	(void)unused;
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	return 31;
}

static intptr_t task_wait_for(void *f)
{
	return thrum_wait_for(f, THRUM_SEC(1));
}

TASK_TEST(what_ends_with_its_own_result_keeps_it, 1)
{
	struct thrum_future *f = thrum_spawn(task_own_result, NULL), *waiter;

	is_int(thrum_wait_for(f, 10), 31);
	thrum_release(f);
	f = thrum_spawn(task_own_result, NULL);
	waiter = thrum_spawn(task_wait_for, f);
	settle();
	thrum_cancel(waiter);
	is_int(thrum_join(waiter), 31);
	is_int(thrum_join(f), 31);
	is_int(thrum_now(), 11);
}

TASK_TEST(wait_for_passes_a_cancel_on, 1)
{
	struct thrum_future *f = spawn_sleeper(500), *waiter = thrum_spawn(task_wait_for, f);

	settle();
	thrum_cancel(waiter);
	is_int(thrum_join(waiter), -ECANCELED);
	must(thrum_cancelled(f));
	thrum_release(f);
	thrum_cancel(thrum_self());
	f = spawn_sleeper(500);
	is_int(thrum_wait_for(f, 100), -ECANCELED);
	is_int(thrum_join(f), -ECANCELED);
	is_int(thrum_now(), 1);
}

TASK_TEST(an_outer_deadline_counts_in_wait_for, 1)
{
	struct thrum_future *f = spawn_sleeper(500);

	deadline_set(20);
	is_int(thrum_wait_for(f, 100), -ETIMEDOUT);
	deadline_set(THRUM_FOREVER);
	is_int(thrum_now(), 20);
	must(thrum_cancelled(f));
	thrum_release(f);
}

static intptr_t task_wait_for_no_time(void *f)
{
	return thrum_wait_for(f, 0);
}

static void never_cut_after_its_cancel(thrum_fn waiter_fn, bool cancel)
{
	struct thrum_future *held, *waiter;
	struct hold h;

	hold_init(&h, 42);
	held = thrum_spawn(task_hold, &h);
	is_int(thrum_await(h.started), 0);
	waiter = thrum_spawn(waiter_fn, held);
	yield_often();
	if (cancel)
		thrum_cancel(waiter);
	yield_often();
	must(!thrum_done(waiter));
	is_int(thrum__parker_requested(&thrum__task_of(held)->parker), THRUM_HARD);
	sem_post(&h.go);
	is_int(thrum_join(waiter), 42);
	is_int(thrum_join(held), 42);
	hold_end(&h);
}

TASK_TEST(wait_for_is_not_cut_short_after_its_cancel, 1)
{
	never_cut_after_its_cancel(task_wait_for_no_time, false);
	never_cut_after_its_cancel(task_wait_for_no_time, true);
	never_cut_after_its_cancel(task_wait_for, true);
}

#ifdef THRUM_FAULTS
TASK_TEST(without_a_timer_nothing_is_cancelled, 1)
{
	struct thrum_future *f = future_new();
	intptr_t waited, slept;

	thrum__fault_set(1, true); /* the first timer of a worker needs memory */
	waited = thrum_wait_for(f, 10);
	slept = thrum_sleep(10);
	thrum__fault_set(0, false);
	is_int(waited, -ENOMEM);
	is_int(slept, -ENOMEM);
	must(!thrum_done(f));
	is_int(load_relaxed(&f->word), 0);
	is_int(thrum_wait_for(f, 10), -ETIMEDOUT);
	is_int(thrum_now(), 10);
	thrum_release(f);
}

static intptr_t task_joins_without_timer(void *f)
{
	struct thrum_timeout t;
	intptr_t r;

	thrum_timeout_begin(&t, 10);
	thrum__fault_set(1, true); /* until the caller has seen it wait */
	r = thrum_join(f);
	must(!thrum_timeout_end(&t));
	return r;
}

/* No timer for the deadline around a join: the cancel goes on to what it joins all the same. */
TASK_TEST(without_a_timer_a_join_hears_a_cancel, 1)
{
	struct thrum_future *f = future_new(), *joiner;

	thrum_retain(f);
	must((joiner = thrum_spawn(task_joins_without_timer, f)));
	is_int(thrum_yield(), 0);
	must(thrum__fault_fired());
	thrum__fault_set(0, false);
	must(!thrum_done(joiner));
	is_int(thrum_cancel(joiner), 0);
	is_int(thrum_join(joiner), -ECANCELED);
	must(thrum_cancelled(f));
	thrum_release(f);
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    the_newest_child_runs_in_place,
	    a_task_in_place_is_itself,
	    a_cancel_of_the_joiner_reaches_the_child,
	    a_cancel_of_the_joiner_reaches_the_child_on_two_workers,
	    a_cancelled_joiner_cancels_before_it_waits,
	    join_waits_for_the_end_of_what_it_cancels,
	    join_cancels_past_its_deadline_and_waits,
	    join_gives_the_reference_back,
	    wait_for_in_time,
	    wait_for_past_its_limit,
	    wait_for_no_time_at_all,
	    what_ends_with_its_own_result_keeps_it,
	    wait_for_passes_a_cancel_on,
	    an_outer_deadline_counts_in_wait_for,
	    wait_for_is_not_cut_short_after_its_cancel,
#ifdef THRUM_FAULTS
	    without_a_timer_nothing_is_cancelled,
	    without_a_timer_a_join_hears_a_cancel,
#endif
	};

	return RUN_TESTS("join", tests);
}
