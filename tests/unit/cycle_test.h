/* SPDX-License-Identifier: MIT */
/* cycle_test.h - what the tests of sched/cycle.c share: a runtime with some tasks, which begin to
 * wait for each other when they are let go. */
#ifndef TESTS_UNIT_CYCLE_TEST_H
#define TESTS_UNIT_CYCLE_TEST_H

#include "run.h"
#include "sched/cycle.h"
#include "sched/worker.h"

#define TASKS 12

static struct reports got;
static sem_t told; /* once for each line */
static struct thrum_runtime *rt;
static struct thrum_future *fs[TASKS], *go, *bare;
static uint64_t waits[TASKS];

static inline void take_and_tell(void *unused, int what, const char *line)
{
	(void)unused;
	if (what != THRUM_REPORT_CYCLE)
		return;
	take_report(&got, what, line);
	sem_post(&told);
}

static inline void start_with(unsigned workers, unsigned clock)
{
	struct thrum_config c = config_of(workers, clock);

	c.report = take_and_tell;
	got = (struct reports)REPORTS_INIT;
	must(sem_init(&told, 0, 0) == 0);
	go = future_new();
	bare = future_new();
	memset(fs, 0, sizeof(fs));
	is_int(thrum_runtime_create(&rt, &c), 0);
}

static inline void start(unsigned workers)
{
	start_with(workers, THRUM_CLOCK_VIRTUAL);
}

/* Task @i is to run @fn, after go. */
static inline void make(size_t i, thrum_fn fn)
{
	fs[i] = thrum_runtime_submit(rt, fn, as_arg((intptr_t)i));
	must(fs[i]);
}

/* In which wait it is parked, a later one than @than. */
static inline uint64_t parked(struct thrum_future *f, uint64_t than)
{
	uint64_t seq;

	while ((seq = thrum__parker_parked(&thrum__task_of(f)->parker)) <= than)
		thread_yield();
	return seq;
}

static inline void let_go(void)
{
	for (size_t i = 0; i < TASKS; i++)
		waits[i] = fs[i] ? parked(fs[i], 0) : 0;
	is_int(thrum_future_set(go, 0), 0);
}

/* Until no worker runs. */
static inline void wait_for_sleep(void)
{
	while (thrum__idle_asleep(&rt->idle) != rt->workers_count)
		thread_yield();
}

/* The first @n wait again, and so do their children. */
static inline void let_go_and_wait(size_t n)
{
	let_go();
	for (size_t i = 0; i < n; i++)
		parked(fs[i], waits[i]);
	wait_for_sleep();
}

static inline void is_told(unsigned lines)
{
	for (unsigned i = 0; i < lines; i++)
		while (sem_wait(&told))
			;
	is_int(got.count, lines);
}

static inline void stop(void)
{
	for (size_t i = 0; i < TASKS; i++)
		thrum_cancel(fs[i]);
	for (size_t i = 0; i < TASKS; i++)
		if (fs[i])
			must(thrum_join(fs[i]) <= 0);
	is_int(thrum_runtime_destroy(rt), 0);
	future_drop(go);
	future_drop(bare);
	sem_destroy(&told);
}

/* Named by its number: a, b, c ... */
static inline void begin(void *i)
{
	char name[] = {(char)('a' + (intptr_t)i), 0};

	is_int(thrum_set_name(name), 0);
	is_int(thrum_await(go), 0);
}

/* A task that is in one call. */
#define WAITS(name, call)                    \
	static inline intptr_t name(void *i) \
	{                                    \
		begin(i);                    \
		return call;                 \
	}

/* Awaits the next of the tasks; the last one the first. */
static inline intptr_t await_next(void *i)
{
	size_t next = (size_t)i + 1;

	begin(i);
	return thrum_await(next < TASKS && fs[next] ? fs[next] : fs[0]);
}

WAITS(await_first, thrum_await(fs[0]))
WAITS(await_last, thrum_await(fs[(size_t)i - 1]))

static inline intptr_t nothing(void *unused)
{
	(void)unused;
	return 0;
}

static inline int drain(struct thrum_future *f, struct thrum_future *other)
{
	struct thrum_drain d;
	int err;

	is_int(thrum_drain_begin(&d), 0);
	is_int(thrum_drain_add(&d, f, 0), 0);
	is_int(thrum_drain_add(&d, other, 0), 0);
	err = thrum_drain_next(&d, NULL, NULL);
	thrum_drain_end(&d);
	return err;
}

static inline intptr_t spawns_beside_itself(void *scope)
{
	is_int(thrum_set_name("child"), 0);
	return thrum_scope_spawn(scope, nothing, NULL);
}

static inline intptr_t await_bare(void *unused)
{
	(void)unused;
	return thrum_await(bare);
}

/* With room for two: @first and one that wants another one beside it. */
static inline intptr_t fills_a_scope(thrum_fn first)
{
	struct thrum_scope_options o = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;

	o.limit = 2;
	is_int(thrum_scope_open_with(&s, &o), 0);
	is_int(thrum_scope_spawn(&s, first, &s), 0);
	is_int(thrum_scope_spawn(&s, spawns_beside_itself, &s), 0);
	return thrum_scope_close(&s);
}

#endif
