/* SPDX-License-Identifier: MIT */
/* linear_said.h - a history that a test writes down, and what linear.h says of it. */
#ifndef TESTS_UNIT_LINEAR_SAID_H
#define TESTS_UNIT_LINEAR_SAID_H

#include <errno.h>

#include "linear.h"
#include "suite.h"

static struct history h;

static inline struct operation *add(unsigned begins, unsigned ends, unsigned what, int result)
{
	struct operation *o = &h.ops[h.n++];

	*o = (struct operation){.begins = begins, .ends = ends, .what = (uint8_t)what};
	o->result = result;
	o->cut = result == -ECANCELED || result == -ETIMEDOUT;
	return o;
}

static inline void quiet(unsigned at)
{
	add(at, at + 1, QUIET, 0);
}

static inline void is_right(bool want)
{
	if (linear_check(&h) == want)
		return;
	linear_print(stderr, &h);
	ck_abort_msg("it was said to be %s", want ? "wrong" : "right");
}

#endif
