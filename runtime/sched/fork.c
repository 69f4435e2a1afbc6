/* SPDX-License-Identifier: MIT */
/*
 * fork.c - fork and join where the inline way of <thrum/fork.h> ends.
 *
 * STATES of a fork, in its link: IN LANE (its maker's task; fn and arg are set), TASK (a future,
 * marked: it was stolen, or let go before a wait), ENDED (marked; arg is its result).
 *
 * A LANE  (core/lane.c) holds the forks of the fiber that runs on its worker, and of no other:
 * before a fiber leaves its worker they all become tasks in the worker's queue.  So a join finds
 * its fork as the newest in the lane, or as a task.
 *
 * A TASK  made of a fork is an ordinary one, named by where its maker was spawned.  `below` leads
 * from it to its maker, which is asked for its cancel requests, too: the maker cannot end before
 * it: a maker that was let go from, and ends before all that went is joined, is asserted.  It may
 * start while its runtime stops, as its maker is one of those that are waited for.
 *
 * THIEVES  Searching workers (elsewhere.c).  One takes what is offered; after its patience it asks,
 * and what is not offered then it opens by force.  Before a worker sleeps all lanes are told: the
 * next push of each tells, wakes it, and offers half.
 *
 * What can fail: a descriptor or the limit on tasks: then forks run in place, at once if their
 * maker is about to wait.  With too little stack left for that as well, the fork's result is
 * -ENOMEM and its function is not called.
 */
#include "sched/fork.h"

#include "sched/await.h"
#include "sched/fork_check.h"
#include "sched/local.h"
#include "sched/scope.h"
#include "sched/spawn.h"

/* Programs have this compiled into them. */
_Static_assert(THRUM_FORK_ABI == 1 && sizeof(struct thrum_fork_lane) == 5 * sizeof(void *) &&
		   offsetof(struct thrum_fork_lane, stop) == 1 * sizeof(void *) &&
		   offsetof(struct thrum_fork_lane, split) == 2 * sizeof(void *) &&
		   offsetof(struct thrum_fork_lane, stack_low) == 3 * sizeof(void *) &&
		   offsetof(struct thrum_fork_lane, task) == 4 * sizeof(void *),
	       "a lane of another layout needs another THRUM_FORK_ABI");

#define IS_TASK 1
#define IS_ENDED 2

/* Read by its name in <thrum/fork.h>'s assembly, which a compiler of the whole program does not
 * see. */
__attribute__((visibility("default"), used,
	       tls_model("initial-exec"))) _Thread_local struct thrum_fork_lane *thrum_fork_lane;

void thrum__fork_use_lane(struct thrum__worker *w)
{
	struct thrum_fork_lane **p = &thrum_fork_lane;

	__asm__ volatile("" : "+r"(p)::"memory");
	*p = w ? &w->lane.front : NULL;
}

/* ---- Forks that become tasks ---- */

static void *mark_task(struct thrum__task *t)
{
	return (char *)&t->future + IS_TASK;
}

/* A task for a fork that is yet to be taken; NULL: no memory, or the limit. */
static struct thrum__task *prepare(struct thrum__worker *w)
{
	static const struct thrum__spawn how = {.place = "? fork"};
	struct thrum__task *t;

	return thrum__spawn_make_bare(w, &how, &t) ? NULL : t;
}

/* @t becomes @j.  References: the runtime's and the join's. */
static void fill(struct thrum__worker *w, struct thrum__task *t, struct thrum_fork *j)
{
	static const struct thrum__spawn how = {.place = NULL};

	t->fn = j->reserved_fn;
	t->arg = j->reserved_arg;
	t->below = j->reserved_link;
	t->forked = THRUM__A_FORK | THRUM__AWAY;
	t->future.place = t->below->future.place;
	thrum__locals_inherit(t, t->below);
	j->reserved_link = mark_task(t);
	/* While stopping, too: its maker ends after it and passes the request on. */
	(void)thrum__spawn_publish(w, &how, t);
}

/* @j is about to become a task of its maker's own making, here on its maker's stack. */
static void fill_and_note(struct thrum__worker *w, struct thrum__task *t, struct thrum_fork *j)
{
	struct thrum__task *maker = j->reserved_link;

	fill(w, t, j);
	if (maker->marks & THRUM__FORKED)
		return;
	maker->marks |= THRUM__FORKED;
	j->reserved_fn = NULL; /* the oldest of them, which is joined last */
}

struct thrum__task *thrum__fork_steal(struct thrum__worker *w, struct thrum__worker *victim,
				      bool force)
{
	struct thrum__lane *l = &victim->lane;
	struct thrum__task *t;
	struct thrum_fork *j;

	if (!(force ? thrum__lane_has(l) : thrum__lane_offers(l)))
		return NULL;
	t = prepare(w);
	if (t && !thrum__worker_equip(w, t)) { /* its maker has a stack */
		thrum__task_discard(w, t);
		t = NULL;
	}
	if (!t) {
		w->starved = true;
		return NULL;
	}
	j = thrum__lane_take(l, force);
	if (!j) {
		thrum__worker_unequip(w, t);
		thrum__task_discard(w, t);
		return NULL;
	}
	fill(w, t, j);
	thrum__lane_taken(l);
	return t;
}

static void queue(struct thrum__worker *w, struct thrum__task *t)
{
	if (thrum__deque_push(&w->spawned, t))
		thrum__worker_queue(w, t);
}

/* ---- In place ---- */

static bool stack_is_low(struct thrum__worker *w)
{
	return (char *)__builtin_frame_address(0) <= w->lane.front.stack_low;
}

static void run(struct thrum_fork *j)
{
	intptr_t result = j->reserved_fn(j->reserved_arg);

	j->reserved_arg = (void *)result;
	j->reserved_link = (void *)IS_ENDED;
}

