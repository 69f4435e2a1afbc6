/* SPDX-License-Identifier: MIT */
/*
 * test_spare.c - spare workers: as many as are needed and no more, gone after a while, with nothing
 * lost.
 */
#include "hog.h"

#include "sched/spare.h"

static struct hogs hogs;

static struct thrum_runtime *current_runtime(void)
{
	return thrum__tls_worker()->runtime;
}

static unsigned in_state(struct thrum_runtime *rt, enum thrum__standby_state state)
{
	unsigned n = 0;

	for (unsigned i = rt->workers_count; i < thrum__workers_total(rt); i++)
		n += thrum__standby_is(&rt->workers[i]->spare, state);
	return n;
}

static intptr_t task_ends_hogs(void *unused)
{
	(void)unused;
	hogs_end(&hogs);
	return 1;
}

/* Goes on with no other task on a regular worker: the only one is held, or a spare is, by this. */
static intptr_t main_one_spare(void *unused)
{
	struct thrum_future *f;

	(void)unused;
	hogs_begin(&hogs, 0);
	f = thrum_spawn(task_ends_hogs, NULL);
	task_hogs(&hogs);
	is_int(thrum_join(f), 1);
	return 0;
}

/* More often than there are places. */
static intptr_t main_again(void *unused)
{
	struct thrum_runtime *rt = current_runtime();

	(void)unused;
	for (int i = 0; i < 20; i++)
		is_int(main_one_spare(NULL), 0);
	must(thrum__workers_total(rt) > 1);
	return 0;
}

START_TEST(one_spare_serves_again_and_again)
{
	is_int(run_real(1, main_again, NULL), 0);
}
END_TEST

#define MANY 8

/* Comes before some of the hogs, or behind them: they are taken several at a time. */
static intptr_t task_counts_hogs(void *n)
{
	while ((intptr_t)load_relaxed(&hogs.running) < (intptr_t)n)
		is_int(thrum_yield(), 0);
	is_int(load_relaxed(&hogs.running), (intptr_t)n);
	hogs_end(&hogs);
	return 1;
}

/* Hogs on both workers and on three spares; the fourth is free for what is behind them. */
static intptr_t main_several(void *unused)
{
	struct thrum_runtime *rt = current_runtime();
	struct thrum_future *f;

	(void)unused;
	hogs_begin(&hogs, 4);
	f = thrum_spawn(task_counts_hogs, as_arg(5));
	task_hogs(&hogs);
	is_int(thrum_join(f), 1);
	hogs_join(&hogs);
	must(thrum__workers_total(rt) == 6);
	return 0;
}

START_TEST(hogs_on_spares_get_more_spares)
{
	is_int(run_real(2, main_several, NULL), 0);
}
END_TEST

static intptr_t main_bounded(void *unused)
{
	struct thrum_runtime *rt = current_runtime();
	int64_t end = thrum__clock_monotonic_ns() + GIVE_UP_NS;

	(void)unused;
	hogs_begin(&hogs, MANY);
	while (load_relaxed(&hogs.running) < 4)
		must(thrum__clock_monotonic_ns() < end);
	end = thrum__clock_monotonic_ns() + THRUM_MS(50);
	while (thrum__clock_monotonic_ns() < end)
		;
	is_int(load_relaxed(&hogs.running), 4); /* beside this */
	is_int(thrum__workers_total(rt), 5);
	hogs_end(&hogs);
	hogs_join(&hogs);
	return 0;
}

START_TEST(spares_are_bounded)
{
	is_int(run_real(1, main_bounded, NULL), 0);
}
END_TEST

/* Waits until @state is that of all spares. */
static void until_all(struct thrum_runtime *rt, uint32_t state)
{
	int64_t start = thrum__clock_monotonic_ns();

	while (in_state(rt, state) < thrum__workers_total(rt) - rt->workers_count) {
		must(thrum__clock_monotonic_ns() < start + GIVE_UP_NS);
		is_int(thrum_sleep(THRUM_MS(1)), 0);
	}
}

static unsigned threads_before;

/* A thread that was joined is in the kernel's list for a moment more. */
static void until_threads_are_as_before(void)
{
	int64_t end = thrum__clock_monotonic_ns() + GIVE_UP_NS;

	while (threads_of_process() > threads_before)
		must(thrum__clock_monotonic_ns() < end);
}

static intptr_t main_ends(void *unused)
{
	struct thrum_runtime *rt = current_runtime();
	int64_t start = thrum__clock_monotonic_ns();

	(void)unused;
	threads_before = threads_of_process();
	is_int(main_one_spare(NULL), 0);
	must(thrum__workers_total(rt) == 2);
	until_all(rt, THRUM__STANDBY_RESTING);
	until_all(rt, THRUM__STANDBY_NONE);
	must(thrum__clock_monotonic_ns() - start > THRUM_MS(500));
	until_threads_are_as_before();
	is_int(main_one_spare(NULL), 0); /* it starts again, in its old place */
	return 0;
}

START_TEST(a_spare_ends_half_a_second_after_its_use)
{
	is_int(run_real(1, main_ends, NULL), 0);
}
END_TEST

static intptr_t task_computes(void *ns)
{
	int64_t end = thrum__clock_monotonic_ns() + (intptr_t)ns;

	while (thrum__clock_monotonic_ns() < end)
		;
	return 0;
}

