/* SPDX-License-Identifier: MIT */
/* clock.c - the clock of clock.h.  It keeps no state and cannot fail. */
#include "base/clock.h"

#include <time.h>

int64_t thrum__clock_monotonic_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}
