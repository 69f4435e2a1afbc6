/* SPDX-License-Identifier: MIT */
/*
 * await.c - the only place where a fiber suspends.
 *
 * A WAIT  (1) the entry check: a hard request ends the call before it begins; (2) the task takes
 * the number (seq) of its next wait from its parker and hangs nodes that carry it on what it waits
 * for (a future, an edge), and a timer that carries it into a wheel; (3) it leaves its stack; the
 * next stack parks it (core/parker.c: T1) or finds that it was fired already; (4) whoever fires
 * first decides why it goes on; (5) it withdraws the nodes that did not fire.
 *
 * EDGES   A wait for an edge (core/edge.h) says only that it is worth looking again.  The caller
 * has read the edge's tick before it looked, and a raise since then ends the wait before it begins.
 *
 * TOLD    A wait that ends by a deadline around it tells the timeout whose deadline it was
 * (bracket.c), unless the caller hides it from its own caller.
 *
 * OWNERS  nodes and timer: the waiter's frame, until withdrawn or gone.  wait_seq, wait_deaf:
 * written before the switch, read by after_park on the same worker.
 *
 * What can fail: a timer's memory (-ENOMEM, nothing was waited for), an array for more than eight
 * edges.
 *
 * Next on a task's way: core/parker.c (who wakes it), core/future.c (complete), then worker.c
 * again.  Joins are in join.c, waits for several futures in many.c.
 */
#include "sched/await.h"

#include "sched/callback.h"
#include "sched/fork.h"
#include "sched/fork_check.h"
#include "sched/join.h"
#include "sched/report.h"
#include "sched/scope.h"
#include "sched/tether.h"
#include "sched/timer.h"
#include "sched/worker.h"

/* Edges of one wait that need no memory. */
#define FEW 8

int thrum__no_task(void)
{
	return thrum__in_forked_child() ? -ENOTSUP : -EPERM;
}

/* Who is below hears that the task is going to wait, and so does its scope. */
static NOINLINE void tell_others(struct thrum__task *t)
{
	if (t->below)
		thrum__join_lend(t);
	if (t->scope)
		thrum__scope_attend(t);
}

/* Untold. */
NOINLINE int thrum__wait_look(struct thrum__task *t)
{
	if (UNLIKELY(((uintptr_t)t->below | (uintptr_t)t->scope) != 0))
		tell_others(t);
	if (UNLIKELY(thrum__parker_hears(&t->parker)))
		return -ECANCELED;
	if (UNLIKELY(t->deadline_ns != THRUM_FOREVER) &&
	    t->deadline_ns <= thrum__runtime_now_ns(t->future.runtime))
		return -ETIMEDOUT;
	return 0;
}

/* Untold. */
static inline int wait_entry(struct thrum__task *t)
{
	thrum__fork_before_wait(thrum__tls_worker());
	return LIKELY(thrum__wait_is_plain(t)) ? 0 : thrum__wait_look(t);
}

static ALWAYS_INLINE int wait_entry_told(struct thrum__task *t)
{
	int err = wait_entry(t);

	return LIKELY(!err) ? 0 : thrum__bracket_learn(t, err, THRUM_FOREVER);
}

int thrum__wait_entry(struct thrum__task *t)
{
	return wait_entry_told(t);
}

/* After the switch: the registers are saved, so the task may be seen. */
static void after_park(struct thrum__worker *w, void *task)
{
	struct thrum__task *t = task;

	if (!thrum__parker_park(&t->parker, t->wait_seq, t->wait_deaf))
		thrum__worker_put_back(w, t);
}

/* Leaves the stack until wait @seq ends; says why it did. */
static enum thrum__why suspend(struct thrum__task *t, uint64_t seq, bool deaf)
{
	struct thrum__worker *w = thrum__tls_worker();

