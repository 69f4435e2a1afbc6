/* SPDX-License-Identifier: MIT */
/*
 * test_sort.c - sorting by a comparison: against qsort, on inputs of many shapes and elements of
 * many sizes; stable; the comparison's arguments; waits; a comparison that contradicts itself; no
 * memory.
 */
#define _GNU_SOURCE /* qsort_r */
#include "run.h"

#include "base/atomic.h"
#include "base/os.h"

#define MANY 10000

enum shape {
	RANDOM,
	SORTED,
	REVERSED,
	EQUAL,
	FEW,
	PIPE,
	SAW,
	NEARLY,
	SHAPES,
};

static uint64_t state = 88172645463325252;

static uint32_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16);
}

static uint32_t value_of(enum shape shape, size_t i, size_t n)
{
	switch (shape) {
	case SORTED:
		return (uint32_t)i;
	case REVERSED:
		return (uint32_t)(n - i);
	case EQUAL:
		return 5;
	case FEW:
		return next_random() % 7;
	case PIPE:
		return (uint32_t)(i < n / 2 ? i : n - i);
	case SAW:
		return (uint32_t)(i % 100);
	case NEARLY:
		return (uint32_t)(next_random() % 50 ? i : n - i);
	default:
		return next_random();
	}
}

/* An element: a key, the place it had, and what makes it @size bytes. */
static void fill(unsigned char *a, size_t n, size_t size, enum shape shape)
{
	for (size_t i = 0; i < n; i++) {
		uint32_t key = value_of(shape, i, n), place = (uint32_t)i;

		if (size == 1) {
			a[i] = (unsigned char)key;
			continue;
		}
		memset(a + i * size, (int)i & 255, size);
		memcpy(a + i * size, &key, 4);
		if (size >= 8)
			memcpy(a + i * size + 4, &place, 4);
	}
}

struct comparing {
	size_t size;
	struct atomic32 calls;
	bool ordered; /* the first argument had stood before the second */
};

static int by_key(const void *a, const void *b, void *comparing)
{
	struct comparing *c = comparing;
	uint32_t x = 0, y = 0;

	memcpy(&x, a, c->size == 1 ? 1 : 4);
	memcpy(&y, b, c->size == 1 ? 1 : 4);
	if (c->ordered) {
		uint32_t i, k;

		memcpy(&i, (const char *)a + 4, 4);
		memcpy(&k, (const char *)b + 4, 4);
		must(i < k);
	}
	return (x > y) - (x < y);
}

/* By place among equals, so that there is one order. */
static int by_key_and_place(const void *a, const void *b, void *comparing)
{
	int r = by_key(a, b, comparing);
	uint32_t i, k;

	if (r || ((struct comparing *)comparing)->size < 8)
		return r;
	memcpy(&i, (const char *)a + 4, 4);
	memcpy(&k, (const char *)b + 4, 4);
	return (i > k) - (i < k);
}

static void sort_of(size_t n, size_t size, enum shape shape)
{
	unsigned char *a = malloc(n * size + 1), *b = malloc(n * size + 1);
	struct comparing c = {.size = size};

	must(a && b);
	fill(a, n, size, shape);
	a[n * size] = 0xa5;
	memcpy(b, a, n * size + 1);
	qsort_r(b, n, size, by_key_and_place, &c);
	if (next_random() % 2) {
		c.ordered = size >= 8;
		is_int(thrum_sort_stable(a, n, size, by_key, &c), 0);
	} else {
		is_int(thrum_sort(a, n, size, by_key_and_place, &c), 0);
	}
	must(!memcmp(a, b, n * size + 1));
	free(a);
	free(b);
}

static intptr_t task_sorts(void *unused)
{
	static const size_t ns[] = {0, 1, 2, 3, 8, 9, 63, 64, 65, 257, 1000, 5001, MANY};
	static const size_t sizes[] = {1, 4, 8, 12, 16, 100};

	(void)unused;
	for (size_t i = 0; i < sizeof(ns) / sizeof(*ns); i++)
		for (size_t k = 0; k < sizeof(sizes) / sizeof(*sizes); k++)
			for (enum shape shape = 0; shape < SHAPES; shape++)
				sort_of(ns[i], sizes[k], shape);
	return 7;
}

START_TEST(like_qsort)
{
	for (unsigned workers = 1; workers <= 4; workers++)
		is_int(run_real(workers, task_sorts, NULL), 7);
	is_int(run_virtual(2, task_sorts, NULL), 7);
}
END_TEST

START_TEST(like_qsort_at_the_limit_on_tasks)
{
	is_int(run_at_limit(2, THRUM_CLOCK_REAL, task_sorts, NULL), 7);
}
END_TEST

/* A comparison may wait. */
static int by_key_with_waits(const void *a, const void *b, void *comparing)
{
	struct comparing *c = comparing;

	if (fetch_add_relaxed(&c->calls, 1) % 64 == 0)
		is_int(thrum_yield(), 0);
	return by_key(a, b, comparing);
}

