/* SPDX-License-Identifier: MIT */
/*
 * await.c - the only place where a fiber suspends.
 *
 * A WAIT  (1) the entry check: a hard request ends the call before it begins; (2) the task takes
 * the number (seq) of its next wait from its parker and hangs nodes that carry it on what it waits
 * for, and a timer that carries it into the worker's wheel; (3) it leaves its stack; the next stack
 * parks it (core/parker.c: T1) or finds that it was fired already; (4) whoever fires first decides
 * why it goes on; (5) it withdraws the nodes that did not fire.
 *
 * IN PLACE  A join of the newest spawned task runs it on the joiner's stack, as a plain call: no
 * queue, no switch.  While the child runs, `below` leads from it to the joiner.  The joiner cannot
 * come back before its child has ended, so a cancel of the joiner must reach the child: when the
 * child is about to wait for the first time, the joiner's wait is lent to it (parker.c: T6), with
 * one reference to the child for whoever fires it.  A child that never waits pays nothing for this.
 * A joiner that has used up the worker's budget waits if anybody else wants to run.
 * The stack must be half free; else the joiner waits like any other.  So a task may count on half
 * of the configured stack.
 *
 * OWNERS  nodes and timer: the waiter's frame, until withdrawn or gone.  wait_seq, wait_deaf:
 * written before the switch, read by after_park on the same worker.
 *
 * What can fail: a timer's memory (-ENOMEM, nothing was waited for), an array for more than eight
 * futures.
 *
 * Next on a task's way: core/parker.c (who wakes it), core/future.c (complete), then worker.c
 * again.
 */
#include "sched/await.h"

#include "sched/fork_check.h"
#include "sched/timer.h"
#include "sched/worker.h"

/* Joins in place on one stack: a cancel of the lowest goes up through all of them, call by call. */
#define LEVELS 64
/* Futures of one wait_any that need no memory. */
#define FEW 8

int thrum__no_task(void)
{
	return thrum__in_forked_child() ? -ENOTSUP : -EPERM;
}

/* Lends the waits of the joiners below @t, up to the first that is lent already. */
static void lend_below(struct thrum__task *t)
{
	struct thrum__task *child = t;

	for (struct thrum__task *j = t->below; j && !j->lent; child = j, j = j->below) {
		fetch_add_relaxed(&child->future.refs, 1);
		if (thrum__parker_lend(&j->parker, j->wait_seq, child)) {
			j->lent = true;
		} else {
			thrum__task_cancel(child, THRUM__PARKER_HARD);
			thrum_release(&child->future);
		}
	}
}

int thrum__wait_entry(struct thrum__task *t)
{
	if (UNLIKELY(t->below != NULL))
		lend_below(t);
	if (UNLIKELY(thrum__parker_requested(&t->parker) & THRUM__PARKER_HARD))
		return -ECANCELED;
	if (UNLIKELY(t->deadline_ns != THRUM_FOREVER) &&
	    t->deadline_ns <= thrum__runtime_now_ns(t->future.runtime))
		return -ETIMEDOUT;
	return 0;
}

/* After the switch: the registers are saved, so the task may be seen. */
static void after_park(struct thrum__worker *w, void *task)
{
	struct thrum__task *t = task;

	if (!thrum__parker_park(&t->parker, t->wait_seq, t->wait_deaf))
		thrum__worker_ready(w, t);
}

static void after_yield(struct thrum__worker *w, void *task)
{
	thrum__worker_ready(w, task);
}

/* Leaves the stack until wait @seq ends; says why it did. */
static enum thrum__why suspend(struct thrum__task *t, uint64_t seq, bool deaf)
{
	struct thrum__worker *w = thrum__tls_worker();

	t->wait_seq = seq;
	t->wait_deaf = deaf;
	store_relaxed(&t->phase, THRUM__WAITING);
	thrum__count(&w->counters.suspensions);
	thrum__worker_leave(w, after_park, t);
	return thrum__parker_why(&t->parker);
}

