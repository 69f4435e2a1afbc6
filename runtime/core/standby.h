/* SPDX-License-Identifier: MIT */
/*
 * standby.h - a thread that is taken up, told to leave, rests, is taken up again or ends.  The
 * argument stands in standby.c.
 */
#ifndef THRUM_CORE_STANDBY_H
#define THRUM_CORE_STANDBY_H

#include "base/atomic.h"

enum thrum__standby_state {
	THRUM__STANDBY_NONE,    /* no thread */
	THRUM__STANDBY_RUNNING, /* at work */
	THRUM__STANDBY_LEAVING, /* at work, and is to rest when it looks */
	THRUM__STANDBY_RESTING, /* sleeps */
	THRUM__STANDBY_ENDING,  /* its thread ends, or has ended and was not joined yet */
};

/* All zero: NONE. */
struct thrum__standby {
	struct atomic32 state; /* enum thrum__standby_state; a futex */
};

static inline bool thrum__standby_is(const struct thrum__standby *s, enum thrum__standby_state is)
{
	return load_relaxed(&s->state) == is;
}

/* At work, told to leave or not. */
static inline bool thrum__standby_is_active(const struct thrum__standby *s)
{
	uint32_t state = load_relaxed(&s->state);

	return state == THRUM__STANDBY_RUNNING || state == THRUM__STANDBY_LEAVING;
}

/* Its own thread, LEAVING when it looked, and done: rests until it is told otherwise.  True: it
 * goes on; false: it ends. */
bool thrum__standby_rest(struct thrum__standby *s);

/* The rest: its keeper, one thread at a time. */

/* Right before its thread is made. */
void thrum__standby_begin(struct thrum__standby *s);
/* It is at work, or about to rest: it is needed, or not any more. */
void thrum__standby_want(struct thrum__standby *s, bool wanted);
/* True: it rested, and goes on, or ends and is to be joined; false: it does not rest. */
bool thrum__standby_wake(struct thrum__standby *s, bool to_work);
/* Wherever it is: it will not rest any more; is to be joined. */
void thrum__standby_stop(struct thrum__standby *s);
/* Joined, or never made. */
void thrum__standby_over(struct thrum__standby *s);

#endif
