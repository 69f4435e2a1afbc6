/* SPDX-License-Identifier: MIT */
/* join.h - tasks that run in place of their joiner; join.c tells how. */
#ifndef THRUM_SCHED_JOIN_H
#define THRUM_SCHED_JOIN_H

struct thrum__task;

/* @t runs in place and is about to wait: lends the waits of the joiners below it, up to the first
 * that is lent already. */
void thrum__join_lend(struct thrum__task *t);

#endif
