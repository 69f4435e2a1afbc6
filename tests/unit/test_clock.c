/* SPDX-License-Identifier: MIT */
/* test_clock.c - unit tests of base/clock.h. */
#include <check.h>
#include <time.h>

#include "base/clock.h"
#include "suite.h"

static int64_t now_by_libc(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

START_TEST(monotonic_is_the_kernels_clock)
{
	int i;

	for (i = 0; i < 1000; i++) {
		int64_t before = now_by_libc();
		int64_t now = thrum__clock_monotonic_ns();
		int64_t after = now_by_libc();

		ck_assert_int_le(before, now);
		ck_assert_int_le(now, after);
	}
}
END_TEST

START_TEST(deadlines_saturate)
{
	ck_assert_int_eq(thrum__deadline_after(5, 7), 12);
	ck_assert_int_eq(thrum__deadline_after(5, 0), 5);
	ck_assert_int_eq(thrum__deadline_after(5, -1), 5);
	ck_assert_int_eq(thrum__deadline_after(5, INT64_MIN), 5);
	ck_assert_int_eq(thrum__deadline_after(5, THRUM_FOREVER), THRUM_FOREVER);
	ck_assert_int_eq(thrum__deadline_after(-5, THRUM_FOREVER), THRUM_FOREVER);
	ck_assert_int_eq(thrum__deadline_after(5, INT64_MAX - 1), THRUM_FOREVER);
	ck_assert_int_eq(thrum__deadline_after(5, INT64_MAX - 6), INT64_MAX - 1);
	ck_assert_int_eq(thrum__deadline_after(THRUM_FOREVER, 1), THRUM_FOREVER);
	ck_assert_int_eq(thrum__deadline_after(THRUM_FOREVER, 0), THRUM_FOREVER);
}
END_TEST

START_TEST(min_of_two)
{
	ck_assert_int_eq(thrum__min64(1, 2), 1);
	ck_assert_int_eq(thrum__min64(2, 1), 1);
	ck_assert_int_eq(thrum__min64(INT64_MIN, THRUM_FOREVER), INT64_MIN);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    monotonic_is_the_kernels_clock,
	    deadlines_saturate,
	    min_of_two,
	};

	return RUN_TESTS_FOR("clock", 4, tests);
}