#define BURST 6

/* @ns each, on the workers and on spares. */
static void compute_at_once(int64_t ns)
{
	struct thrum_future *f[BURST];

	for (int i = 0; i < BURST; i++)
		f[i] = thrum_spawn(task_computes, as_arg((intptr_t)ns));
	is_int(thrum_join(thrum_spawn(task_return, NULL)), 0);
	for (int i = 0; i < BURST; i++)
		is_int(thrum_join(f[i]), 0);
}

static intptr_t main_stalls_again(void *unused)
{
	(void)unused;
	for (int i = 0; i < 8; i++)
		compute_at_once(THRUM_MS(7));
	until_all(current_runtime(), THRUM__STANDBY_NONE);
	compute_at_once(THRUM_MS(40));
	return 0;
}

/* A spare that rested right after it was held, and ended, has no thread to be asked for its time.
 * */
START_TEST(who_ended_is_not_looked_at)
{
	is_int(run_real(2, main_stalls_again, NULL), 0);
}
END_TEST

/* Begins its sleep on a spare. */
static intptr_t task_sleeps_on_spare(void *ns)
{
	int64_t until = thrum_now() + (intptr_t)ns;

	must(thrum__worker_is_spare(thrum__tls_worker()));
	hogs_end(&hogs);
	is_int(thrum_sleep((intptr_t)ns), 0);
	must(thrum_now() >= until && thrum_now() < until + GIVE_UP_NS);
	return 1;
}

static intptr_t main_timer_left(void *ns)
{
	struct thrum_future *f;

	threads_before = threads_of_process();
	hogs_begin(&hogs, 0);
	f = thrum_spawn(task_sleeps_on_spare, ns);
	task_hogs(&hogs);
	is_int(thrum_join(f), 1);
	return 0;
}

START_TEST(timers_of_a_spare_at_rest_go_off)
{
	is_int(run_real(1, main_timer_left, as_arg((intptr_t)THRUM_MS(100))), 0);
}
END_TEST

static intptr_t main_timer_left_for_long(void *ns)
{
	is_int(main_timer_left(ns), 0);
	until_threads_are_as_before(); /* it had ended */
	return 0;
}

START_TEST(timers_of_a_spare_that_ended_go_off)
{
	is_int(run_real(1, main_timer_left_for_long, as_arg((intptr_t)THRUM_MS(700))), 0);
}
END_TEST

/* Destroyed while spares run, leave or rest. */
START_TEST(runtimes_come_and_go_with_their_spares)
{
	threads_before = threads_of_process();
	for (int i = 0; i < 20; i++)
		is_int(run_real(1, main_one_spare, NULL), 0);
	until_threads_are_as_before();
}
END_TEST

#define YIELDERS 8

static struct atomic32 yielders_go_on;
static struct atomic64 yields[YIELDERS];

static intptr_t task_yields(void *number)
{
	while (load_relaxed(&yielders_go_on)) {
		fetch_add_relaxed(&yields[(intptr_t)number], 1);
		is_int(thrum_yield(), 0);
	}
	return 0;
}

/* The worker and the spare always have something to run; when the spare has left, all still run. */
static intptr_t main_never_dry(void *unused)
{
	struct thrum_runtime *rt = current_runtime();
	struct thrum_future *f[YIELDERS];
	int64_t end;

	(void)unused;
	store_relaxed(&yielders_go_on, 1);
	for (intptr_t i = 0; i < YIELDERS; i++)
		f[i] = thrum_spawn(task_yields, as_arg(i));
	is_int(main_one_spare(NULL), 0);
	end = thrum__clock_monotonic_ns() + GIVE_UP_NS;
	while (in_state(rt, THRUM__STANDBY_RESTING) < thrum__workers_total(rt) - 1) {
		must(thrum__clock_monotonic_ns() < end);
		is_int(thrum_yield(), 0);
	}
	for (int i = 0; i < YIELDERS; i++) {
		uint64_t before = load_relaxed(&yields[i]);

		while (load_relaxed(&yields[i]) == before) {
			must(thrum__clock_monotonic_ns() < end);
			is_int(thrum_yield(), 0);
		}
	}
	store_relaxed(&yielders_go_on, 0);
	for (int i = 0; i < YIELDERS; i++)
		is_int(thrum_join(f[i]), 0);
	return 0;
}

START_TEST(a_spare_that_never_runs_dry_hands_over)
{
	is_int(run_real(1, main_never_dry, NULL), 0);
}
END_TEST

int main(void)
{
#ifdef THRUM_MIGRATE
	return 77; /* no spares where tasks must resume on a certain worker */
#endif
	const TTest *const tests[] = {
	    one_spare_serves_again_and_again,
	    hogs_on_spares_get_more_spares,
	    spares_are_bounded,
	    a_spare_ends_half_a_second_after_its_use,
	    who_ended_is_not_looked_at,
	    timers_of_a_spare_at_rest_go_off,
	    timers_of_a_spare_that_ended_go_off,
	    runtimes_come_and_go_with_their_spares,
	    a_spare_that_never_runs_dry_hands_over,
	};

	return RUN_TESTS("spare", tests);
}
