/* SPDX-License-Identifier: MIT */
/*
 * test_elsewhere.c - work goes to idle workers, a busy one's queue is taken by others, and sleeping
 * workers are woken: where a wake were lost the test does not end.
 */
#include "base/atomic.h"
#include "base/os.h"
#include "run.h"
#include "sched/worker.h"

static pthread_barrier_t meeting;

static intptr_t task_meets(void *unused)
{
	(void)unused;
	/* It holds its worker until as many as the barrier wants run at the same time. */
	pthread_barrier_wait(&meeting);
	return 1;
}

static intptr_t main_meets(void *workers)
{
	intptr_t n = (intptr_t)workers;
	struct thrum_future *fs[8];

	for (int round = 0; round < 20; round++) {
		for (intptr_t i = 1; i < n; i++)
			fs[i] = thrum_spawn(task_meets, NULL);
		pthread_barrier_wait(&meeting);
		for (intptr_t i = 1; i < n; i++)
			is_int(thrum_join(fs[i]), 1);
	}
	return 0;
}

START_TEST(as_many_run_at_once_as_there_are_workers)
{
	for (unsigned n = 2; n <= 4; n++) {
		pthread_barrier_init(&meeting, NULL, n);
		is_int(run_real(n, main_meets, as_arg(n)), 0);
		pthread_barrier_destroy(&meeting);
	}
}
END_TEST

static struct atomic32 count;

static intptr_t task_counts(void *unused)
{
	(void)unused;
	return (intptr_t)fetch_add_relaxed(&count, 1);
}

/* Not a wait: the worker is busy. */
static void busy_until(uint32_t n)
{
	while (load_acquire(&count) < n)
		thread_yield();
}

static intptr_t main_is_busy(void *unused)
{
	uint64_t least = UINT64_MAX;

	(void)unused;
	for (uint32_t n = 1; n <= 20; n++) {
		store_relaxed(&count, 0);
		for (uint32_t i = 0; i < n; i++)
			is_int(thrum_go(task_counts, NULL), 0);
		busy_until(n); /* the last one too */
	}
	for (int i = 0; i < 2; i++) {
		struct thrum_stats s = {.size = sizeof(s)};

		is_int(thrum_runtime_stats(NULL, i, &s), 0);
		least = s.started < least ? s.started : least;
	}
	is_int(least, 1); /* main itself: its worker ran no other */
	return 0;
}

START_TEST(a_busy_worker_s_spawned_tasks_are_taken)
{
	is_int(run_real(2, main_is_busy, NULL), 0);
}
END_TEST

#ifndef THRUM_MIGRATE /* there each woken task has one worker that it must go on at */
static intptr_t task_awaits_and_counts(void *gate)
{
	is_int(thrum_await(gate), 0);
	return task_counts(NULL);
}

static intptr_t main_wakes_and_is_busy(void *unused)
{
	struct thrum_future *fs[30], *gate = future_new();

	(void)unused;
	store_relaxed(&count, 0);
	for (int i = 0; i < 30; i++)
		fs[i] = thrum_spawn(task_awaits_and_counts, gate);
	for (int i = 0; i < 30; i++)
		while (strcmp(thrum_state_name(fs[i]), "waiting"))
			is_int(thrum_yield(), 0);
	thrum_future_set(gate, 0);
	busy_until(30);
	for (int i = 0; i < 30; i++)
		must(thrum_join(fs[i]) < 30);
	thrum_release(gate);
	return 0;
}

START_TEST(a_busy_worker_s_woken_tasks_are_taken)
{
	is_int(run_real(3, main_wakes_and_is_busy, NULL), 0);
}
END_TEST
#endif

static uint64_t dozes(void)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(NULL, -1, &s), 0);
	return s.dozes;
}

/* It takes its tasks itself, until the other worker dozes for that; then it is busy. */
static intptr_t main_joins_at_once(void *unused)
{
	(void)unused;
	for (int i = 0; i < 3; i++) {
		uint64_t before = dozes();
		struct thrum_future *f;

		while (dozes() == before)
			is_int(thrum_join(thrum_spawn(task_return, NULL)), 0);
		store_relaxed(&count, 0);
		f = thrum_spawn(task_counts, NULL);
		busy_until(1);
		is_int(thrum_join(f), 0);
	}
	return 0;
}

