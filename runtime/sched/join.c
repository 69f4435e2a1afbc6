/* SPDX-License-Identifier: MIT */
/*
 * join.c - waiting for a task to its end: join and wait_for.
 *
 * IN PLACE  A join of the newest spawned task runs it on the joiner's stack, as a plain call: no
 * queue, no switch.  While the child runs, `below` leads from it to the joiner.  The joiner cannot
 * come back before its child has ended, so a cancel of the joiner must reach the child: when the
 * child is about to wait for the first time, the joiner's wait is lent to it (parker.c: T6), with
 * one reference to the child for whoever fires it.  A child that never waits pays nothing for this.
 * A joiner that has used up the worker's budget waits if anybody else wants to run; one inside a
 * timeout always waits, so that its deadline can cancel the child.
 * The stack must be half free; else the joiner waits like any other.  So a task may count on half
 * of the configured stack.
 *
 * Nothing fails here that await.c does not name.  Without a timer join waits all the same, and
 * hears of a cancel alone; wait_for returns.
 */
#include "sched/join.h"

#include "core/refs.h"
#include "sched/await.h"
#include "sched/scope.h"
#include "sched/worker.h"

/* @t, or whoever it runs in place of, was a fork: what is asked of its maker is asked of it.  What
 * is asked further below comes up maker by maker, from their joins. */
static void hear_maker(struct thrum__task *t)
{
	while (t->below && !(t->forked & THRUM__AWAY))
		t = t->below;
	if ((t->forked & THRUM__AWAY) && thrum__maker_is_cancelled(t->below))
		thrum__task_cancel(t, THRUM__PARKER_HARD);
}

void thrum__join_lend(struct thrum__task *t)
{
	struct thrum__task *child = t;

	hear_maker(t);
	for (struct thrum__task *j = t->below; j && !(child->forked & THRUM__AWAY) && !j->lent;
	     child = j, j = j->below) {
		if (j->scope)
			thrum__scope_attend(j);
		thrum__refs_retain(&child->future.refs);
		if (thrum__parker_lend(&j->parker, j->wait_seq, child)) {
			j->lent = true;
		} else {
			thrum__task_cancel(child, THRUM__PARKER_HARD);
			thrum_release(&child->future);
		}
	}
}

/* The joined task @child is ours and has not started: runs it as a call; its result.  The caller's
 * reference to it goes with it. */
static inline intptr_t run_in_place(struct thrum__worker *w, struct thrum__task *joiner,
				    struct thrum__task *child)
{
	void **forks = thrum__lane_height(&w->lane);
	intptr_t result;

	thrum__wants_below(child, joiner);
	child->below = joiner;
	child->forked &= THRUM__A_FORK; /* its maker's wait is lent to it, as to any child */
	child->level = (uint8_t)(joiner->level + 1);
	thrum__task_set_fiber(child, joiner->fiber);
	child->worker = w->index;
	joiner->wait_seq = thrum__parker_seq(&joiner->parker);
	joiner->lent = false;
	/* A request further down comes up when the child waits (thrum__join_lend); but a child that
	 * must not run if it was cancelled before has to know now. */
	if (child->drop || child->copied ? thrum__cancel_requested() == THRUM_HARD
					 : thrum__parker_hears(&joiner->parker))
		thrum__task_cancel(child, THRUM__PARKER_HARD);
	thrum__worker_set_current(w, child);
	thrum__count(&w->counters.started);
	thrum__count(&w->counters.in_place);
	store_relaxed(&child->phase, THRUM__RUNNING);
	result = thrum__task_call(child);
	w = thrum__tls_worker();
	ENSURE(w, "a task of a forked child may only exec or _exit");
	ENSURE(thrum__lane_is_clear(&w->lane) || thrum__lane_height(&w->lane) == forks,
	       "a fork is joined before its frame is left");
	if (joiner->lent && thrum__parker_abandon(&joiner->parker, joiner->wait_seq))
		thrum_release(&child->future); /* the reference for whoever would have fired it */
	joiner->lent = false;
	thrum__wants_below(child, NULL);
	child->below = NULL;
	joiner->worker = w->index; /* the child may have moved */
	thrum__worker_set_current(w, joiner);
	thrum__task_finish_joined(w, child, result);
	return result;
}

/* True: @f's task was the newest here, and is the caller's to run in place. */
static inline bool take_in_place(struct thrum__worker *w, struct thrum__task *t,
				 struct thrum_future *f)
{
	if (t->level == THRUM__JOIN_LEVELS || !thrum__worker_may_stay(w))
		return false;
	if (f->kind != THRUM__TASK || f->runtime != w->runtime || t->deadline_ns != THRUM_FOREVER ||
	    (char *)__builtin_frame_address(0) < w->lane.front.stack_low)
		return false;
	return thrum__deque_pop_if(&w->spawned, thrum__task_of(f));
}

/* Waits for @f's end; the caller's cancel or deadline cancels it. */
static NOINLINE int await_end_of(struct thrum_future *f, struct thrum__task *t)
{
	int err = t ? thrum__await_timerless(f) : thrum__await_any(f, THRUM_FOREVER);

	if ((err == -ECANCELED || err == -ETIMEDOUT) && thrum_cancel(f) == 0 && t)
		thrum__bracket_learn(t, err, THRUM_FOREVER);
	if (err == -ENOTSUP || err == -EDEADLK)
		return err;
	if (err)
		thrum__await_end(f);
	return 0;
}

intptr_t thrum_join(struct thrum_future *f)
{
	struct thrum__worker *w = thrum__tls_worker();
	struct thrum__task *t = w ? w->current : NULL;
	intptr_t result;
	int err;

	if (!f)
		return -ENOMEM;
	if (!thrum__future_is_done(f)) {
		thrum__wants_join(f);
		if (t && take_in_place(w, t, f))
			return run_in_place(w, t, thrum__task_of(f));
		err = await_end_of(f, t);
		if (err)
			return err;
	}
	result = thrum__future_look(f);
	thrum_release(f);
	return result;
}

/* @wait: has it not passed? */
static ALWAYS_INLINE intptr_t wait_until(struct thrum_future *f, int64_t deadline, bool wait)
{
	struct thrum__task *t = thrum__current_task();
	intptr_t result;
	int err;

	if (!f)
		return -ENOMEM;
	thrum__wants_call("thrum_wait_for");
	err = wait ? thrum__await_any(f, deadline) : thrum__await_none(f);
	if (err == -ECANCELED || err == -ETIMEDOUT) {
		thrum_cancel(f);
		thrum__await_end(f);
	} else if (err) {
		return err;
	}
	result = thrum__future_look(f);
	if (err != -ETIMEDOUT || result != -ECANCELED)
		return result;
	return t ? thrum__bracket_learn(t, err, deadline) : err;
}

intptr_t thrum_wait_for(struct thrum_future *f, int64_t timeout_ns)
{
	return wait_until(f, thrum__deadline_after(thrum_now(), timeout_ns), timeout_ns > 0);
}

intptr_t thrum_wait_until(struct thrum_future *f, int64_t deadline_ns)
{
	return wait_until(f, deadline_ns, deadline_ns > thrum_now());
}
