/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the loop of a worker: take a task, run it, take the next.
 *
 * Each worker is a thread with a stack of its own (home) and fibers.  A fiber runs tasks, one after
 * the other, as long as none of them waits: a task that never waits costs no switch.  When a task
 * waits, its fiber parks and the worker goes on with the next thing: a woken task (switch to its
 * fiber), a task that has not started (a resting or new fiber), or nothing (home).  Home does what
 * must be done now and then but not for each task: timers, what came from outside, callbacks, the
 * oldest spawned task, the search for others' work and the sleep (elsewhere.c).  A budget of tasks
 * brings the worker home regularly, so nobody starves.
 *
 * PUBLICATION  A parked fiber is made visible to others by `after`, which runs on the next stack,
 * when the registers of the one that parked are saved.  Whatever switches, sets after; whatever is
 * switched to, runs it first.
 *
 * OWNERS  current, fiber, after, kept: the worker.  None of them, and no address of a thread-local,
 * may be kept across thrum__worker_leave: the task may come back on another worker.
 *
 * What can fail: a fiber for a task that starts.  Then the task ends with -ENOMEM and its function
 * is not called (drop is).  Next on a task's way: await.c (it waits), task.c (it ends).
 */
#include "sched/worker.h"

#include "sched/callback.h"
#include "sched/fork.h"
#include "sched/monitor.h"
#include "sched/registry.h"
#include "sched/report.h"
#include "sched/spare.h"
#include "sched/spawn.h"
#include "sched/timer.h"

#include <stdio.h>
#include <stdlib.h>

/* Tasks between two visits home: one clock reading is spread over so many. */
#define BUDGET 32
/* Visits home, or joins in place that used up a budget, until the oldest spawned task goes to the
 * ready ring.  More often, and fork-join would open subtrees all over instead of one in depth. */
#define PATIENCE 64
/* Spawned tasks that go before one that yields. */
#define YIELD_MAX 256
/* Visits home without a sleep until the worker is one of those that seldom do (idle.c: QUICK). */
#define WAKEFUL 256
/* Visits home of one that has made forks until it is taken for one that makes none. */
#define UNFORKED 64
/* So many woken tasks are worth a fetch.  Fewer ran a moment ago, as a rule. */
#define FETCH_LEAST 16
/* Tasks taken from the injection queue at one visit. */
#define INJECT_BATCH 16

static _Noreturn void fiber_main(void *arg);

static inline void run_after(void)
{
	struct thrum__worker *w = thrum__tls_worker();
	void (*after)(struct thrum__worker *, void *) = w->after;

	w->after = NULL;
	if (after)
		after(w, w->after_arg);
}

/* The next local task: woken ones first, but every fourth pick a spawned one first. */
static struct thrum__task *next_local(struct thrum__worker *w)
{
	struct thrum__task *t = NULL;

	if (w->budget == 0)
		return NULL;
	if (w->budget-- % 4 == 0)
		t = thrum__deque_pop(&w->spawned);
	if (!t)
		t = thrum__ready_take(&w->ready);
	if (!t)
		t = thrum__deque_pop(&w->spawned);
	thrum__pool_prefetch(thrum__deque_newest(&w->spawned)); /* what may run after it */
	return t;
}

/* One more visit: has the oldest spawned task been the oldest for too long? */
static bool oldest_is_due(struct thrum__worker *w)
{
	uint64_t oldest = thrum__deque_left(&w->spawned);

	if (oldest != w->oldest || !thrum__deque_count(&w->spawned)) {
		w->oldest = oldest;
		w->patience = 0;
		return false;
	}
	if (w->patience < PATIENCE)
		w->patience++;
	return w->patience == PATIENCE;
}

bool thrum__worker_may_go_on(struct thrum__worker *w)
{
	thrum__worker_look_at_times(w);
	if (thrum__ready_count(&w->ready) || oldest_is_due(w) || thrum__worker_has_outside(w) ||
	    thrum__timers_due(w))
		return false;
	w->budget = BUDGET;
	return true;
}

/* A fiber at rest in fiber_main, or a new one; NULL: no memory. */
static struct thrum__fiber *get_fiber(struct thrum__worker *w)
{
	struct thrum__fiber *f = w->kept;

