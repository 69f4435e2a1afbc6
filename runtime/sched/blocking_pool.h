/* SPDX-License-Identifier: MIT */
/*
 * blocking_pool.h - threads for calls that block, in classes that cannot starve one another.
 *
 * A job is a node that the submitter owns.  It runs once, on a thread of its class, unless it was
 * withdrawn first. Threads come on demand up to the class's limit and leave when they have had
 * nothing to do for 250 ms; an idle pool has none.  All signals but those that a thread raises by
 * its own fault are blocked in them: handlers run elsewhere, calls are not interrupted, and a write
 * to a broken pipe gives EPIPE alone.
 *
 * In a forked child nothing here may be called but thrum__job_pool_in_flight.
 */
#ifndef THRUM_SCHED_BLOCKING_POOL_H
#define THRUM_SCHED_BLOCKING_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/tally.h"

enum thrum__job_pool_class_id {
	THRUM__JOBS_GENERAL,
	THRUM__JOBS_FILE,
	THRUM__JOBS_DNS,
	THRUM__JOBS_CLASSES,
};

enum thrum__job_state {
	THRUM__JOB_OUTSIDE, /* not submitted, or withdrawn */
	THRUM__JOB_QUEUED,
	THRUM__JOB_STARTED, /* the pool has let go of it */
};

/* Zeroed at first; the submitter sets run and place; the pool's lock guards the rest. */
struct thrum__job {
	struct thrum__job *next, *prev;
	void (*run)(struct thrum__job *job);
	const char *place; /* for reports; outlives the pool; may be NULL */
	uint8_t state;
	uint8_t class_id;
};

struct thrum__job_pool_limit {
	unsigned threads; /* 1 or more */
	size_t queue;     /* jobs that wait for a thread; 0 or more */
};

struct thrum__job_pool_thread;

struct thrum__job_pool_class {
	struct thrum__job_pool *pool;
	struct thrum__job_pool_limit limit;
	struct thrum__job *first, *last;
	size_t queued;    /* jobs in the list */
	size_t coming;    /* threads started or woken that have not looked at the list yet */
	unsigned threads; /* alive, those just started included */
	struct thrum__job_pool_thread *idle; /* the one that came last is first */
};

struct thrum__job_pool {
	pthread_mutex_t lock; /* guards all but in_flight */
	pthread_cond_t ended; /* while stopping: the last job or the last thread has ended */
	struct thrum__job_pool_class classes[THRUM__JOBS_CLASSES];
	struct thrum__job_pool_thread *threads; /* by number */
	unsigned alive;
	bool stopping;
	bool has_leaver;
	pthread_t leaver; /* the thread that left last: whoever leaves next joins it, or stop */
	struct thrum__tally in_flight;
	void (*on_zero)(void *arg);
	void *on_zero_arg;
	char prefix[16];
};

/*
 * Makes no thread; cannot fail.  @on_zero (or NULL) is called whenever the last job in flight has
 * ended, on the thread where that happened, without locks; by then other jobs may be in flight.
 */
void thrum__job_pool_init(struct thrum__job_pool *p,
			  const struct thrum__job_pool_limit limits[THRUM__JOBS_CLASSES],
			  const char *prefix, void (*on_zero)(void *arg), void *on_zero_arg);

/* Only after a stop that returned 0. */
void thrum__job_pool_fini(struct thrum__job_pool *p);

/*
 * Queue @job; from any thread; may hold the caller for the time that making a thread takes.
 * Returns 0: run(@job) will be called once, and the pool touches nothing of @job from its start on;
 * -EAGAIN: the class's queue is full, or it has no thread and none could be made (also other errors
 * of that call);
 * -ESHUTDOWN: stopping.  After an error the job is the caller's again and will not run.
 */
int thrum__job_pool_submit(struct thrum__job_pool *p, enum thrum__job_pool_class_id id,
			   struct thrum__job *job);

/*
 * Take @job back if it has not started.  The caller makes sure that @job's memory is still there.
 * Returns true: run will not be called; false: it has been, or it is not in the pool.
 */
bool thrum__job_pool_withdraw(struct thrum__job_pool *p, struct thrum__job *job);

/*
 * Refuse new jobs, wait until those in flight have ended, end the threads.  Not from a job.
 * @deadline_ns: of CLOCK_MONOTONIC; INT64_MAX: no limit.
 * Returns 0: no thread is left; -EBUSY: jobs are in flight still.  They go on, nothing is freed,
 * and stop may be called again.
 */
int thrum__job_pool_stop(struct thrum__job_pool *p, int64_t deadline_ns);

/* Name each job in flight.  @cb runs under the pool's lock and must not call the pool. */
void thrum__job_pool_for_each(struct thrum__job_pool *p,
			      void (*cb)(void *arg, const char *place, bool started), void *arg);

/* Jobs queued or running; a job's effects are visible to who no longer finds it counted. */
unsigned thrum__job_pool_in_flight(const struct thrum__job_pool *p);

#endif