START_TEST(who_dozes_comes_back)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);
	struct thrum_runtime *rt;

	c.spin_ns = THRUM_US(50);
	is_int(thrum_runtime_create(&rt, &c), 0);
	is_int(thrum_runtime_block_on(rt, main_joins_at_once, NULL), 0);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

/* Each submission finds all workers asleep, or about to be. */
static void submit_to_sleepers(unsigned workers, int64_t spin_ns)
{
	struct thrum_config c = config_of(workers, THRUM_CLOCK_REAL);
	struct thrum_stats s = {.size = sizeof(s)};
	struct thrum_runtime *rt;

	c.spin_ns = spin_ns;
	is_int(thrum_runtime_create(&rt, &c), 0);
	for (int i = 0; i < 300; i++) {
		struct thrum_future *f = thrum_runtime_submit(rt, task_return, as_arg(i));

		is_int(thrum_join(f), i);
	}
	do /* nothing to do: they all lie down */
		is_int(thrum_runtime_stats(rt, -1, &s), 0);
	while (s.parks < workers);
	is_int(thrum_runtime_destroy(rt), 0);
}

START_TEST(sleepers_hear_submissions)
{
	submit_to_sleepers(1, -1);
	submit_to_sleepers(2, -1);
	submit_to_sleepers(4, -1);
	submit_to_sleepers(2, 0);
}
END_TEST

struct line {
	struct thrum_future *to_task, *to_thread;
};

static intptr_t task_answers(void *line)
{
	struct line *l = line;

	is_int(thrum_await(l->to_task), 1);
	return thrum_future_set(l->to_thread, 2);
}

START_TEST(sleepers_hear_futures_set_outside)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);

	for (int i = 0; i < 300; i++) {
		struct line l = {future_new(), future_new()};
		struct thrum_future *f = thrum_runtime_submit(rt, task_answers, &l);

		if (i % 2)
			while (strcmp(thrum_state_name(f), "waiting"))
				thread_yield();
		is_int(thrum_future_set(l.to_task, 1), 0);
		is_int(thrum_await(l.to_thread), 2);
		is_int(thrum_join(f), 0);
		thrum_release(l.to_task);
		thrum_release(l.to_thread);
	}
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

static intptr_t task_sleeps_a_little(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++)
		is_int(thrum_sleep(THRUM_US(50)), 0);
	return 3;
}

START_TEST(sleepers_wake_for_their_timers)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);
	struct thrum_future *fs[20];

	for (int i = 0; i < 20; i++)
		fs[i] = thrum_runtime_submit(rt, task_sleeps_a_little, NULL);
	for (int i = 0; i < 20; i++)
		is_int(thrum_join(fs[i]), 3);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

static intptr_t task_ping_pong(void *gate)
{
	for (int i = 0; i < 100; i++)
		is_int(thrum_join(thrum_spawn(task_await, gate)), 4);
	return 0;
}

/* Cross-worker wakes in all directions. */
START_TEST(wakes_between_workers)
{
	struct thrum_runtime *rt = runtime_of(4, THRUM_CLOCK_REAL);
	struct thrum_future *gate = future_new(), *fs[16];

	for (int i = 0; i < 16; i++)
		fs[i] = thrum_runtime_submit(rt, task_ping_pong, gate);
	thrum_future_set(gate, 4);
	for (int i = 0; i < 16; i++)
		is_int(thrum_join(fs[i]), 0);
	is_int(thrum_runtime_destroy(rt), 0);
	thrum_release(gate);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    as_many_run_at_once_as_there_are_workers,
	    a_busy_worker_s_spawned_tasks_are_taken,
#ifndef THRUM_MIGRATE
	    a_busy_worker_s_woken_tasks_are_taken,
#endif
	    who_dozes_comes_back,
	    sleepers_hear_submissions,
	    sleepers_hear_futures_set_outside,
	    sleepers_wake_for_their_timers,
	    wakes_between_workers,
	};

	return RUN_TESTS("elsewhere", tests);
}
