/* SPDX-License-Identifier: MIT */
/* fork.h - forks that leave their lane: stolen, let go, or run the slow way; fork.c tells how. */
#ifndef THRUM_SCHED_FORK_H
#define THRUM_SCHED_FORK_H

#include "sched/worker.h"

/* Forks of the tasks on this thread go into @w's lane; NULL: there is none. */
void thrum__fork_use_lane(struct thrum__worker *w);

/* A thief: a fork of @victim's as a task that has not started, without a stack; NULL.  @force: also
 * one that its maker has for itself. */
struct thrum__task *thrum__fork_steal(struct thrum__worker *w, struct thrum__worker *victim,
				      bool force);
/* The running task is about to wait: its forks, and those of whoever it runs in place of, become
 * tasks.  May run them, and so come back on another worker. */
void thrum__fork_let_go(struct thrum__worker *w);

/* The same forks become tasks, but none runs here: true: the lane is empty, and no thief is between
 * taking one of them and having made it a task; false: no memory, or the limit on tasks. */
bool thrum__fork_queue_all(struct thrum__worker *w);

/* Are there forks that a searcher would find? */
bool thrum__forks_lie(struct thrum_runtime *rt);
/* Does the next fork of every worker tell who sleeps?  attend sees to it (idle.c says when). */
bool thrum__forks_tell(void *rt);
void thrum__forks_attend(void *rt);

/* At home, where there are no forks: who goes to sleep need not ask @w to tell of the next.  Before
 * its own sleep; and at times, since one that makes forks no more may always have other work. */
void thrum__fork_stop_withholding(struct thrum__worker *w);
static inline void thrum__fork_offer(struct thrum__worker *w)
{
	if (UNLIKELY(w->withholds))
		thrum__fork_stop_withholding(w);
}

/* Before a wait of the task that runs on @w. */
static inline void thrum__fork_before_wait(struct thrum__worker *w)
{
	if (UNLIKELY(!thrum__lane_is_clear(&w->lane)))
		thrum__fork_let_go(w);
}

#endif
