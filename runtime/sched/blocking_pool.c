/* SPDX-License-Identifier: MIT */
/*
 * blocking_pool.c - threads for blocking calls: one mutex, a list of jobs for each class, a
 * condition for each thread.
 *
 * A slow path by nature (a job costs a wake of some microseconds), so plain locking; what counts is
 * that no job is lost and that the pool grows, shrinks and stops.
 *
 * THREADS  Each has its record on its own stack, in the pool's list from its first look at the jobs
 *          to its end.  Idle ones form a stack, so that under a light load the same few work and
 *          the rest leave; a common condition would wake them in turn and keep all.  An idle thread
 *          waits once, for 250 ms, and leaves.  The one that leaves joins the one that left before;
 *          at most one ended thread is not yet joined, and stop joins that.
 * COMING   counts threads that will look at the list without being told again.  submit first
 *          provides for a thread: one that comes and has no job yet, else an idle one, else a new
 *          one, else the queue, if a thread lives and there is room.  Creation holds the lock, so a
 *          failure is known before anyone relies on the thread.
 * INVARIANT  I1 a queued job means that a thread of its class is coming or running: a thread
 *          becomes idle or leaves only under the lock with the list empty.  I2 coming <= threads.
 * LIFE     run(job) may free the job.  The pool keeps a copy of its place, for reports, and nothing
 *          else.
 * FAILURE  Only creating a thread can fail.
 * ORDER    who reads 0 in flight sees what all jobs did (core/tally.h).
 */
#define _GNU_SOURCE

#include "sched/blocking_pool.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/os.h"

#define IDLE_NS THRUM_MS(250)

struct thrum__job_pool_thread {
	struct thrum__job_pool_thread *next; /* in the pool's list */
	struct thrum__job_pool_thread *idle_next, *idle_prev;
	pthread_cond_t wake;
	unsigned number;
	bool woken;   /* taken off the idle list by who woke it */
	bool running; /* a job, of this place */
	const char *place;
};

static int wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t deadline_ns)
{
	struct timespec ts = {.tv_sec = deadline_ns / THRUM_SEC(1),
			      .tv_nsec = deadline_ns % THRUM_SEC(1)};

	if (deadline_ns == THRUM_FOREVER)
		return pthread_cond_wait(cond, lock);
	if (deadline_ns < 0)
		ts.tv_sec = ts.tv_nsec = 0;
	return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &ts);
}

/* The list of jobs: */

static void job_append(struct thrum__job_pool_class *c, struct thrum__job *job)
{
	job->next = NULL;
	job->prev = c->last;
	if (c->last)
		c->last->next = job;
	else
		c->first = job;
	c->last = job;
	c->queued++;
}

static void job_remove(struct thrum__job_pool_class *c, struct thrum__job *job)
{
	if (job->prev)
		job->prev->next = job->next;
	else
		c->first = job->next;
	if (job->next)
		job->next->prev = job->prev;
	else
		c->last = job->prev;
	c->queued--;
}

/* With the lock held: one job less in flight.  Returns whether it was the last; then zero_tell
 * follows, unlocked. */
static bool job_left(struct thrum__job_pool *p)
{
	bool last = thrum__tally_end(&p->in_flight);

	if (last && p->stopping)
		pthread_cond_broadcast(&p->ended);
	return last;
}

static void zero_tell(struct thrum__job_pool *p)
{
	if (p->on_zero)
		p->on_zero(p->on_zero_arg);
}

/* A thread's life: */

static void thread_enter(struct thrum__job_pool_class *c, struct thrum__job_pool_thread *t)
{
	struct thrum__job_pool *p = c->pool;
	struct thrum__job_pool_thread **at = &p->threads;

	for (t->number = 0; *at && (*at)->number == t->number; at = &(*at)->next)
		t->number++;
	t->next = *at;
	*at = t;
	c->coming--;
}

static void thread_name(const struct thrum__job_pool *p, unsigned number)
{
	char name[32];

	snprintf(name, sizeof(name), "%s-b%u", p->prefix, number);
	thrum__os_thread_setname(name);
}

static void idle_remove(struct thrum__job_pool_class *c, struct thrum__job_pool_thread *t)
{
	if (t->idle_prev)
		t->idle_prev->idle_next = t->idle_next;
	else
		c->idle = t->idle_next;
	if (t->idle_next)
		t->idle_next->idle_prev = t->idle_prev;
}

