/* SPDX-License-Identifier: MIT */
/*
 * timer.c - the time of a runtime, and timers that end waits.
 *
 * Each worker has a wheel of its own (core/wheel.c) and no lock on it: a wait's deadline goes into
 * the wheel of the worker that begins it.  Nobody takes a timer out; when a wait ends otherwise its
 * timer is stale, which its seq tells, and the wheel's owner sweeps the stale ones out before they
 * are many.
 *
 * The virtual clock is one word.  It moves when all workers sleep, nothing is queued and no
 * blocking job is in flight: the last worker that announces its sleep sees all others asleep, takes
 * the advancing flag, chooses the worker with the earliest timer (by clearing its bit in idle.c, so
 * that nobody else does), after it has written the time.  A worker that finds the flag taken leaves
 * a count in it, and the one that has it looks again: what it saw may be old.
 *
 * ORDER   O1 acq_rel of advancing: who looks again sees the announcement of whoever left the count.
 *         O2 release of next_ns (elsewhere.c) pairs with the acquire in earliest.  O3 acquire of
 *         callbacks_due pairs with the release in callback.c.  O4 release of virtual_ns: whoever
 *         was woken reads the new time.  O5 fence_light between a wait's end and the look at
 *         next_ns pairs with the heavy fence of sleep_begin, between next_ns and the second look at
 *         the wheel (elsewhere.c): the sleeper sees the end, or whoever ended the wait sees the
 *         sleep.
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
	timer->worker = NULL;
	if (deadline_ns == THRUM_FOREVER)
		return 0;
	timer->worker = w;
	timer->deadline_ns = deadline_ns;
	return thrum__wheel_insert(&w->wheel, deadline_ns, p, seq);
}

void thrum__timer_forget(struct thrum__timer *timer)
{
	struct thrum__worker *owner = timer->worker;

	if (!owner)
		return;
	if (owner == thrum__tls_worker()) {
		thrum__wheel_note_stale(&owner->wheel);
		return;
	}
	fetch_add_relaxed(&owner->remote_stale, 1);
	fence_light(); /* O5 */
	/* It may sleep until just this deadline: let it look again rather than wake for nothing
	 * later. */
	if ((int64_t)load_relaxed(&owner->next_ns) == timer->deadline_ns)
		thrum__idle_wake(&owner->runtime->idle, owner->index);
}

void thrum__timers_run(struct thrum__worker *w)
{
	uint32_t remote;

	if (thrum__wheel_count(&w->wheel) == 0)
		return;
	remote = load_relaxed(&w->remote_stale);
	if (thrum__wheel_compact_due(&w->wheel, remote)) {
		fetch_sub_relaxed(&w->remote_stale, remote);
		thrum__wheel_compact(&w->wheel, is_stale);
	}
	thrum__wheel_advance(&w->wheel, thrum__runtime_now_ns(w->runtime));
}

int64_t thrum__timers_next_ns(struct thrum__worker *w)
{
	return thrum__wheel_next_live_ns(&w->wheel, is_stale);
}

/* The worker with the earliest timer; NULL: there is none. */
static struct thrum__worker *earliest(struct thrum_runtime *rt)
{
	struct thrum__worker *found = NULL;
	uint64_t best = (uint64_t)THRUM_FOREVER;

	for (unsigned i = 0; i < rt->workers_count; i++) {
		uint64_t next = load_acquire(&rt->workers[i]->next_ns); /* O2 */

		if (next < best) {
			best = next;
			found = rt->workers[i];
		}
	}
	return found;
}

/* Between two calls of block_on nothing happens, as in a loop that is not run. */
static bool stands_still(struct thrum_runtime *rt)
{
	return load_relaxed(&rt->driven) && !load_relaxed(&rt->drivers) &&
	       !load_relaxed(&rt->stopping);
}

/* Whose turn it is, and the clock is set to it; NULL: the clock does not move. */
static struct thrum__worker *move_clock(struct thrum_runtime *rt)
{
	struct thrum__worker *next;
	uint64_t due;

	/* The sleepers last: whoever took what the other looks no longer find is not asleep. */
	if (stands_still(rt) || thrum__job_pool_in_flight(&rt->blocking) ||
	    thrum__service_is_busy() || load_acquire(&rt->callbacks_due) || /* O3 */
	    thrum__runtime_has_work(rt) || !thrum__idle_all_asleep(&rt->idle))
		return NULL;
	next = earliest(rt);
	if (!next)
		return NULL;
	due = load_relaxed(&next->next_ns);
	if (due > load_relaxed(&rt->virtual_ns))
		store_release(&rt->virtual_ns, due); /* O4 */
	return next;
}

bool thrum__clock_advance(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;
	uint32_t seen = 1;

	if (!thrum__idle_all_asleep(&rt->idle) || fetch_add_acq_rel(&rt->advancing, 1)) /* O1 */
		return false; /* not yet; or whoever has the flag looks again for us */
	do {
		struct thrum__worker *next = move_clock(rt);

		if (next) {
			/* Before the wake: the one that wakes may soon come here again. */
			store_release(&rt->advancing, 0); /* O1 */
			if (next != w)
				thrum__idle_wake(&rt->idle, next->index);
			return next == w;
		}
	} while (!cas_acq_rel(&rt->advancing, &seen, 0)); /* O1 */
	return false;
}
