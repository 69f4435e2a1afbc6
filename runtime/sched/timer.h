/* SPDX-License-Identifier: MIT */
/* timer.h - timers that end waits; timer.c tells how. */
#ifndef THRUM_SCHED_TIMER_H
#define THRUM_SCHED_TIMER_H

#include "core/parker.h"

struct thrum__worker;

/* In the waiter's frame: where its timer is. */
struct thrum__timer {
	struct thrum__worker *worker; /* NULL: none */
	int64_t deadline_ns;
};

/* Ends wait @seq of @p at @deadline_ns, by the wheel of @w, the calling worker.  0 or -ENOMEM. */
int thrum__timer_start(struct thrum__timer *timer, struct thrum__worker *w, struct thrum__parker *p,
		       uint64_t seq, int64_t deadline_ns);
/* The wait ended, but not by the timer. */
void thrum__timer_forget(struct thrum__timer *timer);

/* Fires what is due on @w, the calling worker, and sweeps. */
void thrum__timers_run(struct thrum__worker *w);
/* Is anything due on @w, the calling worker?  Reads the clock only if it has timers at all. */
bool thrum__timers_due(struct thrum__worker *w);
/* Until when it may sleep: none that is live is due before; THRUM_FOREVER: none is. */
int64_t thrum__timers_next_ns(struct thrum__worker *w);

/*
 * thrum__timers_run_for - on a thread that is no worker: fire what is due on @w.
 *
 * @next_ns: set to the earliest live deadline that is left; THRUM_FOREVER: none.
 * Returns: true; false: @w is just at its timers itself, and nothing was done.
 */
bool thrum__timers_run_for(struct thrum__worker *w, int64_t *next_ns);

/* The same for several workers at once, which takes one membarrier; meanwhile each of them waits
 * when it comes to its timers. */
struct thrum__timers_look {
	struct thrum__worker *worker;
	bool exact;      /* next_ns is that of a live one, whatever it costs */
	int64_t next_ns; /* if done: none that is live is due before */
	bool done;
};
void thrum__timers_run_for_some(struct thrum__timers_look *looks, unsigned n);

#endif
