/* SPDX-License-Identifier: MIT */
/*
 * test_await.c - waiting for one thing: await, join, sleep, yield, and what a cancel, a deadline or
 * the end of the other does to them; inside tasks and from threads that are no workers.
 */
#include "base/assert.h"
#include "run.h"
#include "sched/task.h"
#include "sched/worker.h"

static void deadline_set(int64_t at_ns)
{
	thrum__task_of(thrum_self())->deadline_ns = at_ns;
}

static uint64_t in_place_count(void)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(NULL, -1, &s), 0);
	return s.in_place;
}

TASK_TEST(await_gives_every_result, 1)
{
	const intptr_t results[] = {0, 1, -1, -EIO, -4095, -4096, -100000, INTPTR_MIN, INTPTR_MAX};

	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++) {
		struct thrum_future *bare = future_new();
		struct thrum_future *task = thrum_spawn(task_return, as_arg(results[i]));

		is_int(thrum_result(bare), -EINPROGRESS);
		is_int(thrum_future_set(bare, results[i]), 0);
		is_int(thrum_await(bare), results[i]);
		is_int(thrum_await(bare), results[i]);
		is_int(thrum_await(task), results[i]);
		is_int(thrum_result(task), results[i]);
		is_int(thrum_failed(results[i]), results[i] < 0 && results[i] >= -4095);
		thrum_release(bare);
		is_int(thrum_join(task), results[i]);
	}
}

TASK_TEST(nothing_is_no_memory, 1)
{
	is_int(thrum_await(NULL), -ENOMEM);
	is_int(thrum_join(NULL), -ENOMEM);
	is_int(thrum_wait_for(NULL, 0), -ENOMEM);
	is_int(thrum_result(NULL), -ENOMEM);
	is_int(thrum_cancel(NULL), -EINVAL);
	must(!thrum_done(NULL));
	must(!thrum_cancelled(NULL));
	thrum_retain(NULL);
	thrum_release(NULL);
}

#define AWAITERS 100

static void many_awaiters(void)
{
	struct thrum_future *gate = future_new(), *fs[AWAITERS];

	for (int i = 0; i < AWAITERS; i++)
		fs[i] = thrum_spawn(task_await, gate);
	settle();
	for (int i = 0; i < AWAITERS; i++) {
		is_int(thrum_done(fs[i]), false);
		is_text(thrum_state_name(fs[i]), "waiting");
	}
	thrum_future_set(gate, 5);
	is_int(thrum_future_set(gate, 6), -EALREADY);
	for (int i = 0; i < AWAITERS; i++)
		is_int(thrum_join(fs[i]), 5);
	thrum_release(gate);
}

TASK_TEST(many_await_one, 1)
{
	many_awaiters();
}

TASK_TEST(many_await_one_on_three_workers, 3)
{
	many_awaiters();
}

static intptr_t all_waits_say_cancelled(void *gate)
{
	struct thrum_future *never = gate, *fs[1] = {gate};
	char c;

	is_int(thrum_await(never), -ECANCELED);
	is_int(thrum_cancel_requested(), THRUM_HARD);
	for (int again = 0; again < 2; again++) {
		is_int(thrum_await(never), -ECANCELED);
		is_int(thrum_sleep(5), -ECANCELED);
		is_int(thrum_sleep(0), -ECANCELED);
		is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
		is_int(thrum_yield(), -ECANCELED);
		is_int(thrum_wait_any(fs, 1), -ECANCELED);
		is_int(thrum_gather(fs, 1, NULL), -ECANCELED);
		is_int(thrum_blocking(task_return, NULL), -ECANCELED);
		is_int(thrum_read(0, &c, 1), -ECANCELED);
		is_int(thrum_fsync(0), -ECANCELED);
	}
	must(!thrum_done(never));
	return 123;
}

TASK_TEST(a_cancel_is_level_triggered, 1)
{
	struct thrum_future *gate = future_new();
	struct thrum_future *f = thrum_spawn(all_waits_say_cancelled, gate);

	settle();
	is_int(thrum_cancel(f), 0);
	is_int(thrum_cancel(f), 0);
	is_int(thrum_await(f), 123);
	must(!thrum_cancelled(f));
	is_int(thrum_cancel(f), -EALREADY);
	is_int(thrum_join(f), 123);
	future_drop(gate);
}

TASK_TEST(a_done_future_gives_its_result_to_a_cancelled_task, 1)
{
	struct thrum_future *done = future_new(), *pending = future_new(), *fs[1] = {done};
	intptr_t result;

	thrum_future_set(done, 9);
	is_int(thrum_cancel_requested(), 0);
	is_int(thrum_cancel(thrum_self()), 0);
	is_int(thrum_await(done), 9);
	is_int(thrum_wait_any(fs, 1), 0);
	is_int(thrum_gather(fs, 1, &result), 0);
	is_int(result, 9);
	is_int(thrum_wait_for(done, 0), 9);
	is_int(thrum_await(pending), -ECANCELED);
	is_int(thrum_join(done), 9);
	future_drop(pending);
}

