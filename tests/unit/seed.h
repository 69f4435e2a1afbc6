/* SPDX-License-Identifier: MIT */
/* seed.h - what chooses in a test that draws: from THRUM_SEED or the clock, and printed. */
#ifndef TESTS_UNIT_SEED_H
#define TESTS_UNIT_SEED_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

static inline uint64_t seed_of(const char *name)
{
	const char *text = getenv("THRUM_SEED");
	uint64_t chosen = text ? strtoull(text, NULL, 10) : (uint64_t)thrum__clock_monotonic_ns();

	printf("%s: THRUM_SEED=%" PRIu64 "\n", name, chosen);
	fflush(stdout);
	return chosen;
}

#endif
