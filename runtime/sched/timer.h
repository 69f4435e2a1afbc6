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
/* Its earliest live deadline; THRUM_FOREVER: none. */
int64_t thrum__timers_next_ns(struct thrum__worker *w);

#endif
