/* SPDX-License-Identifier: MIT */
/*
 * timer.c - the time of a runtime, and timers that end waits.
 *
 * Each worker has a wheel of its own (core/wheel.c): a wait's deadline goes into the wheel of the
 * worker that begins it.  Nobody takes a timer out; when a wait ends otherwise its timer is stale,
 * which its seq tells, and the wheel's owner sweeps the stale ones out before they are many.
 *
 * A wheel is used under a lock that is biased towards its worker (core/bias.c).  The monitor takes
 * it when the worker has been inside one task for a while, or is a spare that rests (monitor.c): it
 * fires what is due, on its own thread, so that the tasks wake as from outside.  Whoever fires,
 * does so inside the lock: the count of timers needs no other protection.
 *
 * FORGOTTEN  Who sleeps takes the earliest timer for one that is waited for, unless it is one of
 * few: a look at all would make each sleep of a server as long as its connections are many.  So it
 * may wake for nothing; the monitor looks for such sleepers before it rests.
 *
 * The virtual clock is one word.  It moves when all workers sleep, nothing is queued or to be taken
 * from the poller, and no blocking job is in flight: the last worker that announces its sleep sees
 * all others asleep and takes the advancing flag.  It sets the clock to the earliest live timer of
 * all wheels and fires what is due in all of them, on its own thread, before it gives the flag
 * back: so nobody finds everything asleep while a task is on its way into a queue.  A worker that
 * finds the flag taken has asked with that, and the one that has it looks again: what it saw may be
 * old (core/errand.h).
 *
 * The order of it all is that of the errand, which shows the asker's announcement and the time that
 * the last one set, and of core/tally.h for what is under way elsewhere.  virtual_ns itself is
 * relaxed: whoever is woken by what is fired reads it after that.
 */
#include "sched/timer.h"

#include "sched/callback.h"
#include "sched/worker.h"

int64_t thrum__runtime_now_ns(struct thrum_runtime *rt)
{
	if (rt->virtual_clock)
		return (int64_t)load_relaxed(&rt->virtual_ns);
	return thrum__clock_monotonic_ns();
}

/* Inside the wheel's lock. */
void thrum__timer_fire(void *worker, void *party, uint64_t seq)
{
	struct thrum__worker *w = worker;

	if (thrum__parker_fire(party, seq, THRUM__BY_TIMER))
		thrum__count(&w->counters.timers);
}

static bool is_stale(void *party, uint64_t seq)
{
	return thrum__parker_is_over(party, seq);
}

int thrum__timer_start(struct thrum__timer *timer, struct thrum__worker *w, struct thrum__parker *p,
		       uint64_t seq, int64_t deadline_ns)
{
	int err;

	timer->worker = NULL;
	if (deadline_ns == THRUM_FOREVER)
		return 0;
	timer->worker = w;
	timer->deadline_ns = deadline_ns;
	thrum__bias_enter(&w->wheel_lock);
	err = thrum__wheel_insert(&w->wheel, deadline_ns, p, seq);
	thrum__bias_leave(&w->wheel_lock);
	thrum__count(&w->counters.armed); /* the monitor looks anew */
	return err;
}

void thrum__timer_forget(struct thrum__timer *timer)
{
	struct thrum__worker *owner = timer->worker;

	if (!owner)
		return;
	if (owner == thrum__tls_worker()) {
		thrum__bias_enter(&owner->wheel_lock);
		thrum__wheel_note_stale(&owner->wheel);
		thrum__bias_leave(&owner->wheel_lock);
		return;
	}
	fetch_add_relaxed(&owner->remote_stale, 1);
}

/* Inside the lock: fires what is due and sweeps. */
static void run(struct thrum__worker *w)
{
	uint32_t remote = load_relaxed(&w->remote_stale);

	if (thrum__wheel_compact_due(&w->wheel, remote)) {
		fetch_sub_relaxed(&w->remote_stale, remote);
		thrum__wheel_compact(&w->wheel, is_stale);
	}
	thrum__wheel_advance(&w->wheel, thrum__runtime_now_ns(w->runtime));
}

void thrum__timers_run(struct thrum__worker *w)
{
	thrum__bias_enter(&w->wheel_lock);
	if (thrum__wheel_count(&w->wheel))
		run(w);
	thrum__bias_leave(&w->wheel_lock);
}

void thrum__timers_run_for_some(struct thrum__timers_look *looks, unsigned n)
{
	bool any = false;

	for (unsigned i = 0; i < n; i++)
		any |= looks[i].done = thrum__bias_ask(&looks[i].worker->wheel_lock);
	if (any)
		thrum__bias_after_asks();
	for (unsigned i = 0; i < n; i++) {
		struct thrum__worker *w = looks[i].worker;

		if (!looks[i].done || !(looks[i].done = thrum__bias_come_in(&w->wheel_lock)))
			continue;
		if (thrum__wheel_count(&w->wheel))
			run(w);
		looks[i].next_ns = looks[i].exact ? thrum__wheel_next_live_ns(&w->wheel, is_stale)
						  : thrum__wheel_next_bound_ns(&w->wheel, is_stale);
		thrum__bias_untake(&w->wheel_lock);
	}
}