	if (!f)
		return thrum__fiber_create(&w->stacks, fiber_main, NULL);
	w->kept = f->next;
	w->kept_count--;
	return f;
}

/* After: the fiber that was left has nothing to do. */
static void keep_fiber(struct thrum__worker *w, void *fiber)
{
	struct thrum__fiber *f = fiber;

	f->next = w->kept;
	w->kept = f;
	w->kept_count++;
}

/* @f: NULL: there was none to be had. */
static inline bool equip(struct thrum__task *t, struct thrum__fiber *f)
{
	if (!f)
		return false;
	f->task = t;
	thrum__task_set_fiber(t, f);
	return true;
}

bool thrum__worker_equip(struct thrum__worker *w, struct thrum__task *t)
{
	return equip(t, get_fiber(w));
}

void thrum__worker_unequip(struct thrum__worker *w, struct thrum__task *t)
{
	keep_fiber(w, t->fiber);
	thrum__task_set_fiber(t, NULL);
}

/* As fiber_for, which follows, for a @t that is NULL or has no fiber yet. */
static NOINLINE struct thrum__fiber *find_fiber(struct thrum__worker *w, struct thrum__task *t)
{
	struct thrum__fiber *f;

	thrum__worker_set_current(w, t);
	if (!t)
		return &w->home;
	f = get_fiber(w);
	if (equip(t, f))
		return f;
	thrum__worker_set_current(w, NULL);
	w->unstarted = t;
	return &w->home;
}

/* The fiber to go on with @t; home if there is none (for lack of memory then with w->unstarted
 * set). */
static inline struct thrum__fiber *fiber_for(struct thrum__worker *w, struct thrum__task *t)
{
	if (UNLIKELY(!t || !t->fiber))
		return find_fiber(w, t);
	thrum__worker_set_current(w, t);
	return t->fiber;
}

static inline void count_resume(struct thrum__worker *w, struct thrum__task *t)
{
	if (!THRUM__MIGRATES || !(t->marks & THRUM__PINNED)) /* none but these stay there */
		thrum__count(&w->counters.resumes);
	if (t->worker != w->index)
		thrum__count(&w->counters.migrations);
	t->worker = w->index;
	store_relaxed(&t->phase, THRUM__RUNNING);
}

/* The fiber that ran until now. */
static inline struct thrum__fiber *set_fiber(struct thrum__worker *w, struct thrum__fiber *to)
{
	struct thrum__fiber *from = w->fiber;

	thrum__count(&w->counters.switches);
	w->fiber = to;
	w->lane.front.stack_low = to->low + w->runtime->limits.stack_bytes / 2;
	return from;
}

static inline void switch_to(struct thrum__worker *w, struct thrum__fiber *to)
{
	thrum__fiber_switch(set_fiber(w, to), to);
	run_after();
}

void thrum__worker_leave(struct thrum__worker *w, void (*after)(struct thrum__worker *, void *),
			 void *arg)
{
	struct thrum__task *self = w->current;

	DEBUG_ENSURE(thrum__lane_is_clear(&w->lane),
		     "a fiber left its worker with forks in its lane");
	thrum__report_held(self);
	w->after = after;
	w->after_arg = arg;
	switch_to(w, fiber_for(w, next_local(w)));
	w = thrum__tls_worker();
	count_resume(w, self);
}

/* Runs @t, which starts, on the running fiber; or leaves it without one, if it is too early. */
static ALWAYS_INLINE void run_task(struct thrum__worker *w, struct thrum__task *t)
{
	intptr_t result;

	if (UNLIKELY(t->armed) && thrum__spawn_put_off(w, t))
		return;
	thrum__count(&w->counters.started);
	t->worker = w->index;
	store_relaxed(&t->phase, THRUM__RUNNING);
	result = thrum__task_call(t);
	w = thrum__tls_worker();
	ENSURE(w, "a task of a forked child may only exec or _exit");
	ENSURE(thrum__lane_is_clear(&w->lane), "a fork is joined before its frame is left");
	(void)thrum__held_forget(NULL); /* whatever it has left is no matter of the next task's */
	thrum__task_finish(w, t, result);
}

