/* SPDX-License-Identifier: MIT */
/*
 * blocking.c - jobs of the blocking pool as futures.
 *
 * A job is a future whose function runs on a plain thread (blocking_pool.c).  A job that has not
 * started can be taken back by a cancel, which completes it with -ECANCELED; a started one goes on
 * to its end, whoever waits.
 *
 * REFERENCES  The handle of whoever spawned it; the pool's, from submit until it has run or was
 *             taken back.
 *
 * What can fail: the descriptor, the copy of the arguments (-ENOMEM), the queue's limit or threads
 * (-EAGAIN), a stopping runtime (-ESHUTDOWN): nothing was started.
 */
#include "sched/blocking.h"

#include "core/refs.h"
#include "sched/await.h"
#include "sched/fork_check.h"
#include "sched/local.h"
#include "sched/registry.h"
#include "sched/report.h"
#include "sched/spawn.h"
#include "sched/tether.h"
#include "sched/bracket.h"
#include "sched/worker.h"

struct job_future {
	struct thrum_future future;
	struct thrum__job job;
	thrum_fn fn;
	void *arg;
	void (*drop)(void *arg); /* called once when it has run or was taken back; may be NULL */
	struct atomic32 started;
	struct thrum__job_has has;
	struct thrum__token_work cancel_work;
};

/* Of the job that a thread of the pool runs. */
static __thread struct thrum__job_has has_here;

struct thrum__job_has thrum__job_here(void)
{
	return has_here;
}

static struct job_future *job_of(struct thrum_future *f)
{
	return container_of(f, struct job_future, future);
}

/* The pool is idle: a virtual clock may move now, if some worker looks. */
static void pool_is_idle(void *runtime)
{
	struct thrum_runtime *rt = runtime;

	if (rt->virtual_clock)
		thrum__idle_wake_one(&rt->idle);
}

int thrum__blocking_start(struct thrum_runtime *rt)
{
	struct thrum__job_pool_limit limits[THRUM__JOBS_CLASSES];

	for (int i = 0; i < THRUM__JOBS_CLASSES; i++) {
		limits[i].threads = rt->limits.blocking_max;
		limits[i].queue = rt->limits.blocking_queue;
	}
	thrum__job_pool_init(&rt->blocking, limits, rt->name, pool_is_idle, rt);
	return 0;
}

static void end_job(struct job_future *j, intptr_t result)
{
	if (j->drop)
		j->drop(j->arg);
	thrum__locals_release(j->has.locals);
	thrum__future_complete(&j->future, result);
	thrum_release(&j->future);
}

static void run_job(struct thrum__job *job)
{
	struct job_future *j = container_of(job, struct job_future, job);
	intptr_t result;

	store_relaxed(&j->started, 1);
	has_here = j->has;
	result = j->fn(j->arg);
	has_here = (struct thrum__job_has){NULL, NULL};
	end_job(j, result);
}

/* @rt lives as long as this call. */
static void cancel_in(struct thrum_runtime *rt, struct thrum_future *f)
{
	struct job_future *j = job_of(f);

	if (!thrum__job_pool_withdraw(&rt->blocking, &j->job))
		return;
	store_relaxed(&f->requested, 1);
	end_job(j, -ECANCELED);
}

int thrum__job_cancel(struct thrum_future *f)
{
	struct thrum__worker *w = thrum__tls_worker();
	struct thrum_runtime *rt = f->runtime;

	if (w && w->runtime == rt) {
		cancel_in(rt, f);
		return 0;
	}
	/* As soon as the job has ended its runtime may go: the visit keeps the memory. */
	if (!thrum__registry_enter(rt))
		return -EALREADY; /* a runtime ends after its jobs */
	if (!thrum__future_is_done(f))
		cancel_in(rt, f);
	thrum__registry_leave(rt);
	return 0;
}

static void cancel_job(struct thrum__token_work *work)
{
	struct job_future *j = container_of(work, struct job_future, cancel_work);

	thrum_cancel(&j->future);
	thrum_release(&j->future);
}

void thrum__job_cancel_soon(struct thrum_future *f)
{
	struct job_future *j = job_of(f);

	j->cancel_work.do_work = cancel_job;
	thrum__token_after_walk(&j->cancel_work);
}

/* @h: NULL, or the job's tether, which has its argument. */
static int start_job(enum thrum__job_pool_class_id id, const struct thrum__spawn *how,
		     struct thrum__tether *h, struct thrum_future **out)
{
	struct thrum__worker *w = thrum__current_worker();
	struct job_future *j;
	int err;

	_Static_assert(sizeof(*j) <= 3 * CACHE_LINE, "a job fits a block of the future pool");
	if (!w)
		return thrum__no_task();
	j = thrum__future_alloc(w, THRUM__JOB, how->place);
	if (!j)
		return -ENOMEM;
	j->fn = how->fn;
	j->arg = how->arg;
	j->drop = how->drop;
	store_relaxed(&j->started, 0);
	j->job = (struct thrum__job){.run = run_job, .place = how->place};
	if (how->copies) {
		j->arg = thrum__copy_args(how->arg, how->copy_bytes);
		if (!j->arg) {
			thrum__future_free_block(w, &j->future);
			return -ENOMEM;
		}
		j->drop = thrum__os_free;
	}
	j->has = (struct thrum__job_has){thrum__locals_of(w->current), h};
	j->future.runtime = w->runtime;
	thrum__refs_publish(&j->future.refs, 2);
	if (h)
		thrum__tether_hang(h, &j->future);
	err = thrum__job_pool_submit(&w->runtime->blocking, id, &j->job);
	if (err) {
		if (!how->copies)
			j->drop = NULL;
		if (h)
			thrum__tether_unhang(h);
		store_relaxed(&j->future.requested, 1);
		end_job(j, -ECANCELED); /* a walker may hold a reference for a moment */
		thrum_release(&j->future);
		return err;
	}
	*out = &j->future;
	return 0;
}