	t->wait_seq = seq;
	t->wait_deaf = deaf;
	thrum__wants_park(t, seq);
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
		if (!deaf && thrum__parker_hears(&t->parker))
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

int thrum__wait_out(struct thrum__task *t, uint64_t seq, int64_t deadline_ns, bool deaf)
{
	struct thrum__timer timer;
	enum thrum__why why;

	if (!deaf)
		deadline_ns = thrum__min64(deadline_ns, t->deadline_ns);
	if (deadline_ns != THRUM_FOREVER)
		thrum__wants_edge(t, NULL);
	if (thrum__timer_start(&timer, thrum__tls_worker(), &t->parker, seq, deadline_ns))
		return thrum__parker_abandon(&t->parker, seq) ? -ENOMEM : 0;
	why = suspend(t, seq, deaf);
	if (why != THRUM__BY_TIMER)
		thrum__timer_forget(&timer);
	return outcome(t, why, deaf);
}

void thrum__wait_settle(struct thrum__task *t)
{
	thrum__fork_before_wait(thrum__tls_worker());
	if (UNLIKELY(t->below != NULL))
		thrum__join_lend(t);
}

/* Before a wait: what is below hears of it in any case. */
static int begin(struct thrum__task *t, bool deaf)
{
	if (!deaf)
		return wait_entry(t);
	thrum__wait_settle(t);
	return 0;
}

int thrum__await_untold(struct thrum_future *f, int64_t deadline_ns, bool deaf)
{
	struct thrum__task *t = thrum__current_task();
	struct thrum__wait_node node;
	uint64_t seq;
	int err;

	if (thrum__future_is_done(f))
		return 0;
	err = begin(t, deaf);
	if (err)
		return err;
	seq = thrum__parker_seq(&t->parker);
	thrum__wait_node_init(&node, &t->parker, seq);
	if (!thrum__future_register(f, &node.waiter))
		return 0;
	thrum__wants_future(t, f);
	err = thrum__wait_out(t, seq, deadline_ns, deaf);
	if (err)
		thrum__future_withdraw(f, &node.waiter);
	return err;
}

/* @err was returned by a wait of the current task. */
static int told(int err, int64_t deadline_ns, bool deaf)
{
	if (UNLIKELY(err == -ETIMEDOUT) && !deaf)
		thrum__bracket_learn(thrum__current_task(), err, deadline_ns);
	return err;
}

int thrum__await(struct thrum_future *f, int64_t deadline_ns, bool deaf)
{
	return told(thrum__await_untold(f, deadline_ns, deaf), deadline_ns, deaf);
}

int thrum__await_timerless(struct thrum_future *f)
{
	struct thrum__task *t = thrum__current_task();
	int err = thrum__await_untold(f, THRUM_FOREVER, false);
	int64_t deadline_ns = t->deadline_ns;

	if (LIKELY(err != -ENOMEM))
		return err;
	t->deadline_ns = THRUM_FOREVER;
	err = thrum__await_untold(f, THRUM_FOREVER, false);
	t->deadline_ns = deadline_ns;
	return err;
}

static int wait_edge(struct thrum__edge *e, uint64_t tick, int64_t deadline_ns, bool deaf)
{
	struct thrum__task *t = thrum__current_task();
	struct thrum__wait_node node;
	uint64_t seq;
	int err;

	err = begin(t, deaf);
	if (err)
		return err;
	seq = thrum__parker_seq(&t->parker);
	thrum__wait_node_init(&node, &t->parker, seq);
	if (!thrum__edge_register(e, &node.waiter, tick))
		return 0;
	thrum__wants_edge(t, e);
	err = thrum__wait_out(t, seq, deadline_ns, deaf);
	if (err)
		thrum__edge_withdraw(e, &node.waiter);
	return err;
}

int thrum__wait_edge(struct thrum__edge *e, uint64_t tick, int64_t deadline_ns, bool deaf)
{
	return told(wait_edge(e, tick, deadline_ns, deaf), deadline_ns, deaf);
}

static int wait_edges(struct thrum__edge *const es[], const uint64_t ticks[], size_t n,
		      int64_t deadline_ns, struct thrum__wait_node *nodes)
{
	struct thrum__task *t = thrum__current_task();
	uint64_t seq = thrum__parker_seq(&t->parker);
	size_t hung;
	int err;

	for (hung = 0; hung < n; hung++) {
		thrum__wait_node_init(&nodes[hung], &t->parker, seq);
		if (!thrum__edge_register(es[hung], &nodes[hung].waiter, ticks[hung]))
			break;
	}
	if (hung == n) {
		thrum__wants_edge(t, NULL);
		err = thrum__wait_out(t, seq, deadline_ns, false);
	} else {
		thrum__parker_abandon(&t->parker, seq);
		err = 0;
	}
	for (size_t i = 0; i < hung; i++)
		thrum__edge_withdraw(es[i], &nodes[i].waiter);
	return err;
}

/* After the entry check. */
static int wait_many_edges(struct thrum__edge *const es[], const uint64_t ticks[], size_t n,
			   int64_t deadline_ns)
{
	struct thrum__wait_node few[FEW];
	struct thrum__wait_node *nodes = few;
	int err;

	if (n > FEW)
		nodes = thrum__os_alloc(n * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	err = wait_edges(es, ticks, n, deadline_ns, nodes);
	if (nodes != few)
		thrum__os_free(nodes);
	return err;
}

int thrum__wait_edges_untold(struct thrum__edge *const es[], const uint64_t ticks[], size_t n,
			     int64_t deadline_ns)
{
	int err = wait_entry(thrum__current_task());

	return err ? err : wait_many_edges(es, ticks, n, deadline_ns);
}

int thrum__wait_edges(struct thrum__edge *const es[], const uint64_t ticks[], size_t n,
		      int64_t deadline_ns)
{
	int err = thrum__wait_entry(thrum__current_task());

	return err ? err : told(wait_many_edges(es, ticks, n, deadline_ns), deadline_ns, false);
}

void thrum__await_end(struct thrum_future *f)
{
	int err = thrum__current_task() ? thrum__await_untold(f, THRUM_FOREVER, true)
					: thrum__await_outside(f, THRUM_FOREVER);

	ENSURE(err == 0, "a wait without deadline that hears no cancel cannot be cut short");
}

COLD int thrum__cannot_wait(void)
{
	if (thrum__current_task())
		return 0;
	if (thrum__in_forked_child())
		return -ENOTSUP;
	return thrum__tls_worker() || thrum__service_is_me() ? -EDEADLK : 0;
}

int thrum__await_any(struct thrum_future *f, int64_t deadline_ns)
{
	int err;

	if (thrum__future_is_done(f))
		return 0;
	if (LIKELY(thrum__current_task() != NULL))
		return thrum__await_untold(f, deadline_ns, false);
	err = thrum__cannot_wait();
	return err ? err : thrum__await_outside(f, deadline_ns);
}

int thrum__await_none(struct thrum_future *f)
{
	struct thrum__task *t = thrum__current_task();
	int err;

	if (thrum__future_is_done(f))
		return 0;
	err = t ? wait_entry(t) : thrum__cannot_wait();
	return err ? err : -ETIMEDOUT;
}

intptr_t thrum_await(struct thrum_future *f)
{
	int err;

	if (!f)
		return -ENOMEM;
	thrum__wants_call("thrum_await");
	err = thrum__await_any(f, THRUM_FOREVER);
	return err ? told(err, THRUM_FOREVER, false) : thrum__future_look(f);
}

#ifndef THRUM_MIGRATE
/* Nothing else can run on @w; but for tasks of its own, to which home goes: false. */
static NOINLINE bool yield_to_nobody(struct thrum__worker *w)
{
	if (thrum__worker_has_own(w)) {
		w->budget = 0;
		return false;
	}
	thrum__report_held(w->current);
	w->budget--; /* home must come about even if nobody else is here */
	return true;
}
#endif

int thrum_yield(void)
{
	struct thrum__worker *w = thrum__current_worker();
	int err;

	if (!w)
		return thrum__no_task();
	err = wait_entry_told(w->current);
	if (err)
		return err;
	w = thrum__tls_worker();
#ifndef THRUM_MIGRATE
	if (!thrum__worker_has_local(w) && yield_to_nobody(w))
		return 0;
#endif
	thrum__worker_give_way(w);
	return 0;
}

/* By the time after the entry check, which may take a while. */
static inline int64_t deadline_of(struct thrum__task *t, int64_t ns, bool is_point)
{
	return is_point ? ns : thrum__deadline_after(thrum__runtime_now_ns(t->future.runtime), ns);
}

static ALWAYS_INLINE int sleep_for(int64_t ns, bool is_point)
{
	struct thrum__task *t = thrum__current_task();
	int64_t deadline;
	int err;

	if (ns <= (is_point ? thrum_now() : 0))
		return thrum_yield();
	if (!t)
		return thrum__no_task();
	err = wait_entry_told(t);
	if (err)
		return err;
	deadline = deadline_of(t, ns, is_point);
	thrum__wants_edge(t, NULL);
	err = thrum__wait_out(t, thrum__parker_seq(&t->parker), deadline, false);
	if (err == -ETIMEDOUT && deadline <= t->deadline_ns)
		return 0;
	return thrum__bracket_learn(t, err, THRUM_FOREVER);
}

int thrum_sleep(int64_t ns)
{
	return sleep_for(ns, false);
}

int thrum_sleep_until(int64_t deadline_ns)
{
	return sleep_for(deadline_ns, true);
}

/* Of any level, and even if a shield keeps it out. */
static bool requested_at_all(const struct thrum__task *t)
{
	return thrum__parker_requested(&t->parker) ||
	       (t->scope &&
		(thrum__scope_is_cancelled(t->scope) || thrum__scope_is_asked(t->scope)));
}

int thrum__cancel_requested(void)
{
	struct thrum__task *t = thrum__current_task();
	bool soft = false, sheltered = false, forked = false, own = true;

	if (!t)
		return (int)thrum__tether_asks();
	/* A joiner's hard request is one to the child in its place, as join cancels it.  A soft
	 * one is not: the child may as well run elsewhere.  A fork's maker has both in common
	 * with it. */
	for (; t; t = t->below) {
		bool asked = forked ? thrum__maker_is_cancelled(t) : thrum__task_is_cancelled(t);

		if (asked && !sheltered)
			return THRUM_HARD;
		soft |= asked || (own && requested_at_all(t));
		sheltered |= thrum__parker_is_shielded(&t->parker);
		forked |= (t->forked & THRUM__AWAY) != 0;
		own &= (t->forked & THRUM__A_FORK) != 0;
	}
	return soft ? THRUM_SOFT : 0;
}

int thrum_cancel_requested(void)
{
	struct thrum__worker *w = thrum__current_worker();

	if (w && !load_relaxed(&w->runtime->minds_requests))
		store_relaxed(&w->runtime->minds_requests, 1);
	return thrum__cancel_requested();
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
