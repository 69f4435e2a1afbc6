/* SPDX-License-Identifier: MIT */
/* outcome.h - for tests of what a function does in a forked child: it aborts and says what to do,
 * or passes. */
#ifndef TESTS_UNIT_OUTCOME_H
#define TESTS_UNIT_OUTCOME_H

#include "child.h"
#include "run.h"

/* ThreadSanitizer: a child of a process with threads may start some too. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

static inline void aborts(void (*fn)(void), const char *advice)
{
	char err[4096];
	int status = child_run(fn, err, sizeof(err));

	must(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	has_text(err, advice);
}

static inline void passes(void (*fn)(void))
{
	char err[4096];
	int status = child_run(fn, err, sizeof(err));

	if (status) {
		fprintf(stderr, "the child ended with status %d: %s\n", status, err);
		abort();
	}
}

#endif
