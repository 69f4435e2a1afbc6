/* SPDX-License-Identifier: MIT */
/*
 * test_rate.c - the rate limiter: the bucket's arithmetic, the order of the line, cancels and
 * deadlines in each place of it, several threads.
 */
#include "base/atomic.h"
#include "core/rate.h"
#include "takers.h"

/* One permit each @ns. */
static void rate_of_one_each(int64_t ns, int64_t burst)
{
	is_int(thrum_rate_init(&rate, 1, ns, burst), 0);
}

/* ---- The bucket ---- */

TASK_TEST(a_burst_then_one_at_a_time, 1)
{
	rate_of_one_each(10, 3);
	for (int i = 0; i < 3; i++)
		is_int(thrum_rate_take(&rate, 1), 0);
	is_int(thrum_now(), 0);
	is_int(thrum_rate_try(&rate, 1), -EAGAIN);
	for (int i = 1; i < 5; i++) {
		is_int(thrum_rate_take(&rate, 1), 0);
		is_int(thrum_now(), i * 10);
	}
	is_int(thrum_rate_take(&rate, 3), 0);
	is_int(thrum_now(), 70);
}

TASK_TEST(it_fills_up_to_the_burst, 1)
{
	rate_of_one_each(10, 3);
	is_int(thrum_sleep(1000), 0);
	is_int(thrum_rate_try(&rate, 2), 0);
	is_int(thrum_rate_try(&rate, 2), -EAGAIN); /* one is there */
	is_int(thrum_rate_try(&rate, 1), 0);
	is_int(thrum_rate_try(&rate, 1), -EAGAIN);
	is_int(thrum_sleep(9), 0);
	is_int(thrum_rate_try(&rate, 1), -EAGAIN);
	is_int(thrum_sleep(1), 0);
	is_int(thrum_rate_try(&rate, 1), 0);
	is_int(thrum_sleep(29), 0);
	is_int(thrum_rate_try(&rate, 3), -EAGAIN);
	is_int(thrum_sleep(1), 0);
	is_int(thrum_rate_try(&rate, 3), 0);
}

TASK_TEST(nothing_is_rounded, 1)
{
	int64_t begin;

	is_int(thrum_rate_init(&rate, 3, 1000, 2), 0);
	is_int(thrum_rate_take(&rate, 1), 0);
	for (int64_t i = 0; i < 3000; i++) {
		is_int(thrum_rate_take(&rate, 1), 0);
		is_int(thrum_now(), (i * 1000 + 2) / 3);
	}
	/* Many in each ns. */
	begin = thrum_now();
	is_int(thrum_rate_init(&rate, 7, 2, 700), 0);
	is_int(thrum_rate_take(&rate, 700), 0);
	is_int(thrum_rate_take(&rate, 700), 0);
	is_int(thrum_now(), begin + 200);
}

/* With times and numbers at the ends of their range, of the structure alone. */
START_TEST(numbers_do_not_overflow)
{
	const uint64_t most = INT64_MAX;
	struct thrum__rate_turn turn;
	struct thrum__rate r;
	int64_t when;

	thrum__rate_init(&r, most, most, most); /* one each ns */
	must(thrum__rate_try(&r, most, INT64_MAX));
	must(!thrum__rate_try(&r, 1, INT64_MAX));
	thrum__rate_turn_init(&turn, 1, NULL);
	is_int(thrum__rate_ask(&r, &turn, INT64_MAX - 1, &when), THRUM__RATE_FIRST);
	is_int(when, INT64_MAX);
	is_int(thrum__rate_ask(&r, &turn, 0, &when), THRUM__RATE_FIRST);
	is_int(when, INT64_MAX);
	thrum__rate_leave(&r, &turn);

	thrum__rate_init(&r, 1, most, most);
	must(thrum__rate_try(&r, most, 0));
	must(!thrum__rate_try(&r, 1, INT64_MAX - 1));
	thrum__rate_turn_init(&turn, 1, NULL);
	is_int(thrum__rate_ask(&r, &turn, 5, &when), THRUM__RATE_FIRST);
	is_int(when, INT64_MAX);
	is_int(thrum__rate_ask(&r, &turn, INT64_MAX, &when), THRUM__RATE_TAKEN);
	must(!thrum__rate_try(&r, 1, INT64_MAX));

	thrum__rate_init(&r, most, 1, 1); /* full again in no time, but one at once */
	for (int64_t now = 0; now < 100; now++) {
		must(thrum__rate_try(&r, 1, now));
		must(!thrum__rate_try(&r, 1, now));
	}
}
END_TEST

