/* SPDX-License-Identifier: MIT */
/* runtime.h - what runtime.c and stop.c share. */
#ifndef THRUM_SCHED_RUNTIME_H
#define THRUM_SCHED_RUNTIME_H

struct thrum_runtime;

/* No new tasks; every task but the current one is cancelled.  From a task or outside; again is
 * harmless. */
void thrum__runtime_stop_begin(struct thrum_runtime *rt);
/* Ends the threads and frees all; nothing runs or will run on @rt. */
void thrum__runtime_dismantle(struct thrum_runtime *rt);
#ifdef THRUM_MIGRATE
/* stats.c, when all has ended: with two workers or more each resume was on another one than the
 * wait before it.  With THRUM_MIGRATE_COUNT in the environment it prints how many. */
void thrum__stats_check_migrations(struct thrum_runtime *rt);
#endif

#endif
