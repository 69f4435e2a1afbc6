/* SPDX-License-Identifier: MIT */
/*
 * runtime.h - the workers: made, driven from outside, stopped.
 *
 * thrum_run is all that most programs need.  Several runtimes may live in one process.
 */
#ifndef THRUM_RUNTIME_H
#define THRUM_RUNTIME_H

#include <thrum/future.h>
#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

struct thrum_runtime;
struct thrum_token;

#define THRUM_CLOCK_REAL 1
#define THRUM_CLOCK_VIRTUAL 2

/* What SIGINT and SIGTERM do while thrum_run runs: requests to the main task, or what they did
 * before. */
#define THRUM_SIGNALS_CANCEL 1
#define THRUM_SIGNALS_LEAVE 2

/* What a report is about. */
#define THRUM_REPORT_FAILURE 1 /* a failure that nobody looked at */
#define THRUM_REPORT_STUCK 2   /* a task or job that outlived the grace period */
#define THRUM_REPORT_STALL 3   /* a task that computed for too long */
#define THRUM_REPORT_UNSET 4   /* a bare future released unset (debug builds) */
#define THRUM_REPORT_CYCLE 5   /* tasks that wait for each other (debug builds) */
#define THRUM_REPORT_HELD 6    /* an OS lock held while its task waits (debug builds) */

/*
 * What a runtime is made with.  NULL, or 0 in a field, means the default; an environment variable
 * sets a default and never overrides what the program set.
 */
struct thrum_config {
	/* Of this struct; THRUM_CONFIG_INIT sets it. */
	size_t size;
	/* 1 to 256; THRUM_WORKERS; default: by CPU affinity and cgroup quota. */
	unsigned workers;
	/* THRUM_CLOCK_REAL or _VIRTUAL; THRUM_CLOCK=real|virtual; default real. */
	unsigned clock;
	/* Of a task, 16 KiB to 1 GiB, without its guard; THRUM_STACK; default 64 KiB.  A task that
	 * is joined may run on its joiner's stack, of which half at least is free then. */
	size_t stack_bytes;
	/* Live tasks, 1 to 2^40; THRUM_TASKS_MAX; default 2^26. */
	size_t tasks_max;
	/* Submissions waiting, 4 to 2^30, rounded up to a power of two; THRUM_INJECT_MAX; default
	 * 2^16. */
	size_t inject_max;
	/* Threads of each class of the blocking pool, 1 to 1024; THRUM_BLOCKING_MAX; default 64. */
	unsigned blocking_max;
	/* Jobs waiting in each class, 1 to 2^30; THRUM_BLOCKING_QUEUE; default 2^16. */
	size_t blocking_queue;
	/* How long stopping waits for tasks and jobs; THRUM_GRACE_MS; default 5 s. */
	int64_t grace_ns;
	/* How long an idle worker looks on before it sleeps, at most 50 us; -1: not at all;
	 * THRUM_SPIN_US; default 50 us, 0 on one CPU. */
	int64_t spin_ns;
	/* How long all workers may be inside one task each; THRUM_STALL_MS; default 1 ms. */
	int64_t stall_ns;
	/* Of every random choice; THRUM_SEED; default: from the clock. */
	uint64_t seed;
	/* Prefix of thread names, 10 bytes at most; default "thrum". */
	const char *name;
	/* Takes reports (what: THRUM_REPORT_*, line: one line without its end) instead of standard
	 * error; may be called on any thread and must not wait. */
	void (*report)(void *report_arg, int what, const char *line);
	void *report_arg;
	/* thrum_run alone: how long after the first SIGINT or SIGTERM, which requests THRUM_SOFT of
	 * the main task, THRUM_HARD follows; THRUM_SOFT_MS; default 5 s. */
	int64_t soft_ns;
	/* thrum_run alone: THRUM_SIGNALS_CANCEL or _LEAVE; THRUM_SIGNALS=cancel|leave; default
	 * cancel. */
	unsigned signals;
};

