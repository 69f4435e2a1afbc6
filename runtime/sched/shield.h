/* SPDX-License-Identifier: MIT */
/* shield.h - a future that follows another and can be cancelled alone; shield.c tells how. */
#ifndef THRUM_SCHED_SHIELD_H
#define THRUM_SCHED_SHIELD_H

#include "sched/task.h"

/* On @target, also outside tasks; NULL: no memory. */
struct thrum_future *thrum__shield_create(struct thrum_future *target);
int thrum__shield_cancel(struct thrum_future *f);
/* Releases one reference of a shield: true: it was the last and @f is to be ended. */
bool thrum__shield_release(struct thrum_future *f);

#endif
