/* SPDX-License-Identifier: MIT */
/*
 * test_ticker.c - the ticker: on the beat and without drift, each policy with ticks that were
 * missed, nothing lost by a cancel or a deadline, the ends of the number range.
 */
#include "run.h"

/* The next tick comes at @at_ns, and stands for @ticks. */
static void tick_is(struct thrum_ticker *t, int64_t at_ns, int64_t ticks)
{
	is_int(thrum_ticker_next(t), ticks);
	is_int(thrum_now(), at_ns);
}

static void on_the_beat(int policy)
{
	struct thrum_ticker t;

	is_int(thrum_sleep(7), 0);
	is_int(thrum_ticker_begin(&t, 10, policy), 0);
	for (int k = 1; k <= 50; k++) {
		tick_is(&t, 7 + k * 10, 1);
		is_int(thrum_sleep(k % 11), 0); /* up to the next one, which is not late then */
	}
}

TASK_TEST(ticks_are_on_the_beat, 1)
{
	on_the_beat(THRUM_TICKER_SKIP);
}

TASK_TEST(ticks_are_on_the_beat_when_it_catches_up, 1)
{
	on_the_beat(THRUM_TICKER_BURST);
}

TASK_TEST(ticks_are_on_the_beat_when_it_would_delay, 1)
{
	on_the_beat(THRUM_TICKER_DELAY);
}

/* After the tick at 10 the task comes back at 47. */
static void begin_late(struct thrum_ticker *t, int policy)
{
	is_int(thrum_ticker_begin(t, 10, policy), 0);
	tick_is(t, 10, 1);
	is_int(thrum_sleep(37), 0);
}

TASK_TEST(missed_ticks_are_skipped, 1)
{
	struct thrum_ticker t;

	begin_late(&t, THRUM_TICKER_SKIP);
	tick_is(&t, 47, 3); /* 20, 30, 40 */
	tick_is(&t, 50, 1);
	is_int(thrum_sleep(30), 0);
	tick_is(&t, 80, 3); /* the one of this moment, too */
	tick_is(&t, 90, 1);
	is_int(thrum_sleep(19), 0);
	tick_is(&t, 109, 1); /* late, and none was missed */
	tick_is(&t, 110, 1);
}

TASK_TEST(missed_ticks_are_caught_up_with, 1)
{
	struct thrum_ticker t;

	begin_late(&t, THRUM_TICKER_BURST);
	for (int i = 0; i < 3; i++)
		tick_is(&t, 47, 1);
	tick_is(&t, 50, 1);
	tick_is(&t, 60, 1);
}

TASK_TEST(after_a_missed_tick_comes_a_whole_period, 1)
{
	struct thrum_ticker t;

	begin_late(&t, THRUM_TICKER_DELAY);
	tick_is(&t, 47, 3);
	tick_is(&t, 57, 1);
	is_int(thrum_sleep(11), 0);
	tick_is(&t, 68, 1); /* late by 1 */
	tick_is(&t, 78, 1);
	is_int(thrum_sleep(10), 0);
	tick_is(&t, 88, 1); /* not late */
	tick_is(&t, 98, 1);
}

static intptr_t task_ticks(void *ticker)
{
	return (intptr_t)thrum_ticker_next(ticker);
}

static void cancelled(int policy)
{
	struct thrum_future *f;
	struct thrum_ticker t;

	is_int(thrum_ticker_begin(&t, 10, policy), 0);
	f = thrum_spawn(task_ticks, &t);
	is_int(thrum_sleep(4), 0);
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), -ECANCELED);
	is_int(thrum_now(), 4);
	tick_is(&t, 10, 1); /* and not lost */

	/* One that is there is not given to who is cancelled. */
	is_int(thrum_sleep(15), 0);
	f = thrum_spawn(task_ticks, &t);
	is_int(thrum_cancel(f), 0);
	is_int(thrum_join(f), -ECANCELED);
	tick_is(&t, 25, 1);
}

TASK_TEST(a_cancel_loses_no_tick, 2)
{
	cancelled(THRUM_TICKER_SKIP);
}

TASK_TEST(a_cancel_loses_no_tick_to_catch_up_with, 1)
{
	cancelled(THRUM_TICKER_BURST);
}

