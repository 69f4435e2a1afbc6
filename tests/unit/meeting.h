/* SPDX-License-Identifier: MIT */
/* meeting.h - the part of standing.h that is about where tasks meet. */
#ifndef TESTS_UNIT_MEETING_H
#define TESTS_UNIT_MEETING_H

#include "run.h"

static bool kept; /* nobody has been let go */

/* With a deadline, or without. */
#define CALL(call, thing, deadline_ns) \
	((deadline_ns) == THRUM_FOREVER ? call((thing)) : call##_until((thing), (deadline_ns)))

/* ---- Meetings; the last one at the barrier is who lets go ---- */

static struct thrum_event event;

static void event_begin(unsigned waiters)
{
	(void)waiters;
	thrum_event_init(&event);
}

static int event_wait(int64_t deadline_ns)
{
	return CALL(thrum_event_wait, &event, deadline_ns);
}

static void event_let_go(void)
{
	thrum_event_set(&event);
}

static void event_end(void)
{
	thrum_event_fini(&event);
}

static struct thrum_barrier barrier;

static void barrier_begin(unsigned waiters)
{
	thrum_barrier_init(&barrier, waiters + 1);
}

static int barrier_wait(int64_t deadline_ns)
{
	int n = CALL(thrum_barrier_wait, &barrier, deadline_ns);

	return n < 0 ? n : 0;
}

static void barrier_let_go(void)
{
	must(thrum_barrier_wait(&barrier) >= 0);
}

static void barrier_end(void)
{
	thrum_barrier_fini(&barrier);
}

static struct thrum_wait_group group;

static void group_begin(unsigned waiters)
{
	(void)waiters;
	thrum_wait_group_init(&group);
	thrum_wait_group_add(&group, 1);
	kept = true;
}

static int group_wait(int64_t deadline_ns)
{
	return CALL(thrum_wait_group_wait, &group, deadline_ns);
}

static void group_let_go(void)
{
	kept = false;
	thrum_wait_group_done(&group);
}

static void group_end(void)
{
	if (kept)
		group_let_go();
	thrum_wait_group_fini(&group);
}

/* ---- A call, which a thread makes ---- */

static struct thrum_once once;
static sem_t called, may_return;
static pthread_t caller;

static intptr_t fn_of_caller(void *unused)
{
	(void)unused;
	sem_post(&called);
	while (sem_wait(&may_return))
		;
	return 7;
}

static void *thread_calls(void *unused)
{
	(void)unused;
	is_int(thrum_once(&once, fn_of_caller, NULL), 7);
	return NULL;
}

static void once_begin(unsigned waiters)
{
	(void)waiters;
	once = (struct thrum_once)THRUM_ONCE_INIT;
	must(sem_init(&called, 0, 0) == 0 && sem_init(&may_return, 0, 0) == 0);
	caller = thread_of(thread_calls, NULL);
	while (sem_wait(&called))
		;
	kept = true;
}

static int once_wait(int64_t deadline_ns)
{
	intptr_t r = thrum_once(&once, fn_of_caller, NULL);

	(void)deadline_ns;
	return r == 7 ? 0 : (int)r;
}

static void once_let_go(void)
{
	kept = false;
	sem_post(&may_return);
	thread_end(caller);
}

static void once_end(void)
{
	if (kept)
		once_let_go();
	sem_destroy(&called);
	sem_destroy(&may_return);
}

#endif
