/* SPDX-License-Identifier: MIT */
/*
 * elsewhere.c - what a worker without local work does: look at the poller and at the others'
 * queues, spin a little, sleep.
 *
 * It searches only if idle.c lets it (at most half of the workers, or of the CPUs, at a time).  It
 * becomes greedier (steal.h): after some microseconds it takes single tasks that stay, too, and
 * asks for forks; then it opens a lane by force where nobody answers.  Its looks become rarer, for
 * they cost the owners.  Where its search is restless or its hauls are small (steal.c) it dozes
 * between two looks, counted as searching, so that nobody else is woken for what it leaves alone.
 * Before it sleeps it announces itself and looks at every source once more (idle.c says why nothing
 * is lost).
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
 * What is measured: parks, searches, dozes, wakes (struct thrum_stats).
 */
#include "sched/worker.h"

#include "sched/fork.h"
#include "sched/monitor.h"
#include "sched/spare.h"
#include "sched/steal.h"
#include "sched/timer.h"

/* How long a searcher leaves single tasks to their owner, and forks. */
#define PATIENCE_NS 5000
/* How long a doze is, and a look after one. */
#define DOZE_NS THRUM_US(50)
#define DOZED_NS (PATIENCE_NS + 3000)
/* Times that one which may not search gives its CPU away for those that do. */
#define WAITS 16
/* How long an owner of forks has to offer some when it was asked. */
#define ANSWER_NS 2000
/* When one looks again that found forks and no task to make of them. */
#define STARVED_NS THRUM_MS(1)
/* Free stacks that keep their memory, and how many are trimmed between two looks for work (2 us
 * each). */
#define STACKS_WARM 1024
#define STACKS_TRIM 8
/* Rounds over all queues between two looks at the clock, at first; and the most pauses after each.
 * A look takes the lines that their owners write: who looks all the time makes their spawns four
 * times as dear. */
#define ROUNDS 16
#define PAUSES_MOST 64
/* Between two looks at the poller while there are other tasks to run. */
#define LOOK_NS THRUM_US(50)
/* Who goes to sleep so many times in a row, each so soon after the last, is better off with sleeps
 * that are cheap (idle.c: CAREFUL): a membarrier costs as much as a thousand fences. */
#define NAPS 16
#define NAP_NS THRUM_US(200)

uint64_t thrum__worker_random(struct thrum__worker *w)
{
	uint64_t x = w->random; /* xorshift64*, Vigna 2016 */

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	w->random = x;
	return x * 0x2545F4914F6CDD1Du;
}

bool thrum__worker_has_outside(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;

	return thrum__worker_has_own(w) || !thrum__inbox_is_empty(&rt->woken) ||
	       !thrum__inject_empty(&rt->inject) || !thrum__inbox_is_empty(&rt->callbacks) ||
	       load_relaxed(&rt->exiting);
}

bool thrum__runtime_has_work(void *runtime)
{
	struct thrum_runtime *rt = runtime;

	unsigned n = thrum__workers_total(rt);

	for (unsigned i = 0; i < n; i++) {
		struct thrum__worker *w = rt->workers[i];

		if (thrum__deque_count(&w->spawned))
			return true;
		if (thrum__handed_lie(&w->handed))
			return true;
#ifndef THRUM_MIGRATE
		if (thrum__ready_count(&w->ready))
			return true;
#endif
	}
	return !thrum__inbox_is_empty(&rt->woken) || !thrum__inject_empty(&rt->inject) ||
	       !thrum__inbox_is_empty(&rt->callbacks) || load_relaxed(&rt->exiting);
}

bool thrum__runtime_offers(void *runtime)
{
	return thrum__runtime_has_work(runtime) || thrum__forks_lie(runtime);
}

/* Are forks any of @w's business?  A spare leaves them to the others, and sees to it that one which
 * may sleep hears of them; those that are inside a task look themselves, later. */
static bool minds_forks(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;

	if (!thrum__worker_is_spare(w))
		return true;
	for (unsigned i = 0; i < rt->workers_count; i++)
		if (!load_relaxed(&rt->workers[i]->current_seen))
			return true;
	return false;
}

/* Waits between two looks at the others' queues; true: something has come from outside, whose lines
 * are not theirs and may be looked at all the time. */
