/* SPDX-License-Identifier: MIT */
/*
 * clock.h - CLOCK_MONOTONIC in nanoseconds, and arithmetic on deadlines that cannot overflow.
 *
 * A deadline is an absolute time; THRUM_FOREVER is never.  Nothing here can fail.
 */
#ifndef THRUM_BASE_CLOCK_H
#define THRUM_BASE_CLOCK_H

#include <stdint.h>

#include <thrum/time.h>

/* The time of CLOCK_MONOTONIC; 0 or more.  No system call where the vdso serves it. */
int64_t thrum__clock_monotonic_ns(void);

static inline int64_t thrum__min64(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* @delta_ns after @now_ns: @now_ns itself for 0 or less, THRUM_FOREVER if the sum would pass it. */
static inline int64_t thrum__deadline_after(int64_t now_ns, int64_t delta_ns)
{
	int64_t sum;

	if (delta_ns <= 0)
		return now_ns;
	if (delta_ns == THRUM_FOREVER || __builtin_add_overflow(now_ns, delta_ns, &sum))
		return THRUM_FOREVER;
	return sum;
}

#endif