/* Returns true when woken for a job, false when there is no more reason to stay. */
static bool idle_wait(struct thrum__job_pool_class *c, struct thrum__job_pool_thread *t)
{
	int64_t until_ns = thrum__deadline_after(thrum__clock_monotonic_ns(), IDLE_NS);

	t->woken = false;
	t->idle_prev = NULL;
	t->idle_next = c->idle;
	if (c->idle)
		c->idle->idle_prev = t;
	c->idle = t;
	while (!t->woken && !c->pool->stopping)
		if (wait_until(&t->wake, &c->pool->lock, until_ns) == ETIMEDOUT)
			break;
	if (t->woken) {
		c->coming--;
		return true;
	}
	idle_remove(c, t);
	return false;
}

/* The next job of the class; NULL: the thread leaves. */
static struct thrum__job *job_next(struct thrum__job_pool_class *c,
				   struct thrum__job_pool_thread *t)
{
	struct thrum__job *job;
	bool stay = true;

	while (!c->first) { /* I1 */
		if (!stay || c->pool->stopping)
			return NULL;
		stay = idle_wait(c, t);
	}
	job = c->first;
	job_remove(c, job);
	job->state = THRUM__JOB_STARTED;
	return job;
}

/* With the lock held, which is released meanwhile. */
static void job_run(struct thrum__job_pool *p, struct thrum__job_pool_thread *t,
		    struct thrum__job *job)
{
	void (*run)(struct thrum__job *) = job->run;

	t->running = true;
	t->place = job->place;
	pthread_mutex_unlock(&p->lock);
	run(job);
	pthread_mutex_lock(&p->lock);
	t->running = false;
	if (!job_left(p))
		return;
	pthread_mutex_unlock(&p->lock);
	zero_tell(p);
	pthread_mutex_lock(&p->lock);
}

/* Releases the lock.  The caller's last access to the pool. */
static void thread_leave(struct thrum__job_pool_class *c, struct thrum__job_pool_thread *t)
{
	struct thrum__job_pool *p = c->pool;
	struct thrum__job_pool_thread **at = &p->threads;
	bool has_leaver = p->has_leaver;
	pthread_t leaver = p->leaver;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	p->has_leaver = true;
	p->leaver = pthread_self();
	c->threads--;
	if (--p->alive == 0)
		pthread_cond_broadcast(&p->ended);
	pthread_mutex_unlock(&p->lock);
	if (has_leaver)
		thrum__os_thread_join(leaver);
}

static void *thread_main(void *arg)
{
	struct thrum__job_pool_class *c = arg;
	struct thrum__job_pool_thread self = {.wake = PTHREAD_COND_INITIALIZER};
	struct thrum__job *job;

	pthread_mutex_lock(&c->pool->lock);
	thread_enter(c, &self);
	thread_name(c->pool, self.number);
	while ((job = job_next(c, &self)))
		job_run(c->pool, &self, job);
	thread_leave(c, &self);
	pthread_cond_destroy(&self.wake);
	return NULL;
}

static int thread_start(struct thrum__job_pool_class *c)
{
	static const int own_fault[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
	sigset_t blocked, before;
	pthread_t thread;
	size_t i;
	int err;

	sigfillset(&blocked);
	for (i = 0; i < sizeof(own_fault) / sizeof(own_fault[0]); i++)
		sigdelset(&blocked, own_fault[i]);
	pthread_sigmask(SIG_SETMASK, &blocked, &before);
	err = thrum__os_thread_create(&thread, thread_main, c, 0);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err < 0)
		return err;
	c->threads++;
	c->pool->alive++;
	c->coming++;
	return 0;
}

static void idle_wake(struct thrum__job_pool_class *c)
{
	struct thrum__job_pool_thread *t = c->idle;

	idle_remove(c, t);
	t->woken = true;
	c->coming++;
	pthread_cond_signal(&t->wake);
}

/* See to it that a thread will take one more job, now or after its own.  Returns 0 or why the job
 * must be refused. */
static int thread_provide(struct thrum__job_pool_class *c)
{
	int err;

	if (c->queued < c->coming)
		return 0;
	if (c->idle) {
		idle_wake(c);
		return 0;
	}
	if (c->threads < c->limit.threads) {
		err = thread_start(c);
		if (err == 0)
			return 0;
		if (c->threads == 0)
			return err;
	}
	return c->queued - c->coming < c->limit.queue ? 0 : -EAGAIN;
}