TASK_TEST(one_that_never_comes, 1)
{
	struct thrum_timeout t;

	is_int(thrum_rate_init(&rate, 1, INT64_MAX, 1), 0);
	is_int(thrum_sleep(1), 0);
	is_int(thrum_rate_take(&rate, 1), 0);
	thrum_timeout_begin(&t, INT64_MAX - 5);
	is_int(thrum_rate_take(&rate, 1), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	is_int(thrum_now(), 1);
}

/* ---- The line ---- */

static intptr_t task_many_are_not_overtaken(void *unused)
{
	struct taker k[] = {{.at_ns = 1, .n = 4}, {.at_ns = 2, .n = 1}, {.at_ns = 3, .n = 2}};

	rate_of_one_each(10, 4);
	is_int(thrum_rate_take(&rate, 3), 0); /* one is left, but those who come first want more */
	run_takers(k, 3);
	ended(&k[0], 0, 30);
	ended(&k[1], 0, 40);
	ended(&k[2], 0, 60);
	return (intptr_t)unused;
}

START_TEST(many_are_not_overtaken)
{
	for (unsigned workers = 1; workers <= 3; workers++)
		is_int(run_virtual(workers, task_many_are_not_overtaken, as_arg(5)), 5);
}
END_TEST

TASK_TEST(try_does_not_overtake, 1)
{
	struct taker k = {.at_ns = 0, .n = 2};
	struct thrum_future *f;

	rate_of_one_each(10, 2);
	is_int(thrum_rate_take(&rate, 1), 0);
	f = thrum_spawn(task_take, &k);
	settle();
	is_int(thrum_rate_try(&rate, 1), -EAGAIN);
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), -ECANCELED);
	is_int(thrum_rate_try(&rate, 1), 0);
}

/* Of three in the line @who is cancelled at 5: the others move up. */
static void cancelled_in_line(int who)
{
	struct taker k[3];
	int64_t turn = 10;

	rate_of_one_each(10, 1);
	is_int(thrum_sleep(100), 0);
	is_int(thrum_rate_take(&rate, 1), 0);
	for (int i = 0; i < 3; i++)
		k[i] = (struct taker){.at_ns = thrum_now() + 1 + i, .n = 1};
	k[who].cancel_ns = thrum_now() + 5;
	turn = thrum_now() + 10;
	run_takers(k, 3);
	for (int i = 0; i < 3; i++) {
		if (i == who) {
			ended(&k[i], -ECANCELED, k[i].cancel_ns);
			continue;
		}
		ended(&k[i], 0, turn);
		turn += 10;
	}
}

TASK_TEST(who_is_cancelled_leaves_its_place, 1)
{
	for (int who = 0; who < 3; who++)
		cancelled_in_line(who);
}

TASK_TEST(who_is_cancelled_leaves_its_place_on_two_workers, 2)
{
	for (int who = 0; who < 3; who++)
		cancelled_in_line(who);
}

TASK_TEST(a_cancelled_crowd_costs_no_permit, 2)
{
	enum { CROWD = 500 };
	static struct thrum_future *fs[CROWD];
	static struct taker k[CROWD];

	rate_of_one_each(1000, 1);
	is_int(thrum_rate_take(&rate, 1), 0);
	for (int i = 0; i < CROWD; i++) {
		k[i] = (struct taker){.n = 1};
		fs[i] = thrum_spawn(task_take, &k[i]);
	}
	settle();
	for (int i = 0; i < CROWD; i++)
		is_int(thrum_cancel(fs[i]), 0);
	for (int i = 0; i < CROWD; i++)
		is_int(thrum_join(fs[i]), -ECANCELED);
	is_int(thrum_rate_take(&rate, 1), 0);
	is_int(thrum_now(), 1000);
}

TASK_TEST(a_cancel_before_takes_nothing, 1)
{
	struct taker k = {.n = 1};
	struct thrum_future *f = thrum_spawn(task_take, &k);

	rate_of_one_each(10, 1);
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), -ECANCELED);
	is_int(thrum_rate_try(&rate, 1), 0);
}

