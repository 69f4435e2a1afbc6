/* SPDX-License-Identifier: MIT */
/* drain.h - futures in the order in which they complete, for combine.c and calls.c; drain.c tells
 * how. */
#ifndef THRUM_FLOW_DRAIN_H
#define THRUM_FLOW_DRAIN_H

#include "core/edge.h"
#include "core/inbox.h"
#include "sched/task.h"

#include <errno.h>
#include <thrum/combine.h>

/* Futures that a drain holds without memory. */
#define THRUM__DRAIN_FEW 8

struct thrum__drain;

/* One future in a drain. */
struct thrum__drain_node {
	struct thrum__waiter waiter; /* on the future's list */
	struct thrum__link link;     /* in fired, then in done; or in spare */
	struct thrum__drain *drain;
	struct thrum_future *future; /* with a reference; NULL: a spawn that failed */
	size_t tag;
	struct thrum__drain_node *prev, *next; /* in the order of adding, while it is pending */
};

/* What is in a struct thrum_drain. */
struct thrum__drain {
	struct thrum__task *owner;
	int err;                                       /* why nothing can be done with it */
	size_t count;                                  /* nodes that are pending or done */
	struct thrum__inbox fired;                     /* still pending for the owner */
	struct thrum__edge edge;                       /* raised when there is more in fired */
	struct thrum__drain_node *first, *last;        /* pending */
	struct thrum__link *done_oldest, *done_newest; /* to be taken */
	struct thrum__link *spare;                     /* of few */
	struct thrum__drain_node few[THRUM__DRAIN_FEW];
} __attribute__((may_alias));

/* All by the owner, a task that lives. */
void thrum__drain_init(struct thrum__drain *d, struct thrum__task *owner);
/* As thrum_drain_end: releases what it holds. */
void thrum__drain_fini(struct thrum__drain *d);
/* A node to be hung or put back; NULL: no memory. */
struct thrum__drain_node *thrum__drain_get(struct thrum__drain *d);
void thrum__drain_put(struct thrum__drain *d, struct thrum__drain_node *node);
/* Cannot fail.  The caller's reference to @f, which may be NULL, goes to the drain. */
void thrum__drain_hang(struct thrum__drain *d, struct thrum__drain_node *node,
		       struct thrum_future *f, size_t tag);
/* get, and hang with a reference of its own: 0 or -ENOMEM. */
int thrum__drain_add(struct thrum__drain *d, struct thrum_future *f, size_t tag);
/* Until there is one to take: 0; -ENODATA: it holds none; or as thrum__await. */
int thrum__drain_wait(struct thrum__drain *d, int64_t deadline_ns);
/* The first that was done, with its reference, as far as wait or stop have seen; false: none. */
bool thrum__drain_take(struct thrum__drain *d, struct thrum_future **f, size_t *tag);
/* Cancels what is pending and waits, deaf, until nothing is. */
void thrum__drain_stop(struct thrum__drain *d);

/* Did a wait of @t with the deadline @own_ns, which has returned @err, end by that, and not by one
 * around it?  Of two at the same time its own counts, as in thrum__bracket_learn. */
static inline bool thrum__wait_is_own(const struct thrum__task *t, int err, int64_t own_ns)
{
	return err == -ETIMEDOUT && own_ns <= t->deadline_ns;
}

#endif
