/* SPDX-License-Identifier: MIT */
/*
 * spare.c - a worker beyond the configured number: made, let go, at rest, ended.
 *
 * A spare is a worker like the others (worker.c), in a place of rt->workers beyond workers_count.
 * The monitor starts one when all others are held inside a task each and work waits.  While it is
 * needed it searches and sleeps as they do.  When it is not needed any more it is told to leave: at
 * its next visit home it hands its tasks over to the runtime's inbox and rests in a futex of its
 * own, counted as one that does not sleep (idle.c: total).  After a while at rest its thread ends
 * and gives back what it had in store; the struct stays, for others may look at its queues, and its
 * timers stay in its wheel, where the monitor fires them (monitor.c).
 *
 * STATES  those of core/standby.c; the keeper is the monitor, then whoever stops the runtime.  A
 *         spare rests on home, with nothing left.
 *
 * What can fail: memory for the worker, its thread; then there is one spare less for a while.
 *
 * ORDER   core/standby.c: the spare is done with its wheel and queues; core/roll.h: a new worker is
 *         whole when others find it.
 */
#include "sched/spare.h"

#include "sched/fork.h"

#include <errno.h>
#include <string.h>

unsigned thrum__spares_workers_max(const struct thrum_config *c)
{
	unsigned spares = c->workers > 4 ? c->workers : 4;

	if (THRUM__MIGRATES)
		return c->workers;
	if (c->clock == THRUM_CLOCK_VIRTUAL || c->stall_ns == THRUM_FOREVER)
		return c->workers;
	return spares < THRUM__WORKERS_MAX - c->workers ? c->workers + spares : THRUM__WORKERS_MAX;
}

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

void thrum__spare_visit(struct thrum__worker *w)
{
	if (!thrum__worker_is_spare(w) || !thrum__standby_is(&w->spare, THRUM__STANDBY_LEAVING))
		return;
	hand_over(w);
	thrum__fork_offer(w);
	if (w->searching) {
		w->searching = false;
		thrum__idle_search_found(&w->runtime->idle);
	}
	give_back(w);
	thrum__gate_went_quiet(&w->runtime->gate);
	if (!thrum__standby_rest(&w->spare))
		w->exiting = true;
}

/* Its thread: a worker's, then it empties the caches, which are the thread's own. */
static void *spare_main(void *worker)
{
	struct thrum__worker *w = worker;

	thrum__worker_main(w);
	give_back(w);
	w->restocks += w->tasks.exchanges + w->futures.exchanges;
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
	thrum__standby_begin(&w->spare);
	err = thrum__os_thread_create(&w->thread, spare_main, w, 0);
	if (err)
		thrum__standby_over(&w->spare);
	return err;
}

/* A worker in a new place; it has no thread yet. */
static int make(struct thrum_runtime *rt, struct thrum__worker **out)
{
	unsigned index = thrum__roll_next(&rt->roll);
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
	thrum__idle_add(&rt->idle);
	thrum__roll_add(&rt->roll);
	*out = w;
	return 0;
}

int thrum__spare_start(struct thrum_runtime *rt)
{
	unsigned total = thrum__workers_total(rt);
	struct thrum__worker *w, *without = NULL;
	int err;

	for (unsigned i = rt->workers_count; i < total; i++) {
		w = rt->workers[i];
		if (thrum__standby_wake(&w->spare, true))
			return 0;
		if (!without && thrum__standby_is(&w->spare, THRUM__STANDBY_NONE))
			without = w;
	}
	if (without)
		return start_thread(without);
	err = make(rt, &w);
	return err ? err : start_thread(w);
}

void thrum__spare_want(struct thrum__worker *w, bool wanted)
{
	thrum__standby_want(&w->spare, wanted);
}

void thrum__spare_end(struct thrum__worker *w)
{
	if (!thrum__standby_wake(&w->spare, false))
		return;
	thrum__os_thread_join(w->thread);
	thrum__standby_over(&w->spare);
}

void thrum__spares_stop(struct thrum_runtime *rt)
{
	unsigned total = thrum__workers_total(rt);

	for (unsigned i = rt->workers_count; i < total; i++) {
		struct thrum__worker *w = rt->workers[i];

		if (thrum__standby_is(&w->spare, THRUM__STANDBY_NONE))
			continue;
		thrum__standby_stop(&w->spare);
		thrum__os_thread_join(w->thread);
		thrum__standby_over(&w->spare);
	}
}
