/* SPDX-License-Identifier: MIT */
/* parker_world.h - an owner that waits, and those who would end its wait: what the scenarios of
 * core/parker.c share. */
#ifndef TESTS_MODEL_PARKER_WORLD_H
#define TESTS_MODEL_PARKER_WORLD_H

#include "explorer.h"

#include "base/assert.h"
#include "core/future.h"
#include "core/parker.h"

#include <stddef.h>

#define SOFT THRUM__PARKER_SOFT
#define HARD THRUM__PARKER_HARD

static struct thrum__parker p;
static uint64_t first; /* the number of the owner's first wait */
static struct model_event woken;
static struct model_event alive; /* the new life, or the next wait, can be found */
static unsigned parked, unparked;
static unsigned ended[4];                /* by enum thrum__why, as those who ended waits saw it */
static unsigned seen[4];                 /* and as the owner saw it */
static int context;                      /* what a switch saves */
static int by_node, by_timer, by_cancel; /* what happened before the wake */

static inline void owner_unpark(struct thrum__parker *q, void *relay, enum thrum__why why)
{
	model_assert(q == &p && !relay);
	model_assert(plain_read(&context) > 0);
	ended[why]++;
	unparked++;
	model_event_set(&woken);
}

static inline void setup(void)
{
	thrum__parker_init(&p, owner_unpark);
	thrum__parker_reset(&p);
	first = thrum__parker_seq(&p);
	model_event_init(&woken);
	model_event_init(&alive);
	parked = unparked = 0;
	for (unsigned i = 0; i < 4; i++)
		ended[i] = seen[i] = 0;
	plain_write(&context, 0);
	plain_write(&by_node, 0);
	plain_write(&by_timer, 0);
	plain_write(&by_cancel, 0);
	model_name(&p.word, "word");
	model_name(&p.relay, "relay");
	model_name(&context, "context");
}

/* Each parked wait was unparked once. */
static inline void check(void)
{
	model_assert(parked == unparked);
}

/* The owner's part of wait @seq; sees what the party did that ended it. */
static inline enum thrum__why wait_to_end(uint64_t seq, bool deaf)
{
	enum thrum__why why;

	plain_write(&context, (int)seq);
	if (thrum__parker_park(&p, seq, deaf)) {
		parked++;
		model_event_wait(&woken);
	}
	model_assert(thrum__parker_seq(&p) == seq + 1);
	model_assert(thrum__parker_is_over(&p, seq));
	why = thrum__parker_why(&p);
	seen[why]++;
	model_assert(why != THRUM__BY_NODE || plain_read(&by_node) == 1);
	model_assert(why != THRUM__BY_TIMER || plain_read(&by_timer) == 1);
	model_assert(why != THRUM__BY_CANCEL || plain_read(&by_cancel) == 1);
	model_assert(why != THRUM__BY_CANCEL || !deaf);
	return why;
}

static inline void fire_first(void)
{
	plain_write(&by_node, 1);
	thrum__parker_fire(&p, first, THRUM__BY_NODE);
}

static inline void timer_first(void)
{
	plain_write(&by_timer, 1);
	thrum__parker_fire(&p, first, THRUM__BY_TIMER);
}

static inline void cancel_hard(void)
{
	plain_write(&by_cancel, 1);
	thrum__parker_cancel(&p, HARD);
}

static inline void cancel_soft_then_hard(void)
{
	thrum__parker_cancel(&p, SOFT);
	cancel_hard();
}

static inline void wait_once(void)
{
	wait_to_end(first, false);
}

static inline void check_once(void)
{
	model_assert(seen[THRUM__BY_NODE] + seen[THRUM__BY_TIMER] + seen[THRUM__BY_CANCEL] == 1);
	check();
}

#endif
