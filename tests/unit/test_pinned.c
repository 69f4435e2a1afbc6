/* SPDX-License-Identifier: MIT */
/*
 * test_pinned.c - tasks that run on one worker alone (sched/spawn_with.c, core/handed.h).
 *
 * THRUM_TEST_DIV divides the large counts.
 */
#include <unistd.h>

#include "base/atomic.h"
#include "run.h"
#include "sched/task.h"
#include "sched/worker.h"

#include <thrum/fork.h>
#include <thrum/scope.h>

#define WORKERS 3

static struct thrum_spawn_options options(void)
{
	struct thrum_spawn_options o = THRUM_SPAWN_OPTIONS_INIT;

	return o;
}

static pthread_t thread_of_worker[WORKERS + 1];
static struct atomic64 steps;

static void is_at_home(unsigned worker)
{
	is_int(thrum__tls_worker()->index, worker - 1);
	must(pthread_equal(pthread_self(), thread_of_worker[worker]));
	fetch_add_relaxed(&steps, 1);
}

static intptr_t task_tells_thread(void *worker)
{
	thread_of_worker[(intptr_t)worker] = pthread_self();
	return 0;
}

static void learn_threads(unsigned workers)
{
	struct thrum_spawn_options o = options();

	for (unsigned i = 1; i <= workers; i++) {
		o.worker = i;
		is_int(thrum_join(thrum_spawn_with(&o, task_tells_thread, as_arg(i))), 0);
	}
	for (unsigned i = 2; i <= workers; i++)
		must(!pthread_equal(thread_of_worker[1], thread_of_worker[i]));
}

static void *set_it(void *future)
{
	thrum_future_set(future, 8);
	return NULL;
}

static intptr_t twice(void *value)
{
	is_int(thrum_yield(), 0);
	return 2 * (intptr_t)value;
}

static intptr_t nap(void *value)
{
	is_int(thrum_sleep(THRUM_US(50)), 0);
	return (intptr_t)value;
}

static void fork_some(unsigned worker)
{
	struct thrum_fork j[3];

	for (intptr_t i = 0; i < 3; i++)
		thrum_fork(&j[i], twice, as_arg(i));
	for (intptr_t i = 2; i >= 0; i--) {
		is_int(thrum_fork_join(&j[i]), 2 * i);
		is_at_home(worker);
	}
}

static void in_a_scope(unsigned worker)
{
	struct thrum_scope s;

	is_int(thrum_scope_open(&s), 0);
	for (int i = 0; i < 3; i++)
		is_int(thrum_scope_spawn(&s, task_sleep, as_arg(THRUM_US(10))), 0);
	is_int(thrum_scope_close(&s), 0);
	is_at_home(worker);
}

