/* SPDX-License-Identifier: MIT */
/*
 * doze.h - a thread that looks again and again, and sleeps without end when there is nothing to
 * look at until one that it looks after pokes it.  The argument stands in doze.c.
 */
#ifndef THRUM_CORE_DOZE_H
#define THRUM_CORE_DOZE_H

#include "base/atomic.h"

/* All zero is fresh. */
struct thrum__doze {
	struct atomic32 state; /* enum thrum__doze_state; a futex */
};

enum thrum__doze_state {
	THRUM__DOZE_AWAKE,
	THRUM__DOZE_ASLEEP, /* and wants to be poked, or is about to look whether it may sleep */
	THRUM__DOZE_OVER,   /* is to end */
};

/* The thread itself: */

/* True: announced: it looks once more whether there is nothing to look at, calls
 * thrum__doze_sleep if so, and thrum__doze_end in any case.  False: it is to end. */
bool thrum__doze_begin(struct thrum__doze *d);
/* Until poked, told to end, or @deadline_ns; or for no reason. */
void thrum__doze_sleep(struct thrum__doze *d, int64_t deadline_ns);
void thrum__doze_end(struct thrum__doze *d);
/* A sleep between two looks: until @deadline_ns or told to end; nobody pokes. */
void thrum__doze_nap(struct thrum__doze *d, int64_t deadline_ns);
static inline bool thrum__doze_is_over(const struct thrum__doze *d)
{
	return load_relaxed(&d->state) == THRUM__DOZE_OVER;
}

/* Others: */

void thrum__doze_wake(struct thrum__doze *d);
/* One that it looks after, once it shows that it is awake. */
static inline void thrum__doze_poke(struct thrum__doze *d)
{
	fence_light(); /* O2 */
	if (load_relaxed(&d->state) == THRUM__DOZE_ASLEEP)
		thrum__doze_wake(d);
}
/* It is to end, and will sleep no more. */
void thrum__doze_stop(struct thrum__doze *d);

#endif
