/* SPDX-License-Identifier: MIT */
/*
 * test_timer.c - timers that end waits, and the virtual clock: exact, in order, held by a running
 * job, never back.
 */
#include "base/tls.h"
#include "run.h"
#include "sched/timer.h"
#include "sched/worker.h"

static int64_t woke[100];
static int woken;

static intptr_t task_notes(void *ns)
{
	is_int(thrum_sleep((intptr_t)ns), 0);
	woke[woken++] = (intptr_t)ns;
	is_int(thrum_now(), (intptr_t)ns);
	return 0;
}

TASK_TEST(sleepers_wake_in_order_at_their_time, 1)
{
	const int64_t ns[] = {THRUM_SEC(5), 1,  THRUM_MS(3), THRUM_SEC(86400), 7, THRUM_US(8),
			      THRUM_MS(2),  64, 4096,        THRUM_SEC(6)};
	struct thrum_future *fs[10];

	woken = 0;
	for (int i = 0; i < 10; i++)
		fs[i] = thrum_spawn(task_notes, as_arg((intptr_t)ns[i]));
	for (int i = 0; i < 10; i++)
		is_int(thrum_join(fs[i]), 0);
	is_int(woken, 10);
	for (int i = 1; i < 10; i++)
		must(woke[i - 1] < woke[i]);
	is_int(thrum_now(), THRUM_SEC(86400));
}

static intptr_t task_notes_number(void *number)
{
	is_int(thrum_sleep(THRUM_MS(1)), 0);
	woke[woken++] = (intptr_t)number;
	return 0;
}

/* Those of one moment wake in the order in which they lay down. */
TASK_TEST(equal_times_keep_their_order, 1)
{
	struct thrum_future *fs[100];

	woken = 0;
	for (intptr_t i = 0; i < 100; i++) {
		fs[i] = thrum_spawn(task_notes_number, as_arg(i));
		is_int(thrum_yield(), 0);
	}
	for (int i = 0; i < 100; i++)
		is_int(thrum_join(fs[i]), 0);
	for (int i = 0; i < 100; i++)
		is_int(woke[i], i);
}

static intptr_t task_keeps_time(void *number)
{
	int64_t last = thrum_now();

	for (int i = 1; i < 30; i++) {
		int64_t step = ((intptr_t)number * 37 + i * 11) % 100 + 1;

		is_int(thrum_sleep(step), 0);
		is_int(thrum_now(), last + step); /* not early, not late, never back */
		last = thrum_now();
	}
	return 0;
}

/* Each worker has its own wheel; the clock is one. */
TASK_TEST(workers_share_the_clock, 3)
{
	struct thrum_future *fs[60];

	for (intptr_t i = 0; i < 60; i++)
		fs[i] = thrum_spawn(task_keeps_time, as_arg(i));
	for (int i = 0; i < 60; i++)
		is_int(thrum_join(fs[i]), 0);
}

static intptr_t job_takes_its_time(void *unused)
{
	(void)unused;
	for (int i = 0; i < 2000; i++)
		thread_yield();
	return thrum_now() > 0; /* the machine's clock there */
}

TASK_TEST(a_job_holds_the_clock, 2)
{
	struct thrum_future *sleeper = spawn_sleeper(5);

	settle();
	is_int(thrum_blocking(job_takes_its_time, NULL), 1);
	is_int(thrum_now(), 1);
	must(!thrum_done(sleeper));
	is_int(thrum_join(sleeper), 0);
	is_int(thrum_now(), 5);
}

static void *thread_sets(void *future)
{
	thrum_future_set(future, 6);
	return NULL;
}

/* What comes from outside comes at whatever time it is; nothing jumps without a timer. */
TASK_TEST(a_wait_without_timer_moves_nothing, 2)
{
	struct thrum_future *f = future_new();
	pthread_t t = thread_of(thread_sets, f);

	is_int(thrum_await(f), 6);
	is_int(thrum_now(), 0);
	thread_end(t);
	thrum_release(f);
}

