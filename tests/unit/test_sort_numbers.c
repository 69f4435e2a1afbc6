/* SPDX-License-Identifier: MIT */
/*
 * test_sort_numbers.c - sorting numbers: all six types against qsort, on inputs of many shapes;
 * floating-point order; no memory.
 */
#include "run.h"

#include <math.h>

#include "base/os.h"

#define MANY 150000

/* What an input looks like: the bits of the i-th of n numbers, of 64. */
static uint64_t state = 88172645463325252;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state * 0x2545F4914F6CDD1Du;
}

static uint64_t at_random(size_t i, size_t n)
{
	(void)i, (void)n;
	return next_random();
}

static uint64_t sorted(size_t i, size_t n)
{
	return i * (UINT64_MAX / n) + (UINT64_C(1) << 63);
}

static uint64_t reversed(size_t i, size_t n)
{
	return sorted(n - i, n);
}

static uint64_t equal(size_t i, size_t n)
{
	(void)i, (void)n;
	return UINT64_C(0x4123456789abcdef);
}

static uint64_t organ_pipe(size_t i, size_t n)
{
	return (i < n / 2 ? i : n - i) << 32 | i;
}

static uint64_t small_ones(size_t i, size_t n)
{
	(void)i, (void)n;
	return (next_random() % 1000) * UINT64_C(0x100000001);
}

/* Most in one bucket, level after level. */
static uint64_t outliers(size_t i, size_t n)
{
	(void)n;
	return i % 5000 ? (next_random() & 3) * UINT64_C(0x100000001)
			: UINT64_C(0x100000001) << (next_random() % 64);
}

static uint64_t nearly_sorted(size_t i, size_t n)
{
	return sorted(i % 1000 ? i : n - i, n);
}

static uint64_t (*const shapes[])(size_t i, size_t n) = {
    at_random, sorted, reversed, equal, organ_pipe, small_ones, outliers, nearly_sorted,
};

/* ---- The six types ---- */

#define LESS_AND_MORE(name, type)                                \
	static int name(const void *a, const void *b)            \
	{                                                        \
		type x = *(const type *)a, y = *(const type *)b; \
		return (x > y) - (x < y);                        \
	}

LESS_AND_MORE(compare_i32, int32_t)
LESS_AND_MORE(compare_u32, uint32_t)
LESS_AND_MORE(compare_i64, int64_t)
LESS_AND_MORE(compare_u64, uint64_t)

/* Class by class: negative ones, -0, +0, positive ones, NaNs, NaNs with a sign. */
static int class_of(double x)
{
	if (isnan(x))
		return signbit(x) ? 6 : 5;
	return x < 0 ? 1 : x > 0 ? 4 : signbit(x) ? 2 : 3;
}

static int compare_doubles(double x, double y, int64_t x_bits, int64_t y_bits)
{
	int c = class_of(x), d = class_of(y);

	if (c != d)
		return c - d;
	if (c >= 5) /* within NaNs as the bits say, so that there is one order */
		return c == 5 ? (x_bits > y_bits) - (x_bits < y_bits)
			      : (y_bits > x_bits) - (y_bits < x_bits);
	return (x > y) - (x < y);
}

static int compare_f32(const void *a, const void *b)
{
	float x, y;
	int32_t x_bits, y_bits;

	memcpy(&x, a, 4);
	memcpy(&y, b, 4);
	memcpy(&x_bits, a, 4);
	memcpy(&y_bits, b, 4);
	return compare_doubles(x, y, x_bits, y_bits);
}

static int compare_f64(const void *a, const void *b)
{
	double x, y;
	int64_t x_bits, y_bits;

	memcpy(&x, a, 8);
	memcpy(&y, b, 8);
	memcpy(&x_bits, a, 8);
	memcpy(&y_bits, b, 8);
	return compare_doubles(x, y, x_bits, y_bits);
}

#define SORTER(name, type)                              \
	static int call_##name(void *a, size_t n)       \
	{                                               \
		return thrum_sort_##name((type *)a, n); \
	}

SORTER(i32, int32_t)
SORTER(u32, uint32_t)
SORTER(i64, int64_t)
SORTER(u64, uint64_t)
SORTER(f32, float)
SORTER(f64, double)

static const struct {
	size_t width;
	int (*sort)(void *a, size_t n);
	int (*compare)(const void *a, const void *b);
} types[] = {
    {4, call_i32, compare_i32}, {4, call_u32, compare_u32}, {8, call_i64, compare_i64},
    {8, call_u64, compare_u64}, {4, call_f32, compare_f32}, {8, call_f64, compare_f64},
};

#define TYPES (sizeof(types) / sizeof(*types))
#define SHAPES (sizeof(shapes) / sizeof(*shapes))

