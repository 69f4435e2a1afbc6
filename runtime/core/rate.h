/* SPDX-License-Identifier: MIT */
/*
 * rate.h - permits that come at a rate, and a line of those who wait for some.  The argument stands
 * in rate.c.
 *
 *	thrum__rate_turn_init(&turn, n, tell);
 *	while ((says = thrum__rate_ask(r, &turn, now, &when)) != THRUM__RATE_TAKEN) {
 *		if (... it is to wait no more ...) {
 *			thrum__rate_leave(r, &turn);
 *			break;
 *		}
 *		... FIRST: waits until `when`; BEHIND: until it is told ...
 *	}
 */
#ifndef THRUM_CORE_RATE_H
#define THRUM_CORE_RATE_H

#include "base/atomic.h"

/* In the frame of one who may wait. */
struct thrum__rate_turn {
	struct thrum__rate_turn *next, *prev;
	uint64_t n; /* permits that it wants */
	bool waits; /* stands in the line */
	/* Called with the line locked when it has become the first: must neither wait nor call
	 * back; @turn is there as long as that takes. */
	void (*tell)(struct thrum__rate_turn *turn);
};

/* In the user's struct thrum_rate. */
struct thrum__rate {
	struct atomic32 word;
	uint64_t permits, per_ns, burst;
	/* When the bucket will be full again, in 1/permits ns: 128 bits. */
	uint64_t full_low, full_high;
	struct thrum__rate_turn *first, *last;
} __attribute__((may_alias));

enum thrum__rate_says {
	THRUM__RATE_TAKEN,  /* the permits are the caller's, and it is not in the line */
	THRUM__RATE_FIRST,  /* they will be there at `when` */
	THRUM__RATE_BEHIND, /* others are first; not before `when` */
};

/* Each of them 1 to INT64_MAX. */
void thrum__rate_init(struct thrum__rate *r, uint64_t permits, uint64_t per_ns, uint64_t burst);
/* @n: 1 to burst. */
void thrum__rate_turn_init(struct thrum__rate_turn *turn, uint64_t n,
			   void (*tell)(struct thrum__rate_turn *turn));
/* Whoever has @turn: takes its permits, or joins the line, or looks again.  @now_ns: 0 or more.
 * @when_ns: INT64_MAX: never. */
enum thrum__rate_says thrum__rate_ask(struct thrum__rate *r, struct thrum__rate_turn *turn,
				      int64_t now_ns, int64_t *when_ns);
/* The same, in the line or not: it waits no more, and nobody touches @turn. */
void thrum__rate_leave(struct thrum__rate *r, struct thrum__rate_turn *turn);
/* Anyone: true: @n were there, nobody waited, and they are taken. */
bool thrum__rate_try(struct thrum__rate *r, uint64_t n, int64_t now_ns);

#endif
