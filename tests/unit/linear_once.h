/* SPDX-License-Identifier: MIT */
/*
 * linear_once.h - the serial model of once, for linear.h.
 *
 * Who calls the function has two operations, its begin and its end; who does not has one.  There is
 * no line: after a failure one that comes may be faster than who waits.
 */
#ifndef TESTS_UNIT_LINEAR_ONCE_H
#define TESTS_UNIT_LINEAR_ONCE_H

#include "linear.h"

enum once_op {
	ONCE_GET = QUIET + 1, /* had arg from another one, or was cut short */
	ONCE_BEGIN,           /* calls ... */
	ONCE_END,             /* ... and has arg, or 0: a failure */
	ONCE_IS_DONE,
};

static const char *const once_names[] = {"quiet", "get", "call", "called", "is done"};

struct once_model {
	int value; /* 0: none yet */
	bool busy;
} __attribute__((may_alias)); /* the state of a history */

static inline bool once_enter(const struct history *h, void *state, unsigned i, uint64_t *ended)
{
	const struct operation *o = &h->ops[i];
	struct once_model *m = state;
	bool is_fresh = !m->value && !m->busy;

	*ended = linear_bit(i);
	switch (o->what) {
	case ONCE_GET:
		return m->value && !o->cut && o->arg == m->value;
	case ONCE_BEGIN:
		m->busy = true;
		return is_fresh;
	case ONCE_END:
		m->busy = false;
		m->value = o->arg;
		return true;
	default:
		return o->result == (m->value != 0);
	}
}

static inline bool once_leave(const struct history *h, void *state, unsigned i, uint64_t *ended)
{
	(void)h;
	(void)state;
	(void)i;
	(void)ended;
	return false; /* nobody stands in line */
}

static inline bool once_keeps_out(const struct history *h, const void *state, unsigned i)
{
	const struct once_model *m = state;

	return m->busy && (h->ops[i].what == ONCE_GET || h->ops[i].what == ONCE_BEGIN);
}

static const struct linear_model once_linear = {once_names, once_enter, once_leave, once_keeps_out,
						NULL};

#endif
