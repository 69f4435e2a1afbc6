/* SPDX-License-Identifier: MIT */
/*
 * registry.c - the live runtimes of the process, for those who hold a future that may have outlived
 * its runtime, and for fork().  A mutex: only slow paths come here (reports, callbacks registered
 * after the end, create and destroy).
 *
 * VISITORS  Whoever finds a runtime from outside counts itself, under the lock, before it uses what
 * it found; who knows that the runtime lives until it has counted itself needs no lock.  Destroy
 * takes the runtime off the list, so that nobody comes any more, then waits until all have left and
 * what they queued has run; only then do the workers end.
 *
 * Nothing here fails but a visit to a runtime that has gone, and to watch fork for want of memory:
 * then no runtime is made.
 */
#include "sched/registry.h"

#include "base/tls.h"
#include "sched/await.h"
#include "sched/callback.h"
#include "sched/fork.h"
#include "sched/fork_check.h"

#include <pthread.h>

bool thrum__forked_child;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct thrum_runtime *live;
static struct atomic32 several; /* are live: written under lock */
static bool watched;            /* fork is; under lock */

/* The locks are held across fork, so that the child's copies of what they guard are whole. */
static void before_fork(void)
{
	pthread_mutex_lock(&lock);
	thrum__service_before_fork();
	thrum__outside_before_fork();
	thrum__pools_before_fork();
}

static void after_fork(bool child)
{
	thrum__pools_after_fork();
	thrum__outside_after_fork();
	thrum__service_after_fork(child);
	pthread_mutex_unlock(&lock);
}

static void after_fork_parent(void)
{
	after_fork(false);
}

static void after_fork_child(void)
{
	if (live)
		thrum__forked_child = true;
	thrum__tls_set_worker(NULL);
	thrum__fork_use_lane(NULL);
	after_fork(true);
}

/* The lock may be held: no fork waits for it before this has succeeded. */
int thrum__registry_watch_fork(void)
{
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!watched)
		err = thrum__os_atfork(before_fork, after_fork_parent, after_fork_child);
	watched |= !err;
	pthread_mutex_unlock(&lock);
	return err;
}

void thrum__registry_add(struct thrum_runtime *rt)
{
	pthread_mutex_lock(&lock);
	rt->next = live;
	live = rt;
	store_relaxed(&several, rt->next != NULL);
	pthread_mutex_unlock(&lock);
}

void thrum__registry_remove(struct thrum_runtime *rt)
{
	struct thrum_runtime **p;

	pthread_mutex_lock(&lock);
	for (p = &live; *p && *p != rt; p = &(*p)->next)
		;
	if (*p)
		*p = rt->next;
	store_relaxed(&several, live && live->next);
	pthread_mutex_unlock(&lock);
}

bool thrum__registry_enter(struct thrum_runtime *rt)
{
	struct thrum_runtime *r;

	pthread_mutex_lock(&lock);
	for (r = live; r && r != rt; r = r->next)
		;
	if (r)
		thrum__registry_enter_live(r);
	pthread_mutex_unlock(&lock);
	return r != NULL;
}

bool thrum__registry_has_several(void)
{
	return load_relaxed(&several);
}

void thrum__registry_each(void (*use)(struct thrum_runtime *, void *), void *arg)
{
	pthread_mutex_lock(&lock);
	for (struct thrum_runtime *rt = live; rt; rt = rt->next)
		use(rt, arg);
	pthread_mutex_unlock(&lock);
}
