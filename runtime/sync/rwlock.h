/* SPDX-License-Identifier: MIT */
/* rwlock.h - locks of readers and writers; rwlock.c tells how. */
#ifndef THRUM_SYNC_RWLOCK_H
#define THRUM_SYNC_RWLOCK_H

#include "core/waitqueue.h"

#include <thrum/sync.h>

struct thrum__rwlock {
	struct atomic32 word;
	struct thrum__waitqueue readers;
	struct thrum__waitqueue front; /* the writer that is next, if it is parked */
	struct thrum_mutex in_front;   /* the other writers wait for it */
} __attribute__((may_alias));

/* Of the word. */
#define THRUM__RW_NEXT 0x40000000u
#define THRUM__RW_PARKED 0x20000000u
#define THRUM__RW_WAITING 0x10000000u
#define THRUM__RW_WRITER 0x08000000u
#define THRUM__RW_READERS 0x07ffffffu

#endif