static void refuse(struct thrum_fork *j, intptr_t err)
{
	j->reserved_arg = (void *)err;
	j->reserved_link = (void *)IS_ENDED;
}

/* @j, which is in no lane, runs here, or as a task if there is too little stack. */
static void run_or_queue(struct thrum__worker *w, struct thrum_fork *j)
{
	struct thrum__task *t;

	if (!stack_is_low(w)) {
		run(j);
		return;
	}
	t = prepare(w);
	if (!t) {
		refuse(j, -ENOMEM);
		return;
	}
	fill_and_note(w, t, j);
	queue(w, t);
	thrum__idle_notify(&w->runtime->idle);
}

/* All as tasks, the oldest first; false: some are left. */
static bool queue_all(struct thrum__worker *w)
{
	for (;;) {
		struct thrum__task *t = prepare(w);
		struct thrum_fork *j;

		if (!t)
			return false;
		j = thrum__lane_take_back(&w->lane);
		if (!j) {
			thrum__task_discard(w, t);
			return true;
		}
		fill_and_note(w, t, j);
		thrum__lane_taken(&w->lane);
		queue(w, t);
	}
}

/* @t waits inside brackets that are none of @j's: they began after it, or in another function. */
static void run_undisturbed(struct thrum__task *t, struct thrum_fork *j)
{
	struct thrum__hidden hidden = thrum__brackets_hide(t);

	run(j);
	thrum__brackets_show(t, &hidden);
	thrum__scopes_ask(t);
}

void thrum__fork_stop_withholding(struct thrum__worker *w)
{
	thrum__lane_ask(&w->lane);
	w->withholds = false;
	thrum__idle_offer(&w->runtime->idle);
}

bool thrum__fork_queue_all(struct thrum__worker *w)
{
	bool all = thrum__lane_is_clear(&w->lane) || queue_all(w);

	thrum__idle_notify(&w->runtime->idle);
	return all;
}

void thrum__fork_let_go(struct thrum__worker *w)
{
	bool all = queue_all(w);

	thrum__idle_notify(&w->runtime->idle);
	while (!all) {
		struct thrum_fork *j = thrum__lane_newest(&w->lane);

		if (!j)
			return;
		if (thrum__lane_pop(&w->lane, j) == THRUM__LANE_OURS) {
			if (stack_is_low(w))
				refuse(j, -ENOMEM);
			else
				run_undisturbed(w->current, j);
		}
		w = thrum__tls_worker(); /* it may have waited */
	}
}

/* ---- The slow ways of the two calls ---- */

void thrum_fork_slowly(struct thrum_fork *j)
{
	struct thrum__worker *w = thrum__current_worker();

	if (!w) {
		refuse(j, thrum__no_task());
		return;
	}
	if (thrum__lane_share(&w->lane)) {
		run_or_queue(w, j);
		return;
	}
	if (!w->withholds) {
		w->withholds = true;
		w->visits = 0;
		thrum__idle_withhold(&w->runtime->idle);
	}
	thrum__lane_heed(&w->lane);
	thrum__idle_notify(&w->runtime->idle); /* with a light fence before it looks */
}

static intptr_t settle(struct thrum_fork *j)
{
	uintptr_t link = (uintptr_t)j->reserved_link;

	if (!(link & (IS_TASK | IS_ENDED)) && thrum__in_forked_child())
		return -ENOTSUP; /* it lay in a lane when the process forked */
	ENSURE(link & (IS_TASK | IS_ENDED),
	       "forks are joined once, in the reverse order, by the task that made them");
	if (link == IS_ENDED)
		return (intptr_t)j->reserved_arg;
	if (!j->reserved_fn)
		thrum__current_task()->marks &= (uint8_t)~THRUM__FORKED;
	return thrum_join((struct thrum_future *)(link - IS_TASK));
}

intptr_t thrum_fork_join_slowly(struct thrum_fork *j)
{
	struct thrum__worker *w = thrum__current_worker();

	if (w && thrum__lane_pop(&w->lane, j) == THRUM__LANE_OURS)
		run_or_queue(w, j);
	return settle(j);
}

void(thrum_fork)(struct thrum_fork *j, thrum_fn fn, void *arg)
{
	struct thrum__worker *w = thrum__current_worker();

	j->reserved_fn = fn;
	j->reserved_arg = arg;
	if (w) {
		j->reserved_link = w->current;
		if (thrum_fork_push(&w->lane.front, j))
			return;
	}
	thrum_fork_slowly(j);
}

intptr_t(thrum_fork_join)(struct thrum_fork *j)
{
	struct thrum__worker *w = thrum__current_worker();

	if (w && !stack_is_low(w) && thrum_fork_pop(&w->lane.front, j))
		return j->reserved_fn(j->reserved_arg);
	return thrum_fork_join_slowly(j);
}

/* ---- All lanes ---- */

bool thrum__forks_lie(struct thrum_runtime *rt)
{
	unsigned n = thrum__workers_total(rt);

	for (unsigned i = 0; i < n; i++)
		if (thrum__lane_has(&rt->workers[i]->lane))
			return true;
	return false;
}

bool thrum__forks_tell(void *runtime)
{
	struct thrum_runtime *rt = runtime;
	unsigned n = thrum__workers_total(rt);

	for (unsigned i = 0; i < n; i++)
		if (!thrum__lane_tells(&rt->workers[i]->lane))
			return false;
	return true;
}

void thrum__forks_attend(void *runtime)
{
	struct thrum_runtime *rt = runtime;
	unsigned n = thrum__workers_total(rt);

	for (unsigned i = 0; i < n; i++)
		thrum__lane_ask(&rt->workers[i]->lane);
}
