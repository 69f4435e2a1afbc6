/* SPDX-License-Identifier: MIT */
/*
 * test_stop.c - the end of a runtime: whatever is left is cancelled and has ended when run or
 * destroy returns; what does not end within the grace period is named and left behind.
 *
 * What leaves a runtime behind does so in a child process.
 */
#include "base/assert.h"
#include "base/atomic.h"
#include "child.h"
#include "hog.h"
#include "run.h"
#include "sched/task.h"

static struct atomic32 ended, dropped, ran;

static void counts_reset(void)
{
	store_relaxed(&ended, 0);
	store_relaxed(&dropped, 0);
	store_relaxed(&ran, 0);
}

static void count_drop(void *unused)
{
	(void)unused;
	fetch_add_relaxed(&dropped, 1);
}

static intptr_t task_counts_run(void *unused)
{
	(void)unused;
	fetch_add_relaxed(&ran, 1);
	return 0;
}

static intptr_t left_sleeping(void *unused)
{
	intptr_t r = thrum_sleep(THRUM_FOREVER);

	(void)unused;
	fetch_add_relaxed(&ended, 1);
	return r;
}

static intptr_t left_awaiting(void *gate)
{
	intptr_t r = thrum_await(gate);

	fetch_add_relaxed(&ended, 1);
	return r;
}

static intptr_t left_yielding(void *unused)
{
	intptr_t r;

	(void)unused;
	while (!(r = thrum_yield()))
		;
	fetch_add_relaxed(&ended, 1);
	return r;
}

static intptr_t left_joining(void *unused)
{
	intptr_t r = thrum_join(thrum_spawn(left_sleeping, NULL));

	(void)unused;
	fetch_add_relaxed(&ended, 1);
	return r;
}

static intptr_t job_counts(void *unused)
{
	(void)unused;
	for (int i = 0; i < 1000; i++)
		thread_yield();
	fetch_add_relaxed(&ended, 1);
	return 5;
}

static intptr_t left_in_a_job(void *job)
{
	intptr_t r = thrum_blocking(job_counts, job);

	must(r == 5 || r == -ECANCELED); /* the job had started, or not */
	if (r != 5)
		fetch_add_relaxed(&ended, 1);
	fetch_add_relaxed(&ended, 1);
	return r;
}

static intptr_t left_to_clean_up(void *gate)
{
	is_int(thrum_await(gate), -ECANCELED);
	for (int i = 0; i < 1000; i++)
		is_int(thrum_yield(), -ECANCELED);
	is_int(thrum_sleep(1), -ECANCELED);
	fetch_add_relaxed(&ended, 1);
	return 17;
}

static struct thrum_future *gate, *kept[7];

static intptr_t main_leaves(void *settled)
{
	const thrum_fn fns[] = {left_sleeping, left_awaiting, left_yielding,   left_joining,
				left_in_a_job, left_sleeping, left_to_clean_up};

	for (int i = 0; i < 7; i++)
		kept[i] = thrum_spawn(fns[i], gate);
	if (settled)
		for (int i = 0; i < 20; i++)
			is_int(thrum_yield(), 0);
	for (int i = 0; i < 10; i++)
		thrum_release(thrum_spawn_drop(task_counts_run, NULL, count_drop));
	is_int(thrum_go(left_sleeping, NULL), 0);
	return 44;
}

