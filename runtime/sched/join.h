/* SPDX-License-Identifier: MIT */
/* join.h - tasks that run in place of their joiner; join.c tells how. */
#ifndef THRUM_SCHED_JOIN_H
#define THRUM_SCHED_JOIN_H

/* Joins in place on one stack: a cancel of the lowest goes up through all of them, call by call. */
#define THRUM__JOIN_LEVELS 64

struct thrum__task;

/* @t runs in place and is about to wait: lends the waits of the joiners below it, up to the first
 * that is lent already. */
void thrum__join_lend(struct thrum__task *t);

#endif
