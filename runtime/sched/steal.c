/* SPDX-License-Identifier: MIT */
/*
 * steal.c - what a worker takes from the others' queues, and what it leaves to them.
 *
 * A single task is left alone for a while: its owner is about to take it, and a task that waits for
 * less than that is not worth the way to another core.  Of a long queue a thief takes several.  Of
 * forks it takes what is offered, or opens a lane by force (core/lane.c).
 *
 * RESTLESS  Where single tasks come and go all the time, each of them would wake the searcher, and
 * make a spawn that is joined at once twice as dear.
 * SMALL HAULS  Where what it takes of a deque is over at once, a thief finds out whether all come
 * to more without it (core/hauls.c), and is away then: it dozes (elsewhere.c) again and again, as
 * long as none of the others stands.  One that does computes, and what it has made since lies
 * there, forks too; or it has tasks of the kind that are worth the way.
 *
 * moves, dozed, lonely and hauls (worker.h) are the thief's alone; the others' counters are read,
 * relaxed, to see whether they go on: what they order is none of a decision's business.
 *
 * What is measured: stolen (struct thrum_stats).
 */
#include "sched/steal.h"

#include "sched/fork.h"
#include "sched/spare.h"

/* Tasks that a thief takes beside the one that it runs, at most half of what there is. */
#define STEAL_MORE 15
/* ... of woken ones if there are so many that no cache of their owner's holds them.  Of fewer one:
 * they may share a lock, and three times as dear it is where half of them are elsewhere. */
#define LONG_LINE 4096
/* How many looks in a row must find a single task, before it is taken. */
#define LONELY 3
/* So many times single tasks come and go in a restless search; and in the next one. */
#define RESTLESS 4
#define RESTLESS_STILL 2
/* Who neither makes nor begins a task for so long stands: small ones take less. */
#define STANDS_NS 2000

bool thrum__steal_is_restless(const struct thrum__worker *w)
{
	return w->moves >= (w->dozed ? RESTLESS_STILL : RESTLESS);
}

/* @victim has one task: does nobody take it?  Its owner mostly does at once, and has the next one
 * when we look again: so it has gone on with nothing at a number of looks. */
static bool is_lonely(struct thrum__worker *w, struct thrum__worker *victim,
		      enum thrum__greed greed)
{
	uint32_t progress = (uint32_t)(load_relaxed(&victim->counters.tasks.spawned) +
				       load_relaxed(&victim->counters.switches));
	uint32_t *looks = &w->lonely[victim->index].looks;

	if (w->lonely[victim->index].progress != progress) {
		w->lonely[victim->index].progress = progress;
		*looks = 0;
		w->moves += thrum__may_doze(w->runtime);
	}
	return (greed == THRUM__LAST && !thrum__steal_is_restless(w)) ||
	       (greed != THRUM__POLITE && ++*looks >= LONELY);
}

/* Tasks that @w has made and begun, so that one that does either is seen to go on. */
static uint64_t made_by(const struct thrum__worker *w)
{
	return load_relaxed(&w->counters.tasks.spawned) + load_relaxed(&w->counters.started);
}

static uint64_t made_by_all(struct thrum_runtime *rt)
{
	unsigned n = thrum__workers_total(rt);
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += made_by(rt->workers[i]);
	return sum;
}

/* May a thief leave all to the others?  Not where each woken task has its worker. */
static bool may_be_away(const struct thrum_runtime *rt)
{
	return !THRUM__MIGRATES && thrum__may_doze(rt);
}

/* @w has taken @tasks. */
static void note_haul(struct thrum__worker *w, unsigned tasks)
{
	struct thrum_runtime *rt = w->runtime;
	struct thrum__hauls *h = &w->hauls;

	if (!may_be_away(rt))
		return;
	if (!h->count)
		thrum__hauls_begin(h, thrum__hauls_ask(h) ? made_by_all(rt) : 0,
				   thrum__clock_monotonic_ns());
	thrum__hauls_note(h, tasks);
}

/* Does @w make or begin a task, as one looks? */
static bool goes_on(const struct thrum__worker *w)
{
	uint64_t made = made_by(w);
	int64_t end = thrum__clock_monotonic_ns() + STANDS_NS;

	do {
		if (made_by(w) != made)
			return true;
		spin_hint();
	} while (thrum__clock_monotonic_ns() < end);
	return false;
}

