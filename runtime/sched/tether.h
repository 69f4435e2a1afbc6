/* SPDX-License-Identifier: MIT */
/* tether.h - what links a task or a job to a token; tether.c tells how. */
#ifndef THRUM_SCHED_TETHER_H
#define THRUM_SCHED_TETHER_H

#include "core/token.h"
#include "sched/task.h"

struct thrum__spawn;

struct thrum__tether {
	struct thrum__token *token; /* with a use of it */
	struct thrum_future *future;
	struct thrum__waiter node[THRUM__TOKEN_LEVELS];
	bool hung[THRUM__TOKEN_LEVELS];
	thrum_fn fn;
	void *arg;
	void (*drop)(void *);
};

/* @h, which lies in a frame, is for hang and unhang alone; its token is in use. */
void thrum__tether_init(struct thrum__tether *h, struct thrum__token *token);
/* NULL: no memory. */
struct thrum__tether *thrum__tether_create(struct thrum__token *token, thrum_fn fn, void *arg,
					   void (*drop)(void *));
/* @how is to make a task that calls what @h has, and ends @h. */
void thrum__tether_run_by(struct thrum__tether *h, struct thrum__spawn *how);
/* That task, published and not queued. */
void thrum__tether_tie(struct thrum__tether *h, struct thrum__task *t);
/* From now on @f, which is published and has not ended, hears of the token. */
void thrum__tether_hang(struct thrum__tether *h, struct thrum_future *f);
/* It hears no more: no fire touches the tether, or begins to touch its future. */
void thrum__tether_unhang(struct thrum__tether *h);
/* The same, and the memory goes. */
void thrum__tether_end(void *tether);
/* What the current job's token asks: 0, THRUM_SOFT, THRUM_HARD; 0: this is no such job. */
unsigned thrum__tether_asks(void);

#endif
