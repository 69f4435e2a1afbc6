/* SPDX-License-Identifier: MIT */
/* callback.h - what is called when a future is done; callback.c tells where and by whom. */
#ifndef THRUM_SCHED_CALLBACK_H
#define THRUM_SCHED_CALLBACK_H

#include "core/future.h"
#include "core/inbox.h"

struct thrum_runtime;
struct thrum__worker;

/* A call that is due. */
struct thrum__deferred {
	struct thrum__link link;
	struct thrum_future *future;
	void (*call)(struct thrum_future *f, void *arg);
	void *arg;
	bool allocated; /* the library's: freed and the future released after the call */
};

/* On a worker: runs the callbacks that are due in its runtime. */
void thrum__callbacks_run(struct thrum__worker *w);
/* Are calls queued or running on the service thread? */
bool thrum__service_is_busy(void);
/* Is the caller in a callback that the service thread makes? */
bool thrum__service_is_me(void);
/* Around fork: the child has no service thread. */
void thrum__service_before_fork(void);
void thrum__service_after_fork(bool child);
/* Had a parent process one, and this has none? */
bool thrum__service_lost(void);
/* Starts the service thread if it does not run: 0 or -errno. */
int thrum__service_start(void);
/* Calls @call(NULL, @arg) on a worker of @rt, which lives until then.  May be called by a signal
 * handler. */
void thrum__callback_run_in(struct thrum__deferred *d, struct thrum_runtime *rt,
			    void (*call)(struct thrum_future *, void *), void *arg);
/* Calls @call(@f, NULL) later, on the service thread, which was started before. */
void thrum__callback_defer(struct thrum__deferred *d, struct thrum_future *f,
			   void (*call)(struct thrum_future *, void *));

#endif