static intptr_t task_await_cancelled_other(void *f)
{
	is_int(thrum_await(f), -ECANCELED);
	is_int(thrum_cancel_requested(), 0);
	is_int(thrum_sleep(1), 0);
	return 1;
}

TASK_TEST(a_cancelled_other_is_told_from_a_cancelled_self, 1)
{
	struct thrum_future *gate = future_new();
	struct thrum_future *f = thrum_spawn(task_await_cancelled_other, gate);

	settle();
	is_int(thrum_cancel(gate), 0);
	must(thrum_cancelled(gate));
	is_int(thrum_future_set(gate, 1), -EALREADY);
	is_int(thrum_cancel(gate), -EALREADY);
	is_int(thrum_join(f), 1);
	thrum_release(gate);
}

TASK_TEST(cancelling_an_awaiter_leaves_the_awaited, 1)
{
	struct thrum_future *sleeper = spawn_sleeper(1000);
	struct thrum_future *f = thrum_spawn(task_await, sleeper);

	settle();
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	must(!thrum_done(sleeper));
	is_int(thrum_join(sleeper), 0);
	is_int(thrum_now(), 1000);
}

static intptr_t task_soft(void *seen)
{
	while (thrum_cancel_requested() == 0)
		is_int(thrum_sleep(1), 0);
	*(int *)seen = thrum_cancel_requested();
	return thrum_sleep(1); /* a soft request ends no wait */
}

TASK_TEST(a_soft_request_can_be_asked_for, 1)
{
	int seen = 0;
	struct thrum_future *f = thrum_spawn(task_soft, &seen);

	settle();
	thrum__task_cancel(thrum__task_of(f), THRUM__PARKER_SOFT);
	is_int(thrum_join(f), 0);
	is_int(seen, THRUM_SOFT);
}

/* Deadlines around a call: */

TASK_TEST(a_deadline_ends_waits_and_stays, 1)
{
	struct thrum_future *gate = future_new(), *fs[2] = {gate, gate};

	deadline_set(thrum_now() + 50);
	is_int(thrum_sleep(20), 0);
	is_int(thrum_await(gate), -ETIMEDOUT);
	is_int(thrum_now(), 50);
	is_int(thrum_await(gate), -ETIMEDOUT);
	is_int(thrum_sleep(1), -ETIMEDOUT);
	is_int(thrum_yield(), -ETIMEDOUT);
	is_int(thrum_wait_any(fs, 2), -ETIMEDOUT);
	is_int(thrum_gather(fs, 2, NULL), -ETIMEDOUT);
	is_int(thrum_blocking(task_return, NULL), -ETIMEDOUT);
	is_int(thrum_now(), 50);
	deadline_set(60);
	is_int(thrum_sleep(THRUM_FOREVER), -ETIMEDOUT);
	deadline_set(70);
	is_int(thrum_wait_any(fs, 2), -ETIMEDOUT);
	is_int(thrum_now(), 70);
	deadline_set(80);
	is_int(thrum_sleep(10), 0); /* its own end comes first, or together */
	deadline_set(90);
	is_int(thrum_sleep(11), -ETIMEDOUT);
	deadline_set(THRUM_FOREVER);
	is_int(thrum_sleep(1), 0);
	future_drop(gate);
}

TASK_TEST(cancel_beats_deadline_on_entry, 1)
{
	struct thrum_future *gate = future_new();

	deadline_set(thrum_now());
	is_int(thrum_await(gate), -ETIMEDOUT);
	thrum_cancel(thrum_self());
	is_int(thrum_await(gate), -ECANCELED);
	is_int(thrum_sleep(1), -ECANCELED);
	future_drop(gate);
}

static intptr_t task_deadline_await(void *gate)
{
	deadline_set(100);
	return thrum_await(gate);
}

TASK_TEST(cancel_beats_a_deadline_that_passes_with_it, 1)
{
	struct thrum_future *gate = future_new();
	struct thrum_future *f;

	f = thrum_spawn(task_deadline_await, gate);
	is_int(thrum_sleep(100), 0); /* our timer is the older: we run before the awaiter goes on */
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	f = thrum_spawn(task_deadline_await, gate);
	is_int(thrum_join(f), -ETIMEDOUT);
	future_drop(gate);
}

