/* SPDX-License-Identifier: MIT */
/*
 * outside.c - a thread that is no worker waits for a future: in a futex.
 *
 * Its parker comes from a list for the process and goes back to it: a late fire may still touch a
 * parker whose wait is over (parker.c), so the memory never goes elsewhere.  The thread waits for
 * the parker's bell, not for the word: whoever fired it rings as the last thing, and a ring that
 * comes late, when the parker has another user, is a look for nothing.
 *
 * Nothing can fail: some parkers are there from the start; when they are all in use and there is no
 * memory for another the thread looks again and again, giving its CPU away in between.
 *
 * The order of it all is that of core/parker.c and core/bell.h, which tests/model/scen_bell.c
 * explores as they are used here.
 */
#include "sched/await.h"

#include "base/clock.h"
#include "base/os.h"
#include "core/bell.h"
#include "sched/registry.h"

#include <pthread.h>

/* Threads that may wait at a time before memory is needed. */
#define RESERVE 16

struct thread_parker {
	struct thrum__parker parker;
	struct thrum__bell bell;
	struct thread_parker *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct thread_parker *at_rest;
static struct thread_parker reserve[RESERVE];
static size_t reserve_used;

static void thread_unpark(struct thrum__parker *p, void *relay, enum thrum__why why)
{
	struct thread_parker *tp = container_of(p, struct thread_parker, parker);

	(void)relay;
	(void)why;
	thrum__bell_ring(&tp->bell);
}

static struct thread_parker *get(void)
{
	struct thread_parker *tp;

	if (thrum__registry_watch_fork())
		return NULL;
	pthread_mutex_lock(&lock);
	tp = at_rest;
	if (tp) {
		at_rest = tp->next;
		pthread_mutex_unlock(&lock);
		return tp;
	}
	if (reserve_used < RESERVE)
		tp = &reserve[reserve_used++];
	pthread_mutex_unlock(&lock);
	if (!tp)
		tp = thrum__os_alloc_zeroed(sizeof(*tp));
	if (tp)
		thrum__parker_init(&tp->parker, thread_unpark);
	return tp;
}

static void put(struct thread_parker *tp)
{
	pthread_mutex_lock(&lock);
	tp->next = at_rest;
	at_rest = tp;
	pthread_mutex_unlock(&lock);
}

/* True: it has rung since @seen; false: the deadline passed. */
static bool sleep_until(struct thread_parker *tp, uint32_t seen, int64_t deadline_ns)
{
	while (thrum__bell_listen(&tp->bell) == seen)
		if (thrum__bell_wait(&tp->bell, seen, deadline_ns) == -ETIMEDOUT)
			return false;
	return true;
}

static int poll_until_done(struct thrum_future *f, int64_t deadline_ns)
{
	while (!thrum__future_is_done(f)) {
		if (deadline_ns != THRUM_FOREVER && thrum__clock_monotonic_ns() >= deadline_ns)
			return -ETIMEDOUT;
		thread_yield();
	}
	return 0;
}

/* Sleeps until wait @seq of @tp ends: 0, or -ETIMEDOUT. */
static int sleep_out(struct thread_parker *tp, uint64_t seq, int64_t deadline_ns)
{
	uint32_t seen = thrum__bell_listen(&tp->bell); /* it rings for who is parked only */

	if (!thrum__parker_park(&tp->parker, seq, true) || sleep_until(tp, seen, deadline_ns))
		return 0;
	if (thrum__parker_abandon(&tp->parker, seq))
		return -ETIMEDOUT;
	sleep_until(tp, seen, THRUM_FOREVER);
	return 0;
}

int thrum__await_outside(struct thrum_future *f, int64_t deadline_ns)
{
	struct thrum__wait_node node;
	struct thread_parker *tp;
	uint64_t seq;
	int err = 0;

	if (thrum__future_is_done(f))
		return 0;
	tp = get();
	if (!tp)
		return poll_until_done(f, deadline_ns);
	seq = thrum__parker_seq(&tp->parker);
	thrum__wait_node_init(&node, &tp->parker, seq);
	if (thrum__future_register(f, &node.waiter)) {
		err = sleep_out(tp, seq, deadline_ns);
		/* The future may have completed all the same; then it is done. */
		if (err && !thrum__future_withdraw(f, &node.waiter))
			err = 0;
	}
	put(tp);
	return err;
}

struct thrum__parker *thrum__outside_begin(void)
{
	struct thread_parker *tp = get();

	return tp ? &tp->parker : NULL;
}

int thrum__outside_wait(struct thrum__parker *p, uint64_t seq, int64_t deadline_ns)
{
	return sleep_out(container_of(p, struct thread_parker, parker), seq, deadline_ns);
}

void thrum__outside_end(struct thrum__parker *p)
{
	put(container_of(p, struct thread_parker, parker));
}

void thrum__outside_before_fork(void)
{
	pthread_mutex_lock(&lock);
}

void thrum__outside_after_fork(void)
{
	pthread_mutex_unlock(&lock);
}
