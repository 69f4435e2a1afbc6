/* SPDX-License-Identifier: MIT */
/*
 * idle.h - who sleeps, who searches, and who is woken when work appears.  The argument stands in
 * idle.c.
 *
 * Sleepers have no names: they all wait at one place (the poller), and whoever wakes one posts a
 * token there, which any of them takes.
 */
#ifndef THRUM_SCHED_IDLE_H
#define THRUM_SCHED_IDLE_H

#include "base/assert.h"
#include "base/atomic.h"

#define THRUM__IDLE_ASLEEP (UINT64_C(1) << 32)  /* one of them, in word */
#define THRUM__IDLE_CAREFUL (UINT64_C(1) << 63) /* as a signed number it is negative */

struct thrum__idle {
	unsigned workers; /* at first */
	unsigned at_once; /* of those run at a time, as there are CPUs: half as many may search */
	unsigned crowd;   /* so many awake, and not held, are one; 0: no number is */
	void *arg;
	/* @n sleeping workers are to go on: n tokens. */
	void (*wake)(void *arg, unsigned n);
	/* Is there anything that a searcher would find? */
	bool (*has_work)(void *arg);
	/* Only where work is withheld: asks those who do it to tell of the next; and have all
	 * heard? */
	void (*attend)(void *arg);
	bool (*heard)(void *arg);
	struct atomic32 total; /* workers there are */
	char pad0[CACHE_LINE];
	/* The mode; workers that sleep and were not chosen; workers that search, and wakes in
	 * flight (idle.c). */
	struct atomic64 word;
	struct atomic64 wake_from; /* with fewer asleep, as word counts them, a crowd is awake */
	char pad1[CACHE_LINE - 2 * sizeof(struct atomic64)];
	struct atomic32 withheld; /* workers that hold work back at times */
	char pad2[CACHE_LINE - sizeof(struct atomic32)];
};

/* @cpus: for them to run on.  @crowds: where far more are awake none is woken beside them, if the
 * caller will tell who is held. */
void thrum__idle_init(struct thrum__idle *idle, unsigned workers, unsigned cpus, bool crowds);

/* Anyone, after work was made visible: wakes one worker if some sleep and none searches. */
void thrum__idle_wake_one(struct thrum__idle *idle);
/* A worker of this runtime that is awake, or ends its sleep next: the same. */
static inline void thrum__idle_notify(struct thrum__idle *idle)
{
	uint64_t word;

	fence_light(); /* O1 */
	word = load_relaxed(&idle->word);
	/* Careful; or somebody sleeps, beside no crowd, and the low half says that nobody
	 * searches. */
	if (UNLIKELY((int64_t)word < 0 ||
		     (word >= load_relaxed(&idle->wake_from) && !(uint32_t)word)))
		thrum__idle_wake_one(idle);
}

/* Anyone, after what they are to see was made visible: wakes every worker that sleeps; each counts
 * as searching.  One that is about to sleep sees it at its last look. */
void thrum__idle_wake_all(struct thrum__idle *idle);

/* A worker without work: true: it may search; false: enough do. */
bool thrum__idle_search_begin(struct thrum__idle *idle);
/* A searching worker that has found work (and may have left some). */
void thrum__idle_search_found(struct thrum__idle *idle);

/* A worker announces its sleep (@searching: it searched until now); it must look at every source
 * once more after it.  @attends: those who withhold work are asked to tell it.  It stays announced
 * until it takes a token or the next returns true; in both cases it counts as searching.  True: it
 * took a membarrier. */
bool thrum__idle_sleep_begin(struct thrum__idle *idle, bool searching, bool attends);
/*
 * A worker that announced itself goes on by itself, for work, an event or a timer: true: it is
 * awake and searches, so it will see to the next wake.  False: all sleepers were chosen: a token
 * lies there for it, or comes soon; but another one that goes to sleep may take it first, and then
 * nobody will wake this one.  So it must not sleep now: it looks for a token and asks again, in
 * turn, until it gets one or the other.
 */
bool thrum__idle_sleep_undo(struct thrum__idle *idle);
/* How many sleep and were not chosen, as far as one can see; what they wrote before they announced
 * it is seen. */
unsigned thrum__idle_asleep(const struct thrum__idle *idle);

/* So many workers that are awake take nothing, as each is held inside a task: told again and again,
 * by one thread, as long as it is more than 0.  It wakes one for what has come meanwhile. */
void thrum__idle_set_held(struct thrum__idle *idle, unsigned held);

/* From now on sleeps are cheap and each notify costs a full fence; and back again.  Where workers
 * sleep often the first is better. */
void thrum__idle_turn_careful(struct thrum__idle *idle);
void thrum__idle_turn_quick(struct thrum__idle *idle);
static inline bool thrum__idle_is_careful(const struct thrum__idle *idle)
{
	return (int64_t)load_relaxed(&idle->word) < 0;
}

/* A worker that is about to hold work back without a notify, before its first; and when it has
 * none, and will tell of the next. */
void thrum__idle_withhold(struct thrum__idle *idle);
void thrum__idle_offer(struct thrum__idle *idle);

/* Before a worker beyond those of init begins. */
void thrum__idle_add(struct thrum__idle *idle);

#endif