int thrum__blocking_begin(enum thrum__job_pool_class_id id, const struct thrum__spawn *how,
			  struct thrum_future **out)
{
	struct thrum__task *t = thrum__current_task();
	int err = t ? thrum__wait_entry(t) : thrum__no_task();

	return err ? err : start_job(id, how, NULL, out);
}

int thrum__blocking_end(struct thrum_future *f, int err, intptr_t *result)
{
	*result = thrum__future_look(f);
	thrum_release(f);
	return thrum__bracket_learn(thrum__current_task(), err, THRUM_FOREVER);
}

int thrum__blocking_call(enum thrum__job_pool_class_id id, const char *place, thrum_fn fn,
			 void *arg, intptr_t *result)
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg};
	struct thrum_future *f;
	int err = thrum__blocking_begin(id, &how, &f);

	if (err)
		return err;
	err = thrum__await_untold(f, THRUM_FOREVER, false);
	if (err) {
		thrum_cancel(f);
		thrum__await_end(f);
		/* Cut short only if it was taken back; a function that ran has its result. */
		if (thrum__job_started(f))
			err = 0;
	}
	return thrum__blocking_end(f, err, result);
}

intptr_t thrum_blocking_at(const char *place, thrum_fn fn, void *arg)
{
	intptr_t result = 0;
	int err = thrum__blocking_call(THRUM__JOBS_GENERAL, place, fn, arg, &result);

	return err ? err : result;
}

int thrum__blocking_spawn(enum thrum__job_pool_class_id id, const char *place, thrum_fn fn,
			  void *arg, void (*drop)(void *), struct thrum_future **out)
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg, .drop = drop};

	return start_job(id, &how, NULL, out);
}

bool thrum__job_started(const struct thrum_future *f)
{
	return load_relaxed(&job_of((struct thrum_future *)f)->started);
}

/* A stopping runtime takes no new jobs; calls that wait still do theirs, so that a task can clean
 * up. */
static struct thrum_future *spawn_job(const struct thrum__spawn *how, struct thrum__tether *h)
{
	struct thrum__worker *w = thrum__current_worker();
	struct thrum_future *f;

	if (w && thrum__gate_is_shut(&w->runtime->gate))
		return NULL;
	return start_job(THRUM__JOBS_GENERAL, how, h, &f) ? NULL : f;
}

struct thrum_future *thrum_spawn_blocking_at(const char *place, thrum_fn fn, void *arg)
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg};

	return spawn_job(&how, NULL);
}

struct thrum_future *thrum__blocking_spawn_tethered(const char *place, thrum_fn fn,
						    struct thrum__tether *h)
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = h, .drop = thrum__tether_end};

	return spawn_job(&how, h);
}

struct thrum_future *thrum_spawn_blocking_copy_at(const char *place, thrum_fn fn, const void *args,
						  size_t size)
{
	struct thrum__spawn how = {
	    .place = place, .fn = fn, .arg = (void *)args, .copy_bytes = size, .copies = true};

	return spawn_job(&how, NULL);
}

intptr_t(thrum_blocking)(thrum_fn fn, void *arg)
{
	return thrum_blocking_at("? job", fn, arg);
}

struct thrum_future *(thrum_spawn_blocking)(thrum_fn fn, void *arg)
{
	return thrum_spawn_blocking_at("? job", fn, arg);
}

struct thrum_future *(thrum_spawn_blocking_copy)(thrum_fn fn, const void *args, size_t size)
{
	return thrum_spawn_blocking_copy_at("? job", fn, args, size);
}

/* At the end of a runtime: takes back what has not started. */
static bool take_back(void *block, void *runtime)
{
	struct thrum_future *f = block;

	if (!thrum__future_try_retain(f))
		return true;
	if (f->runtime == runtime && !thrum__future_is_done(f))
		cancel_in(runtime, f);
	thrum_release(f);
	return true;
}

static void report_stuck(void *runtime, const char *place, bool started)
{
	struct thrum_runtime *rt = runtime;

	thrum__report(rt->reporter, THRUM_REPORT_STUCK,
		      "a blocking job is still %s past the grace period, made at %s",
		      started ? "running" : "queued", place ? place : "?");
}

int thrum__blocking_stop(struct thrum_runtime *rt, int64_t deadline_ns)
{
	int err;

	thrum__pool_walk(&thrum__job_blocks, take_back, rt);
	err = thrum__job_pool_stop(&rt->blocking, deadline_ns);
	if (err)
		thrum__job_pool_for_each(&rt->blocking, report_stuck, rt);
	return err;
}

void thrum__blocking_fini(struct thrum_runtime *rt)
{
	thrum__job_pool_fini(&rt->blocking);
}
