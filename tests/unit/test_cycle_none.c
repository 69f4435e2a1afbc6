/* SPDX-License-Identifier: MIT */
/* test_cycle_none.c - unit tests of sched/cycle.c: what is no cycle, or may be none.  Without
 * THRUM_DEBUG there is nothing to test. */
#ifdef THRUM_DEBUG
#include <poll.h>
#include <unistd.h>

#include "cycle_test.h"

static intptr_t any_of(struct thrum_future *a, struct thrum_future *b)
{
	struct thrum_future *two[] = {a, b};

	return thrum_wait_any(two, 2);
}

WAITS(awaits_bare, thrum_await(bare))
WAITS(waits_for_any_or_bare, any_of(fs[1], bare))
/* The other leads to a task that awaits bare, over some more. */
WAITS(waits_for_any_up, any_of(fs[1], fs[3]))
WAITS(waits_for_any_down, any_of(fs[1], fs[8]))
WAITS(drains_bare, drain(fs[1], bare))

static intptr_t closes_over_bare(void *i)
{
	struct thrum_scope s;

	begin(i);
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, await_bare, NULL), 0);
	return thrum_scope_close(&s);
}

static intptr_t waits_for_many(void *i)
{
	struct thrum_future *many[THRUM__WANTS_MAX + 1];

	begin(i);
	for (size_t k = 0; k <= THRUM__WANTS_MAX; k++)
		many[k] = k < THRUM__WANTS_MAX ? fs[1] : fs[3];
	return thrum_wait_any(many, THRUM__WANTS_MAX + 1);
}

WAITS(fills_it_with_one_that_may_end, fills_a_scope(await_bare))

/* What others give back, which may be anybody. */
static struct thrum_sem permits = THRUM_SEM_INIT(0);
static struct thrum_event event;

WAITS(waits_for_a_permit, thrum_sem_wait(&permits))
WAITS(waits_for_an_event, thrum_event_wait(&event))

static const thrum_fn none[] = {
    awaits_bare,        waits_for_any_or_bare, waits_for_any_up, waits_for_any_down,
    drains_bare,        closes_over_bare,      waits_for_many,   fills_it_with_one_that_may_end,
    waits_for_a_permit, waits_for_an_event,
};

START_TEST(what_another_thread_may_end)
{
	start(1);
	make(0, none[_i]);
	make(1, await_first);
	make(2, await_first);
	make(3, await_next);
	make(4, await_next);
	make(5, awaits_bare);
	make(6, awaits_bare);
	make(7, await_last);
	make(8, await_last);
	let_go_and_wait(9);
	must(thrum__cycles_look(rt));
	is_int(got.count, 0);
	stop();
}
END_TEST

static intptr_t awaits_in_a_timeout(void *i)
{
	struct thrum_timeout t;
	intptr_t r;

	begin(i);
	thrum_timeout_begin(&t, THRUM_SEC(1000));
	r = thrum_await(fs[1]);
	thrum_timeout_end(&t);
	return r;
}

START_TEST(what_has_a_deadline)
{
	start_with(1, THRUM_CLOCK_REAL);
	make(0, awaits_in_a_timeout);
	make(1, await_first);
	let_go_and_wait(2);
	must(!thrum__cycles_look(rt));
	is_int(got.count, 0);
	stop();
}
END_TEST

/* The other two, which wait for each other, were let go when it waited. */
static intptr_t cancel_first(void)
{
	is_int(got.count, 0);
	return thrum_cancel(fs[0]);
}

static intptr_t sleeps_and_cancels(void *unused)
{
	(void)unused;
	is_int(thrum_future_set(go, 0), 0);
	is_int(thrum_sleep(THRUM_SEC(1)), 0);
	return cancel_first();
}

static int ends[2];

/* Before, it waits for something that does not matter. */
static void have_waited(void)
{
	is_int(thrum_await(bare), 0);
}

static intptr_t reads_and_cancels(void *unused)
{
	char c;

	(void)unused;
	have_waited();
	is_int(thrum_read(ends[0], &c, 1), 1);
	return cancel_first();
}

static intptr_t polls_and_cancels(void *unused)
{
	struct pollfd p = {.fd = ends[0], .events = POLLIN};

	(void)unused;
	have_waited();
	is_int(thrum_poll(&p, 1, -1), 1);
	return cancel_first();
}

/* Starts one in the memory of one that waited. */
static intptr_t arms_and_cancels(void *unused)
{
	struct thrum_future *f = thrum_spawn(task_await, bare), *last = thrum_spawn(task_await, f);

	(void)unused;
	is_int(thrum_await(last), 0);
	thrum_release(f);
	thrum_release(last);
	f = thrum_spawn_when_readable(ends[0], nothing, NULL);
	must(f == last);
	is_int(thrum_join(f), 0);
	return cancel_first();
}

static const thrum_fn hears[] = {reads_and_cancels, polls_and_cancels, arms_and_cancels};

static struct hold hold;

static intptr_t holds_and_cancels(void *unused)
{
	(void)unused;
	is_int(thrum_blocking(job_hold, &hold), 5);
	return cancel_first();
}

static void start_two(void)
{
	start(1);
	make(0, await_next);
	make(1, await_first);
}

static void is_cancelled(void)
{
	is_int(thrum_await(fs[1]), -ECANCELED);
	is_int(got.count, 0);
	stop();
}

START_TEST(what_a_sleeper_ends)
{
	start_two();
	parked(fs[0], 0);
	parked(fs[1], 0);
	make(2, sleeps_and_cancels);
	is_cancelled();
}
END_TEST

