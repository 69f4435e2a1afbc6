/* SPDX-License-Identifier: MIT */
/*
 * test_latency.c - percentiles against sorting, and the ends of the range.
 */
#include <check.h>
#include <stdlib.h>

#include "latency.h"
#include "unit/suite.h"

#define N 10000

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

START_TEST(nothing)
{
	struct latency latency = {0};

	ck_assert_int_eq(latency_at(&latency, 500), 0);
}
END_TEST

START_TEST(small_ones_are_exact)
{
	struct latency latency = {0};

	for (int ns = 1; ns <= 32; ns++)
		latency_add(&latency, ns);
	ck_assert_int_eq(latency_at(&latency, 500), 16);
	ck_assert_int_eq(latency_at(&latency, 1000), 32);
	ck_assert_int_eq(latency_at(&latency, 1), 1);
}
END_TEST

START_TEST(one)
{
	struct latency latency = {0};

	latency_add(&latency, 1234567);
	ck_assert_int_eq(latency_at(&latency, 1), 1234567);
	ck_assert_int_eq(latency_at(&latency, 999), 1234567);
}
END_TEST

START_TEST(ends_of_the_range)
{
	struct latency latency = {0};

	latency_add(&latency, -5);
	latency_add(&latency, INT64_MAX);
	ck_assert_int_eq(latency_at(&latency, 500), 0);
	ck_assert_int_eq(latency_at(&latency, 1000), INT64_MAX);
}
END_TEST

/* Never below the true one, and above it by a 32nd at most. */
START_TEST(against_sorting)
{
	static const unsigned ranks[] = {1, 10, 500, 900, 990, 999, 1000};
	struct latency latency = {0};
	static int64_t times[N];

	srand48(1);
	for (int i = 0; i < N; i++) {
		times[i] = (int64_t)1 << (lrand48() % 40);
		times[i] += lrand48() % times[i];
		latency_add(&latency, times[i]);
	}
	qsort(times, N, sizeof(times[0]), compare);
	for (unsigned i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++) {
		int64_t want = times[(N * ranks[i] + 999) / 1000 - 1];
		int64_t got = latency_at(&latency, ranks[i]);

		ck_assert_int_ge(got, want);
		ck_assert_int_le(got, want + want / 32);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {nothing, small_ones_are_exact, one, ends_of_the_range,
				      against_sorting};

	return RUN_TESTS("latency", tests);
}