/* Ten ends: 7 kept ones, the joined child, the job (or its absence), the one that nobody holds. */
static void run_leaving(unsigned workers, bool settled)
{
	counts_reset();
	gate = future_new();
	is_int(run_real(workers, main_leaves, as_arg(settled)), 44);
	/* A joiner that found the runtime stopping has no child. */
	is_int(load_relaxed(&ended), thrum_result(kept[3]) == -ENOMEM ? 9 : 10);
	must(thrum_result(kept[3]) != -ENOMEM || !settled || workers > 1);
	is_int(load_relaxed(&ran) + load_relaxed(&dropped), 10);
	for (int i = 0; i < 7; i++) {
		must(thrum_done(kept[i]));
		is_int(thrum_cancel(kept[i]), -EALREADY);
	}
	is_int(thrum_await(kept[0]), -ECANCELED);
	is_int(thrum_await(kept[1]), -ECANCELED);
	is_int(thrum_result(kept[2]), -ECANCELED);
	must(thrum_result(kept[3]) == -ECANCELED || thrum_result(kept[3]) == -ENOMEM);
	is_int(thrum_wait_for(kept[6], 0), 17);
	is_text(thrum_name(kept[3]), "fns[i]");
	is_text(thrum_state_name(kept[0]), "cancelled");
	for (int i = 0; i < 7; i++) {
		is_int(load_relaxed(&kept[i]->refs), 1);
		thrum_release(kept[i]);
	}
	must(!thrum_done(gate));
	is_int(load_relaxed(&gate->word), 0);
	future_drop(gate);
}

START_TEST(all_that_is_left_ends)
{
	run_leaving(1, true);
	run_leaving(1, false);
	run_leaving(2, true);
	run_leaving(3, false);
}
END_TEST

static intptr_t main_leaves_unstarted(void *copy)
{
	for (int i = 0; i < 10; i++)
		thrum_release(thrum_spawn_drop(task_counts_run, NULL, count_drop));
	for (int i = 0; i < 10; i++)
		thrum_release(thrum_spawn_copy(task_counts_run, copy, 8));
	for (int i = 0; i < 10; i++)
		is_int(thrum_go(task_counts_run, NULL), 0);
	return 0;
}

START_TEST(unstarted_tasks_are_dropped_or_run)
{
	counts_reset();
	is_int(run_virtual(1, main_leaves_unstarted, "12345678"), 0);
	is_int(load_relaxed(&dropped), 10);
	is_int(load_relaxed(&ran), 10); /* those of plain go */
}
END_TEST

/* Stopping: */

static struct thrum_runtime *stopped;

static intptr_t left_to_spawn(void *started)
{
	struct thrum_future *f = (void *)8;
	int copy = 5;

	thrum_future_set(started, 0);
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	must(!thrum_spawn(task_counts_run, NULL));
	must(!thrum_spawn_copy(task_counts_run, &copy, sizeof(copy)));
	must(!thrum_spawn_drop(task_counts_run, NULL, count_drop)); /* ours still */
	is_int(thrum_go(task_counts_run, NULL), -ESHUTDOWN);
	is_int(thrum_runtime_try_submit(stopped, task_counts_run, NULL, &f), -ESHUTDOWN);
	must(!f);
	must(!thrum_runtime_submit(stopped, task_counts_run, NULL));
	fetch_add_relaxed(&ended, 1);
	return 0;
}

START_TEST(nothing_starts_while_stopping)
{
	struct thrum_future *started = future_new(), *f;

	counts_reset();
	stopped = runtime_of(2, THRUM_CLOCK_REAL);
	f = thrum_runtime_submit(stopped, left_to_spawn, started);
	is_int(thrum_await(started), 0);
	is_int(thrum_runtime_destroy(stopped), 0);
	is_int(load_relaxed(&ended), 1);
	is_int(load_relaxed(&ran) + load_relaxed(&dropped), 0);
	is_int(thrum_join(f), 0);
	thrum_release(started);
}
END_TEST

static intptr_t left_to_spawn_jobs(void *started)
{
	int copy = 5;

	thrum_future_set(started, 0);
	is_int(thrum_sleep(THRUM_FOREVER), -ECANCELED);
	must(!thrum_spawn_blocking(task_counts_run, NULL));
	must(!thrum_spawn_blocking_copy(task_counts_run, &copy, sizeof(copy)));
	return 0;
}

START_TEST(no_job_starts_while_stopping)
{
	struct thrum_future *started = future_new(), *f;

	counts_reset();
	stopped = runtime_of(1, THRUM_CLOCK_REAL);
	f = thrum_runtime_submit(stopped, left_to_spawn_jobs, started);
	is_int(thrum_await(started), 0);
	is_int(thrum_runtime_destroy(stopped), 0);
	is_int(load_relaxed(&ran), 0);
	is_int(thrum_join(f), 0);
	thrum_release(started);
}
END_TEST