bool thrum__timers_run_for(struct thrum__worker *w, int64_t *next_ns)
{
	struct thrum__timers_look look = {.worker = w, .exact = true};

	thrum__timers_run_for_some(&look, 1);
	if (look.done)
		*next_ns = look.next_ns;
	return look.done;
}

bool thrum__timers_due(struct thrum__worker *w)
{
	int64_t next = THRUM_FOREVER;

	thrum__bias_enter(&w->wheel_lock);
	if (thrum__wheel_count(&w->wheel))
		next = thrum__wheel_next_ns(&w->wheel);
	thrum__bias_leave(&w->wheel_lock);
	return next != THRUM_FOREVER && next <= thrum__runtime_now_ns(w->runtime);
}

int64_t thrum__timers_next_ns(struct thrum__worker *w)
{
	int64_t next;

	thrum__bias_enter(&w->wheel_lock);
	next = thrum__wheel_next_bound_ns(&w->wheel, is_stale);
	thrum__bias_leave(&w->wheel_lock);
	return next;
}

/* Do all workers sleep?  There are no spares under the virtual clock. */
static bool all_asleep(struct thrum_runtime *rt)
{
	return thrum__idle_asleep(&rt->idle) == rt->workers_count;
}

/* The earliest live deadline of @w, as @self sees it; false: @w is awake. */
static bool next_of(struct thrum__worker *self, struct thrum__worker *w, int64_t *next_ns)
{
	if (w == self)
		thrum__bias_enter(&w->wheel_lock);
	else if (!thrum__bias_try_take(&w->wheel_lock))
		return false;
	*next_ns = thrum__wheel_next_live_ns(&w->wheel, is_stale);
	if (w == self)
		thrum__bias_leave(&w->wheel_lock);
	else
		thrum__bias_untake(&w->wheel_lock);
	return true;
}

/* That of all workers; THRUM_FOREVER: there is none, or one is awake. */
static int64_t earliest_ns(struct thrum__worker *self)
{
	struct thrum_runtime *rt = self->runtime;
	int64_t best = THRUM_FOREVER, next;

	for (unsigned i = 0; i < rt->workers_count; i++) {
		if (!next_of(self, rt->workers[i], &next))
			return THRUM_FOREVER;
		best = thrum__min64(best, next);
	}
	return best;
}

/* Fires what is due in all wheels; one that is awake does it itself. */
static void run_all(struct thrum__worker *self)
{
	struct thrum_runtime *rt = self->runtime;

	for (unsigned i = 0; i < rt->workers_count; i++) {
		struct thrum__timers_look look = {.worker = rt->workers[i]};

		if (rt->workers[i] == self)
			thrum__timers_run(self);
		else
			thrum__timers_run_for_some(&look, 1);
	}
}

/* Between two calls of block_on nothing happens, as in a loop that is not run. */
static bool stands_still(struct thrum_runtime *rt)
{
	return load_relaxed(&rt->driven) && !load_relaxed(&rt->drivers) &&
	       !thrum__gate_is_shut(&rt->gate);
}

/* Does anything lie for one worker alone?  Of one that has just been woken, and still counts as
 * asleep, has_work does not tell. */
static bool any_handed(struct thrum_runtime *rt)
{
	for (unsigned i = 0; i < rt->workers_count; i++)
		if (thrum__handed_any(&rt->workers[i]->handed))
			return true;
	return false;
}

/* Sets the clock to the earliest timer and fires: true; false: it does not move. */
static bool move_clock(struct thrum__worker *self)
{
	struct thrum_runtime *rt = self->runtime;
	int64_t due;

	/* The sleepers last: whoever took what the other looks no longer find is not asleep. */
	if (stands_still(rt) || thrum__job_pool_in_flight(&rt->blocking) ||
	    thrum__service_is_busy() || thrum__tally_any(&rt->gate.calls_due) ||
	    thrum__runtime_has_work(rt) || any_handed(rt) ||
	    rt->poller->ops->await(rt->poller, false) || !all_asleep(rt))
		return false;
	due = earliest_ns(self);
	if (due == THRUM_FOREVER) {
		thrum__cycles_look(rt);
		return false;
	}
	if (due > (int64_t)load_relaxed(&rt->virtual_ns))
		store_relaxed(&rt->virtual_ns, (uint64_t)due);
	run_all(self);
	return true;
}

bool thrum__clock_advance(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;

	if (!all_asleep(rt) || !thrum__errand_ask(&rt->advancing))
		return false; /* not yet; or whoever has the flag looks again for us */
	do {
		thrum__errand_take(&rt->advancing);
		if (move_clock(w)) {
			/* It comes here again itself before it sleeps: no request is lost. */
			thrum__errand_drop(&rt->advancing);
			return true;
		}
	} while (!thrum__errand_finish(&rt->advancing));
	return false;
}