TASK_TEST(a_deadline_loses_no_tick, 1)
{
	struct thrum_timeout deadline;
	struct thrum_ticker t;

	is_int(thrum_ticker_begin(&t, 10, THRUM_TICKER_SKIP), 0);
	thrum_timeout_begin(&deadline, 9);
	is_int(thrum_ticker_next(&t), -ETIMEDOUT);
	is_int(thrum_now(), 9);
	is_int(thrum_ticker_next(&t), -ETIMEDOUT);
	must(thrum_timeout_end(&deadline));
	tick_is(&t, 10, 1);

	thrum_timeout_begin(&deadline, 10); /* both at once */
	tick_is(&t, 20, 1);
	is_int(thrum_sleep(12), -ETIMEDOUT);
	is_int(thrum_ticker_next(&t), -ETIMEDOUT);
	must(thrum_timeout_end(&deadline));
	is_int(thrum_sleep(35), 0);

	thrum_timeout_begin(&deadline, 0); /* they are there, but the deadline has passed */
	is_int(thrum_ticker_next(&t), -ETIMEDOUT);
	must(thrum_timeout_end(&deadline));
	tick_is(&t, 55, 3);
	tick_is(&t, 60, 1);
}

static intptr_t task_turns(void *turns)
{
	for (int *n = turns; *n < 20; ++*n)
		is_int(thrum_yield(), 0);
	return 0;
}

TASK_TEST(catching_up_lets_others_go_on, 1)
{
	struct thrum_future *f;
	struct thrum_ticker t;
	int turns = 0;

	is_int(thrum_ticker_begin(&t, 1, THRUM_TICKER_BURST), 0);
	is_int(thrum_sleep(30), 0);
	f = thrum_spawn(task_turns, &turns);
	for (int i = 0; i < 30; i++)
		is_int(thrum_ticker_next(&t), 1);
	is_int(turns, 20);
	is_int(thrum_join(f), 0);
}

/* @period_ns from 3 on: no second tick, and no sum that passes the end. */
static void is_the_last(int64_t period_ns, int policy, bool first)
{
	struct thrum_timeout deadline;
	struct thrum_ticker t;

	is_int(thrum_ticker_begin(&t, period_ns, policy), 0);
	if (first)
		is_int(thrum_ticker_next(&t), 1);
	thrum_timeout_begin(&deadline, 5);
	is_int(thrum_ticker_next(&t), -ETIMEDOUT);
	must(thrum_timeout_end(&deadline));
}

TASK_TEST(the_longest_periods, 1)
{
	for (int policy = THRUM_TICKER_SKIP; policy <= THRUM_TICKER_DELAY; policy++) {
		is_the_last(THRUM_FOREVER, policy, false);
		is_the_last(INT64_MAX - 1, policy, false);
		is_the_last(INT64_MAX / 2, policy, false);
	}
}

TASK_TEST(the_end_of_time, 1)
{
	struct thrum_ticker t;

	is_int(thrum_ticker_begin(&t, 1, THRUM_TICKER_SKIP), 0);
	is_int(thrum_sleep(INT64_MAX - 100), 0);
	tick_is(&t, INT64_MAX - 100, INT64_MAX - 100);
	tick_is(&t, INT64_MAX - 99, 1);
	for (int policy = THRUM_TICKER_SKIP; policy <= THRUM_TICKER_DELAY; policy++)
		is_the_last(10, policy, true);
	is_the_last(INT64_MAX, THRUM_TICKER_SKIP, false);
}

static void what_is_refused(intptr_t if_good)
{
	const int64_t periods[] = {0, -1, INT64_MIN};
	struct thrum_ticker t;

	for (int i = 0; i < 3; i++) {
		is_int(thrum_ticker_begin(&t, periods[i], THRUM_TICKER_SKIP), -EINVAL);
		is_int(thrum_ticker_next(&t), -EINVAL);
	}
	is_int(thrum_ticker_begin(&t, 1, THRUM_TICKER_SKIP - 1), -EINVAL);
	is_int(thrum_ticker_begin(&t, 1, THRUM_TICKER_DELAY + 1), -EINVAL);
	is_int(thrum_ticker_next(&t), -EINVAL);
	is_int(thrum_ticker_begin(&t, 1, THRUM_TICKER_SKIP), 0);
	is_int(thrum_ticker_next(&t), if_good);
}

TASK_TEST(arguments_are_checked, 1)
{
	what_is_refused(1);
}

START_TEST(outside_tasks)
{
	what_is_refused(-EPERM);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    ticks_are_on_the_beat,
	    ticks_are_on_the_beat_when_it_catches_up,
	    ticks_are_on_the_beat_when_it_would_delay,
	    missed_ticks_are_skipped,
	    missed_ticks_are_caught_up_with,
	    after_a_missed_tick_comes_a_whole_period,
	    a_cancel_loses_no_tick,
	    a_cancel_loses_no_tick_to_catch_up_with,
	    a_deadline_loses_no_tick,
	    catching_up_lets_others_go_on,
	    the_longest_periods,
	    the_end_of_time,
	    arguments_are_checked,
	    outside_tasks,
	};

	return RUN_TESTS("ticker", tests);
}