/* A fiber's life: the task that it was given, then what comes next without a switch, then rest. */
static _Noreturn void fiber_main(void *arg)
{
	(void)arg;
	run_after();
	for (;;) {
		struct thrum__worker *w = thrum__tls_worker();
		struct thrum__task *t = w->fiber->task;
		struct thrum__fiber *self = w->fiber;

		while (t) {
			run_task(w, t);
			w = thrum__tls_worker();
			self = w->fiber;
			t = next_local(w);
			if (!t || t->fiber)
				break;
			thrum__task_set_fiber(t, self);
			thrum__worker_set_current(w, t);
		}
		w->after = keep_fiber;
		w->after_arg = self;
		switch_to(w, fiber_for(w, t));
	}
}

static void destroy_fiber(struct thrum__worker *w, void *fiber)
{
	thrum__fiber_destroy(&w->stacks, fiber);
}

/* The life of a fiber that was made for one task. */
static _Noreturn void sized_fiber_main(void *arg)
{
	struct thrum__worker *w;
	struct thrum__fiber *to;

	(void)arg;
	run_after();
	w = thrum__tls_worker();
	run_task(w, w->fiber->task);
	w = thrum__tls_worker();
	w->after = destroy_fiber;
	w->after_arg = w->fiber;
	to = fiber_for(w, next_local(w));
	thrum__fiber_switch_exit(set_fiber(w, to), to);
}

bool thrum__worker_equip_sized(struct thrum__worker *w, struct thrum__task *t, size_t stack_bytes)
{
	return equip(t, thrum__fiber_create_sized(&w->stacks, stack_bytes, sized_fiber_main, NULL));
}

/* What was spawned here before now runs before a task that is queued next. */
static NOINLINE void let_go_first(struct thrum__worker *w)
{
	struct thrum__task *t;

	for (int i = 0; i < YIELD_MAX && (t = thrum__deque_pop_oldest(&w->spawned)); i++)
		thrum__worker_queue(w, t);
}

static void after_giving_way(struct thrum__worker *w, void *task)
{
	thrum__worker_put_back(w, task);
}

void thrum__worker_give_way(struct thrum__worker *w)
{
	if (UNLIKELY(thrum__deque_count(&w->spawned)))
		let_go_first(w);
	thrum__count(&w->counters.suspensions);
	thrum__worker_leave(w, after_giving_way, w->current);
}

#ifdef THRUM_MIGRATE
/* Every resume on another worker: the next one's. */
void thrum__worker_ready(struct thrum__worker *w, struct thrum__task *t)
{
	struct thrum_runtime *rt = w->runtime;
	struct thrum__worker *to = rt->workers[(t->worker + 1) % rt->workers_count];

	if (!t->fiber)
		to = w;
	thrum__worker_hand(to, t);
}
#endif

void thrum__worker_hand(struct thrum__worker *to, struct thrum__task *t)
{
	if (thrum__handed_give(&to->handed, &t->link))
		thrum__idle_wake_all(&to->runtime->idle);
}

void thrum__task_unpark_pinned(struct thrum__parker *p, void *relay, enum thrum__why why)
{
	struct thrum__task *t = thrum__task_of_parker(p);
	struct thrum_runtime *rt = t->future.runtime;

	DEBUG_ENSURE(!relay, "a pinned task lends its waits to nobody");
	(void)relay;
	(void)why;
	thrum__registry_enter_live(rt);
	thrum__worker_hand(rt->workers[t->worker], t);
	thrum__registry_leave(rt);
}

void thrum__task_unpark(struct thrum__parker *p, void *relay, enum thrum__why why)
{
	struct thrum__task *t = thrum__task_of_parker(p);
	struct thrum__worker *w = thrum__tls_worker();
	struct thrum_runtime *rt;

	if (relay) {
		/* A joiner whose child runs in place: the child hears it; the reference was ours
		 * (await.c).  The joiner itself runs and may be gone: nothing of it is touched. */
		thrum__task_cancel(relay, THRUM_HARD);
		thrum_release(&((struct thrum__task *)relay)->future);
		return;
	}
	(void)why;
	rt = t->future.runtime;
	if (w && w->runtime == rt) {
		thrum__worker_ready(w, t);
		return;
	}
	/* As soon as the task is queued it may end and its runtime with it: the visit keeps the
	 * memory. */
	thrum__registry_enter_live(rt);
#ifdef THRUM_MIGRATE
	thrum__worker_hand(rt->workers[(t->worker + 1) % rt->workers_count], t);
#else
	thrum__inbox_push(&rt->woken, &t->link);
	thrum__idle_wake_one(&rt->idle);
#endif
	thrum__registry_leave(rt);
}

