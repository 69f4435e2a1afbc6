/* SPDX-License-Identifier: MIT */
/*
 * roster.h - who is inside a scope: counted, and listed where a cancel must find them.  The
 * argument stands in roster.c.
 *
 *	a child                                     the opener
 *	if (thrum__roster_enter(r)) ...             ... children are spawned ...
 *	... its first call that may wait:           if (!thrum__roster_close(r))
 *	if (!thrum__roster_enlist(r, m))                ... waits until somebody's leave is the last
 *		... it was cancelled
 *	... its end, if it is listed:               who cancels, and is inside
 *	thrum__roster_strike(r, m);                 if (thrum__roster_cancel(r))
 *	if (thrum__roster_leave(r))                     while ((m = thrum__roster_take(r, hold)))
 *		... tells the opener                            ... tells it
 */
#ifndef THRUM_CORE_ROSTER_H
#define THRUM_CORE_ROSTER_H

#include "base/atomic.h"

struct thrum__member {
	struct thrum__member *next, *prev; /* next is the member itself: off the list */
};

struct thrum__roster {
	struct atomic64 word;
	struct thrum__member *first;
};

void thrum__roster_init(struct thrum__roster *r);

/* One who is inside, or the opener before close: one more is inside.  False: it was cancelled, and
 * nobody came in. */
bool thrum__roster_enter(struct thrum__roster *r);
/* The same for anyone who knows that @r is there, also when it was cancelled.  False: the scope is
 * over, and nobody came in. */
bool thrum__roster_visit(struct thrum__roster *r);
/* One who is inside goes.  True: it was the last, and the scope was closed: nobody else touches @r
 * any more but the opener, who is to be told. */
bool thrum__roster_leave(struct thrum__roster *r);
/* The opener, once: true: nobody is inside, nor will be; false: the last to leave is told. */
bool thrum__roster_close(struct thrum__roster *r);

/* One who is inside, by itself, once: @m is on the list; false: it was cancelled, @m is not. */
bool thrum__roster_enlist(struct thrum__roster *r, struct thrum__member *m);
/* By itself, before it leaves, if it was enlisted: @m is off the list, and nobody touches it. */
void thrum__roster_strike(struct thrum__roster *r, struct thrum__member *m);

/* One who is inside: true: the first, who is to take all that are listed. */
bool thrum__roster_cancel(struct thrum__roster *r);
bool thrum__roster_is_cancelled(const struct thrum__roster *r);
/* One that was on the list, after @hold(m) was called while it could not be struck; NULL: none. */
struct thrum__member *thrum__roster_take(struct thrum__roster *r,
					 void (*hold)(struct thrum__member *m));

/* How many are inside, at some moment. */
uint64_t thrum__roster_count(const struct thrum__roster *r);

#endif
