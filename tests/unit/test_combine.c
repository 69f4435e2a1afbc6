/* SPDX-License-Identifier: MIT */
/*
 * test_combine.c - several futures as one: what wait and race return, whom they cancel, what they
 * leave; a drain's wait until a time.
 */
#include "base/assert.h"
#include "base/os.h"
#include "child.h"
#include "several.h"

#define N 12

static void release_all(struct thrum_future *fs[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		thrum_release(fs[i]);
}

/* ---- Wait ---- */

TASK_TEST(wait_needs_a_reason, 1)
{
	struct thrum_future *fs[1] = {NULL};

	is_int(thrum_wait(fs, 1, -1, 0), -EINVAL);
	is_int(thrum_wait(fs, 1, 3, 0), -EINVAL);
	is_int(thrum_wait(NULL, 1, THRUM_ALL, 0), -EINVAL);
	is_int(thrum_wait(NULL, 0, THRUM_FIRST_COMPLETED, THRUM_FOREVER), -EINVAL);
	is_int(thrum_wait(NULL, 0, THRUM_ALL, THRUM_FOREVER), 0);
	is_int(thrum_wait(NULL, 0, THRUM_FIRST_FAILED, THRUM_FOREVER), 0);
}

TASK_TEST(wait_for_all, 1)
{
	struct thrum_future *fs[N];

	make(fs, N);
	for (int i = 0; i < N; i++)
		set_later(fs[i], 100 - 5 * i, i % 2 ? -EIO : i);
	is_int(thrum_wait(fs, N, THRUM_ALL, THRUM_FOREVER), N);
	is_int(thrum_now(), 100);
	is_int(thrum_wait(fs, N, THRUM_ALL, 0), N);
	drop(fs, N);
}

TASK_TEST(a_drain_may_be_waited_for_until_a_time, 1)
{
	struct thrum_future *f = future_new();
	struct thrum_drain d;

	is_int(thrum_drain_begin(&d), 0);
	is_int(thrum_drain_add(&d, f, 5), 0);
	for (int i = 0; i < 2; i++) { /* the second time it has passed already */
		is_int(thrum_drain_next_until(&d, NULL, NULL, 10), -ETIMEDOUT);
		is_int(thrum_now(), 10);
	}
	is_int(thrum_drain_count(&d), 1);
	set_later(f, 10, 0);
	is_int(thrum_drain_next_until(&d, NULL, NULL, 30), 0);
	is_int(thrum_now(), 20);
	is_int(thrum_drain_add(&d, f, 5), 0);
	is_int(thrum_drain_next_until(&d, NULL, NULL, 0), 0); /* it is done */
	thrum_drain_end(&d);
	drop(&f, 1);
}

static void wait_for_the_first_of(size_t n)
{
	struct thrum_future *fs[N];
	int64_t start = thrum_now();

	make(fs, n);
	set_later(fs[n - 1], 7, -EIO);
	set_later(fs[0], 9, 0);
	is_int(thrum_wait(fs, n, THRUM_FIRST_COMPLETED, THRUM_FOREVER), 1);
	is_int(thrum_now(), start + 7);
	is_int(thrum_wait(fs, n, THRUM_FIRST_COMPLETED, -1), 1);
	settle(), settle(), settle();
	drop(fs, n);
}

TASK_TEST(wait_for_the_first, 1)
{
	wait_for_the_first_of(2);
	wait_for_the_first_of(8);
	wait_for_the_first_of(N);
}

TASK_TEST(wait_for_the_first_on_three_workers, 3)
{
	wait_for_the_first_of(2);
	wait_for_the_first_of(N);
}

TASK_TEST(wait_for_the_first_failure, 1)
{
	struct thrum_future *fs[N];

	make(fs, N);
	for (int i = 0; i < N; i++)
		if (i != 2)
			set_later(fs[i], 10 * (i + 1), i == 6 ? -EIO : i);
	thrum_cancel(fs[2]); /* no failure: it was asked to */
	is_int(thrum_wait(fs, N, THRUM_FIRST_FAILED, THRUM_FOREVER), 7);
	is_int(thrum_now(), 70);
	is_int(thrum_wait(fs, N, THRUM_FIRST_FAILED, THRUM_FOREVER), 7); /* there is one */
	is_int(thrum_wait(fs, 6, THRUM_FIRST_FAILED, THRUM_FOREVER), 6); /* all, without one */
	is_int(thrum_now(), 70);
	is_int(thrum_wait(fs + 7, 5, THRUM_FIRST_FAILED, THRUM_FOREVER), 5);
	is_int(thrum_now(), 120);
	drop(fs, N);
	make(fs, 2);
	set_later(fs[1], 1, -ECANCELED); /* nobody asked it to */
	is_int(thrum_wait(fs, 2, THRUM_FIRST_FAILED, THRUM_FOREVER), 1);
	drop(fs, 2);
}

TASK_TEST(wait_takes_a_missing_future_for_a_failure, 1)
{
	struct thrum_future *fs[3] = {future_new(), NULL, NULL};

	is_int(thrum_wait(fs, 3, THRUM_FIRST_FAILED, THRUM_FOREVER), 2);
	is_int(thrum_wait(fs, 3, THRUM_FIRST_COMPLETED, THRUM_FOREVER), 2);
	set_later(fs[0], 5, 0);
	is_int(thrum_wait(fs, 3, THRUM_ALL, THRUM_FOREVER), 3);
	is_int(thrum_now(), 5);
	drop(fs, 1);
}

TASK_TEST(wait_for_one_twice, 1)
{
	struct thrum_future *f = future_new();
	struct thrum_future *fs[3] = {f, f, f};

	for (int until = THRUM_ALL; until <= THRUM_FIRST_FAILED; until++)
		is_int(thrum_wait(fs, 3, until, 5), 0);
	set_later(f, 5, 0);
	is_int(thrum_wait(fs, 3, THRUM_FIRST_COMPLETED, THRUM_FOREVER), 3);
	is_int(thrum_wait(fs, 3, THRUM_ALL, THRUM_FOREVER), 3);
	drop(&f, 1);
}

TASK_TEST(wait_has_a_time_of_its_own, 1)
{
	struct thrum_future *fs[N];
	struct thrum_timeout t;
	int64_t now = 0;

	make(fs, N);
	thrum_future_set(fs[5], 0);
	for (int until = THRUM_ALL; until <= THRUM_FIRST_FAILED; until++) {
		ssize_t done = until == THRUM_FIRST_COMPLETED ? 0 : 1;
		size_t from = until == THRUM_FIRST_COMPLETED ? 6 : 0;

		is_int(thrum_wait(fs + from, N - from, until, 0), done);
		is_int(thrum_now(), now);
		is_int(thrum_wait(fs + from, N - from, until, 10), done);
		is_int(thrum_now(), now += 10);
		thrum_timeout_begin(&t, 10); /* of two at once its own counts */
		is_int(thrum_wait(fs + from, N - from, until, 10), done);
		must(!thrum_timeout_end(&t));
		is_int(thrum_now(), now += 10);
		thrum_timeout_begin(&t, 9);
		is_int(thrum_wait(fs + from, N - from, until, 10), -ETIMEDOUT);
		is_int(thrum_now(), now += 9);
		is_int(thrum_wait(fs + from, N - from, until, 0), -ETIMEDOUT);
		must(thrum_timeout_end(&t));
	}
	drop(fs, N);
}

struct wait {
	struct thrum_future **fs;
	int until;
};

static intptr_t task_wait(void *wait)
{
	struct wait *w = wait;

	return thrum_wait(w->fs, N, w->until, THRUM_SEC(1));
}

TASK_TEST(wait_is_cut_short, 1)
{
	struct thrum_future *fs[N];
	struct wait w = {fs, 0};

	make(fs, N);
	for (w.until = THRUM_ALL; w.until <= THRUM_FIRST_FAILED; w.until++) {
		struct thrum_future *f = thrum_spawn(task_wait, &w);

		settle();
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		f = thrum_spawn(task_wait, &w);
		thrum_cancel(f); /* before it has begun */
		is_int(thrum_join(f), -ECANCELED);
		for (int i = 0; i < N; i++)
			is_int(load_relaxed(&fs[i]->word), 0);
	}
	for (int i = 0; i < N; i++)
		thrum_future_set(fs[i], 0);
	thrum_cancel(thrum_self());
	for (int until = THRUM_ALL; until <= THRUM_FIRST_FAILED; until++)
		is_int(thrum_wait(fs, N, until, THRUM_FOREVER), N); /* they are done */
	drop(fs, N);
}

static intptr_t task_waits_blindly(void *unused)
{
	(void)unused;
	for (int until = THRUM_ALL; until <= THRUM_FIRST_FAILED; until++) {
		struct thrum_future *f = thrum_spawn(task_fails, NULL);

		is_int(thrum_wait(&f, 1, until, THRUM_FOREVER), 1);
		is_int(thrum_wait(&f, 1, until, THRUM_FOREVER), 1);
		thrum_release(f);
	}
	return 0;
}

/* asyncio's too says "Task exception was never retrieved". */
START_TEST(to_wait_is_not_to_look)
{
	struct reports r = REPORTS_INIT;
	struct thrum_config c = reporting(&r, 1);

	is_int(thrum_run_with(&c, task_waits_blindly, NULL), 0);
	is_int(r.count, 3);
}
END_TEST

static intptr_t task_set_all(void *fs)
{
	struct thrum_future **f = fs;

	for (; *f; f++) {
		thrum_future_set(*f, 0);
		is_int(thrum_yield(), 0);
	}
	return 0;
}

/* One by one, the waiter runs after each. */
static void wait_for(size_t n)
{
	struct thrum_future **fs = calloc(n + 1, sizeof(*fs)), *setter;

	must(fs);
	for (int until = THRUM_ALL; until <= THRUM_FIRST_FAILED; until++) {
		make(fs, n);
		setter = thrum_spawn(task_set_all, fs);
		is_int(thrum_wait(fs, n, until, THRUM_FOREVER),
		       until == THRUM_FIRST_COMPLETED ? 1 : n);
		is_int(thrum_join(setter), 0);
		drop(fs, n);
	}
	free(fs);
}

TASK_TEST(wait_for_many, 1)
{
	is_in_proportion(wait_for);
}

#ifdef THRUM_FAULTS
TASK_TEST(wait_without_memory, 1)
{
	struct thrum_future *fs[N];
	ssize_t got[5];

	make(fs, N);
	thrum__fault_set(1, true);
	got[0] = thrum_wait(fs, N, THRUM_FIRST_COMPLETED, THRUM_FOREVER);
	got[1] = thrum_wait(fs, N, THRUM_FIRST_FAILED, THRUM_FOREVER);
	got[2] = thrum_wait(fs, N, THRUM_ALL, 5); /* a worker's first timer needs some */
	got[3] = thrum_wait(fs, 8, THRUM_FIRST_FAILED, 5);
	thrum_future_set(fs[3], 0);
	got[4] = thrum_wait(fs, N, THRUM_FIRST_COMPLETED, THRUM_FOREVER);
	thrum__fault_set(0, false);
	for (int i = 0; i < 4; i++)
		is_int(got[i], -ENOMEM);
	is_int(got[4], 1);
	drop(fs, N);
}
#endif

/* ---- Race ---- */

static void race_of(size_t n)
{
	struct thrum_future *fs[N];
	int64_t start = thrum_now();
	intptr_t result = 0;

	for (size_t i = 0; i < n; i++)
		fs[i] = spawn_sleeper(1000);
	thrum_release(fs[n - 1]);
	fs[n - 1] = future_new();
	thrum_release(fs[n / 2]);
	fs[n / 2] = future_new();
	set_later(fs[n / 2], 5, -EIO);
	set_later(fs[n - 1], 10, 42);
	is_int(thrum_race(fs, n, &result), n - 1);
	is_int(result, 42);
	is_int(thrum_now(), start + 10);
	for (size_t i = 0; i < n - 1; i++)
		is_int(thrum_result(fs[i]), i == n / 2 ? -EIO : -ECANCELED);
	for (size_t i = 0; i < n; i++)
		while (load_relaxed(&fs[i]->refs) > 1) /* another worker may be about to let go */
			is_int(thrum_yield(), 0);
	release_all(fs, n);
}

TASK_TEST(the_first_success_wins, 1)
{
	race_of(3);
	race_of(8);
	race_of(N);
}

TASK_TEST(the_first_success_wins_on_three_workers, 3)
{
	race_of(3);
	race_of(N);
}

TASK_TEST(losers_are_waited_for, 1)
{
	struct thrum_future *fs[3] = {thrum_spawn(task_ends_late, as_arg(7)), future_new(),
				      thrum_spawn(task_ends_late, as_arg(-EIO))};
	intptr_t result;

	set_later(fs[1], 10, 42);
	is_int(thrum_race(fs, 3, &result), 1);
	is_int(thrum_now(), 60);
	is_int(result, 42);
	is_int(thrum_result(fs[0]), 7); /* the caller may look */
	is_int(thrum_result(fs[2]), -EIO);
	release_all(fs, 3);
}

TASK_TEST(a_race_that_was_won_before, 1)
{
	struct thrum_future *fs[5];
	intptr_t result = 0;

	make(fs, 5);
	thrum_future_set(fs[1], -EIO);
	thrum_future_set(fs[3], 33);
	thrum_future_set(fs[2], 22);
	thrum_cancel(thrum_self()); /* nothing is waited for */
	is_int(thrum_race(fs, 5, &result), 2);
	is_int(result, 22);
	must(thrum_cancelled(fs[0]) && thrum_cancelled(fs[4]));
	is_int(thrum_race(fs, 5, NULL), 2);
	drop(fs, 5);
}

TASK_TEST(a_race_that_nobody_wins, 1)
{
	struct thrum_future *fs[3] = {NULL, NULL, NULL};
	intptr_t result = 99;

	is_int(thrum_race(fs, 0, &result), -EINVAL);
	is_int(thrum_race(NULL, 1, &result), -EINVAL);
	make(fs, 3);
	set_later(fs[2], 1, -ENOENT);
	set_later(fs[0], 3, -EIO);
	set_later(fs[1], 2, -EPIPE);
	is_int(thrum_race(fs, 3, &result), -EIO);
	is_int(thrum_now(), 3);
	is_int(result, 99);
	drop(fs, 3);
	fs[1] = NULL;
	fs[0] = fs[2] = future_new();
	set_later(fs[0], 3, -EIO);
	is_int(thrum_race(fs, 3, &result), -EIO);
	is_int(thrum_race(fs + 1, 2, &result), -ENOMEM);
	drop(fs, 1);
	fs[0] = fs[2] = future_new();
	set_later(fs[0], 3, 5);
	is_int(thrum_race(fs + 1, 2, &result), 1); /* beside a missing one */
	is_int(result, 5);
	drop(fs, 1);
}

static intptr_t task_race(void *fs)
{
	return thrum_race(fs, 3, NULL);
}

TASK_TEST(a_race_is_cut_short, 1)
{
	for (int how = 0; how < 2; how++) {
		struct thrum_future *fs[3] = {thrum_spawn(task_ends_late, as_arg(7)), future_new(),
					      spawn_sleeper(1000)};
		struct thrum_timeout t;
		int64_t start = thrum_now();

		if (how) {
			thrum_timeout_begin(&t, 10);
			is_int(thrum_race(fs, 3, NULL), -ETIMEDOUT);
			must(thrum_timeout_end(&t));
		} else {
			struct thrum_future *f = thrum_spawn(task_race, fs);

			is_int(thrum_sleep(10), 0);
			thrum_cancel(f);
			is_int(thrum_join(f), -ECANCELED);
		}
		is_int(thrum_now(), start + 60);
		is_int(thrum_result(fs[0]), 7);
		must(thrum_cancelled(fs[1]) && thrum_cancelled(fs[2]));
		release_all(fs, 3);
	}
}

/* What happened to the losers is nobody's concern any more. */
static intptr_t task_races_blindly(void *unused)
{
	struct thrum_future *fs[2] = {thrum_spawn(task_fails, NULL), spawn_sleeper(5)};

	(void)unused;
	is_int(thrum_race(fs, 2, NULL), 1);
	release_all(fs, 2);
	return 0;
}

START_TEST(a_race_has_looked_at_all)
{
	struct reports r = REPORTS_INIT;
	struct thrum_config c = reporting(&r, 1);

	is_int(thrum_run_with(&c, task_races_blindly, NULL), 0);
	is_int(r.count, 0);
}
END_TEST

static void race_among(size_t n)
{
	struct thrum_future **fs = calloc(n, sizeof(*fs));

	must(fs);
	make(fs, n);
	set_later(fs[n / 3], 5, 1);
	is_int(thrum_race(fs, n, NULL), n / 3);
	for (size_t i = 0; i < n; i++)
		must(i == n / 3 || thrum_cancelled(fs[i]));
	drop(fs, n);
	free(fs);
}

TASK_TEST(a_race_of_many, 1)
{
	is_in_proportion(race_among);
}

#ifdef THRUM_FAULTS
TASK_TEST(a_race_without_memory_cancels_nobody, 1)
{
	struct thrum_future *fs[N];
	ssize_t got[3];

	make(fs, N);
	thrum__fault_set(1, true);
	got[0] = thrum_race(fs, N, NULL);
	deadline_set(THRUM_SEC(1));
	got[1] = thrum_race(fs, 8, NULL); /* no timer */
	thrum__fault_set(0, false);
	deadline_set(THRUM_FOREVER);
	is_int(got[0], -ENOMEM);
	is_int(got[1], -ENOMEM);
	for (int i = 0; i < N; i++)
		must(!thrum_done(fs[i]));
	thrum_future_set(fs[3], 0);
	thrum__fault_set(1, true);
	got[2] = thrum_race(fs, N, NULL); /* won already: it needs none */
	thrum__fault_set(0, false);
	is_int(got[2], 3);
	drop(fs, N);
}
#endif

/* ---- Who may ---- */

static void nobody_may(int err)
{
	struct thrum_future *f = NULL;
	intptr_t result;

	is_int(thrum_wait(&f, 1, THRUM_ALL, 0), err);
	is_int(thrum_race(&f, 1, &result), err);
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
	    wait_needs_a_reason,
	    wait_for_all,
	    a_drain_may_be_waited_for_until_a_time,
	    wait_for_the_first,
	    wait_for_the_first_on_three_workers,
	    wait_for_the_first_failure,
	    wait_takes_a_missing_future_for_a_failure,
	    wait_for_one_twice,
	    wait_has_a_time_of_its_own,
	    wait_is_cut_short,
	    to_wait_is_not_to_look,
	    wait_for_many,
	    the_first_success_wins,
	    the_first_success_wins_on_three_workers,
	    losers_are_waited_for,
	    a_race_that_was_won_before,
	    a_race_that_nobody_wins,
	    a_race_is_cut_short,
	    a_race_has_looked_at_all,
	    a_race_of_many,
#ifdef THRUM_FAULTS
	    wait_without_memory,
	    a_race_without_memory_cancels_nobody,
#endif
	    outside_tasks_nobody_may,
	    in_a_forked_child_nobody_may,
	};

	return RUN_TESTS_FOR("combine", 120, tests);
}