static intptr_t task_sorts_with_waits(void *unused)
{
	struct comparing c = {.size = 8};
	uint64_t *a = malloc(5000 * sizeof(*a));

	(void)unused;
	must(a);
	fill((unsigned char *)a, 5000, 8, RANDOM);
	is_int(thrum_sort_stable(a, 5000, 8, by_key_with_waits, &c), 0);
	for (size_t i = 1; i < 5000; i++)
		must((uint32_t)a[i - 1] <= (uint32_t)a[i]);
	free(a);
	return 7;
}

START_TEST(comparisons_that_wait)
{
	for (unsigned workers = 1; workers <= 3; workers++)
		is_int(run_real(workers, task_sorts_with_waits, NULL), 7);
}
END_TEST

/* All elements are there, whatever the comparison says. */
static int at_random(const void *a, const void *b, void *random)
{
	uint32_t x = fetch_add_relaxed((struct atomic32 *)random, 2654435769u);

	(void)a, (void)b;
	return (int)(x >> 20) % 3 - 1;
}

static intptr_t task_contradicts(void *unused)
{
	static struct atomic32 random;
	static uint32_t a[MANY];
	static bool seen[MANY];

	(void)unused;
	for (uint32_t i = 0; i < MANY; i++)
		a[i] = i;
	memset(seen, 0, sizeof(seen));
	is_int(thrum_sort(a, MANY, sizeof(*a), at_random, &random), 0);
	is_int(thrum_sort_stable(a, MANY, sizeof(*a), at_random, &random), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		must(a[i] < MANY && !seen[a[i]]);
		seen[a[i]] = true;
	}
	return 7;
}

START_TEST(a_comparison_that_contradicts_itself)
{
	is_int(run_real(1, task_contradicts, NULL), 7);
	is_int(run_real(3, task_contradicts, NULL), 7);
}
END_TEST

/* A cancelled caller's array is sorted all the same. */
static intptr_t task_cancelled(void *unused)
{
	struct comparing c = {.size = 8};
	uint64_t a[1000];

	(void)unused;
	fill((unsigned char *)a, 1000, 8, REVERSED);
	thrum_cancel(thrum_self());
	is_int(thrum_sort(a, 1000, 8, by_key, &c), 0);
	for (size_t i = 1; i < 1000; i++)
		must((uint32_t)a[i - 1] <= (uint32_t)a[i]);
	return 7;
}

START_TEST(a_cancel_does_not_end_it)
{
	is_int(run_real(2, task_cancelled, NULL), 7);
}
END_TEST

TASK_TEST(bad_arguments, 1)
{
	struct comparing c = {.size = 4};
	uint32_t a[2] = {2, 1};

	is_int(thrum_sort(a, 2, 0, by_key, &c), -EINVAL);
	is_int(thrum_sort(a, 2, 4, NULL, &c), -EINVAL);
	is_int(thrum_sort(a, SIZE_MAX / 2, 4, by_key, &c), -EINVAL);
	is_int(a[0], 2);
	is_int(thrum_sort(NULL, 0, 4, by_key, &c), 0);
	is_int(thrum_sort(a, 1, 4, by_key, &c), 0);
}

START_TEST(outside)
{
	struct comparing c = {.size = 4};
	uint32_t a[2] = {2, 1};

	is_int(thrum_sort(a, 2, 4, by_key, &c), -EPERM);
	is_int(thrum_sort_stable(a, 2, 4, by_key, &c), -EPERM);
}
END_TEST

#ifdef THRUM_FAULTS
TASK_TEST(without_memory, 1)
{
	static const size_t sizes[] = {4, 8, 100};

	for (size_t k = 0; k < 3; k++)
		for (enum shape shape = 0; shape < SHAPES; shape++) {
			struct comparing c = {.size = sizes[k]};
			unsigned char *a = malloc(1000 * sizes[k]), *b = malloc(1000 * sizes[k]);

			must(a && b);
			fill(a, 1000, sizes[k], shape);
			memcpy(b, a, 1000 * sizes[k]);
			qsort_r(b, 1000, sizes[k], by_key_and_place, &c);
			thrum__fault_set(1, true);
			is_int(thrum_sort_stable(b, 1000, sizes[k], by_key, &c), -ENOMEM);
			is_int(thrum_sort(a, 1000, sizes[k], by_key_and_place, &c), 0);
			thrum__fault_set(0, false);
			must(!memcmp(a, b, 1000 * sizes[k]));
			free(a);
			free(b);
		}
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    like_qsort,
	    like_qsort_at_the_limit_on_tasks,
	    comparisons_that_wait,
	    a_comparison_that_contradicts_itself,
	    a_cancel_does_not_end_it,
	    bad_arguments,
	    outside,
#ifdef THRUM_FAULTS
	    without_memory,
#endif
	};

	return RUN_TESTS("sort", tests);
}