#define THRUM_CONFIG_INIT                                                             \
	{                                                                             \
		sizeof(struct thrum_config), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 \
	}

/*
 * thrum_run - make a runtime, run fn(@arg) as its main task, stop.
 * thrum_run_with - the same with a configuration.
 *
 * When the main task has returned every other task is cancelled and waited for, blocking jobs
 * included.
 * Meanwhile a first SIGINT or SIGTERM requests THRUM_SOFT of the main task and of thrum_run_token,
 * and THRUM_HARD after config.soft_ns; if nobody in the runtime has asked what is requested
 * (thrum_cancel_requested, thrum_run_token) that follows at once.  A second one requests
 * THRUM_HARD, a third has its default effect.  A signal that the program handles or ignores, or
 * waits for by thrum_signal_next, is left to it.  Of more than 16 calls at a time the later ones
 * are not asked.
 * Called from: an outside thread, which blocks.  Suspends: no.
 * Returns: @fn's result; -EBUSY: past the grace period something still ran: reported, and left
 * behind with the runtime; -ENOMEM, -EAGAIN (threads), -EINVAL, -E2BIG (configuration): nothing was
 * started; -EDEADLK inside a task; -ENOTSUP in a forked child.
 * asyncio: run.
 */
THRUM_MUST_CHECK intptr_t thrum_run(thrum_fn fn, void *arg);
THRUM_MUST_CHECK intptr_t thrum_run_with(const struct thrum_config *config, thrum_fn fn, void *arg);

/*
 * thrum_runtime_create - start the workers.
 *
 * Called from: anywhere.  Suspends: no.
 * Ownership: *@out is the caller's until thrum_runtime_destroy.
 * Returns: 0; -ENOMEM, -EAGAIN (threads), -EMFILE, -EINVAL (a field out of its range), -E2BIG (a
 * non-zero field that this version does not know); -ENOTSUP in a forked child.  *@out is NULL then.
 * asyncio: new_event_loop.
 */
THRUM_MUST_CHECK int thrum_runtime_create(struct thrum_runtime **out,
					  const struct thrum_config *config);

/*
 * thrum_runtime_block_on - run fn(@arg) as a task of @rt and wait for its result.  Others go on.
 *
 * Called from: an outside thread, which blocks; several at a time.  Suspends: no.
 * Returns: @fn's result; -EAGAIN, -ENOMEM, -ESHUTDOWN as try_submit; -EDEADLK inside a task;
 * -ENOTSUP.
 * asyncio: run_until_complete.
 */
THRUM_MUST_CHECK intptr_t thrum_runtime_block_on(struct thrum_runtime *rt, thrum_fn fn, void *arg);

/*
 * thrum_runtime_submit - start fn(@arg) as a task of @rt, from any thread.
 * thrum_runtime_try_submit - the same, saying why not; @out may be NULL (the task is released).
 *
 * Called from: anywhere.  Suspends: no.
 * Ownership: one reference to the caller.
 * Returns: the future, NULL: full, no memory or stopping; 0, -EAGAIN (the injection queue or the
 * limit on live tasks), -ENOMEM, -ESHUTDOWN, -ENOTSUP in a forked child.
 * asyncio: run_coroutine_threadsafe.
 */
struct thrum_future *thrum_runtime_submit(struct thrum_runtime *rt, thrum_fn fn, void *arg);
THRUM_MUST_CHECK int thrum_runtime_try_submit(struct thrum_runtime *rt, thrum_fn fn, void *arg,
					      struct thrum_future **out);

/*
 * thrum_runtime_destroy - cancel every task, wait for all of them and for blocking jobs, end the
 * threads.
 *
 * Called from: an outside thread, which blocks, once.  Suspends: no.  Nobody may use @rt during or
 * after the call; futures live on.
 * Returns: 0; -EBUSY: past the grace period something still ran: reported, and left behind with
 * @rt; -EDEADLK inside a task (nothing was done); -ENOTSUP in a forked child.
 * asyncio: loop.close.
 */
int thrum_runtime_destroy(struct thrum_runtime *rt);

