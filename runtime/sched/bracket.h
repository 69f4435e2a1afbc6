/* SPDX-License-Identifier: MIT */
/* bracket.h - what a task has begun around its waits: timeouts, shields, scopes; bracket.c tells
 * how. */
#ifndef THRUM_SCHED_BRACKET_H
#define THRUM_SCHED_BRACKET_H

#include "base/assert.h"
#include "sched/task.h"

enum thrum__bracket_kind {
	THRUM__TIMEOUT,
	THRUM__SHELTER,
	THRUM__SCOPED,
};

/* At the beginning of what lies in the caller's frame. */
struct thrum__bracket {
	struct thrum__task *task;     /* whose waits; NULL: begun outside tasks */
	struct thrum__bracket *outer; /* the one around it */
	int64_t deadline_ns;
	int64_t outer_ns; /* the nearest deadline around it */
	uint8_t kind;     /* enum thrum__bracket_kind */
	bool fired;       /* its deadline ended a wait */
	uint8_t shield;   /* what a shield set in the task's parker */
} __attribute__((may_alias));

/* @t may be NULL: then nothing happens, here and at the end. */
void thrum__bracket_begin(struct thrum__bracket *b, struct thrum__task *t,
			  enum thrum__bracket_kind kind, int64_t deadline_ns);
/* False: it was begun outside tasks, or this is a forked child. */
bool thrum__bracket_end(struct thrum__bracket *b);
/* The current task's clock. */
int64_t thrum__bracket_deadline(struct thrum__task *t, int64_t ns);

/* All that is around @t's waits is put aside for a function that it runs in between, and put back
 * (what scopes asked before is to be asked again: sched/scope.c; what they ask meanwhile is
 * heard). */
struct thrum__hidden {
	struct thrum__bracket *brackets;
	int64_t deadline_ns;
	unsigned shields;
};
struct thrum__hidden thrum__brackets_hide(struct thrum__task *t);
void thrum__brackets_show(struct thrum__task *t, const struct thrum__hidden *hidden);

/* The nearest deadline around @t (of two with one deadline the outer) has ended a wait. */
COLD void thrum__bracket_mark(struct thrum__task *t);

/* @err is what @t's wait returned, and what its caller will see; the wait had a deadline of its
 * own, @own_ns, which counts if both have passed.  Returns @err. */
static inline int thrum__bracket_learn(struct thrum__task *t, int err, int64_t own_ns)
{
	if (UNLIKELY(err == -ETIMEDOUT) && t->deadline_ns < own_ns)
		thrum__bracket_mark(t);
	return err;
}

#endif