static bool pause_between(struct thrum__worker *w, int pauses)
{
	for (int i = 0; i < pauses; i++) {
		if (thrum__worker_has_outside(w))
			return true;
		spin_hint();
	}
	return false;
}

/* Looks, and spins for the configured time: a stolen task; NULL: none, or home has something to
 * take in. */
static struct thrum__task *search(struct thrum__worker *w, bool *again)
{
	int64_t spin_ns =
	    load_relaxed(&w->runtime->descriptors.watching) ? 0 : w->runtime->limits.spin_ns;
	int64_t start = thrum__clock_monotonic_ns();
	enum thrum__greed greed = THRUM__POLITE;
	int64_t now = start;
	int pauses = 1;

	w->dozed = thrum__steal_is_restless(w);
	if (w->dozed && spin_ns > DOZED_NS)
		spin_ns = DOZED_NS;
	w->moves = 0;
	*again = true;
	do {
		for (int i = 0; i <= ROUNDS / pauses; i++) {
			struct thrum__task *t = thrum__steal(w, greed);

			if (t || pause_between(w, pauses))
				return t;
			if (!spin_ns && !thrum__runtime_offers(w->runtime)) {
				*again = false;
				return NULL;
			}
		}
		if (pauses < PAUSES_MOST)
			pauses *= 2;
		now = thrum__clock_monotonic_ns();
		if (thrum__timers_due(w))
			return NULL;
		if (greed == THRUM__POLITE && now - start >= PATIENCE_NS) {
			if (minds_forks(w))
				thrum__forks_attend(w->runtime);
			greed = THRUM__EAGER;
		} else if (greed == THRUM__EAGER && now - start >= PATIENCE_NS + ANSWER_NS) {
			greed = THRUM__FORCE;
		}
	} while (now - start < spin_ns);
	*again = false;
	return thrum__steal(w, THRUM__LAST);
}

