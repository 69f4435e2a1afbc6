/* SPDX-License-Identifier: MIT */
/* meanwhile.h - for tests of waits: a deadline for the task, and what another task does to it. */
#ifndef TESTS_UNIT_MEANWHILE_H
#define TESTS_UNIT_MEANWHILE_H

#include "core/edge.h"
#include "run.h"
#include "sched/task.h"

/* As an enclosing timeout would. */
static inline void deadline_set(int64_t at_ns)
{
	thrum__task_of(thrum_self())->deadline_ns = at_ns;
}

struct setter {
	struct thrum_future *f;
	int64_t after_ns;
	intptr_t result;
};

static inline intptr_t task_set(void *setter)
{
	struct setter s = *(struct setter *)setter;

	is_int(thrum_sleep(s.after_ns), 0);
	return thrum_future_set(s.f, s.result);
}

static inline void set_later(struct thrum_future *f, int64_t after_ns, intptr_t result)
{
	struct setter s = {f, after_ns, result};
	struct thrum_future *t = thrum_spawn_copy(task_set, &s, sizeof(s));

	must(t);
	thrum_release(t);
}

static inline intptr_t task_raise_later(void *edge)
{
	is_int(thrum_sleep(10), 0);
	thrum__edge_raise(edge);
	return 0;
}

static inline void raise_later(struct thrum__edge *e)
{
	struct thrum_future *f = thrum_spawn(task_raise_later, e);

	must(f);
	thrum_release(f);
}

#endif
