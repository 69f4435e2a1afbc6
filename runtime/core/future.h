/* SPDX-License-Identifier: MIT */
/*
 * future.h - what is completed once and waited for by many.  The argument stands in future.c.
 */
#ifndef THRUM_CORE_FUTURE_H
#define THRUM_CORE_FUTURE_H

#include "base/atomic.h"
#include "core/waiter.h"

#include <stddef.h>

#define THRUM__FUTURE_DONE 1u
#define THRUM__FUTURE_LOCKED 2u
#define THRUM__FUTURE_CLAIMED 4u
#define THRUM__FUTURE_FLAGS 7u

enum thrum__kind {
	THRUM__BARE,
	THRUM__SHIELD,
	THRUM__TASK,
	THRUM__JOB,
	THRUM__LEVEL, /* of a token, and a part of it */
};

/* The head of every awaitable.  In a free block result, place and kind hold pool.c's links. */
struct thrum_future {
	struct atomic64 word;  /* newest waiter and flags */
	intptr_t result;       /* the completer writes it once, before DONE */
	const char *place;     /* "file:line name" of the call that made it */
	struct atomic32 refs;  /* 0: a free block */
	uint8_t kind;          /* enum thrum__kind, while refs > 0 */
	struct atomic32 seen;  /* somebody looked at the result */
	struct atomic32 requested; /* its cancellation was asked for: -ECANCELED is no failure */
	void *runtime;         /* TASK, JOB: whose; once done, only its own threads may follow it.
				* LEVEL: the token */
};

/* A new life of @f's block, before it is published. */
static inline void thrum__future_prepare(struct thrum_future *f, enum thrum__kind kind,
					 const char *place)
{
	store_relaxed(&f->word, 0);
	f->place = place;
	f->kind = (uint8_t)kind;
	store_relaxed(&f->requested, 0);
	store_relaxed(&f->seen, 0);
	f->runtime = NULL;
}

/* True if this call may complete @f (bare futures and shields: several may try). */
bool thrum__future_claim(struct thrum_future *f);
/* Completes @f, once, by the one completer.  Touches nothing of @f after the last fire. */
void thrum__future_complete(struct thrum_future *f, intptr_t result);
/* The same without the fires: those who wait are the caller's to fire (core/waitlist.h). */
struct thrum__waiter *thrum__future_publish(struct thrum_future *f, intptr_t result);
/* True: @n will be fired once or withdrawn; false: @f is done (and its result visible). */
bool thrum__future_register(struct thrum_future *f, struct thrum__waiter *n);
/*
 * @n: registered with @f, not withdrawn before; fired or not.  True: it is off, was not and will
 * not be fired; false: @f is done, its result visible, @n->gone has been seen.  Either way the
 * node's memory is the caller's again.
 */
bool thrum__future_withdraw(struct thrum_future *f, struct thrum__waiter *n);
/*
 * Withdraws the oldest node that @match accepts: the node; NULL: none, or @f was done (*@done
 * tells; the result is to be read after is_done).  @match runs with the list held: short, no
 * withdrawal in it.
 */
struct thrum__waiter *thrum__future_withdraw_match(struct thrum_future *f,
						   bool (*match)(struct thrum__waiter *, void *),
						   void *arg, bool *done);

static inline bool thrum__future_is_done(const struct thrum_future *f)
{
	return load_acquire(&f->word) & THRUM__FUTURE_DONE; /* O2 */
}

#endif
