/* SPDX-License-Identifier: MIT */
/*
 * elsewhere.c - what a worker without local work does: look at the others' queues, spin a little,
 * sleep.
 *
 * It searches only if idle.c lets it (at most half of the workers search at a time).  For the first
 * microseconds it leaves a queue with a single task alone: its owner is about to take it, and a
 * task that waits for less than that is not worth the way to another core.  Then it takes single
 * ones too: their owner is busy.  Before it sleeps it announces itself and looks at every source
 * once more (idle.c says why nothing is lost).  It sleeps in a futex of its own until chosen or
 * until its earliest timer.
 *
 * ORDER   O1 release of signal (what happened before the wake) pairs with O2 acquire in
 *         await_signal.
 *         O3 release of next_ns pairs with the acquire of timer.c; O4 release of quiet with that of
 *         stop.c.
 *
 * What is measured: parks, stolen (struct thrum_stats).
 */
#include "sched/worker.h"

#include "sched/timer.h"

#include <limits.h>

/* How long a searcher leaves single tasks to their owner. */
#define PATIENCE_NS 5000
/* Free stacks that keep their memory, and how many are trimmed between two looks for work (2 us
 * each). */
#define STACKS_WARM 1024
#define STACKS_TRIM 8
/* Rounds over all queues between two looks at the clock. */
#define ROUNDS 16

static uint64_t next_random(struct thrum__worker *w)
{
	uint64_t x = w->random; /* xorshift64*, Vigna 2016 */

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	w->random = x;
	return x * 0x2545F4914F6CDD1Du;
}

static struct thrum__task *steal_from(struct thrum__worker *w, struct thrum__worker *victim,
				      bool eager)
{
	uint64_t least = eager ? 1 : 2;
	struct thrum__task *t = NULL;

#ifndef THRUM_MIGRATE
	if (thrum__ready_count(&victim->ready) >= least)
		t = thrum__ready_take(&victim->ready);
#endif
	if (!t && thrum__deque_count(&victim->spawned) >= least)
		t = thrum__deque_steal(&victim->spawned);
	if (t)
		thrum__count(&w->counters.stolen);
	return t;
}

/* One look at everybody else's queues. */
static struct thrum__task *steal(struct thrum__worker *w, bool eager)
{
	struct thrum_runtime *rt = w->runtime;
	unsigned n = rt->workers_count;
	unsigned start = (unsigned)(next_random(w) % n);

	for (unsigned i = 0; i < n; i++) {
		struct thrum__worker *victim = rt->workers[(start + i) % n];
		struct thrum__task *t;

		if (victim != w && (t = steal_from(w, victim, eager)))
			return t;
	}
	return NULL;
}

bool thrum__worker_has_outside(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;

#ifdef THRUM_MIGRATE
	if (!thrum__inbox_is_empty(&w->handed))
		return true;
#endif
	return !thrum__inbox_is_empty(&rt->woken) || !thrum__inject_empty(&rt->inject) ||
	       !thrum__inbox_is_empty(&rt->callbacks) || load_relaxed(&rt->exiting);
}

bool thrum__runtime_has_work(void *runtime)
{
	struct thrum_runtime *rt = runtime;

	for (unsigned i = 0; i < rt->workers_count; i++) {
		struct thrum__worker *w = rt->workers[i];

		if (thrum__deque_count(&w->spawned))
			return true;
#ifdef THRUM_MIGRATE
		if (!thrum__inbox_is_empty(&w->handed))
			return true;
#else
		if (thrum__ready_count(&w->ready))
			return true;
#endif
	}
	return !thrum__inbox_is_empty(&rt->woken) || !thrum__inject_empty(&rt->inject) ||
	       !thrum__inbox_is_empty(&rt->callbacks) || load_relaxed(&rt->exiting);
}

/* Looks, and spins for the configured time: a stolen task; NULL: none, or home has something to
 * take in. */
static struct thrum__task *search(struct thrum__worker *w, bool *again)
{
	int64_t spin_ns = w->runtime->limits.spin_ns;
	int64_t start = thrum__clock_monotonic_ns();
	int64_t now = start;
	struct thrum__task *t;