static void sort_of(size_t n, size_t type, size_t shape)
{
	size_t width = types[type].width;
	char *a = malloc(n * width + 1), *b = malloc(n * width + 1);

	must(a && b);
	for (size_t i = 0; i < n; i++) {
		uint64_t x = shapes[shape](i, n);
		uint32_t x32 = (uint32_t)(x >> 32);

		memcpy(a + i * width, width == 8 ? (void *)&x : (void *)&x32, width);
	}
	a[n * width] = 0x5a;
	memcpy(b, a, n * width + 1);
	qsort(b, n, width, types[type].compare);
	is_int(types[type].sort(a, n), 0);
	must(!memcmp(a, b, n * width + 1));
	free(a);
	free(b);
}

static intptr_t task_sorts(void *most)
{
	static const size_t ns[] = {0, 1, 2, 3, 32, 33, 64, 65, 1000, 16385, 50000, MANY};

	for (size_t i = 0; i < sizeof(ns) / sizeof(*ns) && ns[i] <= (size_t)most; i++)
		for (size_t type = 0; type < TYPES; type++)
			for (size_t shape = 0; shape < SHAPES; shape++)
				sort_of(ns[i], type, shape);
	return 7;
}

START_TEST(like_qsort)
{
	is_int(run_real(1, task_sorts, as_arg(MANY)), 7);
	is_int(run_real(2, task_sorts, as_arg(MANY)), 7);
	is_int(run_real(5, task_sorts, as_arg(50000)), 7);
	is_int(run_virtual(3, task_sorts, as_arg(16385)), 7);
}
END_TEST

START_TEST(like_qsort_at_the_limit_on_tasks)
{
	is_int(run_at_limit(2, THRUM_CLOCK_REAL, task_sorts, as_arg(16385)), 7);
}
END_TEST

START_TEST(like_qsort_on_small_stacks)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);

	c.stack_bytes = 32 << 10;
	is_int(thrum_run_with(&c, task_sorts, as_arg(16385)), 7);
}
END_TEST

TASK_TEST(floating_point_order, 1)
{
	float f[] = {NAN, 1, 0.0f, -INFINITY, -NAN, -0.0f, INFINITY, -1, 1e-40f, -1e-40f};
	double d[] = {-NAN, NAN, 2, -0.0, INFINITY, 0.0, -INFINITY, 5e-324, -5e-324, -3};

	is_int(thrum_sort_f32(f, 10), 0);
	must(f[0] == -INFINITY && f[1] == -1 && f[2] == -1e-40f);
	must(f[3] == 0 && signbit(f[3]) && f[4] == 0 && !signbit(f[4]));
	must(f[5] == 1e-40f && f[6] == 1 && f[7] == INFINITY && isnan(f[8]) && isnan(f[9]));
	is_int(thrum_sort_f64(d, 10), 0);
	must(d[0] == -INFINITY && d[1] == -3 && d[2] == -5e-324);
	must(d[3] == 0 && signbit(d[3]) && d[4] == 0 && !signbit(d[4]));
	must(d[5] == 5e-324 && d[6] == 2 && d[7] == INFINITY && isnan(d[8]) && isnan(d[9]));
}

/* A cancelled caller's array is sorted all the same. */
static intptr_t task_cancelled(void *unused)
{
	thrum_cancel(thrum_self());
	(void)unused;
	return task_sorts(as_arg(16385));
}

START_TEST(a_cancel_does_not_end_it)
{
	is_int(run_real(2, task_cancelled, NULL), 7);
}
END_TEST

START_TEST(outside)
{
	int32_t a[2] = {2, 1};

	is_int(thrum_sort_i32(a, 2), -EPERM);
	is_int(a[0], 2);
}
END_TEST

TASK_TEST(too_large, 1)
{
	uint64_t a[2] = {2, 1};

	is_int(thrum_sort_u64(a, SIZE_MAX / 4), -EINVAL);
	is_int((intptr_t)a[0], 2);
}

#ifdef THRUM_FAULTS
/* The k-th allocation fails, or all from it on: the first is the scratch array. */
TASK_TEST(without_memory, 1)
{
	static uint32_t a[MANY], b[MANY];

	for (uint64_t k = 1; k < 5; k++)
		for (int on = 0; on < 2; on++) {
			int err;

			for (size_t i = 0; i < MANY; i++)
				a[i] = (uint32_t)next_random();
			memcpy(b, a, sizeof(a));
			thrum__fault_set(k, on);
			err = thrum_sort_u32(a, MANY);
			thrum__fault_set(0, false);
			is_int(err, k == 1 ? -ENOMEM : 0);
			if (!err)
				qsort(b, MANY, sizeof(*b), compare_u32);
			must(!memcmp(a, b, sizeof(a)));
		}
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    like_qsort,
	    like_qsort_at_the_limit_on_tasks,
	    like_qsort_on_small_stacks,
	    floating_point_order,
	    a_cancel_does_not_end_it,
	    outside,
	    too_large,
#ifdef THRUM_FAULTS
	    without_memory,
#endif
	};

	return RUN_TESTS("sort_numbers", tests);
}
