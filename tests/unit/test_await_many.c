/* SPDX-License-Identifier: MIT */
/* test_await_many.c - wait_any and gather over several futures, and wait_for with its limit. */
#include "base/assert.h"
#include "base/os.h"
#include "run.h"
#include "sched/task.h"

#define MANY 100

static void deadline_set(int64_t at_ns)
{
	thrum__task_of(thrum_self())->deadline_ns = at_ns;
}

static void make(struct thrum_future *fs[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		fs[i] = future_new();
}

static void drop(struct thrum_future *fs[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		future_drop(fs[i]);
}

struct setter {
	struct thrum_future *f;
	int64_t after_ns;
	intptr_t result;
};

static intptr_t task_set(void *setter)
{
	struct setter s = *(struct setter *)setter;

	is_int(thrum_sleep(s.after_ns), 0);
	return thrum_future_set(s.f, s.result);
}

static void set_later(struct thrum_future *f, int64_t after_ns, intptr_t result)
{
	struct setter s = {f, after_ns, result};
	struct thrum_future *t = thrum_spawn_copy(task_set, &s, sizeof(s));

	must(t);
	thrum_release(t);
}

static void no_waiters(struct thrum_future *fs[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!thrum_done(fs[i]))
			is_int(load_relaxed(&fs[i]->word), 0);
}

TASK_TEST(wait_any_takes_the_lowest_done, 1)
{
	struct thrum_future *fs[4];

	is_int(thrum_wait_any(NULL, 0), -EINVAL);
	make(fs, 4);
	is_int(thrum_wait_any(fs, 0), -EINVAL);
	thrum_future_set(fs[3], -EIO);
	is_int(thrum_wait_any(fs, 4), 3);
	thrum_future_set(fs[2], 0);
	is_int(thrum_wait_any(fs, 4), 2);
	thrum_cancel(fs[1]);
	is_int(thrum_wait_any(fs, 4), 1);
	drop(fs, 4);
	fs[0] = future_new();
	fs[1] = NULL;
	is_int(thrum_wait_any(fs, 2), 1); /* nothing is done */
	future_drop(fs[0]);
}

static void wait_any_of(size_t n)
{
	struct thrum_future *fs[MANY];

	for (size_t winner = 0; winner<n; winner += n> 10 ? 7 : 1) {
		make(fs, n);
		set_later(fs[winner], 5, (intptr_t)winner);
		is_int(thrum_wait_any(fs, n), winner);
		is_int(thrum_result(fs[winner]), winner);
		no_waiters(fs, n);
		drop(fs, n);
	}
}

TASK_TEST(wait_any_wakes_for_each, 1)
{
	wait_any_of(1);
	wait_any_of(2);
	wait_any_of(8);
	wait_any_of(9);
	wait_any_of(MANY);
}

TASK_TEST(wait_any_wakes_for_each_on_three_workers, 3)
{
	wait_any_of(8);
	wait_any_of(MANY);
}

TASK_TEST(wait_any_names_the_lowest_of_two_at_once, 1)
{
	struct thrum_future *fs[3];

	make(fs, 3);
	set_later(fs[2], 5, 1);
	set_later(fs[1], 5, 1);
	is_int(thrum_wait_any(fs, 3), 1);
	must(thrum_done(fs[2]));
	drop(fs, 3);
}

TASK_TEST(wait_any_of_one_future_twice, 1)
{
	struct thrum_future *fs[3];

	make(fs, 2);
	fs[2] = fs[0];
	set_later(fs[0], 5, 1);
	is_int(thrum_wait_any(fs, 3), 0);
	no_waiters(fs, 2);
	drop(fs, 2);
}

struct several {
	struct thrum_future **fs;
	size_t n;
	intptr_t *results;
};

static intptr_t task_wait_any(void *several)
{
	struct several *s = several;

	return thrum_wait_any(s->fs, s->n);
}

TASK_TEST(wait_any_is_cut_short, 1)
{
	struct thrum_future *fs[20];
	struct several s = {fs, 8, NULL};

	make(fs, 20);
	for (; s.n <= 20; s.n += 12) {
		struct thrum_future *f = thrum_spawn(task_wait_any, &s);

		settle();
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		no_waiters(fs, 20);
		deadline_set(thrum_now() + 9);
		is_int(thrum_wait_any(fs, s.n), -ETIMEDOUT);
		no_waiters(fs, 20);
		deadline_set(THRUM_FOREVER);
	}
	drop(fs, 20);
}

#ifdef THRUM_FAULTS
TASK_TEST(wait_any_without_memory, 1)
{
	struct thrum_future *fs[9];
	ssize_t r;

	make(fs, 9);
	thrum__fault_set(1, true);
	r = thrum_wait_any(fs, 9);
	thrum__fault_set(0, false);
	is_int(r, -ENOMEM);
	no_waiters(fs, 9);
	set_later(fs[7], 5, 0);
	settle();
	thrum__fault_set(1, true);
	r = thrum_wait_any(fs, 8); /* eight need none */
	thrum__fault_set(0, false);
	is_int(r, 7);
	drop(fs, 9);
}
#endif

TASK_TEST(gather_waits_for_all, 1)
{
	struct thrum_future *fs[5];
	intptr_t results[5] = {0};

	is_int(thrum_gather(NULL, 0, NULL), 0);
	make(fs, 5);
	for (int i = 0; i < 5; i++)
		set_later(fs[i], 50 - 10 * i,
			  i == 3   ? -EIO
			  : i == 1 ? -ENOENT
			  : i == 4 ? -5000
				   : i);
	is_int(thrum_gather(fs, 5, results), -ENOENT);
	is_int(thrum_now(), 50);
	is_int(results[0], 0);
	is_int(results[1], -ENOENT);
	is_int(results[2], 2);
	is_int(results[3], -EIO);
	is_int(results[4], -5000); /* no failure */
	is_int(thrum_gather(fs, 5, NULL), -ENOENT);
	is_int(thrum_gather(fs + 2, 1, results), 0);
	is_int(thrum_gather(fs + 4, 1, results), 0);
	drop(fs, 5);
}

TASK_TEST(gather_takes_a_missing_future_for_no_memory, 1)
{
	struct thrum_future *fs[3] = {NULL, NULL, future_new()};
	intptr_t results[3] = {0};

	thrum_future_set(fs[2], 6);
	is_int(thrum_gather(fs, 3, results), -ENOMEM);
	is_int(results[0], -ENOMEM);
	is_int(results[2], 6);
	fs[1] = fs[2];
	fs[0] = future_new();
	thrum_future_set(fs[0], -EIO);
	is_int(thrum_gather(fs, 3, results), -EIO);
	thrum_release(fs[0]);
	thrum_release(fs[2]);
}

static intptr_t task_gather(void *several)
{
	struct several *s = several;

	return thrum_gather(s->fs, s->n, s->results);
}

TASK_TEST(gather_is_cut_short_and_cancels_none, 1)
{
	struct thrum_future *fs[3] = {spawn_sleeper(5), spawn_sleeper(1000), future_new()};
	intptr_t results[3] = {99, 99, 99};
	struct several s = {fs, 3, results};
	struct thrum_future *f = thrum_spawn(task_gather, &s);

	thrum_future_set(fs[2], -EIO);
	is_int(thrum_sleep(50), 0);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	is_int(results[0], 0);
	is_int(results[1], -EINPROGRESS);
	is_int(results[2], -EIO);
	results[1] = 99;
	deadline_set(60);
	is_int(thrum_gather(fs, 3, results), -ETIMEDOUT);
	is_int(results[1], -EINPROGRESS);
	deadline_set(THRUM_FOREVER);
	is_int(thrum_gather(fs, 2, results), 0);
	is_int(thrum_now(), 1000);
	is_int(results[1], 0);
	for (int i = 0; i < 3; i++)
		thrum_release(fs[i]);
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
#endif

int main(void)
{
	const TTest *const tests[] = {
	    wait_any_takes_the_lowest_done,
	    wait_any_wakes_for_each,
	    wait_any_wakes_for_each_on_three_workers,
	    wait_any_names_the_lowest_of_two_at_once,
	    wait_any_of_one_future_twice,
	    wait_any_is_cut_short,
#ifdef THRUM_FAULTS
	    wait_any_without_memory,
#endif
	    gather_waits_for_all,
	    gather_takes_a_missing_future_for_no_memory,
	    gather_is_cut_short_and_cancels_none,
	    wait_for_in_time,
	    wait_for_past_its_limit,
	    wait_for_no_time_at_all,
	    what_ends_with_its_own_result_keeps_it,
	    wait_for_passes_a_cancel_on,
	    an_outer_deadline_counts_in_wait_for,
	    wait_for_is_not_cut_short_after_its_cancel,
#ifdef THRUM_FAULTS
	    without_a_timer_nothing_is_cancelled,
#endif
	};

	return RUN_TESTS("await_many", tests);
}