TASK_TEST(abandoned_waits_leave_nothing, 1)
{
	struct thrum_future *gate = future_new();

	for (int i = 0; i < 2000; i++) {
		deadline_set(thrum_now() + 1);
		is_int(thrum_await(gate), -ETIMEDOUT);
		is_int(load_relaxed(&gate->word), 0);
	}
	deadline_set(THRUM_FOREVER);
	is_int(load_relaxed(&gate->refs), 1);
	future_drop(gate);
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

/* Sleep and yield: */

TASK_TEST(sleep_lasts_exactly, 1)
{
	is_int(thrum_now(), 0);
	is_int(thrum_sleep(THRUM_MS(5)), 0);
	is_int(thrum_now(), THRUM_MS(5));
	is_int(thrum_sleep(0), 0);
	is_int(thrum_sleep(-7), 0);
	is_int(thrum_sleep(INT64_MIN), 0);
	is_int(thrum_now(), THRUM_MS(5));
	is_int(thrum_sleep(THRUM_SEC(86400)), 0);
	is_int(thrum_now(), THRUM_MS(5) + THRUM_SEC(86400));
}

TASK_TEST(sleep_for_ever_ends_by_cancel, 1)
{
	const int64_t long_ns[] = {THRUM_FOREVER, THRUM_FOREVER - 1};

	is_int(thrum_sleep(10), 0);
	for (int i = 0; i < 2; i++)
		cancel_reaches(spawn_sleeper(long_ns[i]), -ECANCELED);
	is_int(thrum_now(), 12);
}

struct turns {
	int next;
	bool stop;
};

static intptr_t task_takes_turns(void *turns)
{
	struct turns *t = turns;

	while (!t->stop) {
		t->next++;
		is_int(thrum_yield(), 0);
	}
	return t->next;
}

TASK_TEST(yield_lets_others_go, 1)
{
	struct turns t = {0};
	struct thrum_future *f = thrum_spawn(task_takes_turns, &t);

	for (int i = 1; i <= 100; i++) {
		is_int(thrum_yield(), 0);
		is_int(t.next, i);
	}
	t.stop = true;
	is_int(thrum_join(f), 100);
	for (int i = 0; i < 1000; i++) /* alone */
		is_int(thrum_yield(), 0);
}

/* Outside tasks: */

static intptr_t task_never(void *unused)
{
	(void)unused;
	return thrum_sleep(THRUM_FOREVER);
}

START_TEST(outside_threads_wait_too)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);
	struct thrum_future *f = thrum_runtime_submit(rt, task_return, as_arg(11));

	is_int(thrum_await(f), 11);
	is_int(thrum_wait_for(f, 0), 11);
	is_int(thrum_join(f), 11);
	is_int(thrum_await(NULL), -ENOMEM);
	is_int(thrum_wait_for(NULL, 0), -ENOMEM);
	f = thrum_runtime_submit(rt, task_never, NULL);
	is_int(thrum_wait_for(f, THRUM_MS(1)), -ETIMEDOUT);
	must(thrum_cancelled(f));
	is_int(thrum_join(f), -ECANCELED);
	f = thrum_runtime_submit(rt, task_return, as_arg(12));
	is_int(thrum_wait_for(f, THRUM_FOREVER), 12);
	is_int(thrum_wait_for(f, -1), 12);
	thrum_release(f);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

START_TEST(what_needs_a_task_says_so_outside)
{
	struct thrum_future *f = future_new(), *fs[1] = {f};
	char c;
	struct stat st;

	is_int(thrum_gather(fs, 1, NULL), -EPERM);
	is_int(thrum_wait_any(fs, 1), -EPERM);
	is_int(thrum_sleep(1), -EPERM);
	is_int(thrum_sleep(0), -EPERM);
	is_int(thrum_yield(), -EPERM);
	is_int(thrum_go(task_return, NULL), -EPERM);
	is_int(thrum_set_name("x"), -EPERM);
	is_int(thrum_blocking(task_return, NULL), -EPERM);
	is_int(thrum_read(0, &c, 1), -EPERM);
	is_int(thrum_open("/", O_RDONLY, 0), -EPERM);
	is_int(thrum_fstat(0, &st), -EPERM);
	is_int(thrum_cancel_requested(), 0);
	must(!thrum_self());
	must(!thrum_spawn(task_return, NULL));
	must(!thrum_spawn_copy(task_return, "", 1));
	must(!thrum_spawn_drop(task_return, NULL, free));
	must(!thrum_spawn_blocking(task_return, NULL));
	must(!thrum_spawn_blocking_copy(task_return, "", 1));
	must(!thrum_shield(f));
	is_int(thrum_runtime_workers(NULL), 0);
	must(thrum_now() > 0);
	future_drop(f);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    await_gives_every_result,
	    nothing_is_no_memory,
	    many_await_one,
	    many_await_one_on_three_workers,
	    a_cancel_is_level_triggered,
	    a_done_future_gives_its_result_to_a_cancelled_task,
	    a_cancelled_other_is_told_from_a_cancelled_self,
	    cancelling_an_awaiter_leaves_the_awaited,
	    a_soft_request_can_be_asked_for,
	    a_deadline_ends_waits_and_stays,
	    cancel_beats_deadline_on_entry,
	    cancel_beats_a_deadline_that_passes_with_it,
	    abandoned_waits_leave_nothing,
	    the_newest_child_runs_in_place,
	    a_task_in_place_is_itself,
	    a_cancel_of_the_joiner_reaches_the_child,
	    a_cancel_of_the_joiner_reaches_the_child_on_two_workers,
	    a_cancelled_joiner_cancels_before_it_waits,
	    join_waits_for_the_end_of_what_it_cancels,
	    join_cancels_past_its_deadline_and_waits,
	    join_gives_the_reference_back,
	    sleep_lasts_exactly,
	    sleep_for_ever_ends_by_cancel,
	    yield_lets_others_go,
	    outside_threads_wait_too,
	    what_needs_a_task_says_so_outside,
	};

	return RUN_TESTS("await", tests);
}