/* What a wait of @t that ended by @why returns.  Cancel beats deadline. */
static int outcome(struct thrum__task *t, enum thrum__why why, bool deaf)
{
	switch (why) {
	case THRUM__BY_TIMER:
		if (!deaf && (thrum__parker_requested(&t->parker) & THRUM__PARKER_HARD))
			return -ECANCELED;
		return -ETIMEDOUT;
	case THRUM__BY_CANCEL:
		return -ECANCELED;
	case THRUM__BY_NODE:
	case THRUM__BY_SELF:
		break;
	}
	return 0;
}

int thrum__await(struct thrum_future *f, int64_t deadline_ns, bool deaf)
{
	struct thrum__task *t = thrum__current_task();
	struct thrum__wait_node node;
	struct thrum__timer timer;
	enum thrum__why why;
	uint64_t seq;
	int err;

	if (thrum__future_is_done(f))
		return 0;
	if (deaf)
		lend_below(t);
	else if ((err = thrum__wait_entry(t)))
		return err;
	seq = thrum__parker_seq(&t->parker);
	thrum__wait_node_init(&node, &t->parker, seq);
	if (!thrum__future_register(f, &node.waiter))
		return 0;
	if (!deaf)
		deadline_ns = thrum__min64(deadline_ns, t->deadline_ns);
	if (thrum__timer_start(&timer, thrum__tls_worker(), &t->parker, seq, deadline_ns)) {
		bool mine = thrum__parker_abandon(&t->parker, seq);

		thrum__future_withdraw(f, &node.waiter);
		return mine ? -ENOMEM : 0;
	}
	why = suspend(t, seq, deaf);
	if (why != THRUM__BY_TIMER)
		thrum__timer_forget(&timer);
	if (why != THRUM__BY_NODE)
		thrum__future_withdraw(f, &node.waiter);
	return outcome(t, why, deaf);
}

void thrum__await_end(struct thrum_future *f)
{
	int err = thrum__current_task() ? thrum__await(f, THRUM_FOREVER, true)
					: thrum__await_outside(f, THRUM_FOREVER);

	ENSURE(err == 0, "a wait without deadline that hears no cancel cannot be cut short");
}

/* Where nobody can wait: -ENOTSUP in a forked child, -EDEADLK in a callback; else 0. */
static int cannot_wait(void)
{
	if (thrum__current_task())
		return 0;
	if (thrum__in_forked_child())
		return -ENOTSUP;
	return thrum__tls_worker() ? -EDEADLK : 0;
}

/* In a task or outside. */
static int await_any(struct thrum_future *f, int64_t deadline_ns)
{
	int err;

	if (thrum__future_is_done(f))
		return 0;
	err = cannot_wait();
	if (err)
		return err;
	if (thrum__current_task())
		return thrum__await(f, deadline_ns, false);
	return thrum__await_outside(f, deadline_ns);
}

/* Without waiting: 0: @f is done; else why not to go on. */
static int await_none(struct thrum_future *f)
{
	struct thrum__task *t = thrum__current_task();
	int err;

	if (thrum__future_is_done(f))
		return 0;
	err = cannot_wait();
	if (!err && t)
		err = thrum__wait_entry(t);
	return err ? err : -ETIMEDOUT;
}

intptr_t thrum_await(struct thrum_future *f)
{
	int err;

	if (!f)
		return -ENOMEM;
	err = await_any(f, THRUM_FOREVER);
	return err ? err : thrum__future_look(f);
}

/* The joined task @child is ours and has not started: runs it as a call. */
static void run_in_place(struct thrum__worker *w, struct thrum__task *joiner,
			 struct thrum__task *child)
{
	intptr_t result;

