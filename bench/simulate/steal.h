/* SPDX-License-Identifier: MIT */
/* steal.h - tasks from the queues of other workers, as runtime/sched/steal.c takes them, without
 * forks. */
#ifndef THRUM_SIMULATE_STEAL_H
#define THRUM_SIMULATE_STEAL_H

#include "world.h"

#include "measure.h"

enum greed { POLITE, EAGER, LAST }; /* without FORCE, which is about forks */

struct task *steal(struct worker *w, enum greed greed);
bool is_restless(const struct worker *w);
bool steal_rests(struct worker *w);

/* thrum__may_doze */
static inline bool may_doze(void)
{
	return costs.spin && !costs.watching;
}

#endif
