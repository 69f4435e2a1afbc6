/* SPDX-License-Identifier: MIT */
/* crowd.h - for tests of channels at which many wait. */
#ifndef TESTS_UNIT_CROWD_H
#define TESTS_UNIT_CROWD_H

#include "chan_test.h"

/* Many calls, each in a task of its own, one after another. */
#define CROWD 100

static struct word_call crowd[CROWD];
static struct thrum_future *crowd_tasks[CROWD];

static inline void crowd_stands(thrum_fn fn, struct thrum_chan *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		crowd[i] = call_at(c, 1000 + i);
		crowd_tasks[i] = stands(fn, &crowd[i]);
	}
}

#endif