/* Are there workers inside a task or with one to run, as a thief is not, and does none of them
 * stand? */
static bool others_go_on(const struct thrum_runtime *rt)
{
	unsigned n = thrum__workers_total(rt);
	bool any = false;

	for (unsigned i = 0; i < n; i++) {
		struct thrum__worker *other = rt->workers[i];

		if (!load_relaxed(&other->current_seen) && !thrum__deque_count(&other->spawned) &&
		    !thrum__ready_count(&other->ready))
			continue;
		if (!goes_on(other))
			return false;
		any = true;
	}
	return any;
}

bool thrum__steal_rests(struct thrum__worker *w)
{
	struct thrum__hauls *h = &w->hauls;
	uint64_t made;
	int64_t now;

	if (!h->away && !h->count)
		return false;
	if (!may_be_away(w->runtime)) {
		thrum__hauls_forget(h);
		return false;
	}
	now = thrum__clock_monotonic_ns();
	if (!h->away && !thrum__hauls_are_due(h, now))
		return false;
	made = made_by_all(w->runtime);
	if (!h->away)
		return thrum__hauls_leave(h, made, now);
	return thrum__hauls_stay(h, made, now, others_go_on(w->runtime));
}

/* Where there are many, one way there is for several: the search, the wake of the next one and the
 * lines that travel cost more than a small task does.  Others may take them from here. */
static uint32_t steal_more(struct thrum__worker *w, struct thrum__worker *victim)
{
	uint64_t n = thrum__deque_count(&victim->spawned) / 2;
	struct thrum__task *t;
	uint32_t i;

	for (i = 0; i < n && i < STEAL_MORE; i++) {
		t = thrum__deque_steal(&victim->spawned);
		if (!t)
			break;
		if (thrum__deque_push(&w->spawned, t))
			thrum__worker_queue(w, t);
		thrum__count(&w->counters.stolen);
	}
	return i;
}

/* The same of woken ones, where so many stand in line that their owner comes to few soon. */
static void steal_more_woken(struct thrum__worker *w, struct thrum__worker *victim)
{
	struct thrum__task *t;

	for (int i = 0; i < STEAL_MORE && (t = thrum__ready_take(&victim->ready)); i++) {
		thrum__worker_queue(w, t);
		thrum__count(&w->counters.stolen);
	}
	thrum__worker_fetch(w);
}

static struct thrum__task *steal_queued(struct thrum__worker *w, struct thrum__worker *victim,
					enum thrum__greed greed)
{
	uint64_t spawned = thrum__deque_count(&victim->spawned), woken = 0;
	struct thrum__task *t;

#ifndef THRUM_MIGRATE
	woken = thrum__ready_count(&victim->ready);
#endif
	if (spawned + woken == 1 && !is_lonely(w, victim, greed))
		return NULL;
	w->lonely[victim->index].looks = 0;
	if (woken > 1 || !spawned) {
		t = woken ? thrum__ready_take(&victim->ready) : NULL;
		if (t && woken >= LONG_LINE)
			steal_more_woken(w, victim);
		return t;
	}
	t = thrum__deque_steal(&victim->spawned);
	if (t)
		note_haul(w, 1 + steal_more(w, victim));
	return t;
}

static struct thrum__task *steal_from(struct thrum__worker *w, struct thrum__worker *victim,
				      enum thrum__greed greed)
{
	struct thrum__task *t = steal_queued(w, victim, greed);

	if (!t && !thrum__worker_is_spare(w))
		t = thrum__fork_steal(w, victim, greed >= THRUM__FORCE);
	if (t)
		thrum__count(&w->counters.stolen);
	return t;
}

struct thrum__task *thrum__steal(struct thrum__worker *w, enum thrum__greed greed)
{
	struct thrum_runtime *rt = w->runtime;
	unsigned n = thrum__workers_total(rt);
	unsigned start = (unsigned)(thrum__worker_random(w) % n);

	for (unsigned i = 0; i < n; i++) {
		struct thrum__worker *victim = rt->workers[(start + i) % n];
		struct thrum__task *t;

		if (victim != w && (t = steal_from(w, victim, greed)))
			return t;
	}
	return NULL;
}
