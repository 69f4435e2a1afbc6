/* SPDX-License-Identifier: MIT */
/* sem.h - permits in the order in which they are asked for: semaphores, and rwlocks on top.  sem.c
 * tells how. */
#ifndef THRUM_SYNC_SEM_H
#define THRUM_SYNC_SEM_H

#include "core/waitqueue.h"

/* All zero is one without permits. */
struct thrum__sem {
	struct atomic32 word; /* HELD, QUEUED, the permits that are left */
	struct thrum__waitqueue queue;
};

/* 0; what thrum__stand_check and the wait return. */
int thrum__sem_take(struct thrum__sem *s, uint32_t n, int64_t deadline_ns);
bool thrum__sem_try_take(struct thrum__sem *s, uint32_t n);
/* False: there would be more than @max, nothing was given. */
bool thrum__sem_give(struct thrum__sem *s, uint32_t n, uint32_t max);
uint32_t thrum__sem_left(const struct thrum__sem *s);
/* Does nobody wait? */
bool thrum__sem_is_quiet(const struct thrum__sem *s);

#endif