static void drain(struct thrum__worker *w, struct thrum__inbox *inbox)
{
	struct thrum__link *l = thrum__inbox_take_all(inbox);

	while (l) {
		struct thrum__link *next = l->next;
		struct thrum__task *t = thrum__task_of_link(l);

		if (thrum__ready_push(&w->ready, t))
			thrum__inbox_push(inbox, &t->link);
		l = next;
	}
}

/* Tasks that must go on here: to where nobody steals. */
static void take_handed(struct thrum__worker *w)
{
#ifdef THRUM_MIGRATE
	drain(w, &w->handed.tasks);
#else
	*w->own_end = thrum__inbox_take_all(&w->handed.tasks);
	while (*w->own_end)
		w->own_end = &(*w->own_end)->next;
#endif
}

/* The next of them, one for each visit home; NULL: none. */
static struct thrum__task *next_own(struct thrum__worker *w)
{
	struct thrum__link *l = w->own;

	if (LIKELY(!l))
		return NULL;
	w->own = l->next;
	if (!w->own)
		w->own_end = &w->own;
	return thrum__task_of_link(l);
}

/* What those that run before the next visit have in memory is fetched for all of them at once.  Of
 * thousands that wait each is in no cache, its stack on a page of its own.  Any of them may be
 * another worker's by now, or over: of its block no more is read than where its fiber is. */
void thrum__worker_fetch(const struct thrum__worker *w)
{
	void *next[BUDGET];
	unsigned n = thrum__ready_peek(&w->ready, next, BUDGET);

	for (unsigned i = 0; i < n; i++) {
		const struct thrum__task *t = next[i];
		const struct thrum__fiber *f = load_relaxed(&t->fiber_seen);

		__builtin_prefetch(t);
		__builtin_prefetch(&t->below);
		if (f)
			thrum__fiber_prefetch(f);
	}
}

/* What came from outside the worker: timers, wakes, submissions, and the oldest spawned task. */
static void take_in(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;
	struct thrum__task *t;
	uint64_t runnable;

	thrum__timers_run(w);
	if (!thrum__inbox_is_empty(&rt->woken))
		drain(w, &rt->woken);
	if (thrum__handed_any(&w->handed))
		take_handed(w);
	for (int i = 0; i < INJECT_BATCH && (t = thrum__inject_pop(&rt->inject)); i++) {
		thrum__worker_queue(w, t);
	}
	t = oldest_is_due(w) ? thrum__deque_pop_oldest(&w->spawned) : NULL;
	if (t)
		thrum__worker_queue(w, t);
	if (w->own || thrum__worker_has_local(w))
		thrum__worker_look_at_times(w);
	/* One that runs next is nobody else's business; own ones go before it. */
	runnable = thrum__ready_count(&w->ready) + (w->own != NULL);
	if (runnable > 1) {
		thrum__idle_notify(&rt->idle);
		if (runnable >= FETCH_LEAST)
			thrum__worker_fetch(w);
	}
}

/* On home: goes on with @t until the worker comes back. */
static void run_from_home(struct thrum__worker *w, struct thrum__task *t)
{
	struct thrum__fiber *to = fiber_for(w, t);

	if (to != &w->home) {
		switch_to(w, to);
		thrum__worker_set_current(w, NULL);
	}
	while (w->unstarted) {
		t = w->unstarted;
		w->unstarted = NULL;
		thrum__task_abort(w, t, -ENOMEM);
	}
	while (w->kept_count > THRUM__FIBERS_KEPT) {
		struct thrum__fiber *f = w->kept;

		w->kept = f->next;
		w->kept_count--;
		thrum__fiber_destroy(&w->stacks, f);
	}
}

static void end_search(struct thrum__worker *w)
{
	if (!w->searching)
		return;
	w->searching = false;
	thrum__idle_search_found(&w->runtime->idle);
}

