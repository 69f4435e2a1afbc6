/* SPDX-License-Identifier: MIT */
/*
 * monitor.h - a thread that looks after workers that are held inside one task: their timers, the
 * poller, spare workers.  monitor.c tells how.
 */
#ifndef THRUM_SCHED_MONITOR_H
#define THRUM_SCHED_MONITOR_H

#include "base/atomic.h"

struct thrum_config;
struct thrum_runtime;
struct thrum__worker;

/*
 * Its life: create before any worker's thread starts, start when all have, stop (no worker needs it
 * any more, rt->exiting is set: the spares' threads end, too), destroy when no worker runs.
 * create: 0 or -ENOMEM; start: 0 or -EAGAIN.  Under the virtual clock there is none.
 * stop and destroy do nothing for one that was not started or created.
 */
int thrum__monitor_create(struct thrum_runtime *rt);
int thrum__monitor_start(struct thrum_runtime *rt);
void thrum__monitor_stop(struct thrum_runtime *rt);
void thrum__monitor_destroy(struct thrum_runtime *rt);

/* How long the kernel lets @w's thread run when others wait for its CPU: short, or long for one
 * that is held inside a task.  Where that can't be had nothing changes.  For the thread itself,
 * once it has an id; then for the monitor. */
void thrum__monitor_set_slice(struct thrum__worker *w, bool is_held);

/* A worker that has announced its sleep to idle.c is awake again, by itself, or was just woken by
 * the caller: a monitor at rest goes on. */
void thrum__monitor_poke(struct thrum_runtime *rt);

#endif
