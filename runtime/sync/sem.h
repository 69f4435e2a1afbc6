/* SPDX-License-Identifier: MIT */
/* sem.h - semaphores; sem.c tells how. */
#ifndef THRUM_SYNC_SEM_H
#define THRUM_SYNC_SEM_H

#include "core/waitqueue.h"

struct thrum__sem {
	struct atomic32 word; /* HELD, QUEUED, permits */
	struct thrum__waitqueue queue;
} __attribute__((may_alias));

/* Of the word: the queue has turns. */
#define THRUM__SEM_QUEUED 0x40000000u

#endif
