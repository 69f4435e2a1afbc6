/* SPDX-License-Identifier: MIT */
/*
 * spare.c - a worker beyond the configured number: made, let go, at rest, ended.
 *
 * A spare is a worker like the others (worker.c), in a place of rt->workers beyond workers_count.
 * The monitor starts one when all others are held inside a task each and work waits.  While it is
 * needed it searches and sleeps as they do.  When it is not needed any more it is told to leave: at
 * its next visit home it hands its tasks over to the runtime's inbox and rests in a futex of its
 * own, counted by nobody.  After a while at rest its thread ends and gives back what it had in
 * store; the struct stays, for others may look at its queues, and its timers stay in its wheel,
 * where the monitor fires them (monitor.c).
 *
 * STATES  T1 NONE -> RUNNING                 the monitor makes a thread
 *         T2 RUNNING -> LEAVING, and back    the monitor
 *         T3 LEAVING -> RESTING              the spare, on home, with nothing left
 *         T4 RESTING -> RUNNING              the monitor, which wakes it
 *         T5 RESTING -> ENDING               the monitor, which wakes it and joins its thread
 *         T6 any -> ENDING                   whoever stops the runtime: its workers exit
 *         T7 ENDING -> NONE                  after the join
 *         All but T1, T6 and T7 by CAS: T3 fails after T2 back or T6.
 *
 * What can fail: memory for the worker, its thread; then there is one spare less for a while.
 *
 * ORDER   O1 release at T3 pairs with O2 acquire at T4, T5: the spare is done with its wheel and
 *            queues.
 *         O3 release at T4, T5, T6 pairs with O4 acquire of the spare that wakes.
 *         O5 release of workers_total (the worker is whole) pairs with the acquire in worker.h.
 */
#include "sched/spare.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

/* All tasks of @w go to where any worker finds them. */
static void hand_over(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;
	bool any = false;
	struct thrum__task *t;

	while ((t = thrum__ready_take(&w->ready)) || (t = thrum__deque_pop_oldest(&w->spawned))) {
		thrum__inbox_push(&rt->woken, &t->link);
		any = true;
	}
	if (any)
		thrum__idle_notify(&rt->idle);
}

/* What it has in store and others may need. */
static void give_back(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;

	if (w->credits)
		fetch_add_relaxed(&rt->credits, (uint64_t)w->credits);
	w->credits = 0;
	while (w->kept) {
		struct thrum__fiber *f = w->kept;

		w->kept = f->next;
		w->kept_count--;
		thrum__fiber_destroy(&w->stacks, f);
	}
}

static void rest(struct thrum__worker *w)
{
	uint32_t leaving = THRUM__SPARE_LEAVING;
	uint32_t state;

	if (!cas_release(&w->spare, &leaving, THRUM__SPARE_RESTING)) /* T3; O1 */
		return;
	for (;;) {
		state = load_acquire(&w->spare); /* O4 */
		if (state != THRUM__SPARE_RESTING)
			break;
		thrum__os_futex_wait(&w->spare.v, THRUM__SPARE_RESTING, THRUM_FOREVER);
	}
	if (state == THRUM__SPARE_ENDING)
		w->exiting = true;
}

void thrum__spare_visit(struct thrum__worker *w)
{
	if (!thrum__worker_is_spare(w) || load_relaxed(&w->spare) != THRUM__SPARE_LEAVING)
		return;
	hand_over(w);
	if (w->searching) {
		w->searching = false;
		thrum__idle_search_found(&w->runtime->idle);
	}
	give_back(w);
	rest(w);
}

/* Its thread: a worker's, then it empties the caches, which are the thread's own. */
static void *spare_main(void *worker)
{
	struct thrum__worker *w = worker;

	thrum__worker_main(w);
	give_back(w);
	thrum__stack_cache_fini(&w->stacks);
	thrum__pool_cache_fini(&w->tasks);
	thrum__pool_cache_fini(&w->futures);
	thrum__stack_cache_init(&w->stacks, &w->runtime->stacks);
	thrum__pool_cache_init(&w->tasks, &thrum__task_pool);
	thrum__pool_cache_init(&w->futures, &thrum__future_pool);
	return NULL;
}

static int start_thread(struct thrum__worker *w)
{
	int err;

	w->exiting = false;
	store_relaxed(&w->spare, THRUM__SPARE_RUNNING); /* T1 */
	err = thrum__os_thread_create(&w->thread, spare_main, w, 0);
	if (err)
		store_relaxed(&w->spare, THRUM__SPARE_NONE);
	return err;
}

/* One that rests goes on: true. */
static bool wake(struct thrum__worker *w, enum thrum__spare_state to)
{
	uint32_t resting = THRUM__SPARE_RESTING;

	if (!cas_acq_rel(&w->spare, &resting, to)) /* T4, T5; O2, O3 */
		return false;
	thrum__os_futex_wake(&w->spare.v, 1);
	return true;
}

/* A worker in a new place; it has no thread yet. */
static int make(struct thrum_runtime *rt, struct thrum__worker **out)
{
	unsigned index = load_relaxed(&rt->workers_total);
	struct thrum__worker *w;
	int err;

	if (index == rt->workers_max)
		return -ENOSPC;
	w = thrum__os_alloc_aligned(CACHE_LINE, sizeof(*w));
	if (!w)
		return -ENOMEM;
	memset(w, 0, sizeof(*w));
	err = thrum__worker_init(w, rt, index);
	if (err) {
		thrum__os_free(w);
		return err;
	}
	rt->workers[index] = w;
	store_release(&rt->workers_total, index + 1); /* O5 */
	*out = w;
	return 0;
}

int thrum__spare_start(struct thrum_runtime *rt)
{
	unsigned total = load_relaxed(&rt->workers_total);
	struct thrum__worker *w, *without = NULL;
	int err;

	for (unsigned i = rt->workers_count; i < total; i++) {
		w = rt->workers[i];
		if (wake(w, THRUM__SPARE_RUNNING))
			return 0;
		if (!without && load_relaxed(&w->spare) == THRUM__SPARE_NONE)
			without = w;
	}
	if (without)
		return start_thread(without);
	err = make(rt, &w);
	return err ? err : start_thread(w);
}

void thrum__spare_want(struct thrum__worker *w, bool wanted)
{
	uint32_t from = wanted ? THRUM__SPARE_LEAVING : THRUM__SPARE_RUNNING;

	cas_relaxed(&w->spare, &from,
		    wanted ? THRUM__SPARE_RUNNING : THRUM__SPARE_LEAVING); /* T2 */
}

void thrum__spare_end(struct thrum__worker *w)
{
	if (!wake(w, THRUM__SPARE_ENDING))
		return;
	thrum__os_thread_join(w->thread);
	store_relaxed(&w->spare, THRUM__SPARE_NONE); /* T7 */
}

void thrum__spares_stop(struct thrum_runtime *rt)
{
	unsigned total = load_relaxed(&rt->workers_total);

	for (unsigned i = rt->workers_count; i < total; i++) {
		struct thrum__worker *w = rt->workers[i];

		if (load_relaxed(&w->spare) == THRUM__SPARE_NONE)
			continue;
		store_release(&w->spare, THRUM__SPARE_ENDING); /* T6; O3 */
		thrum__os_futex_wake(&w->spare.v, 1);
		thrum__os_thread_join(w->thread);
		store_relaxed(&w->spare, THRUM__SPARE_NONE); /* T7 */
	}
}
