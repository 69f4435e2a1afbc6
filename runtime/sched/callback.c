/* SPDX-License-Identifier: MIT */
/*
 * callback.c - on_done and off_done: a node on the future's list whose firing queues a call.
 *
 * Calls are never made inside set or on_done.  Those for a task's or a job's future go into an
 * inbox of its runtime and are made by a worker at home (so they have no task around them); all
 * others by one service thread for the process, which is started with the first registration that
 * needs it and sleeps in a futex without end when nothing is due.
 *
 * OWNERS  A record belongs to the future's list, then to the inbox, then to whoever calls.  It
 * holds a reference to the future until the call has returned.  calls_due counts what is queued
 * or running: stopping waits for it.
 *
 * What can fail: the record's memory, the service thread: on_done returns the error and nothing is
 * registered.
 *
 * ORDER   the service thread sees what was pushed before its bell rang (core/bell.h); who finds no
 *         call under way, the virtual clock or whoever stops, sees what all calls did
 *         (core/tally.h).
 */
#include "sched/callback.h"

#include "core/bell.h"
#include "core/tally.h"

#include "sched/fork_check.h"
#include "sched/registry.h"
#include "sched/worker.h"

struct record {
	struct thrum__waiter node;
	struct thrum__deferred deferred;
};

static struct thrum__inbox service_inbox;
static struct thrum__bell service_bell;  /* rings for each push */
static struct thrum__tally service_busy; /* calls queued or running */
static bool service_runs;                /* under service_lock */
static struct atomic32 service_is_lost;  /* 1: it ran, in the process that this was forked from */
static struct atomicptr service_self; /* its pthread_t, once it runs */
static pthread_mutex_t service_lock = PTHREAD_MUTEX_INITIALIZER;

/* Runs what is due; @due: the count that each was added to. */
static void call_all(struct thrum__link *l, struct thrum__tally *due)
{
	while (l) {
		struct thrum__deferred *d = container_of(l, struct thrum__deferred, link);
		bool allocated = d->allocated;
		struct thrum_future *f = d->future;

		l = l->next;
		if (allocated)
			store_relaxed(&f->seen, 1); /* a user's callback looks at the result */
		d->call(f, d->arg);
		if (allocated) {
			thrum__os_free(container_of(d, struct record, deferred));
			thrum_release(f);
		}
		thrum__tally_end(due);
	}
}

/* A virtual clock may have waited for the service thread. */
static void look_at_clock(struct thrum_runtime *rt, void *unused)
{
	(void)unused;
	if (rt->virtual_clock)
		thrum__idle_wake_one(&rt->idle);
}

bool thrum__service_is_busy(void)
{
	return thrum__tally_any(&service_busy);
}

bool thrum__service_is_me(void)
{
	return load_relaxed(&service_self) == (void *)pthread_self();
}

static void *service_main(void *unused)
{
	(void)unused;
	store_relaxed(&service_self, (void *)pthread_self());
	thrum__os_thread_setname("thrum-service");
	for (;;) {
		uint32_t seen = thrum__bell_listen(&service_bell);
		struct thrum__link *l = thrum__inbox_take_all(&service_inbox);

		if (l) {
			call_all(l, &service_busy);
			thrum__registry_each(look_at_clock, NULL);
		} else {
			thrum__bell_wait(&service_bell, seen, INT64_MAX);
		}
	}
	return NULL;
}

bool thrum__service_lost(void)
{
	return load_relaxed(&service_is_lost);
}

void thrum__service_before_fork(void)
{
	pthread_mutex_lock(&service_lock);
}

void thrum__service_after_fork(bool child)
{
	if (child) { /* the thread and what was due are the parent's */
		if (service_runs)
			store_relaxed(&service_is_lost, 1);
		service_runs = false;
		thrum__inbox_init(&service_inbox);
		thrum__tally_init(&service_busy);
	}
	pthread_mutex_unlock(&service_lock);
}

int thrum__service_start(void)
{
	pthread_t thread;
	int err = thrum__registry_watch_fork();

	if (err)
		return err;
	pthread_mutex_lock(&service_lock);
	if (!service_runs) {
		err = thrum__os_thread_create(&thread, service_main, NULL, 0);
		if (!err) {
			pthread_detach(thread);
			service_runs = true;
			store_relaxed(&service_is_lost, 0);
		}
	}
	pthread_mutex_unlock(&service_lock);
	return err;
}

