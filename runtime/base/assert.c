/* SPDX-License-Identifier: MIT */
#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

const char *(*thrum__assert_task)(void);

void thrum__assert_fail(const char *file, int line, const char *what, const char *advice)
{
	const char *task = thrum__assert_task ? thrum__assert_task() : NULL;
	fprintf(stderr, "thrum: assertion failed: %s at %s:%d, in %s: %s\n", what, file, line,
		task ? task : "no task", advice);
	abort();
}