	child->below = joiner;
	child->level = (uint16_t)(joiner->level + 1);
	child->fiber = joiner->fiber;
	child->worker = w->index;
	joiner->wait_seq = thrum__parker_seq(&joiner->parker);
	joiner->lent = false;
	/* A request further down comes up when the child waits (lend_below); but a child that must
	 * not run if it was cancelled before has to know now. */
	if (child->drop || child->copied
		? thrum_cancel_requested() == THRUM_HARD
		: thrum__parker_requested(&joiner->parker) & THRUM__PARKER_HARD)
		thrum__task_cancel(child, THRUM__PARKER_HARD);
	w->current = child;
	thrum__count(&w->counters.started);
	thrum__count(&w->counters.in_place);
	store_relaxed(&child->phase, THRUM__RUNNING);
	result = thrum__task_call(child);
	w = thrum__tls_worker();
	ENSURE(w, "a task of a forked child may only exec or _exit");
	if (joiner->lent && thrum__parker_abandon(&joiner->parker, joiner->wait_seq))
		thrum_release(&child->future); /* the reference for whoever would have fired it */
	joiner->lent = false;
	w->current = joiner;
	thrum__task_finish(w, child, result);
}

static bool try_in_place(struct thrum_future *f)
{
	struct thrum__worker *w = thrum__tls_worker();
	struct thrum__task *t = w->current;

	if (t->level == LEVELS || !thrum__worker_may_stay(w))
		return false;
	if (f->kind != THRUM__TASK || f->runtime != w->runtime || t->deadline_ns != THRUM_FOREVER ||
	    thrum__fiber_stack_left(w->fiber) < w->runtime->limits.stack_bytes / 2)
		return false;
	if (!thrum__deque_pop_if(&w->spawned, thrum__task_of(f)))
		return false;
	run_in_place(w, t, thrum__task_of(f));
	return true;
}

/* Waits for @f's end; the caller's cancel or deadline cancels it. */
static int join(struct thrum_future *f)
{
	int err;

	if (thrum__future_is_done(f) || (thrum__current_task() && try_in_place(f)))
		return 0;
	err = await_any(f, THRUM_FOREVER);
	if (err == -ECANCELED || err == -ETIMEDOUT)
		thrum_cancel(f);
	if (err == -ENOTSUP || err == -EDEADLK)
		return err;
	if (err)
		thrum__await_end(f);
	return 0;
}

intptr_t thrum_join(struct thrum_future *f)
{
	intptr_t result;
	int err;

	if (!f)
		return -ENOMEM;
	err = join(f);
	if (err)
		return err;
	result = thrum__future_look(f);
	thrum_release(f);
	return result;
}

intptr_t thrum_wait_for(struct thrum_future *f, int64_t timeout_ns)
{
	struct thrum__task *t = thrum__current_task();
	intptr_t result;
	int64_t now;
	int err;

	if (!f)
		return -ENOMEM;
	now = t ? thrum__runtime_now_ns(t->future.runtime) : thrum__clock_monotonic_ns();
	err = timeout_ns > 0 ? await_any(f, thrum__deadline_after(now, timeout_ns)) : await_none(f);
	if (err == -ECANCELED || err == -ETIMEDOUT) {
		thrum_cancel(f);
		thrum__await_end(f);
	} else if (err) {
		return err;
	}
	result = thrum__future_look(f);
	return err == -ETIMEDOUT && result == -ECANCELED ? -ETIMEDOUT : result;
}

int thrum_gather(struct thrum_future *const fs[], size_t n, intptr_t results[])
{
	int cut = 0;
	intptr_t first = 0;

	if (!thrum__current_task())
		return thrum__no_task();
	for (size_t i = 0; i < n; i++) {
		intptr_t r = -ENOMEM;

		if (fs[i] && !cut)
			cut = await_any(fs[i], THRUM_FOREVER);
		if (fs[i])
			r = thrum_result(fs[i]);
		if (results)
			results[i] = r;
		if (!first && thrum_failed(r))
			first = r;
	}
	return cut ? cut : (int)first;
}

/* The lowest index that is done; @n: none. */
static size_t first_done(struct thrum_future *const fs[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!fs[i] || thrum__future_is_done(fs[i]))
			break;
	return i;
}

