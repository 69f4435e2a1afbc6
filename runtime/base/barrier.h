/* SPDX-License-Identifier: MIT */
/*
 * barrier.h - many that want the same barrier at once have one made for all of them.  The argument
 * stands in barrier.c.
 */
#ifndef THRUM_BASE_BARRIER_H
#define THRUM_BASE_BARRIER_H

#include "base/atomic.h"

/* All zero but for patience: nobody has wanted one. */
struct thrum__barrier {
	unsigned patience; /* looks at one under way until who waits makes his own */
	char pad0[CACHE_LINE - sizeof(unsigned)];
	struct atomic64 runs; /* begun and ended, each counts one */
	char pad1[CACHE_LINE - sizeof(struct atomic64)];
};

/* Returns when a call of @make has begun and ended since; every caller has the same @make, which is
 * a heavy fence. */
void thrum__barrier_pass(struct thrum__barrier *b, void (*make)(void));

#endif
