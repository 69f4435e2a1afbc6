/* SPDX-License-Identifier: MIT */
/*
 * elsewhere.c - what a worker without local work does: look at the poller and at the others'
 * queues, spin a little, sleep.
 *
 * It searches only if idle.c lets it (at most half of the workers search at a time).  For the first
 * microseconds it leaves a queue with a single task alone: its owner is about to take it, and a
 * task that waits for less than that is not worth the way to another core.  Then it takes single
 * ones too: their owner is busy.  Before it sleeps it announces itself and looks at every source
 * once more (idle.c says why nothing is lost).
 *
 * THE SLEEP  All workers sleep at the poller of their runtime, until an event comes, a waker's
 * token or the earliest timer of their own.  So the kernel hands an event to one that sleeps while
 * any does, however long the others compute.  Whoever comes back counts as searching: what it
 * brings along needs no further wake, and if it brings more than one task, the next one is woken
 * when the search ends (idle.c).
 * Where descriptors are watched nobody spins: the kernel's answer is as fast, and a spinning server
 * would take the time of its clients.
 * Under the virtual clock a sleeper takes nothing while it sleeps: it comes back, counts itself
 * awake and takes then, so that whoever finds all asleep and nothing to take may move the clock.
 *
 * What is measured: parks, stolen (struct thrum_stats).
 */
#include "sched/worker.h"

#include "sched/monitor.h"
#include "sched/timer.h"

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
	unsigned n = thrum__workers_total(rt);
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

	unsigned n = thrum__workers_total(rt);

	for (unsigned i = 0; i < n; i++) {
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
	int64_t spin_ns =
	    load_relaxed(&w->runtime->descriptors.watching) ? 0 : w->runtime->limits.spin_ns;
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
		if (thrum__timers_due(w)) {
			*again = true;
			return NULL;
		}
	} while (now - start < spin_ns);
	return steal(w, true);
}

void thrum__worker_wake(void *runtime, unsigned n)
{
	struct thrum__poller *poller = ((struct thrum_runtime *)runtime)->poller;

	poller->ops->post(poller, n);
}

/* One wait at the poller: how many events; they are still to be dispatched. */
static int wait_at_poller(struct thrum__worker *w, struct thrum__poll_event *events,
			  int64_t deadline_ns, bool *token)
{
	struct thrum__poller *p = w->runtime->poller;

	return p->ops->wait(p, events, THRUM__POLL_BATCH, deadline_ns, token);
}

bool thrum__worker_look(struct thrum__worker *w)
{
	struct thrum__poll_event events[THRUM__POLL_BATCH];
	bool token = false;
	int n = wait_at_poller(w, events, 0, &token);

	thrum__descriptors_dispatch(&w->runtime->descriptors, events, n);
	return n > 0;
}

/* Ends the announced sleep; @w counts as searching then.  @token: it was chosen and has taken the
 * token.  Else, if it is refused, a token is on its way, or was taken by one that announced itself
 * later and so leaves a place: it must not sleep again for it. */
static void wake_up(struct thrum__worker *w, bool token)
{
	struct thrum_runtime *rt = w->runtime;

	w->searching = true;
	while (!token && !thrum__idle_sleep_undo(&rt->idle)) {
		token = rt->poller->ops->take(rt->poller);
		if (!token)
			thread_yield();
	}
	thrum__monitor_poke(rt);
}

/* Sleeps, announced, until there is something to do. */
static void sleep_real(struct thrum__worker *w, int64_t deadline_ns)
{
	struct thrum__poll_event events[THRUM__POLL_BATCH];
	bool token = false;
	int n = wait_at_poller(w, events, deadline_ns, &token);

	wake_up(w, token);
	thrum__descriptors_dispatch(&w->runtime->descriptors, events, n);
}

/* The same by the virtual clock.  If it is the last to sleep, it moves it, and has something to do
 * then. */
static void sleep_virtual(struct thrum__worker *w)
{
	struct thrum__poller *p = w->runtime->poller;
	bool moved = !p->ops->await(p, false) && thrum__clock_advance(w);
	bool token = false;

	while (!moved && !token) {
		p->ops->await(p, true);
		token = p->ops->take(p);
		if (!token && p->ops->await(p, false))
			break; /* an event */
	}
	wake_up(w, token);
	thrum__worker_look(w);
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
	store_relaxed(&w->next_ns, (uint64_t)deadline); /* the monitor reads it once it sleeps */
	thrum__idle_sleep_begin(&rt->idle, w->searching);
	w->searching = false;
	if (thrum__runtime_has_work(rt)) {
		wake_up(w, false);
		return;
	}
	thrum__gate_went_quiet(&rt->gate);
	thrum__count(&w->counters.parks);
	if (rt->virtual_clock)
		sleep_virtual(w);
	else
		sleep_real(w, deadline);
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
	if (load_relaxed(&rt->descriptors.watching) && thrum__worker_look(w))
		return NULL;
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