/* All ways to wait; after each it is where it was. */
static intptr_t task_stays(void *worker_)
{
	unsigned worker = (unsigned)(uintptr_t)worker_;
	struct thrum_future *f;
	struct thrum_timeout t;

	is_at_home(worker);
	is_int(thrum_yield(), 0);
	is_at_home(worker);
	is_int(thrum_sleep(THRUM_US(20)), 0);
	is_at_home(worker);
	/* In place it might come back elsewhere. */
	is_int(thrum_join(thrum_spawn(nap, as_arg(6))), 6);
	is_at_home(worker);
	f = thrum_spawn(nap, as_arg(7));
	is_int(thrum_await(f), 7);
	thrum_release(f);
	is_at_home(worker);
	is_int(thrum_blocking(task_return, as_arg(9)), 9);
	is_at_home(worker);
	f = future_new();
	thrum_timeout_begin(&t, THRUM_US(30));
	is_int(thrum_await(f), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	future_drop(f);
	is_at_home(worker);
	fork_some(worker);
	in_a_scope(worker);
	return worker;
}

static intptr_t task_woken_from_outside(void *worker)
{
	struct thrum_future *f = future_new();
	pthread_t t = thread_of(set_it, f);

	is_int(thrum_await(f), 8);
	is_at_home((unsigned)(uintptr_t)worker);
	thread_end(t);
	thrum_release(f);
	return (intptr_t)worker;
}

#define EACH 8

static void all_stay(thrum_fn fn, unsigned workers, unsigned rounds)
{
	struct thrum_spawn_options o = options();
	struct thrum_future *f[EACH * WORKERS];

	learn_threads(workers);
	for (unsigned round = 0; round < rounds; round++) {
		for (unsigned i = 0; i < EACH * workers; i++) {
			o.worker = 1 + i % workers;
			o.stack_bytes = i % 2 ? 128 << 10 : 0;
			must(f[i] = thrum_spawn_with(&o, fn, as_arg(o.worker)));
		}
		for (unsigned i = 0; i < EACH * workers; i++)
			is_int(thrum_join(f[i]), 1 + i % workers);
	}
}

static intptr_t main_all_stay(void *workers)
{
	all_stay(task_stays, (unsigned)(uintptr_t)workers, scaled(200) + 5);
	return 0;
}

static intptr_t main_all_woken(void *workers)
{
	all_stay(task_woken_from_outside, (unsigned)(uintptr_t)workers, scaled(20) + 2);
	return 0;
}

START_TEST(it_stays_on_its_worker_through_every_wait)
{
	for (uintptr_t workers = 1; workers <= WORKERS; workers++) {
		is_int(run_virtual((unsigned)workers, main_all_stay, (void *)workers), 0);
		is_int(run_real((unsigned)workers, main_all_stay, (void *)workers), 0);
	}
}
END_TEST

START_TEST(it_is_woken_on_its_worker_from_outside)
{
	for (uintptr_t workers = 1; workers <= WORKERS; workers++)
		is_int(run_real((unsigned)workers, main_all_woken, (void *)workers), 0);
}
END_TEST

/* All others sleep, and the one that is to wake, too. */
static intptr_t main_passes_on(void *workers)
{
	struct thrum_spawn_options o = options();

	learn_threads((unsigned)(uintptr_t)workers);
	for (unsigned i = 0; i < scaled(20000) + 100; i++) {
		o.worker = 1 + i % (unsigned)(uintptr_t)workers;
		is_int(thrum_join(thrum_spawn_with(&o, task_return, as_arg(i))), i);
		if (i % 50 == 0)
			is_int(thrum_sleep(THRUM_US(300)), 0);
	}
	return 0;
}

START_TEST(a_worker_that_sleeps_is_woken_for_it)
{
	for (uintptr_t workers = 1; workers <= WORKERS; workers++)
		is_int(run_real((unsigned)workers, main_passes_on, (void *)workers), 0);
}
END_TEST

/* Another's turn comes though pinned ones never wait, and theirs though others yield. */
static struct atomic32 turned;

static intptr_t task_yields_until_turned(void *unused)
{
	(void)unused;
	while (!load_relaxed(&turned))
		is_int(thrum_yield(), 0);
	return 0;
}

static intptr_t task_turns(void *unused)
{
	(void)unused;
	store_relaxed(&turned, 1);
	return 0;
}

static intptr_t task_reads(void *fd)
{
	char c;

	is_int(thrum_read((int)(intptr_t)fd, &c, 1), 1);
	store_relaxed(&turned, 1);
	return 0;
}

static intptr_t main_takes_turns(void *unused)
{
	struct thrum_spawn_options pinned = options();
	struct thrum_future *f[3];
	int ends[2];

	(void)unused;
	pinned.worker = 1;
	store_relaxed(&turned, 0); /* a plain one beside two */
	f[0] = thrum_spawn_with(&pinned, task_yields_until_turned, NULL);
	f[1] = thrum_spawn_with(&pinned, task_yields_until_turned, NULL);
	is_int(thrum_yield(), 0);
	f[2] = thrum_spawn(task_turns, NULL);
	for (int i = 0; i < 3; i++)
		is_int(thrum_join(f[i]), 0);
	store_relaxed(&turned, 0); /* a pinned one beside plain ones */
	f[0] = thrum_spawn(task_yields_until_turned, NULL);
	f[1] = thrum_spawn(task_yields_until_turned, NULL);
	f[2] = thrum_spawn_with(&pinned, task_turns, NULL);
	for (int i = 0; i < 3; i++)
		is_int(thrum_join(f[i]), 0);
	store_relaxed(&turned, 0); /* an event beside pinned ones */
	must(pipe(ends) == 0);
	f[0] = thrum_spawn(task_reads, as_arg(ends[0]));
	is_int(thrum_yield(), 0);
	f[1] = thrum_spawn_with(&pinned, task_yields_until_turned, NULL);
	f[2] = thrum_spawn_with(&pinned, task_yields_until_turned, NULL);
	is_int(thrum_yield(), 0);
	is_int(write(ends[1], "x", 1), 1);
	for (int i = 0; i < 3; i++)
		is_int(thrum_join(f[i]), 0);
	is_int(thrum_close(ends[0]), 0);
	is_int(thrum_close(ends[1]), 0);
	return 0;
}

START_TEST(pinned_ones_and_others_take_turns)
{
	is_int(run_real(1, main_takes_turns, NULL), 0);
}
END_TEST

TASK_TEST(a_yield_lets_a_pinned_one_go_first, 1)
{
	struct thrum_spawn_options o = options();
	struct thrum_future *f;

	o.worker = 1;
	store_relaxed(&turned, 0);
	f = thrum_spawn_with(&o, task_turns, NULL);
	is_int(thrum_yield(), 0);
	is_int(load_relaxed(&turned), 1);
	is_int(thrum_join(f), 0);
}

/* Of two pinned ones the first computes until it is reported, though another worker is idle. */
static struct reports stalls = REPORTS_INIT;

static intptr_t task_computes(void *unused)
{
	bool told = false;

	(void)unused;
	while (!told) {
		pthread_mutex_lock(&stalls.lock);
		told = stalls.count;
		pthread_mutex_unlock(&stalls.lock);
	}
	return 0;
}

static intptr_t main_hogs_a_pin(void *unused)
{
	struct thrum_spawn_options o = options();
	struct thrum_future *hog;

	(void)unused;
	o.worker = thrum__tls_worker()->index == 0 ? 2 : 1; /* the other one */
	o.name = "hog";
	hog = thrum_spawn_with(&o, task_computes, NULL);
	while (strcmp(thrum_state_name(hog), "running"))
		;
	o.name = NULL;
	is_int(thrum_join(thrum_spawn_with(&o, task_return, as_arg(4))), 4);
	return thrum_join(hog);
}

START_TEST(who_keeps_a_pinned_task_waiting_is_reported)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);

	c.report = take_report;
	c.report_arg = &stalls;
	is_int(thrum_run_with(&c, main_hogs_a_pin, NULL), 0);
	is_int(stalls.what, THRUM_REPORT_STALL);
	has_text(stalls.text, "hog has held");
}
END_TEST

