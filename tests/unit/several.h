/* SPDX-License-Identifier: MIT */
/* several.h - for tests of several futures at once.  THRUM_TEST_DIV divides the large counts. */
#ifndef TESTS_UNIT_SEVERAL_H
#define TESTS_UNIT_SEVERAL_H

#include <time.h>

#include "meanwhile.h"

#define MANY 100000
#define PARTS 100

static inline void make(struct thrum_future *fs[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		fs[i] = future_new();
}

/* Nobody else has a reference, or waits. */
static inline void drop(struct thrum_future *fs[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		is_int(load_relaxed(&fs[i]->refs), 1);
		if (!thrum_done(fs[i]))
			is_int(load_relaxed(&fs[i]->word), 0);
		future_drop(fs[i]);
	}
}

/* The time that the process was on CPUs. */
static inline int64_t cpu_ns(void)
{
	struct timespec t;

	must(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
	return THRUM_SEC(t.tv_sec) + t.tv_nsec;
}

/* @fn does n things in O(n): a fifth of MANY at once, or a hundredth of them a hundred times, come
 * to the same but for caches, which have been seen to make it four times as long; O(n^2), to a
 * hundred times. */
static inline void is_in_proportion(void (*fn)(size_t n))
{
	size_t n = scaled(MANY / 5);
	int64_t start_ns, parts_ns, all_ns;

	start_ns = cpu_ns();
	for (int i = 0; i < PARTS; i++)
		fn(n / PARTS + 1);
	parts_ns = cpu_ns() - start_ns;
	start_ns = cpu_ns();
	fn(n);
	all_ns = cpu_ns() - start_ns;
	printf("%zu at once: %.1f times as long as in %d parts\n", n,
	       (double)all_ns / (double)parts_ns, PARTS);
	must(all_ns < 40 * parts_ns);
}

static inline intptr_t task_fails(void *unused)
{
	(void)unused;
	return -EIO;
}

/* Ends some time after it was cancelled, with what it was given. */
static inline intptr_t task_ends_late(void *result)
{
	struct thrum_shield s;

	is_int(thrum_sleep(THRUM_SEC(1)), -ECANCELED);
	thrum_shield_begin(&s, THRUM_FOREVER);
	is_int(thrum_sleep(50), 0);
	thrum_shield_end(&s);
	return (intptr_t)result;
}

#endif
