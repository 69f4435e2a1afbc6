/* SPDX-License-Identifier: MIT */
/* spare.h - workers beyond the configured number, while all others are held; spare.c tells how. */
#ifndef THRUM_SCHED_SPARE_H
#define THRUM_SCHED_SPARE_H

#include "sched/worker.h"

/* Under forced migration tasks resume on a certain worker: no spares, and no queue is moved. */
#ifdef THRUM_MIGRATE
#define THRUM__MIGRATES true
#else
#define THRUM__MIGRATES false
#endif

/* How many workers a runtime of @c may have, spares among them. */
unsigned thrum__spares_workers_max(const struct thrum_config *c);

static inline bool thrum__worker_is_spare(const struct thrum__worker *w)
{
	return UNLIKELY(w->index >= w->runtime->workers_count);
}

static inline bool thrum__spare_is_active(const struct thrum__worker *w)
{
	return thrum__standby_is_active(&w->spare);
}

/* On home, by each worker at each visit: a spare that is to leave hands over what it has, and rests
 * here until it is needed again or to end (w->exiting). */
void thrum__spare_visit(struct thrum__worker *w);

/* The rest: the monitor, and whoever stops it after it has ended. */

/* One more runs.  0; -EAGAIN, -ENOMEM; -ENOSPC: all run. */
int thrum__spare_start(struct thrum_runtime *rt);
/* @w, which is active, is needed, or not any more. */
void thrum__spare_want(struct thrum__worker *w, bool wanted);
/* Ends the thread of @w, which rests. */
void thrum__spare_end(struct thrum__worker *w);
/* Ends all; rt->exiting is set. */
void thrum__spares_stop(struct thrum_runtime *rt);

#endif
