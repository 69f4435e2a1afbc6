/* SPDX-License-Identifier: MIT */
/*
 * test_outside.c - threads that are no workers wait for futures, with and without limit, many at a
 * time, without any runtime.
 */
#include "base/atomic.h"
#include "base/clock.h"
#include "run.h"
#include "sched/await.h"

START_TEST(a_done_future_is_not_waited_for)
{
	struct thrum_future *f = future_new();

	thrum_future_set(f, 3);
	is_int(thrum__await_outside(f, 0), 0);
	is_int(thrum_await(f), 3);
	is_int(thrum_wait_for(f, 0), 3);
	is_int(thrum_wait_for(f, -5), 3);
	is_int(thrum_join(f), 3);
}
END_TEST

START_TEST(a_limit_passes)
{
	struct thrum_future *f = future_new();
	int64_t now = thrum__clock_monotonic_ns();

	is_int(thrum__await_outside(f, 0), -ETIMEDOUT);
	is_int(thrum__await_outside(f, now), -ETIMEDOUT);
	is_int(thrum__await_outside(f, now + THRUM_MS(1)), -ETIMEDOUT);
	must(thrum__clock_monotonic_ns() >= now + THRUM_MS(1));
	must(!thrum_done(f));
	is_int(load_relaxed(&f->word), 0);
	is_int(thrum_wait_for(f, 0), -ETIMEDOUT);
	must(thrum_cancelled(f));
	thrum_release(f);
	f = future_new();
	is_int(thrum_wait_for(f, THRUM_US(10)), -ETIMEDOUT);
	is_int(thrum_join(f), -ECANCELED);
}
END_TEST

START_TEST(abandoned_waits_leave_nothing)
{
	struct thrum_future *f = future_new();

	for (int i = 0; i < 1000; i++) {
		is_int(thrum__await_outside(f, 0), -ETIMEDOUT);
		is_int(load_relaxed(&f->word), 0);
	}
	future_drop(f);
}
END_TEST

#define THREADS 8

static struct thrum_future *awaited;
static int written;

static void *thread_awaits(void *unused)
{
	(void)unused;
	is_int(thrum_await(awaited), 55);
	is_int(written, 1); /* all that happened before */
	return NULL;
}

static void *thread_waits_for(void *unused)
{
	(void)unused;
	is_int(thrum_wait_for(awaited, THRUM_FOREVER), 55);
	is_int(written, 1);
	return NULL;
}

static void *thread_joins(void *unused)
{
	(void)unused;
	is_int(thrum_join(awaited), 55);
	is_int(written, 1);
	return NULL;
}

START_TEST(every_thread_is_woken)
{
	void *(*const fns[])(void *) = {thread_awaits, thread_waits_for, thread_joins};

	for (int round = 0; round < 20; round++) {
		pthread_t threads[THREADS];

		awaited = future_new();
		written = 0;
		for (int i = 0; i < THREADS; i++) {
			if (i % 3 == 2)
				thrum_retain(awaited);
			threads[i] = thread_of(fns[i % 3], NULL);
		}
		written = 1;
		is_int(thrum_future_set(awaited, 55), 0);
		for (int i = 0; i < THREADS; i++)
			thread_end(threads[i]);
		is_int(load_relaxed(&awaited->refs), 1);
		thrum_release(awaited);
	}
}
END_TEST

static void *thread_sets(void *unused)
{
	(void)unused;
	must(thrum_future_set(awaited, 9) == 0);
	return NULL;
}

/* Set and limit at about the same time: one of both results, and what it says is so. */
START_TEST(set_beside_the_limit)
{
	for (int i = 0; i < 200; i++) {
		pthread_t setter;
		int r;

		awaited = future_new();
		setter = thread_of(thread_sets, NULL);
		r = thrum__await_outside(awaited, thrum__clock_monotonic_ns() + THRUM_US(i));
		must(r == -ETIMEDOUT || (r == 0 && thrum_result(awaited) == 9));
		thread_end(setter);
		is_int(thrum_join(awaited), 9);
	}
}
END_TEST

static void *thread_cancels(void *unused)
{
	(void)unused;
	int r = thrum_cancel(awaited);

	must(r == 0 || r == -EALREADY);
	return NULL;
}

START_TEST(two_cancels_at_once)
{
	for (int i = 0; i < 50; i++) {
		pthread_t a, b;

		awaited = future_new();
		a = thread_of(thread_cancels, NULL);
		b = thread_of(thread_cancels, NULL);
		is_int(thrum_await(awaited), -ECANCELED);
		thread_end(a);
		thread_end(b);
		thrum_release(awaited);
	}
}
END_TEST

static struct thrum_future *pings[2];

static void *thread_pongs(void *n)
{
	for (intptr_t i = 0; i < (intptr_t)n; i++) {
		struct thrum_future *ping = pings[0], *pong = pings[1];

		is_int(thrum_await(ping), i);
		pings[0] = future_new();
		pings[1] = future_new();
		is_int(thrum_future_set(pong, i), 0);
		thrum_release(ping);
		thrum_release(pong);
	}
	return NULL;
}

START_TEST(threads_take_turns)
{
	pthread_t other;

	pings[0] = future_new();
	pings[1] = future_new();
	other = thread_of(thread_pongs, as_arg(200));
	for (intptr_t i = 0; i < 200; i++) {
		struct thrum_future *pong = pings[1];

		thrum_retain(pong);
		is_int(thrum_future_set(pings[0], i), 0);
		is_int(thrum_join(pong), i);
	}
	thread_end(other);
	future_drop(pings[0]);
	future_drop(pings[1]);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    a_done_future_is_not_waited_for,
	    a_limit_passes,
	    abandoned_waits_leave_nothing,
	    every_thread_is_woken,
	    set_beside_the_limit,
	    two_cancels_at_once,
	    threads_take_turns,
	};

	return RUN_TESTS("outside", tests);
}