/* Waits with @nodes, one for each future, none of which was done a moment ago. */
static ssize_t wait_with(struct thrum_future *const fs[], size_t n, struct thrum__wait_node *nodes)
{
	struct thrum__task *t = thrum__current_task();
	uint64_t seq = thrum__parker_seq(&t->parker);
	enum thrum__why why = THRUM__BY_SELF;
	struct thrum__timer timer;
	size_t hung;
	int err = 0;

	for (hung = 0; hung < n; hung++) {
		thrum__wait_node_init(&nodes[hung], &t->parker, seq);
		if (!thrum__future_register(fs[hung], &nodes[hung].waiter))
			break;
	}
	if (hung == n)
		err = thrum__timer_start(&timer, thrum__tls_worker(), &t->parker, seq,
					 t->deadline_ns);
	if (hung < n || err) {
		if (!thrum__parker_abandon(&t->parker, seq))
			err = 0;
	} else {
		why = suspend(t, seq, false);
		if (why != THRUM__BY_TIMER)
			thrum__timer_forget(&timer);
		err = outcome(t, why, false);
	}
	for (size_t i = 0; i < hung; i++)
		thrum__future_withdraw(fs[i], &nodes[i].waiter);
	return err ? err : (ssize_t)first_done(fs, n);
}

ssize_t thrum_wait_any(struct thrum_future *const fs[], size_t n)
{
	struct thrum__task *t = thrum__current_task();
	struct thrum__wait_node few[FEW];
	struct thrum__wait_node *nodes = few;
	size_t done;
	ssize_t r;

	if (!t)
		return thrum__no_task();
	if (n == 0)
		return -EINVAL;
	done = first_done(fs, n);
	if (done < n)
		return (ssize_t)done;
	r = thrum__wait_entry(t);
	if (r)
		return r;
	if (n > FEW)
		nodes = thrum__os_alloc(n * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	r = wait_with(fs, n, nodes);
	if (nodes != few)
		thrum__os_free(nodes);
	return r;
}

int thrum_yield(void)
{
	struct thrum__worker *w = thrum__current_worker();
	int err;

	if (!w)
		return thrum__no_task();
	err = thrum__wait_entry(w->current);
	if (err)
		return err;
#ifndef THRUM_MIGRATE
	if (!thrum__worker_has_local(w)) {
		w->budget--; /* home must come about even if nobody else is here */
		return 0;
	}
#endif
	thrum__worker_let_go_first(w);
	thrum__count(&w->counters.suspensions);
	thrum__worker_leave(w, after_yield, w->current);
	return 0;
}

int thrum_sleep(int64_t ns)
{
	struct thrum__worker *w = thrum__current_worker();
	struct thrum__timer timer;
	struct thrum__task *t;
	enum thrum__why why;
	int64_t deadline;
	uint64_t seq;
	int err;

	if (ns <= 0)
		return thrum_yield();
	if (!w)
		return thrum__no_task();
	t = w->current;
	err = thrum__wait_entry(t);
	if (err)
		return err;
	deadline = thrum__deadline_after(thrum__runtime_now_ns(w->runtime), ns);
	seq = thrum__parker_seq(&t->parker);
	if (thrum__timer_start(&timer, w, &t->parker, seq, thrum__min64(deadline, t->deadline_ns)))
		return -ENOMEM;
	why = suspend(t, seq, false);
	if (why != THRUM__BY_TIMER)
		thrum__timer_forget(&timer);
	err = outcome(t, why, false);
	return err == -ETIMEDOUT && deadline <= t->deadline_ns ? 0 : err;
}

int thrum_cancel_requested(void)
{
	struct thrum__task *t = thrum__current_task();
	unsigned bits = 0;

	for (; t; t = t->below) /* what is asked of a joiner is asked of the child in its place */
		bits |= thrum__parker_requested(&t->parker);
	return bits & THRUM__PARKER_HARD ? THRUM_HARD : bits & THRUM__PARKER_SOFT ? THRUM_SOFT : 0;
}

struct thrum_future *thrum_self(void)
{
	struct thrum__task *t = thrum__current_task();

	return t ? &t->future : NULL;
}

int64_t thrum_now(void)
{
	struct thrum__worker *w = thrum__tls_worker();

	return w ? thrum__runtime_now_ns(w->runtime) : thrum__clock_monotonic_ns();
}
