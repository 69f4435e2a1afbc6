/* SPDX-License-Identifier: MIT */
/*
 * bias.h - a lock that one thread, its owner, takes again and again, and others now and then: the
 * owner pays for two plain stores and a look.  The argument stands in bias.c.
 */
#ifndef THRUM_CORE_BIAS_H
#define THRUM_CORE_BIAS_H

#include "base/assert.h"
#include "base/atomic.h"

struct thrum__bias {
	struct atomic32 inside; /* 1: the owner is in */
	struct atomic32 taken;  /* 1: another has it, or is about to */
};

/* All zero is free, too. */
void thrum__bias_init(struct thrum__bias *b);

/* Anyone but the owner: true: in, until untake; false: the owner is in and stayed, or another has
 * it: later, perhaps. */
bool thrum__bias_try_take(struct thrum__bias *b);
void thrum__bias_untake(struct thrum__bias *b);
/* The same of several at once, for one heavy fence: ask for each; then after_asks; then each whose
 * ask was true must come_in, which is try_take's answer. */
bool thrum__bias_ask(struct thrum__bias *b);
void thrum__bias_after_asks(void);
bool thrum__bias_come_in(struct thrum__bias *b);

/* The owner waits until whoever has it has left. */
void thrum__bias_enter_slow(struct thrum__bias *b);

/* The owner, which is one thread at a time: in; waits as long as another has it.  Not again
 * inside. */
static inline void thrum__bias_enter(struct thrum__bias *b)
{
	ENSURE(!load_relaxed(&b->inside), "the owner of this lock is in already");
	store_relaxed(&b->inside, 1);          /* T1 */
	fence_light();                         /* O1 */
	if (UNLIKELY(load_acquire(&b->taken))) /* O4 */
		thrum__bias_enter_slow(b);
}

static inline void thrum__bias_leave(struct thrum__bias *b)
{
	store_release(&b->inside, 0); /* T2; O3 */
}

#endif
