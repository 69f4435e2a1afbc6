/* SPDX-License-Identifier: MIT */
/*
 * lane.h - the forks of the fiber that runs on a worker: a stack for the worker, a queue for
 * thieves.  The argument stands in lane.c; the worker's fast way in <thrum/fork.h>.
 */
#ifndef THRUM_CORE_LANE_H
#define THRUM_CORE_LANE_H

#include "base/assert.h"
#include "base/atomic.h"

#ifdef THRUM_MODEL
#define THRUM_FORK_LOAD(word) load_relaxed(word)
#define THRUM_FORK_PUBLISH(word, x) store_release(word, x) /* O1 */
#define THRUM_FORK_READ(slot) plain_read(slot)
#define THRUM_FORK_WRITE(slot, item) plain_write(slot, item)
#define THRUM_FORK_FENCE() fence_light() /* O2 */
#define THRUM_FORK_CALLS
#endif
#include <thrum/fork.h>

struct thrum__lane {
	struct thrum_fork_lane front __attribute__((aligned(CACHE_LINE)));
	void **base;      /* the oldest item's place; the place before it is NULL */
	void **end;       /* no more items than up to here */
	bool locked_only; /* without membarrier: the slow way each time */

	struct thrum_fork_word top __attribute__((aligned(CACHE_LINE))); /* the oldest item */
	struct atomic32 lock;
};

/* What a slow pop found. */
enum thrum__lane_pop {
	THRUM__LANE_OURS,
	THRUM__LANE_TAKEN, /* by a thief, and so was every older item: the lane is empty */
	THRUM__LANE_ABSENT,
};

/* @slots: @n + 2 of them, which the lane uses until it goes; 1 <= @n. */
void thrum__lane_init(struct thrum__lane *l, void **slots, size_t n, bool locked_only);

/* ---- The owner, one thread ---- */

/* After a push that was told to go the slow way: true: there is no room, and the item was not
 * pushed; false: part of the lane is for thieves now. */
bool thrum__lane_share(struct thrum__lane *l);
/* No more of what share did until someone asks again. */
void thrum__lane_heed(struct thrum__lane *l);
enum thrum__lane_pop thrum__lane_pop(struct thrum__lane *l, void *item);
/* The newest item, if it is still there: NULL: none. */
void *thrum__lane_newest(const struct thrum__lane *l);

/* ---- Anyone ---- */

/*
 * thrum__lane_take - the oldest item, with the lane locked until thrum__lane_taken: what is written
 * between is seen by the owner when it misses the item.
 *
 * @force: also what the owner has for itself (a heavy fence); else what thieves may take.
 * Returns: NULL: nothing, or another thread is at it; the lane is not locked then.
 */
void *thrum__lane_take(struct thrum__lane *l, bool force);
void thrum__lane_taken(struct thrum__lane *l);
/* The owner's own: waits for the lock. */
void *thrum__lane_take_back(struct thrum__lane *l);

/* Asks the owner for attention: its next push goes the slow way. */
static inline void thrum__lane_ask(struct thrum__lane *l)
{
	if (load_relaxed(&l->front.stop))
		store_relaxed(&l->front.stop, NULL); /* T8 */
}

/* Will its next push tell? */
static inline bool thrum__lane_tells(const struct thrum__lane *l)
{
	return !load_relaxed(&l->front.stop);
}

/* At a glance: are there items?  Are there any that need no force? */
static inline bool thrum__lane_has(const struct thrum__lane *l)
{
	return load_acquire(&l->front.head) > load_relaxed(&l->top); /* O3 */
}

static inline bool thrum__lane_offers(const struct thrum__lane *l)
{
	void **top = load_relaxed(&l->top);

	return top < load_relaxed(&l->front.split) && top < load_acquire(&l->front.head); /* O3 */
}

/* By the owner: has somebody asked since the last push?  (Without membarrier: is nothing left?) */
static inline bool thrum__lane_asked(const struct thrum__lane *l)
{
	return __builtin_expect(!load_relaxed(&l->front.stop), 0) &&
	       (!l->locked_only || !thrum__lane_has(l));
}

/* By the owner: would a push be of use: has somebody asked, or is nothing left to be taken? */
static inline bool thrum__lane_wants(const struct thrum__lane *l)
{
	return thrum__lane_asked(l) || !thrum__lane_has(l);
}

/* By the owner: the place behind the newest item, taken or not. */
static inline void **thrum__lane_height(const struct thrum__lane *l)
{
	return load_relaxed(&l->front.head);
}

/* By the owner: nothing there, and nothing was taken since it was empty. */
static inline bool thrum__lane_is_clear(const struct thrum__lane *l)
{
	return load_relaxed(&l->front.head) == l->base;
}

#endif
