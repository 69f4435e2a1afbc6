/* SPDX-License-Identifier: MIT */
/*
 * stop.c - a runtime's end: no new tasks, cancel all, wait for all, take it apart; or, past the
 * grace period, name what still runs and leave it behind.
 *
 * How one knows that nothing lives, and that no task slips through between the shutting of the gate
 * and the walk that cancels all, stands in core/gate.c; how a walk holds what it finds, in
 * core/refs.h.
 */
#include "sched/runtime.h"

#include "sched/blocking.h"
#include "sched/fork_check.h"
#include "sched/report.h"
#include "sched/worker.h"

static bool cancel_other(struct thrum__task *t, void *self)
{
	if (t != self)
		thrum__task_cancel(t, THRUM__PARKER_HARD);
	return true;
}

void thrum__runtime_stop_begin(struct thrum_runtime *rt)
{
	struct thrum__task *self = thrum__current_task();

	thrum__gate_shut(&rt->gate);
	/* The walk looks at every task that the process ever had at a time. */
	if (thrum__gate_living(&rt->gate) > (self != NULL))
		thrum__tasks_walk(rt, cancel_other, self);
}

static bool report_one(struct thrum__task *t, void *runtime)
{
	struct thrum_runtime *rt = runtime;

	thrum__report(rt->reporter, THRUM_REPORT_STUCK,
		      "%s is still %s past the grace period, made at %s", thrum_name(&t->future),
		      thrum_state_name(&t->future), thrum_place(&t->future));
	return true;
}

int thrum_runtime_destroy(struct thrum_runtime *rt)
{
	int64_t deadline;
	bool ended;

	if (thrum__in_forked_child())
		return -ENOTSUP;
	if (!rt)
		return 0;
	if (thrum__tls_worker())
		return -EDEADLK;
	deadline = thrum__deadline_after(thrum__clock_monotonic_ns(), rt->limits.grace_ns);
	thrum__runtime_stop_begin(rt);
	ended = thrum__gate_await_end(&rt->gate, deadline);
	if (!ended)
		thrum__tasks_walk(rt, report_one, rt);
	if (thrum__blocking_stop(rt, deadline))
		ended = false;
	if (!ended) { /* the tasks may still use it: it stays */
		thrum__report_held_back(rt->reporter, THRUM_REPORT_STUCK);
		return -EBUSY;
	}
	/* Callbacks of jobs that have just ended. */
	if (!thrum__gate_await_end(&rt->gate, deadline))
		return -EBUSY;
	thrum__runtime_dismantle(rt);
	return 0;
}
