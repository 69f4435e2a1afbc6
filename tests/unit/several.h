/* SPDX-License-Identifier: MIT */
/* several.h - for tests of several futures at once.  THRUM_TEST_DIV divides the large counts. */
#ifndef TESTS_UNIT_SEVERAL_H
#define TESTS_UNIT_SEVERAL_H

#include "meanwhile.h"

#define MANY 100000

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
