/* SPDX-License-Identifier: MIT */
/*
 * sync_world.h - what the scenarios of core/waitqueue.c and of runtime/sync stand on: each
 * simulated thread is a task with a parker of its own, and waits as sched/stand.c does; or a thread
 * outside, that hears no cancel and whose deadline passes whenever it likes.
 *
 * A call with a turn in it is made by in_frame: the frame goes the moment it returns, so whoever
 * still touches the turn is caught there.
 */
#ifndef TESTS_MODEL_SYNC_WORLD_H
#define TESTS_MODEL_SYNC_WORLD_H

#include "explorer.h"

/* Setup: threads 0 ... @n - 1 may wait; each makes at most @calls calls by in_frame. */
void world_start(unsigned n, unsigned calls);
/* Setup: thread @i is none of a worker's. */
void world_put_outside(unsigned i);
/* Check: who was parked was resumed, once, and all have returned. */
void world_check(void);
/* Check: and all that model_alloc gave has gone. */
void world_check_memory(void);

/* Calls @fn(@arg) in a frame that goes then. */
intptr_t in_frame(intptr_t (*fn)(intptr_t arg), intptr_t arg);

/* Until so many waits have begun, in all: their turns are on queues.  Until one of thread @i's has.
 * */
void await_waits(unsigned n);
void await_wait_of(unsigned i);
/* Until each of the others waits, and was not resumed, or has left. */
void await_others(void);
void world_leave(void);
/* Ends wait number @n of thread @i's, 0: its first, unless it has ended: as its timer does. */
void time_out(unsigned i, unsigned n);
/* A hard cancel of thread @i's task. */
void cancel(unsigned i);

#endif