/* What one worker, or all, did since the start. */
struct thrum_stats {
	size_t size;          /* of this struct, set by the caller */
	uint64_t spawned;     /* tasks made (submitted ones under index -1 alone) */
	uint64_t started;     /* tasks whose function, or drop, was called */
	uint64_t ended;       /* tasks that completed */
	uint64_t stolen;      /* taken from another worker's queues */
	uint64_t in_place;    /* joined by running them on the joiner's stack */
	uint64_t parks;       /* times a worker's thread went to sleep */
	uint64_t switches;    /* from fiber to fiber */
	uint64_t suspensions; /* times a task waited */
	uint64_t migrations;  /* resumed on another worker than it waited on */
	uint64_t resumes;     /* times a waiting task went on */
	uint64_t timers;      /* timers that fired */
	uint64_t searches;    /* looks for work beyond the worker's own, many queues each */
	uint64_t dozes;       /* searches put off: all that lay there were tasks about to be run */
	uint64_t wakes;       /* sleeping workers woken by it (by other threads: index -1 alone) */
	uint64_t refills;     /* batches between the worker's stores and those of all */
};

/*
 * thrum_runtime_workers - how many workers @rt has.
 * thrum_runtime_stats - fill *@out for worker @index, or for all with -1.  Exact once @rt is quiet.
 *
 * Called from: anywhere (@rt NULL inside a task: its runtime).  Suspends: no.
 * Returns: the number, 0 if there is no runtime; 0 or -EINVAL.
 */
unsigned thrum_runtime_workers(struct thrum_runtime *rt);
int thrum_runtime_stats(struct thrum_runtime *rt, int index, struct thrum_stats *out);

/*
 * thrum_runtime_describe - what @rt is made of and why, for people: lines "key: value", cut at @n
 * bytes with their end.
 *
 * Called from: anywhere (@rt NULL inside a task: its runtime).  Suspends: no.
 * Returns: the length of the whole text, as snprintf does; 0 if there is no runtime.
 */
size_t thrum_runtime_describe(struct thrum_runtime *rt, char *buf, size_t n);

/*
 * thrum_run_token - the token of the thrum_run around the current task: SIGINT and SIGTERM cancel
 * it, and whoever else cancels it asks the main task.  The reason is the signal's number.
 *
 * Called from: anywhere.  Suspends: no.
 * Ownership: borrowed; it lives as long as thrum_run.
 * Returns: the token; NULL outside tasks, and in a runtime that thrum_run did not make.
 */
struct thrum_token *thrum_run_token(void);

/* The same with the place of the call given as THRUM_HERE makes it. */
THRUM_MUST_CHECK intptr_t thrum_run_at(const char *place, const struct thrum_config *config,
				       thrum_fn fn, void *arg);
THRUM_MUST_CHECK intptr_t thrum_runtime_block_on_at(const char *place, struct thrum_runtime *rt,
						    thrum_fn fn, void *arg);
THRUM_MUST_CHECK int thrum_runtime_try_submit_at(const char *place, struct thrum_runtime *rt,
						 thrum_fn fn, void *arg, struct thrum_future **out);
struct thrum_future *thrum_runtime_submit_at(const char *place, struct thrum_runtime *rt,
					     thrum_fn fn, void *arg);

#define thrum_run(fn, ...) thrum_run_at(THRUM_HERE(fn), NULL, fn, __VA_ARGS__)
#define thrum_run_with(config, fn, ...) thrum_run_at(THRUM_HERE(fn), config, fn, __VA_ARGS__)
#define thrum_runtime_block_on(rt, fn, ...) \
	thrum_runtime_block_on_at(THRUM_HERE(fn), rt, fn, __VA_ARGS__)
#define thrum_runtime_submit(rt, fn, ...) \
	thrum_runtime_submit_at(THRUM_HERE(fn), rt, fn, __VA_ARGS__)
#define thrum_runtime_try_submit(rt, fn, ...) \
	thrum_runtime_try_submit_at(THRUM_HERE(fn), rt, fn, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
