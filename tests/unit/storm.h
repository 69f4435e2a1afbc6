/* SPDX-License-Identifier: MIT */
/*
 * storm.h - for tests of locks and the like: tasks on two workers, one of another runtime and a
 * thread do the same thing again and again, with deadlines that pass and cancels at any time.
 */
#ifndef TESTS_UNIT_STORM_H
#define TESTS_UNIT_STORM_H

#include <errno.h>

#include "base/atomic.h"
#include "run.h"

#define STORM_TASKS 4

/* What is done, with a number that is drawn.  Returns what it waited for returned. */
typedef int storm_fn(int64_t deadline_ns, uint32_t random);

static storm_fn *storm_act;
static unsigned storm_rounds;
static struct atomic32 storm_had; /* it returned 0 */

static inline uint32_t storm_draw(uint32_t *random)
{
	*random = *random * 1664525 + 1013904223;
	return *random >> 8;
}

/* Gives way, in a task that is not cancelled. */
static inline void storm_pause(uint32_t random)
{
	if (random % 4 == 0)
		(void)!thrum_yield();
	else if (random % 4 == 1)
		thread_yield();
}

static inline int storm_once(int64_t deadline_ns, uint32_t random)
{
	int err = storm_act(deadline_ns, random);

	if (err == 0)
		fetch_add_relaxed(&storm_had, 1);
	must(err == 0 || err == -ECANCELED || err == -ETIMEDOUT);
	return err;
}

static inline intptr_t storm_child(void *random)
{
	return storm_once(THRUM_FOREVER, (uint32_t)(intptr_t)random);
}

static inline void storm_cancelled(uint32_t random)
{
	struct thrum_future *f = thrum_spawn(storm_child, as_arg(random));
	intptr_t err;

	must(f);
	for (uint32_t i = random % 3; i; i--)
		is_int(thrum_yield(), 0);
	(void)thrum_cancel(f); /* unless it has ended */
	err = thrum_join(f);
	must(err == 0 || err == -ECANCELED);
}

static inline intptr_t storm_task(void *seed)
{
	uint32_t random = (uint32_t)(intptr_t)seed;

	for (unsigned i = 0; i < storm_rounds; i++) {
		uint32_t n = storm_draw(&random);

		if (n % 8 == 0)
			storm_cancelled(storm_draw(&random));
		else if (n % 8 == 1)
			(void)!storm_once(thrum_now() + n % THRUM_US(20), storm_draw(&random));
		else
			is_int(storm_once(THRUM_FOREVER, storm_draw(&random)), 0);
	}
	return 0;
}

static inline void *storm_thread(void *unused)
{
	uint32_t random = 99;

	(void)unused;
	for (unsigned i = 0; i < storm_rounds; i++) {
		uint32_t n = storm_draw(&random);

		(void)!storm_once(n % 4 ? THRUM_FOREVER : thrum_now() + n % THRUM_US(20),
				  storm_draw(&random));
	}
	return NULL;
}

/* Each does it @rounds times.  Returns how often it returned 0. */
static inline unsigned storm(storm_fn *act, unsigned rounds)
{
	struct thrum_runtime *two = runtime_of(2, THRUM_CLOCK_REAL);
	struct thrum_runtime *one = runtime_of(1, THRUM_CLOCK_VIRTUAL);
	struct thrum_future *fs[STORM_TASKS];
	pthread_t thread;

	storm_act = act;
	storm_rounds = rounds;
	store_relaxed(&storm_had, 0);
	thread = thread_of(storm_thread, NULL);
	for (int i = 0; i < STORM_TASKS; i++) {
		fs[i] = thrum_runtime_submit(i ? two : one, storm_task, as_arg(i + 1));
		must(fs[i]);
	}
	for (int i = 0; i < STORM_TASKS; i++)
		is_int(thrum_join(fs[i]), 0);
	thread_end(thread);
	is_int(thrum_runtime_destroy(two), 0);
	is_int(thrum_runtime_destroy(one), 0);
	return load_relaxed(&storm_had);
}

#endif