void thrum__worker_wake(void *runtime, unsigned n)
{
	struct thrum_runtime *rt = runtime;
	struct thrum__worker *w = thrum__tls_worker();

	if (w && w->runtime == rt)
		store_relaxed(&w->counters.wakes, load_relaxed(&w->counters.wakes) + n);
	else
		fetch_add_relaxed(&rt->wakes_outside, n);
	rt->poller->ops->post(rt->poller, n);
	thrum__monitor_poke(rt); /* those who are woken have work at once */
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

bool thrum__worker_look_at_times(struct thrum__worker *w)
{
	int64_t now;

	if (!load_relaxed(&w->runtime->descriptors.watching))
		return false;
	now = thrum__clock_monotonic_ns();
	if (now - w->polled_ns < LOOK_NS)
		return false;
	w->polled_ns = now;
	return thrum__worker_look(w);
}

/* Ends the announced sleep; @w counts as searching then.  @token: it was chosen and has taken the
 * token.  Else, if it is refused, a token is on its way, or was taken by one that announced itself
 * later and so leaves a place: it must not sleep again for it. */
static void wake_up(struct thrum__worker *w, bool token)
{
	struct thrum_runtime *rt = w->runtime;

	w->searching = true;
	thrum__handed_go_on(&w->handed);
	while (!token && !thrum__idle_sleep_undo(&rt->idle)) {
		token = rt->poller->ops->take(rt->poller);
		if (!token)
			thread_yield();
	}
	if (!token)
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

/* @w is about to sleep and has announced it: is there something left to do for it? */
static bool is_needed(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;

	if (thrum__runtime_has_work(rt))
		return true;
	return minds_forks(w) && (!thrum__forks_tell(rt) || (!w->starved && thrum__forks_lie(rt)));
}

/* A spare that was woken for forks, which it does not take, wakes another. */
static void pass_on(struct thrum__worker *w)
{
	w->searching = false;
	thrum__idle_search_found(&w->runtime->idle);
	thread_yield();
}

/* @w sleeps in earnest now, in the poller; @dear: it took a membarrier. */
static void count_nap(struct thrum__worker *w, bool dear)
{
	struct thrum__idle *idle = &w->runtime->idle;
	int64_t now = thrum__clock_monotonic_ns();
	bool soon = now - w->slept_ns < NAP_NS;

	w->polled_ns = w->slept_ns = now;
	w->wakeful = 0;
	w->sleeps_cheaply = !dear;
	if (!soon)
		w->naps = 0;
	else if (dear)
		w->naps += w->naps < NAPS;
	else if (w->naps && !thrum__idle_is_careful(idle))
		w->naps--;
	/* Who looks for work that is withheld needs the membarrier in any case. */
	if (dear && w->naps == NAPS && thrum__membarrier_ready && !load_relaxed(&idle->withheld))
		thrum__idle_turn_careful(idle);
}

static void sleep_until_chosen(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;
	int64_t deadline;
	bool dear;

	trim_stacks(w);
	thrum__fork_offer(w);
	deadline = thrum__timers_next_ns(w);
	if (w->starved) /* then forks lie that nobody will tell of */
		deadline = thrum__min64(deadline, thrum__runtime_now_ns(rt) + STARVED_NS);
	store_relaxed(&w->next_ns, (uint64_t)deadline); /* the monitor reads it once it sleeps */
	thrum__handed_sleep(&w->handed);
	dear = thrum__idle_sleep_begin(&rt->idle, w->searching, minds_forks(w));
	w->searching = false;
	if (is_needed(w)) {
		wake_up(w, false);
		if (thrum__worker_is_spare(w) && !thrum__runtime_has_work(rt))
			pass_on(w);
		return;
	}
	thrum__gate_went_quiet(&rt->gate);
	thrum__count(&w->counters.parks);
	count_nap(w, dear);
	if (rt->virtual_clock)
		sleep_virtual(w);
	else
		sleep_real(w, deadline);
}

/* A searcher stays counted as one, so that nobody is woken for tasks which their owners take. */
static void doze(struct thrum__worker *w)
{
	int64_t end = thrum__clock_monotonic_ns() + DOZE_NS;
	uint32_t never = 0;

	if (!w->runtime->virtual_clock)
		end = thrum__min64(end, thrum__timers_next_ns(w));
	w->waits = 0;
	thrum__count(&w->counters.dozes);
	thrum__os_futex_wait(&never, 0, end);
}

/* Is somebody being woken for a task of its own, so that nobody may sleep?  (core/handed.h) */
static bool any_is_called(struct thrum_runtime *rt)
{
	for (unsigned i = 0; i < rt->workers_count; i++)
		if (thrum__handed_lie(&rt->workers[i]->handed))
			return true;
	return false;
}

/* Takes what there is, or leaves the CPU to whoever is called. */
static struct thrum__task *let_wake(struct thrum__worker *w)
{
	struct thrum__task *t = thrum__steal(w, THRUM__LAST);

	if (!t && !thrum__worker_has_outside(w) && !thrum__worker_look(w))
		doze(w);
	return t;
}

/* A task, or NULL when home should look again: after a sleep, or for what came in from outside. */
struct thrum__task *thrum__worker_find_elsewhere(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;
	bool again = false;

	w->starved = false;
	if (load_relaxed(&rt->exiting)) {
		w->exiting = true;
		return NULL;
	}
	if (w->searching && any_is_called(rt))
		return let_wake(w);
	if (!w->searching && thrum__idle_search_begin(&rt->idle)) {
		w->searching = true;
		thrum__count(&w->counters.searches);
	}
	if (w->searching && thrum__steal_rests(w)) {
		doze(w);
		return NULL;
	}
	/* Where sleeps are cheap, one that ends at once costs less than a look before it. */
	if (w->sleeps_cheaply ? thrum__worker_look_at_times(w)
			      : load_relaxed(&rt->descriptors.watching) && thrum__worker_look(w))
		return NULL;
	if (w->searching) {
		struct thrum__task *t = search(w, &again);

		if (t) {
			w->moves = 0;
			return t;
		}
	} else if (thrum__runtime_has_work(rt)) {
		/* Others search and leave it to its owner for a moment: look again rather than
		 * announce a sleep in vain. */
		if (++w->waits > WAITS && thrum__may_doze(rt))
			doze(w);
		else
			thread_yield();
		return NULL;
	}
	w->waits = 0;
	if (again)
		return NULL; /* still searching: the loop ends that when it has taken something */
	if (w->searching && thrum__steal_is_restless(w))
		doze(w);
	else
		sleep_until_chosen(w);
	return NULL;
}