TASK_TEST(a_timer_of_a_wait_that_ended_moves_nothing, 1)
{
	struct thrum_future *f;

	for (int i = 1; i <= 100; i++) {
		f = spawn_sleeper(1);
		is_int(thrum_wait_for(f, THRUM_SEC(1)), 0);
		is_int(thrum_now(), i);
		thrum_release(f);
	}
	f = spawn_sleeper(THRUM_SEC(10));
	is_int(thrum_join(f), 0);
	is_int(thrum_now(), THRUM_SEC(10) + 100); /* with no stop at the second */
}

#define STALE 20000

static intptr_t task_wait_for_once(void *gate)
{
	return thrum_wait_for(gate, THRUM_SEC(100));
}

static size_t timers_held(void)
{
	struct thrum_runtime *rt = thrum__tls_worker()->runtime;
	size_t n = 0;

	for (unsigned i = 0; i < rt->workers_count; i++)
		n += thrum__wheel_count(&rt->workers[i]->wheel);
	return n;
}

/* Timers of waits that ended otherwise are swept out. */
TASK_TEST(stale_timers_do_not_pile_up, 1)
{
	for (int i = 0; i < STALE; i++) {
		struct thrum_future *gate = future_new();
		struct thrum_future *f = thrum_spawn(task_wait_for_once, gate);

		is_int(thrum_yield(), 0);
		thrum_future_set(gate, 2);
		is_int(thrum_join(f), 2);
		thrum_release(gate);
	}
	must(timers_held() < 4096);
}

static void *thread_runs_timers(void *worker)
{
	struct thrum__worker *w = worker;
	struct thrum_runtime *rt = w->runtime;
	int64_t next;

	must(thrum__timers_run_for(w, &next)); /* nothing is due */
	is_int(next, 5);
	is_int(load_relaxed(&w->counters.timers), 0);
	store_release(&rt->virtual_ns, 6);
	must(thrum__timers_run_for(w, &next));
	is_int(next, 9);
	is_int(load_relaxed(&w->counters.timers), 2);
	return NULL;
}

/* While their worker is in a task, another thread fires what is due. */
TASK_TEST(another_thread_runs_timers, 1)
{
	struct thrum__worker *w = thrum__tls_worker();
	struct thrum_future *f[3] = {spawn_sleeper(5), spawn_sleeper(6), spawn_sleeper(9)};

	is_int(thrum_yield(), 0);
	must(!thrum__timers_due(w));
	thread_end(thread_of(thread_runs_timers, w));
	for (int i = 0; i < 2; i++) {
		is_int(thrum_join(f[i]), 0);
		is_int(thrum_now(), 6);
	}
	must(!thrum__timers_due(w));
	store_release(&w->runtime->virtual_ns, 9);
	must(thrum__timers_due(w));
	is_int(thrum_join(f[2]), 0);
	is_int(thrum_now(), 9);
}

START_TEST(for_ever_needs_no_timer)
{
	struct thrum__worker w;
	struct thrum__timer t;

	t.worker = &w;
	is_int(thrum__timer_start(&t, &w, NULL, 0, THRUM_FOREVER), 0);
	must(!t.worker);
	thrum__timer_forget(&t); /* nothing to forget */
}
END_TEST

static intptr_t main_sleeps_for_real(void *unused)
{
	int64_t start = thrum_now();

	(void)unused;
	must(start > 0);
	for (int i = 0; i < 20; i++) {
		int64_t before = thrum_now();

		is_int(thrum_sleep(THRUM_US(30)), 0);
		must(thrum_now() >= before + THRUM_US(30)); /* never early */
	}
	return 0;
}

START_TEST(the_real_clock_is_never_early)
{
	is_int(run_real(2, main_sleeps_for_real, NULL), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    sleepers_wake_in_order_at_their_time,
	    equal_times_keep_their_order,
	    workers_share_the_clock,
	    a_job_holds_the_clock,
	    a_wait_without_timer_moves_nothing,
	    a_timer_of_a_wait_that_ended_moves_nothing,
	    stale_timers_do_not_pile_up,
	    another_thread_runs_timers,
	    for_ever_needs_no_timer,
	    the_real_clock_is_never_early,
	};

	return RUN_TESTS("timer", tests);
}