	*again = false;
	do {
		bool eager = now - start >= PATIENCE_NS;

		for (int i = 0; i < ROUNDS; i++) {
			t = steal(w, eager);
			if (t)
				return t;
			if (thrum__worker_has_outside(w)) {
				*again = true;
				return NULL;
			}
			spin_hint();
		}
		now = thrum__clock_monotonic_ns();
		if (thrum__wheel_count(&w->wheel) &&
		    thrum__wheel_next_ns(&w->wheel) <= thrum__runtime_now_ns(w->runtime)) {
			*again = true;
			return NULL;
		}
	} while (now - start < spin_ns);
	return steal(w, true);
}

void thrum__worker_wake(void *runtime, unsigned index)
{
	struct thrum__worker *w = ((struct thrum_runtime *)runtime)->workers[index];

	store_release(&w->signal, 1); /* O1 */
	thrum__os_futex_wake(&w->signal.v, 1);
}

/* Sleeps until chosen (true) or until @deadline_ns (false). */
static bool await_signal(struct thrum__worker *w, int64_t deadline_ns)
{
	while (!load_acquire(&w->signal)) /* O2 */
		if (thrum__os_futex_wait(&w->signal.v, 0, deadline_ns) == -ETIMEDOUT)
			return false;
	store_relaxed(&w->signal, 0);
	return true;
}

/* Ends the announced sleep: searching again if a waker chose this worker. */
static void wake_up(struct thrum__worker *w)
{
	if (thrum__idle_sleep_cancel(&w->runtime->idle, w->index))
		return;
	await_signal(w, THRUM_FOREVER);
	w->searching = true;
}

/* Gives the memory of stacks back that were parked on in a burst, as long as nothing else is to be
 * done. */
static void trim_stacks(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;

	while (thrum__stacks_trim(&rt->stacks, STACKS_WARM, STACKS_TRIM) &&
	       !thrum__runtime_has_work(rt))
		;
}

static void sleep_until_chosen(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;
	int64_t deadline;

	trim_stacks(w);
	deadline = thrum__timers_next_ns(w);
	store_release(&w->next_ns, (uint64_t)deadline); /* O3 */
	thrum__idle_sleep_begin(&rt->idle, w->index, w->searching);
	w->searching = false;
	if (thrum__runtime_has_work(rt)) {
		/* It counts as searching: whoever relied on that will have the next one woken. */
		if (!thrum__idle_sleep_undo(&rt->idle, w->index))
			await_signal(w, THRUM_FOREVER);
		w->searching = true;
		return;
	}
	if (deadline != THRUM_FOREVER && thrum__timers_next_ns(w) != deadline) {
		wake_up(w); /* forgotten meanwhile by one who did not see next_ns */
		return;
	}
	if (rt->virtual_clock && thrum__clock_advance(w)) {
		wake_up(w);
		return;
	}
	if (load_relaxed(&rt->stopping)) {
		fetch_add_release(&rt->quiet, 1); /* O4 */
		thrum__os_futex_wake(&rt->quiet.v, INT_MAX);
	}
	thrum__count(&w->counters.parks);
	if (await_signal(w, rt->virtual_clock ? THRUM_FOREVER : deadline))
		w->searching = true;
	else
		wake_up(w);
}

/* A task, or NULL when home should look again: after a sleep, or for what came in from outside. */
struct thrum__task *thrum__worker_find_elsewhere(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;
	bool again = false;

	if (load_relaxed(&rt->exiting)) {
		w->exiting = true;
		return NULL;
	}
	if (!w->searching)
		w->searching = thrum__idle_search_begin(&rt->idle);
	if (w->searching) {
		struct thrum__task *t = search(w, &again);

		if (t)
			return t;
	} else if (thrum__runtime_has_work(rt)) {
		/* Others search and leave it to its owner for a moment: look again rather than
		 * announce a sleep in vain. */
		thread_yield();
		return NULL;
	}
	if (again)
		return NULL; /* still searching: the loop ends that when it has taken something */
	sleep_until_chosen(w);
	return NULL;
}