TASK_TEST(a_deadline_that_cannot_be_kept, 1)
{
	struct taker k[] = {
	    {.at_ns = 1, .n = 1},
	    {.at_ns = 2, .n = 2, .patience_ns = 17}, /* 30 with nobody before it: too late */
	    {.at_ns = 3, .n = 1, .patience_ns = 12}, /* told when it is the first, for 20 */
	    {.at_ns = 4, .n = 1, .patience_ns = 5},  /* told by its own deadline: 20, then 9 */
	    {.at_ns = 5, .n = 1, .patience_ns = 15}, /* just in time */
	    {.at_ns = 6, .n = 1},
	};

	k[1].patience_ns = 7;
	rate_of_one_each(10, 2);
	is_int(thrum_rate_take(&rate, 2), 0);
	run_takers(k, 6);
	ended(&k[0], 0, 10);
	ended(&k[1], -ETIMEDOUT, 2);
	ended(&k[2], -ETIMEDOUT, 10);
	ended(&k[3], -ETIMEDOUT, 4);
	ended(&k[4], 0, 20);
	ended(&k[5], 0, 30);
}

TASK_TEST(a_deadline_behind_others, 1)
{
	struct taker k[] = {
	    {.at_ns = 1, .n = 1, .cancel_ns = 28},   /* first, for 30 */
	    {.at_ns = 2, .n = 1, .patience_ns = 31}, /* for 30 at the earliest, and gets it */
	    {.at_ns = 3, .n = 1, .patience_ns = 28}, /* the same, and its deadline is 31 */
	};

	rate_of_one_each(30, 1);
	is_int(thrum_rate_take(&rate, 1), 0);
	run_takers(k, 3);
	ended(&k[0], -ECANCELED, 28);
	ended(&k[1], 0, 30);
	ended(&k[2], -ETIMEDOUT, 30); /* it is the first, for 60 */
	is_int(thrum_rate_take(&rate, 1), 0);
	is_int(thrum_now(), 60);

	/* One whose deadline passes while others are first. */
	k[0] = (struct taker){.at_ns = 61, .n = 2};
	k[1] = (struct taker){.at_ns = 62, .n = 1, .patience_ns = 40};
	is_int(thrum_rate_init(&rate, 1, 30, 2), 0);
	is_int(thrum_rate_take(&rate, 2), 0);
	run_takers(k, 2);
	ended(&k[0], 0, 120);
	ended(&k[1], -ETIMEDOUT, 102);
}

TASK_TEST(a_deadline_behind_others_at_the_beginning_of_time, 1)
{
	struct taker k[] = {{.at_ns = 1, .n = 10}, {.at_ns = 2, .n = 1, .patience_ns = 50}};

	rate_of_one_each(10, 10);
	is_int(thrum_rate_take(&rate, 1), 0);
	run_takers(k, 2);
	ended(&k[0], 0, 10);
	ended(&k[1], 0, 20);
}

TASK_TEST(a_deadline_that_has_passed, 1)
{
	struct thrum_timeout t;

	rate_of_one_each(10, 1);
	thrum_timeout_begin(&t, 0);
	is_int(thrum_rate_take(&rate, 1), -ETIMEDOUT);
	is_int(thrum_rate_try(&rate, 1), 0); /* never waits */
	must(thrum_timeout_end(&t));
}

TASK_TEST(the_timeout_that_it_was_learns_of_it, 1)
{
	struct thrum_timeout outer, inner;

	rate_of_one_each(10, 1);
	is_int(thrum_rate_take(&rate, 1), 0);
	thrum_timeout_begin(&outer, 9);
	thrum_timeout_begin(&inner, 100);
	is_int(thrum_rate_take(&rate, 1), -ETIMEDOUT);
	must(!thrum_timeout_end(&inner));
	must(thrum_timeout_end(&outer));
	is_int(thrum_now(), 0);
}

/* ---- Several threads ---- */

#define CROWD 60
#define TURNS 20
static struct atomic64 taken;

static intptr_t task_takes_often(void *unused)
{
	(void)unused;
	for (int i = 0; i < TURNS; i++) {
		struct thrum_timeout t;
		int err;

		thrum_timeout_begin(&t, i % 4 ? THRUM_FOREVER : THRUM_US(300));
		err = thrum_rate_take(&rate, 1 + i % 2);
		must(!err || err == -ETIMEDOUT || err == -ECANCELED);
		if (!err)
			fetch_add_relaxed(&taken, (uint64_t)(1 + i % 2));
		if (!thrum_rate_try(&rate, 1))
			fetch_add_relaxed(&taken, 1);
		thrum_timeout_end(&t);
	}
	return 0;
}

