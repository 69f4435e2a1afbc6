/* SPDX-License-Identifier: MIT */
/*
 * stop.c - a runtime's end: no new tasks, cancel all, wait for all, take it apart; or, past the
 * grace period, name what still runs and leave it behind.
 *
 * HAS EVERYTHING ENDED?  Each worker counts what it spawned and what ended on it; a task is counted
 * as spawned before it can be seen, and as ended when it is over.  The sum of ended, taken first,
 * can equal the sum of spawned, taken after it, only if at the moment between them nothing lived;
 * and what does not live spawns nothing.
 *
 * ORDER   O1 fence_heavy between stopping and the walk pairs with the light fence of task.c
 *         (publish).
 *         O2 acquire of ended pairs with the release in task.c (finish): what the task did is seen.
 *         O3 acquire of quiet pairs with the release in elsewhere.c.
 *         O4 acquire of callbacks_due pairs with the release in callback.c.
 */
#include "sched/runtime.h"

#include "sched/blocking.h"
#include "sched/fork_check.h"
#include "sched/report.h"
#include "sched/worker.h"

static uint64_t living(struct thrum_runtime *rt)
{
	uint64_t ended = 0, spawned = 0;

	for (unsigned i = 0; i < thrum__workers_total(rt); i++)
		ended += load_acquire(&rt->workers[i]->counters.ended); /* O2 */
	for (unsigned i = 0; i < thrum__workers_total(rt); i++)
		spawned += load_relaxed(&rt->workers[i]->counters.spawned);
	spawned += load_relaxed(&rt->submitted);
	return spawned - ended;
}

static bool nothing_lives(struct thrum_runtime *rt)
{
	return living(rt) == 0 && !load_acquire(&rt->callbacks_due); /* O4 */
}

static bool cancel_other(struct thrum__task *t, void *self)
{
	if (t != self)
		thrum__task_cancel(t, THRUM__PARKER_HARD);
	return true;
}

void thrum__runtime_stop_begin(struct thrum_runtime *rt)
{
	struct thrum__task *self = thrum__current_task();

	store_relaxed(&rt->stopping, 1);
	fence_heavy(); /* O1 */
	/* The walk looks at every task that the process ever had at a time. */
	if (living(rt) > (self != NULL))
		thrum__tasks_walk(rt, cancel_other, self);
}

/* Waits until nothing lives: true; false: the deadline passed. */
static bool await_end(struct thrum_runtime *rt, int64_t deadline_ns)
{
	for (;;) {
		uint32_t seen = load_acquire(&rt->quiet); /* O3 */

		if (nothing_lives(rt))
			return true;
		if (thrum__clock_monotonic_ns() >= deadline_ns)
			return false;
		thrum__os_futex_wait(&rt->quiet.v, seen, deadline_ns);
	}
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
	ended = await_end(rt, deadline);
	if (!ended)
		thrum__tasks_walk(rt, report_one, rt);
	if (thrum__blocking_stop(rt, deadline))
		ended = false;
	if (!ended)
		return -EBUSY;  /* the tasks may still use it: it stays */
	if (!nothing_lives(rt)) /* callbacks of jobs that have just ended */
		ended = await_end(rt, deadline);
	if (!ended)
		return -EBUSY;
	thrum__runtime_dismantle(rt);
	return 0;
}