static void to_service(struct thrum__deferred *d)
{
	thrum__tally_begin(&service_busy);
	thrum__inbox_push(&service_inbox, &d->link);
	thrum__bell_ring(&service_bell);
}

static void to_runtime(struct thrum_runtime *rt, struct thrum__deferred *d)
{
	thrum__tally_begin(&rt->gate.calls_due);
	thrum__inbox_push(&rt->callbacks, &d->link);
	thrum__idle_wake_one(&rt->idle);
}

/* Ends the caller's visit to @rt.  What is queued is counted before: who sees no visitors left sees
 * that it is due. */
static void to_visited(struct thrum_runtime *rt, struct thrum__deferred *d)
{
	to_runtime(rt, d);
	thrum__registry_leave(rt);
}

void thrum__callback_run_in(struct thrum__deferred *d, struct thrum_runtime *rt,
			    void (*call)(struct thrum_future *, void *), void *arg)
{
	*d = (struct thrum__deferred){.call = call, .arg = arg};
	to_runtime(rt, d);
}

static bool has_runtime(const struct thrum_future *f)
{
	return f->kind == THRUM__TASK || f->kind == THRUM__JOB;
}

/* @f is done, or completes now on a thread of its runtime. */
static void dispatch(struct thrum__deferred *d, bool completing)
{
	struct thrum_future *f = d->future;
	struct thrum__worker *w = thrum__tls_worker();
	struct thrum_runtime *rt = f->runtime;

	if (!has_runtime(f)) {
		to_service(d);
	} else if (completing || (w && w->runtime == rt)) {
		thrum__registry_enter_live(rt);
		to_visited(rt, d);
	} else if (thrum__registry_enter(rt)) {
		to_visited(rt, d);
	} else {
		to_service(d);
	}
}

static void record_fire(struct thrum__waiter *n)
{
	dispatch(&container_of(n, struct record, node)->deferred, true);
}

void thrum__callback_defer(struct thrum__deferred *d, struct thrum_future *f,
			   void (*call)(struct thrum_future *, void *))
{
	*d = (struct thrum__deferred){.future = f, .call = call};
	to_service(d);
}

void thrum__callbacks_run(struct thrum__worker *w)
{
	struct thrum_runtime *rt = w->runtime;

	call_all(thrum__inbox_take_all(&rt->callbacks), &rt->gate.calls_due);
}

int thrum_future_on_done(struct thrum_future *f, void (*cb)(struct thrum_future *, void *),
			 void *arg)
{
	struct record *r;
	int err;

	if (!f || !cb)
		return -EINVAL;
	if (thrum__in_forked_child())
		return -ENOTSUP;
	if (!has_runtime(f) ||
	    thrum__future_is_done(f)) { /* done: it may have outlived its runtime */
		err = thrum__service_start();
		if (err)
			return err;
	}
	r = thrum__os_alloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->node.fire = record_fire;
	store_relaxed(&r->node.gone, 0);
	r->deferred =
	    (struct thrum__deferred){.future = f, .call = cb, .arg = arg, .allocated = true};
	thrum_retain(f);
	if (!thrum__future_register(f, &r->node)) {
		err = thrum__service_start(); /* it was done meanwhile */
		if (err) {
			thrum__os_free(r);
			thrum_release(f);
			return err;
		}
		dispatch(&r->deferred, false);
	}
	return 0;
}

struct wanted {
	void (*cb)(struct thrum_future *, void *);
	void *arg;
};

static bool matches(struct thrum__waiter *n, void *arg)
{
	struct wanted *wanted = arg;
	struct thrum__deferred *d;

	if (n->fire != record_fire)
		return false;
	d = &container_of(n, struct record, node)->deferred;
	return d->call == wanted->cb && d->arg == wanted->arg;
}

int thrum_future_off_done(struct thrum_future *f, void (*cb)(struct thrum_future *, void *),
			  void *arg)
{
	struct wanted wanted = {cb, arg};
	struct thrum__waiter *n;
	bool done;

	if (!f || !cb)
		return -EINVAL;
	if (thrum__in_forked_child())
		return -ENOTSUP;
	n = thrum__future_withdraw_match(f, matches, &wanted, &done);
	if (!n)
		return -EALREADY;
	thrum__os_free(container_of(n, struct record, node));
	thrum_release(f);
	return 0;
}