static intptr_t main_leaves_jobs(void *futures)
{
	struct thrum_future **fs = futures;

	fs[0] = thrum_spawn_blocking(job_counts, NULL);
	for (int i = 1; i < 20; i++)
		fs[i] = thrum_spawn_blocking(task_counts_run, NULL);
	return 0;
}

START_TEST(jobs_end_or_are_taken_back)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);
	struct thrum_future *fs[20];
	unsigned cancelled = 0;

	counts_reset();
	c.blocking_max = 1;
	is_int(thrum_run_with(&c, main_leaves_jobs, fs), 0);
	for (int i = 0; i < 20; i++) {
		must(thrum_done(fs[i]));
		cancelled += thrum_cancelled(fs[i]);
		thrum_release(fs[i]);
	}
	is_int(load_relaxed(&ran) + load_relaxed(&ended) + cancelled, 20);
}
END_TEST

static void call_counts(struct thrum_future *f, void *unused)
{
	(void)unused;
	must(thrum_done(f));
	fetch_add_relaxed(&ran, 1);
}

static intptr_t main_leaves_callbacks(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++) {
		struct thrum_future *f = i % 2 ? thrum_spawn(left_sleeping, NULL)
					       : thrum_spawn_blocking(job_counts, NULL);

		is_int(thrum_future_on_done(f, call_counts, NULL), 0);
		thrum_release(f);
	}
	return 0;
}

START_TEST(callbacks_are_called_before_the_end)
{
	counts_reset();
	is_int(run_real(2, main_leaves_callbacks, NULL), 0);
	is_int(load_relaxed(&ran), 20);
}
END_TEST

/* Past the grace period: */

static struct thrum_future *stuck_started;

static intptr_t spins_for_ever(void *unused)
{
	(void)unused;
	thrum_future_set(stuck_started, 0);
	for (;;)
		spin_hint();
	return 0;
}

static intptr_t main_leaves_a_spinner(void *unused)
{
	(void)unused;
	stuck_started = future_new();
	is_int(thrum_go(spins_for_ever, NULL), 0);
	/* Until the other worker has taken it.  A wait could end only there where every resume is
	 * on the next worker. */
	while (!thrum_done(stuck_started))
		thread_yield();
	return 0;
}

static intptr_t main_leaves_a_stuck_job(void *unused)
{
	(void)unused;
	stuck_started = future_new();
	thrum_release(thrum_spawn_blocking(spins_for_ever, NULL));
	return thrum_await(stuck_started);
}

static struct thrum_config impatient(void)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);

	c.grace_ns = THRUM_MS(1);
	return c;
}

static void child_spins(void)
{
	struct thrum_config c = impatient();

	is_int(thrum_run_with(&c, main_leaves_a_spinner, NULL), -EBUSY);
	/* The rest of the process goes on. */
	is_int(run_real(1, task_return, as_arg(3)), 3);
}

static void child_stuck_job(void)
{
	struct thrum_config c = impatient();

	is_int(thrum_run_with(&c, main_leaves_a_stuck_job, NULL), -EBUSY);
	is_int(run_real(1, task_return, as_arg(3)), 3);
}

static void child_reports_to_the_callback(void)
{
	struct reports r = REPORTS_INIT;
	struct thrum_config c = impatient();
	struct thrum_runtime *rt;

	c.report = take_report;
	c.report_arg = &r;
	is_int(thrum_runtime_create(&rt, &c), 0);
	is_int(thrum_runtime_block_on(rt, main_leaves_a_spinner, NULL), 0);
	is_int(thrum_runtime_destroy(rt), -EBUSY);
	is_int(r.count, 1);
	is_int(r.what, THRUM_REPORT_STUCK);
	has_text(r.text, "spins_for_ever is still running");
}