void *thrum__worker_main(void *worker)
{
	struct thrum__worker *w = worker;
	struct thrum_runtime *rt = w->runtime;
	char name[16];

	snprintf(name, sizeof(name), "%s-w%u", rt->name, w->index);
	thrum__os_thread_setname(name);
	store_relaxed(&w->tid, (uint32_t)thrum__os_thread_id());
	thrum__monitor_set_slice(w, false);
	thrum__tls_set_worker(w);
	thrum__fork_use_lane(w);
	thrum__fiber_init_thread(&w->home);
	if (thrum__guard_thread_init(&w->guard))
		w->guard.map = NULL; /* an overflow then ends the process without its message */
	w->fiber = &w->home;
	while (!w->exiting) {
		struct thrum__task *t;

		thrum__spare_visit(w);
		if (w->exiting)
			break;
		w->budget = BUDGET;
		store_relaxed(&w->counters.refills,
			      w->restocks + w->tasks.exchanges + w->futures.exchanges);
		if (UNLIKELY(w->withholds) && ++w->visits >= UNFORKED)
			thrum__fork_stop_withholding(w);
		if (UNLIKELY(thrum__idle_is_careful(&rt->idle)) && ++w->wakeful >= WAKEFUL) {
			w->wakeful = 0;
			thrum__idle_turn_quick(&rt->idle);
		}
		take_in(w);
		if (!thrum__inbox_is_empty(&rt->callbacks)) {
			end_search(w); /* they are users' code: others must be woken meanwhile */
			thrum__callbacks_run(w);
		}
		t = next_own(w);
		if (!t)
			t = next_local(w);
		if (!t)
			t = thrum__worker_find_elsewhere(w);
		if (t || w->exiting)
			end_search(w);
		if (t)
			run_from_home(w, t);
	}
	thrum__guard_thread_fini(&w->guard);
	thrum__fork_use_lane(NULL);
	thrum__tls_set_worker(NULL);
	store_relaxed(&w->tid, 0);
	return NULL;
}

int thrum__worker_init(struct thrum__worker *w, struct thrum_runtime *rt, unsigned index)
{
	int err = thrum__deque_init(&w->spawned, 256);

	if (err)
		return err;
	err = thrum__ready_init(&w->ready, 256);
	if (err)
		goto no_ready;
	w->forks = thrum__os_alloc((THRUM__FORKS_MAX + 2) * sizeof(*w->forks));
	if (!w->forks) {
		err = -ENOMEM;
		goto no_forks;
	}
	thrum__lane_init(&w->lane, w->forks, THRUM__FORKS_MAX, !thrum__membarrier_ready);
	w->runtime = rt;
	w->index = index;
	w->credits_most = rt->limits.credits_share ? 2 * rt->limits.credits_share : 1;
	w->random = rt->seed * 0x9E3779B97F4A7C15u + index * 0xD1B54A32D192ED03u + 1;
	store_relaxed(&w->next_ns, (uint64_t)THRUM_FOREVER);
	thrum__bias_init(&w->wheel_lock);
	thrum__inbox_init(&w->handed.tasks);
	w->own_end = &w->own;
	thrum__pool_cache_init(&w->tasks, &thrum__task_pool);
	thrum__pool_cache_init(&w->futures, &thrum__future_pool);
	thrum__stack_cache_init(&w->stacks, &rt->stacks);
	thrum__wheel_init(&w->wheel, thrum__runtime_now_ns(rt), thrum__timer_fire, w);
	return 0;

no_forks:
	thrum__ready_fini(&w->ready);
no_ready:
	thrum__deque_fini(&w->spawned);
	return err;
}

void thrum__worker_fini(struct thrum__worker *w)
{
	while (w->kept) {
		struct thrum__fiber *f = w->kept;

		w->kept = f->next;
		thrum__fiber_destroy(&w->stacks, f);
	}
	thrum__wheel_fini(&w->wheel);
	thrum__stack_cache_fini(&w->stacks);
	thrum__pool_cache_fini(&w->tasks);
	thrum__pool_cache_fini(&w->futures);
	thrum__os_free(w->forks);
	thrum__ready_fini(&w->ready);
	thrum__deque_fini(&w->spawned);
}
