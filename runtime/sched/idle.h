/* SPDX-License-Identifier: MIT */
/*
 * idle.h - who sleeps, who searches, and who is woken when work appears.  The argument stands in
 * idle.c.
 */
#ifndef THRUM_SCHED_IDLE_H
#define THRUM_SCHED_IDLE_H

#include "base/atomic.h"

#define THRUM__WORKERS_MAX 256
#define THRUM__IDLE_WORDS (THRUM__WORKERS_MAX / 64)

struct thrum__idle {
	unsigned workers;
	void *arg;
	/* The worker's sleep ends, now or when it begins. */
	void (*wake)(void *arg, unsigned worker);
	/* Is there anything that a searcher would find? */
	bool (*has_work)(void *arg);
	char pad0[CACHE_LINE];
	struct atomic32 searching; /* workers that look for others' work, and wakes in flight */
	char pad1[CACHE_LINE - sizeof(struct atomic32)];
	/* A bit for each worker that sleeps and was not chosen. */
	struct atomic64 asleep[THRUM__IDLE_WORDS];
};

void thrum__idle_init(struct thrum__idle *idle, unsigned workers);

/* Anyone, after work was made visible: wakes one worker if some sleep and none searches. */
void thrum__idle_notify(struct thrum__idle *idle);
/* Anyone: wakes worker @i if it sleeps: true. */
bool thrum__idle_wake(struct thrum__idle *idle, unsigned i);

/* A worker without work: true: it may search; false: enough do. */
bool thrum__idle_search_begin(struct thrum__idle *idle);
/* A searching worker that has found work (and may have left some). */
void thrum__idle_search_found(struct thrum__idle *idle);
/* A searching worker that stops for another reason than sleep. */
void thrum__idle_search_end(struct thrum__idle *idle);

/* Worker @i announces its sleep (@searching: it searched until now); it must look at every source
 * once more after it. */
void thrum__idle_sleep_begin(struct thrum__idle *idle, unsigned i, bool searching);
/* Worker @i wants to go on by itself, for a timer: true: it is awake, not searching; false: it
 * was chosen: its wake comes (or has come), and it counts as searching. */
bool thrum__idle_sleep_cancel(struct thrum__idle *idle, unsigned i);
/* Worker @i found work when it looked once more: it counts as searching, so that it will wake the
 * next one.  True: it is awake; false: it was chosen: its wake comes (or has come). */
bool thrum__idle_sleep_undo(struct thrum__idle *idle, unsigned i);
/* Do all workers sleep, as far as one can see? */
bool thrum__idle_all_asleep(const struct thrum__idle *idle);

#endif