START_TEST(beside_a_descriptor)
{
	uint64_t seq;

	must(pipe(ends) == 0);
	start_two();
	make(2, hears[_i]);
	seq = parked(fs[2], 0);
	is_int(thrum_future_set(bare, 0), 0);
	parked(fs[2], seq);
	let_go_and_wait(2);
	must(!thrum__cycles_look(rt));
	is_int(write(ends[1], "x", 1), 1);
	is_cancelled();
	close(ends[0]);
	close(ends[1]);
}
END_TEST

START_TEST(beside_a_job)
{
	hold_init(&hold, 5);
	start_two();
	make(2, holds_and_cancels);
	is_int(thrum_await(hold.started), 0);
	let_go_and_wait(2);
	must(!thrum__cycles_look(rt));
	sem_post(&hold.go);
	is_cancelled();
	hold_end(&hold);
}
END_TEST

START_TEST(while_it_stops)
{
	start_two();
	for (size_t i = 0; i < 2; i++)
		parked(fs[i], 0);
	thrum__gate_shut(&rt->gate);
	let_go_and_wait(2);
	must(!thrum__cycles_look(rt));
	is_int(got.count, 0);
	stop();
}
END_TEST

static struct atomic32 stage; /* 1: they are where they shall be; 2: they have been looked at */

static intptr_t sleeps_and_fails(void *unused)
{
	(void)unused;
	is_int(thrum_sleep(5), 0);
	return -EIO;
}

/* Its wait in a cycle is cut short, and its next one can be ended by anybody. */
static intptr_t waits_for_a_permit_then(void *i)
{
	struct thrum_scope s;

	begin(i);
	is_int(thrum_scope_open(&s), 0);
	is_int(thrum_scope_spawn(&s, sleeps_and_fails, NULL), 0);
	is_int(thrum_await(fs[1]), -ECANCELED);
	is_int(thrum_scope_close(&s), -EIO);
	store_relaxed(&stage, 1);
	return thrum_sem_wait(&permits);
}

START_TEST(after_a_wait_that_was_in_one)
{
	start(1);
	store_relaxed(&stage, 0);
	make(0, waits_for_a_permit_then);
	make(1, await_first);
	let_go();
	while (load_relaxed(&stage) < 1)
		thread_yield();
	parked(fs[0], 0);
	while (thrum__idle_asleep(&rt->idle) != rt->workers_count)
		thread_yield();
	must(thrum__cycles_look(rt));
	is_int(got.count, 0);
	stop();
}
END_TEST

static intptr_t awaits_and_releases(void *f)
{
	intptr_t r = thrum_await(f);

	thrum_release(f);
	return r;
}

/* One that awaits it is in the memory of one that ran in its place. */
static intptr_t runs_on(void *i)
{
	struct thrum_future *f, *in_place;

	begin(i);
	in_place = f = thrum_spawn(nothing, NULL);
	is_int(thrum_join(f), 0);
	thrum_retain(fs[0]);
	f = thrum_spawn(awaits_and_releases, fs[0]);
	must(f == in_place);
	yield_often(); /* it waits now */
	store_relaxed(&stage, 1);
	while (load_relaxed(&stage) < 2)
		(void)thrum_yield();
	thrum_release(f);
	return 0;
}

START_TEST(who_runs_is_in_none)
{
	start_with(1, THRUM_CLOCK_REAL);
	store_relaxed(&stage, 0);
	make(0, runs_on);
	let_go();
	while (load_relaxed(&stage) < 1)
		thread_yield();
	while (!thrum__cycles_look(rt))
		thread_yield();
	is_int(got.count, 0);
	store_relaxed(&stage, 2);
	stop();
}
END_TEST

static intptr_t task_yields(void *unused)
{
	(void)unused;
	yield_often();
	return 0;
}

/* One of two tasks awaits the other, in turn, in the same two places.  Between the places there are
 * so many tasks that a look at both takes longer than a turn. */
static intptr_t come_and_go(void *i)
{
	struct thrum_future *f, *of_it;

	begin(i);
	f = thrum_spawn(nothing, NULL);
	for (int k = 0; k < 3000; k++)
		is_int(thrum_go(task_await, bare), 0);
	of_it = thrum_spawn(nothing, NULL);
	for (int k = 0; k < 100000 && !got.count; k++) {
		is_int(thrum_await(of_it), 0);
		is_int(thrum_await(f), 0);
		thrum_release(k % 2 ? f : of_it);
		thrum_release(k % 2 ? of_it : f);
		f = thrum_spawn(task_yields, NULL);
		of_it = thrum_spawn(task_await, f);
	}
	is_int(thrum_join(of_it), 0);
	is_int(thrum_join(f), 0);
	return thrum_future_set(bare, 0);
}

START_TEST(what_changes_meanwhile)
{
	start_with(1, THRUM_CLOCK_REAL);
	make(0, come_and_go);
	let_go();
	while (!thrum_done(fs[0]))
		thrum__cycles_look(rt);
	is_int(got.count, 0);
	stop();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("cycle_none");

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, what_another_thread_may_end, 0, sizeof(none) / sizeof(none[0]));
	tcase_add_test(tc, what_has_a_deadline);
	tcase_add_test(tc, what_a_sleeper_ends);
	tcase_add_loop_test(tc, beside_a_descriptor, 0, sizeof(hears) / sizeof(hears[0]));
	tcase_add_test(tc, beside_a_job);
	tcase_add_test(tc, while_it_stops);
	tcase_add_test(tc, after_a_wait_that_was_in_one);
	tcase_add_test(tc, who_runs_is_in_none);
	tcase_add_test(tc, what_changes_meanwhile);
	return run_case("cycle_none", tc);
}

#else
#include <stdio.h>

int main(void)
{
	puts("cycles are looked for in debug builds alone");
	return 77; /* skipped */
}

#endif