/* The calls: */

void thrum__job_pool_init(struct thrum__job_pool *p,
			  const struct thrum__job_pool_limit limits[THRUM__JOBS_CLASSES],
			  const char *prefix, void (*on_zero)(void *arg), void *on_zero_arg)
{
	unsigned i;

	memset(p, 0, sizeof(*p));
	p->lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	p->ended = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	p->on_zero = on_zero;
	p->on_zero_arg = on_zero_arg;
	snprintf(p->prefix, sizeof(p->prefix), "%s", prefix);
	for (i = 0; i < THRUM__JOBS_CLASSES; i++) {
		ENSURE(limits[i].threads > 0,
		       "a class of the blocking pool needs a limit of one thread or more");
		p->classes[i].pool = p;
		p->classes[i].limit = limits[i];
	}
}

void thrum__job_pool_fini(struct thrum__job_pool *p)
{
	ENSURE(p->alive == 0 && !p->has_leaver,
	       "stop the blocking pool first, and keep it if that fails");
	pthread_cond_destroy(&p->ended);
	pthread_mutex_destroy(&p->lock);
}

int thrum__job_pool_submit(struct thrum__job_pool *p, enum thrum__job_pool_class_id id,
			   struct thrum__job *job)
{
	struct thrum__job_pool_class *c = &p->classes[id];
	int err;

	pthread_mutex_lock(&p->lock);
	ENSURE(job->state != THRUM__JOB_QUEUED, "a job must not be submitted twice");
	err = p->stopping ? -ESHUTDOWN : thread_provide(c);
	if (err == 0) {
		job->state = THRUM__JOB_QUEUED;
		job->class_id = (uint8_t)id;
		job_append(c, job);
		thrum__tally_begin(&p->in_flight);
	}
	pthread_mutex_unlock(&p->lock);
	return err;
}

bool thrum__job_pool_withdraw(struct thrum__job_pool *p, struct thrum__job *job)
{
	bool queued, last = false;

	pthread_mutex_lock(&p->lock);
	queued = job->state == THRUM__JOB_QUEUED;
	if (queued) {
		job_remove(&p->classes[job->class_id], job);
		job->state = THRUM__JOB_OUTSIDE;
		last = job_left(p);
	}
	pthread_mutex_unlock(&p->lock);
	if (last)
		zero_tell(p);
	return queued;
}

static void idle_dismiss(struct thrum__job_pool *p)
{
	struct thrum__job_pool_thread *t;
	unsigned i;

	for (i = 0; i < THRUM__JOBS_CLASSES; i++)
		for (t = p->classes[i].idle; t; t = t->idle_next)
			pthread_cond_signal(&t->wake);
}

int thrum__job_pool_stop(struct thrum__job_pool *p, int64_t deadline_ns)
{
	bool busy, has_leaver;
	pthread_t leaver;

	pthread_mutex_lock(&p->lock);
	p->stopping = true;
	idle_dismiss(p);
	while (thrum__tally_any(&p->in_flight))
		if (wait_until(&p->ended, &p->lock, deadline_ns) == ETIMEDOUT)
			break;
	busy = thrum__tally_any(&p->in_flight);
	while (!busy && p->alive > 0) /* they only leave */
		pthread_cond_wait(&p->ended, &p->lock);
	has_leaver = !busy && p->has_leaver;
	leaver = p->leaver;
	if (has_leaver)
		p->has_leaver = false;
	pthread_mutex_unlock(&p->lock);
	if (has_leaver)
		thrum__os_thread_join(leaver);
	return busy ? -EBUSY : 0;
}

void thrum__job_pool_for_each(struct thrum__job_pool *p,
			      void (*cb)(void *arg, const char *place, bool started), void *arg)
{
	struct thrum__job_pool_thread *t;
	struct thrum__job *job;
	unsigned i;

	pthread_mutex_lock(&p->lock);
	for (t = p->threads; t; t = t->next)
		if (t->running)
			cb(arg, t->place, true);
	for (i = 0; i < THRUM__JOBS_CLASSES; i++)
		for (job = p->classes[i].first; job; job = job->next)
			cb(arg, job->place, false);
	pthread_mutex_unlock(&p->lock);
}

unsigned thrum__job_pool_in_flight(const struct thrum__job_pool *p)
{
	return (unsigned)thrum__tally_any(&p->in_flight);
}