static intptr_t task_waits_for_ever(void *worker)
{
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	is_at_home((unsigned)(uintptr_t)worker);
	return 0;
}

static intptr_t main_leaves_them(void *unused)
{
	struct thrum_spawn_options o = options();

	(void)unused;
	learn_threads(WORKERS);
	store_relaxed(&steps, 0);
	for (unsigned i = 0; i < 30; i++) {
		o.worker = 1 + i % WORKERS;
		thrum_release(thrum_spawn_with(&o, task_waits_for_ever, as_arg(o.worker)));
	}
	settle();
	return 1;
}

START_TEST(the_end_of_the_runtime_ends_them_at_home)
{
	is_int(run_virtual(WORKERS, main_leaves_them, NULL), 1);
	is_int(load_relaxed(&steps), 30);
	is_int(run_real(WORKERS, main_leaves_them, NULL), 1);
	is_int(load_relaxed(&steps), 30);
}
END_TEST

/* A block that a pinned task had is any task's again. */
TASK_TEST(nothing_is_left_of_it, 2)
{
	struct thrum_spawn_options o = options();

	o.worker = 2;
	for (int i = 0; i < 100; i++) {
		struct thrum_future *f = thrum_spawn_with(&o, task_return, as_arg(i));
		struct thrum_future *plain;

		is_int(thrum_await(f), i);
		thrum_release(f);
		plain = spawn_sleeper(10);
		must(thrum__task_of(plain)->parker.unpark == thrum__task_unpark);
		must(!(thrum__task_of(plain)->marks & THRUM__PINNED));
		is_int(thrum_join(plain), 0);
	}
}

int main(void)
{
	const TTest *const tests[] = {
	    it_stays_on_its_worker_through_every_wait, it_is_woken_on_its_worker_from_outside,
	    a_worker_that_sleeps_is_woken_for_it,      pinned_ones_and_others_take_turns,
	    a_yield_lets_a_pinned_one_go_first,        who_keeps_a_pinned_task_waiting_is_reported,
	    the_end_of_the_runtime_ends_them_at_home,  nothing_is_left_of_it,
	};

	return RUN_TESTS_FOR("pinned", 120, tests);
}
