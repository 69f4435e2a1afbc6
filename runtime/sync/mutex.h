/* SPDX-License-Identifier: MIT */
/* mutex.h - mutexes; mutex.c tells how. */
#ifndef THRUM_SYNC_MUTEX_H
#define THRUM_SYNC_MUTEX_H

#include "core/waitqueue.h"

struct thrum_mutex;

struct thrum__mutex {
	struct atomic32 word;
	struct thrum__waitqueue queue;
	struct atomicptr owner; /* a debug build's: the task's future, or the thread's own mark */
} __attribute__((may_alias));

/* As lock, but neither cancel nor a deadline keeps it from having it. */
void thrum__mutex_lock_deaf(struct thrum_mutex *m);
/* In a debug build: the caller holds it. */
void thrum__mutex_ensure_held(const struct thrum_mutex *m);

#endif