START_TEST(what_never_ends_is_named_and_left_behind)
{
	char err[2000];

	is_int(child_run(child_spins, err, sizeof(err)), 0);
	has_text(err, "thrum: spins_for_ever is still running past the grace period, made at ");
	has_text(err, "test_stop.c:");
	is_int(child_run(child_stuck_job, err, sizeof(err)), 0);
	has_text(err, "thrum: a blocking job is still running past the grace period, made at ");
	has_text(err, " spins_for_ever");
	is_int(child_run(child_reports_to_the_callback, err, sizeof(err)), 0);
	is_text(err, "");
}
END_TEST

/* Afterwards: */

static intptr_t task_name_and_sleep(void *unused)
{
	(void)unused;
	is_int(thrum_set_name("named"), 0);
	return thrum_sleep(THRUM_FOREVER);
}

START_TEST(futures_outlive_their_runtime)
{
	struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_VIRTUAL);
	struct thrum_future *fs[3];

	fs[0] = thrum_runtime_submit(rt, task_name_and_sleep, NULL);
	fs[1] = thrum_runtime_submit(rt, task_return, as_arg(6));
	fs[2] = thrum_runtime_submit(rt, left_sleeping, NULL);
	is_int(thrum_await(fs[1]), 6);
	is_int(thrum_runtime_destroy(rt), 0);
	/* Another one has its memory, perhaps. */
	rt = runtime_of(1, THRUM_CLOCK_VIRTUAL);
	is_int(thrum_await(fs[0]), -ECANCELED);
	is_int(thrum_await(fs[1]), 6);
	is_int(thrum_wait_for(fs[2], 0), -ECANCELED);
	is_text(thrum_name(fs[0]), "named");
	is_text(thrum_name(fs[2]), "left_sleeping");
	is_text(thrum_state_name(fs[1]), "done");
	has_text(thrum_place(fs[1]), "test_stop.c:");
	is_int(thrum_cancel(fs[2]), -EALREADY);
	is_int(thrum_future_set(fs[2], 1), -EINVAL);
	is_int(thrum_runtime_block_on(rt, task_await, fs[1]), 6);
	for (int i = 0; i < 3; i++)
		thrum_release(fs[i]);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

static struct hogs first, last;
static int64_t last_end_ns;

static void wait_for_hog(struct hogs *h)
{
	int64_t end = thrum__clock_monotonic_ns() + GIVE_UP_NS;

	while (!load_relaxed(&h->running))
		must(thrum__clock_monotonic_ns() < end);
}

/* Leaves a task on a spare that is not needed any more. */
static intptr_t main_leaves_a_hog(void *unused)
{
	(void)unused;
	hogs_begin(&first, 1);
	wait_for_hog(&first); /* on the other worker */
	hogs_begin(&last, 1);
	wait_for_hog(&last);
	hogs_end(&first);
	hogs_join(&first);
	return 0;
}

static void *thread_ends_last(void *unused)
{
	(void)unused;
	while (!load_acquire(&first.go))
		thread_yield();
	let_pass(THRUM_MS(100)); /* the spare is told to leave, and destroy waits */
	last_end_ns = thrum__clock_monotonic_ns();
	hogs_end(&last);
	return NULL;
}

/* The spare goes to rest with the last task's end: whoever waits for that hears of it at once. */
START_TEST(a_task_on_a_spare_is_waited_for_no_longer_than_it_lives)
{
	pthread_t t;

	hogs_clear(&first);
	t = thread_of(thread_ends_last, NULL);
	is_int(run_real(2, main_leaves_a_hog, NULL), 0);
	thread_end(t);
	must(thrum__clock_monotonic_ns() - last_end_ns < LATE_NS);
	thrum_release(last.f[0]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    all_that_is_left_ends,
	    unstarted_tasks_are_dropped_or_run,
	    nothing_starts_while_stopping,
	    no_job_starts_while_stopping,
	    jobs_end_or_are_taken_back,
	    callbacks_are_called_before_the_end,
	    what_never_ends_is_named_and_left_behind,
	    futures_outlive_their_runtime,
	    /* With spares: */
	    a_task_on_a_spare_is_waited_for_no_longer_than_it_lives,
	};
	size_t n = sizeof(tests) / sizeof(tests[0]);

#ifdef THRUM_MIGRATE
	n -= 1; /* there are none */
#endif
	return run_tests("stop", 30, tests, n);
}
