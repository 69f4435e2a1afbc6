/* SPDX-License-Identifier: MIT */
/*
 * run.h - what the tests of the scheduler share: checks that hold in any thread and on any fiber, a
 * test body as the main task of a runtime, small tasks, threads, reports.
 *
 * On the virtual clock thrum_sleep waits until nothing else can run, so settle() is an exact "let
 * everybody come as far as they can".  A failed check ends the process: Check's own would jump from
 * a worker's stack to the runner's.
 */
#ifndef TESTS_UNIT_RUN_H
#define TESTS_UNIT_RUN_H

#include <check.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thrum/thrum.h>

#include "suite.h"

#define must(cond)                                                                               \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

#define is_int(got, want)                                                                        \
	do {                                                                                     \
		intmax_t got_ = (intmax_t)(got), want_ = (intmax_t)(want);                       \
		if (got_ != want_) {                                                             \
			fprintf(stderr, "%s:%d: %s is %jd, not %jd\n", __FILE__, __LINE__, #got, \
				got_, want_);                                                    \
			abort();                                                                 \
		}                                                                                \
	} while (0)

#define is_text(got, want)                                                                       \
	do {                                                                                     \
		const char *got_ = (got), *want_ = (want);                                       \
		if (strcmp(got_, want_)) {                                                       \
			fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, \
				#got, got_, want_);                                              \
			abort();                                                                 \
		}                                                                                \
	} while (0)

#define has_text(got, part)                                                                \
	do {                                                                               \
		const char *got_ = (got), *part_ = (part);                                 \
		if (!strstr(got_, part_)) {                                                \
			fprintf(stderr, "%s:%d: %s is \"%s\", without \"%s\"\n", __FILE__, \
				__LINE__, #got, got_, part_);                              \
			abort();                                                           \
		}                                                                          \
	} while (0)

static inline struct thrum_config config_of(unsigned workers, unsigned clock)
{
	struct thrum_config c = THRUM_CONFIG_INIT;

	c.workers = workers;
	c.clock = clock;
	return c;
}

static inline intptr_t run_virtual(unsigned workers, thrum_fn fn, void *arg)
{
	struct thrum_config c = config_of(workers, THRUM_CLOCK_VIRTUAL);

	return thrum_run_with(&c, fn, arg);
}

static inline intptr_t run_real(unsigned workers, thrum_fn fn, void *arg)
{
	struct thrum_config c = config_of(workers, THRUM_CLOCK_REAL);

	return thrum_run_with(&c, fn, arg);
}

/* With no room for a task beside the main one. */
static inline intptr_t run_at_limit(unsigned workers, unsigned clock, thrum_fn fn, void *arg)
{
	struct thrum_config c = config_of(workers, clock);

	c.tasks_max = 1;
	return thrum_run_with(&c, fn, arg);
}

static inline struct thrum_runtime *runtime_of(unsigned workers, unsigned clock)
{
	struct thrum_config c = config_of(workers, clock);
	struct thrum_runtime *rt;

	is_int(thrum_runtime_create(&rt, &c), 0);
	return rt;
}

/* A test whose body is the main task of a runtime on the virtual clock. */
#define TASK_TEST(name, workers)                                       \
	static void name##_body(void);                                 \
	static intptr_t name##_task(void *unused)                      \
	{                                                              \
		(void)unused;                                          \
		name##_body();                                         \
		return 77;                                             \
	}                                                              \
	START_TEST(name)                                               \
	{                                                              \
		is_int(run_virtual((workers), name##_task, NULL), 77); \
	}                                                              \
	END_TEST                                                       \
	static void name##_body(void)

/* On the virtual clock: everybody else has come as far as they can. */
static inline void settle(void)
{
	is_int(thrum_sleep(1), 0);
}

static inline void *as_arg(intptr_t value)
{
	return (void *)value;
}

/* Small tasks. */
static inline intptr_t task_return(void *value)
{
	return (intptr_t)value;
}

static inline intptr_t task_await(void *future)
{
	return thrum_await(future);
}

static inline intptr_t task_sleep(void *ns)
{
	return thrum_sleep((intptr_t)ns);
}

static inline struct thrum_future *spawn_sleeper(int64_t ns)
{
	struct thrum_future *f = thrum_spawn(task_sleep, as_arg((intptr_t)ns));

	must(f);
	return f;
}

static inline struct thrum_future *future_new(void)
{
	struct thrum_future *f = thrum_future_create();

	must(f);
	return f;
}

/* Sets it if need be, looks at its result and lets it go. */
static inline void future_drop(struct thrum_future *f)
{
	(void)thrum_future_set(f, 0);
	(void)thrum_result(f);
	thrum_release(f);
}

/* A job that holds its thread until it is told to go on. */
struct hold {
	struct thrum_future *started;
	sem_t go;
	intptr_t result;
};

static inline void hold_init(struct hold *h, intptr_t result)
{
	h->started = future_new();
	h->result = result;
	must(sem_init(&h->go, 0, 0) == 0);
}

static inline intptr_t job_hold(void *hold)
{
	struct hold *h = hold;

	thrum_future_set(h->started, 0);
	while (sem_wait(&h->go))
		;
	return h->result;
}

static inline void hold_end(struct hold *h)
{
	future_drop(h->started);
	sem_destroy(&h->go);
}

/* A task that nothing wakes until its job ends, whatever is requested of it. */
static inline intptr_t task_hold(void *hold)
{
	return thrum_blocking(job_hold, hold);
}

/* Others of this worker had many turns. */
static inline void yield_often(void)
{
	for (int i = 0; i < 200; i++)
		is_int(thrum_yield(), 0);
}

static inline pthread_t thread_of(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	must(pthread_create(&t, NULL, fn, arg) == 0);
	return t;
}

static inline void thread_end(pthread_t t)
{
	must(pthread_join(t, NULL) == 0);
}

/* Reports of a runtime. */
struct reports {
	pthread_mutex_t lock;
	int count, what;
	char text[8192]; /* all lines */
};

#define REPORTS_INIT                              \
	{                                         \
		.lock = PTHREAD_MUTEX_INITIALIZER \
	}

static inline void take_report(void *reports, int what, const char *line)
{
	struct reports *r = reports;
	size_t used;

	pthread_mutex_lock(&r->lock);
	used = strlen(r->text);
	r->count++;
	r->what = what;
	snprintf(r->text + used, sizeof(r->text) - used, "%s\n", line);
	pthread_mutex_unlock(&r->lock);
}

static inline struct thrum_config reporting(struct reports *r, unsigned workers)
{
	struct thrum_config c = config_of(workers, THRUM_CLOCK_VIRTUAL);

	c.report = take_report;
	c.report_arg = r;
	return c;
}

/* With the hostile poller a call may move one byte, and late: tests of how much it moves, of exact
 * times and of a megabyte make no sense. */
static inline bool is_hostile(void)
{
	const char *poller = getenv("THRUM_POLLER");

	return poller && !strcmp(poller, "sim");
}

#endif