static intptr_t task_crowd(void *unused)
{
	struct thrum_future *fs[CROWD];
	int64_t begin = thrum_now();

	rate_of_one_each(1000, 5);
	store_relaxed(&taken, 0);
	for (int i = 0; i < CROWD; i++)
		fs[i] = thrum_spawn(task_takes_often, NULL);
	for (int i = 0; i < CROWD; i += 3) {
		is_int(thrum_rate_take(&rate, 2), 0);
		fetch_add_relaxed(&taken, 2);
		(void)thrum_cancel(fs[i]); /* unless it has ended */
	}
	for (int i = 0; i < CROWD; i++)
		is_int(thrum_join(fs[i]), 0);
	must((int64_t)load_relaxed(&taken) <= 5 + (thrum_now() - begin) / 1000);
	must((int64_t)load_relaxed(&taken) >= CROWD / 3 * 2 * TURNS / 2);
	/* Nobody is left in the line. */
	must(!((struct thrum__rate *)&rate)->first && !((struct thrum__rate *)&rate)->last);
	return (intptr_t)unused;
}

START_TEST(workers_share_one)
{
	is_int(run_real(4, task_crowd, as_arg(6)), 6);
}
END_TEST

static struct atomic32 stops;

static void *thread_tries(void *unused)
{
	while (!load_relaxed(&stops)) {
		if (!thrum_rate_try(&rate, 1))
			fetch_add_relaxed(&taken, 1);
		thread_yield();
	}
	return unused;
}

static intptr_t task_beside_a_thread(void *unused)
{
	for (int i = 0; i < 100; i++) {
		is_int(thrum_rate_take(&rate, 1), 0);
		fetch_add_relaxed(&taken, 1);
	}
	return (intptr_t)unused;
}

START_TEST(a_thread_tries_beside_tasks)
{
	int64_t begin = thrum_now();
	pthread_t thread;

	rate_of_one_each(2000, 2);
	store_relaxed(&stops, 0);
	store_relaxed(&taken, 0);
	thread = thread_of(thread_tries, NULL);
	is_int(run_real(2, task_beside_a_thread, as_arg(8)), 8);
	store_relaxed(&stops, 1);
	thread_end(thread);
	must((int64_t)load_relaxed(&taken) <= 2 + (thrum_now() - begin) / 2000);
	must(load_relaxed(&taken) >= 100);
}
END_TEST

/* ---- Arguments ---- */

static void init_is_refused(int64_t permits, int64_t per_ns, int64_t burst)
{
	is_int(thrum_rate_init(&rate, permits, per_ns, burst), -EINVAL);
	is_int(thrum_rate_try(&rate, 1), -EINVAL);
	is_int(thrum_rate_take(&rate, 1), -EINVAL);
}

TASK_TEST(arguments_are_checked, 1)
{
	const int64_t bad[] = {0, -1, INT64_MIN};

	for (int i = 0; i < 3; i++) {
		init_is_refused(bad[i], 1, 1);
		init_is_refused(1, bad[i], 1);
		init_is_refused(1, 1, bad[i]);
		rate_of_one_each(1, 3);
		is_int(thrum_rate_take(&rate, bad[i]), -EINVAL);
		is_int(thrum_rate_try(&rate, bad[i]), -EINVAL);
	}
	is_int(thrum_rate_take(&rate, 4), -EINVAL); /* more than will ever be there */
	is_int(thrum_rate_try(&rate, INT64_MAX), -EINVAL);
	is_int(thrum_rate_take(&rate, 3), 0);
	is_int(thrum_now(), 0);
}

START_TEST(outside_tasks)
{
	rate_of_one_each(THRUM_SEC(100000), 2);
	is_int(thrum_rate_take(&rate, 1), -EPERM);
	is_int(thrum_rate_try(&rate, 2), 0);
	is_int(thrum_rate_try(&rate, 1), -EAGAIN);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    a_burst_then_one_at_a_time,
	    it_fills_up_to_the_burst,
	    nothing_is_rounded,
	    numbers_do_not_overflow,
	    one_that_never_comes,
	    many_are_not_overtaken,
	    try_does_not_overtake,
	    who_is_cancelled_leaves_its_place,
	    who_is_cancelled_leaves_its_place_on_two_workers,
	    a_cancelled_crowd_costs_no_permit,
	    a_cancel_before_takes_nothing,
	    a_deadline_that_cannot_be_kept,
	    a_deadline_behind_others,
	    a_deadline_behind_others_at_the_beginning_of_time,
	    a_deadline_that_has_passed,
	    the_timeout_that_it_was_learns_of_it,
	    workers_share_one,
	    a_thread_tries_beside_tasks,
	    arguments_are_checked,
	    outside_tasks,
	};

	return RUN_TESTS("rate", tests);
}
