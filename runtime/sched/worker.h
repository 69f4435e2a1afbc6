/* SPDX-License-Identifier: MIT */
/*
 * worker.h - a worker, and the runtime that it belongs to.  worker.c runs the loop; runtime.c
 * starts and stops it.
 */
#ifndef THRUM_SCHED_WORKER_H
#define THRUM_SCHED_WORKER_H

#include "base/clock.h"
#include "base/os.h"
#include "base/tls.h"
#include "core/bias.h"
#include "core/deque.h"
#include "core/errand.h"
#include "core/gate.h"
#include "core/handed.h"
#include "core/hauls.h"
#include "core/inbox.h"
#include "core/inject.h"
#include "core/lane.h"
#include "core/ready.h"
#include "core/roll.h"
#include "core/standby.h"
#include "core/wheel.h"
#include "fiber/fiber.h"
#include "fiber/guard.h"
#include "poll/descriptor.h"
#include "sched/blocking_pool.h"
#include "sched/idle.h"
#include "sched/spawn.h"
#include "sched/task.h"

#define THRUM__WORKERS_MAX 256

/* Idle fibers that a worker keeps ready to start a task on. */
#define THRUM__FIBERS_KEPT 64

/* Forks of one fiber that wait for their joins. */
#define THRUM__FORKS_MAX 2000

/* Written by the worker alone, read by anyone. */
struct thrum__counters {
	struct thrum__lives tasks;
	struct atomic64 started, stolen, in_place, parks, switches, suspensions, migrations,
	    resumes, timers, armed, searches, dozes, wakes, refills;
};

struct thrum__worker {
	/* The worker's own thread, but for what is named. */
	struct thrum_runtime *runtime;
	unsigned index;
	unsigned patience; /* visits home, or stays, with the same oldest spawned task */
	uint64_t oldest;   /* which one that was: thrum__deque_left */
	unsigned budget;   /* tasks until the next housekeeping */
	union {
		struct thrum__task *current;   /* the task that runs; NULL: none; the worker reads
						  it here */
		struct atomicptr current_seen; /* ... and writes it here, where the monitor reads */
	};
	struct thrum__fiber *fiber;                        /* the fiber that runs */
	void (*after)(struct thrum__worker *w, void *arg); /* to be done on the next stack */
	void *after_arg;
	struct thrum__fiber *kept; /* fibers at rest, linked by next */
	unsigned kept_count;
	bool searching;      /* counted by idle.c */
	bool withholds;      /* has said so: forks go into its lane untold */
	uint8_t visits;      /* home, since it said so */
	bool sleeps_cheaply; /* its last sleep took no membarrier */
	bool starved; /* there was a fork, and no task to be had for it, when it last looked */
	bool exiting;
	int64_t polled_ns; /* when it last looked at the poller, between tasks or to sleep */
	int64_t slept_ns;  /* when it last went to sleep */
	unsigned naps;     /* dear ones, each soon after the last (elsewhere.c) */
	unsigned wakeful;  /* visits home since, while sleeps are cheap */
	uint64_t random;
	size_t credits;      /* live tasks that it may still add (spawn.c) */
	size_t credits_most; /* it gives some back then */
	uint64_t restocks;   /* how often it has got or given some */
	struct thrum__pool_cache tasks, futures;
	struct thrum__stack_cache stacks;
	unsigned waits; /* in a row, while others search */
	unsigned moves; /* of owners of single tasks, that it saw when it last searched */
	bool dozed;     /* before that */
	struct thrum__hauls hauls; /* of spawned tasks */
	struct {
		uint32_t progress; /* of a worker that had a single task */
		uint32_t looks;    /* in a row at that */
	} lonely[THRUM__WORKERS_MAX];
	struct thrum__task *unstarted;      /* for home: a task that found no fiber */
	struct thrum__link *own, **own_end; /* what it has taken from handed, oldest first */
	struct thrum__fiber home; /* the thread's own stack: housekeeping, search, sleep */

	struct thrum__deque spawned; /* deque.c: owner and thieves */
	struct thrum__ready ready;   /* ready.c: owner and thieves */
	struct thrum__lane lane; /* lane.c: the forks of the fiber that runs; owner and thieves */
	void **forks;            /* the places in it */

	/* Shared. */
	struct atomic32 remote_stale; /* timers of this wheel whose waits ended on other workers */
	struct atomic64 next_ns;      /* no live timer is due before, as of its last sleep */
	struct thrum__counters counters;
	struct thrum__handed handed; /* tasks that must go on here */
	struct thrum__standby spare; /* of one that is a spare (spare.c) */
	pthread_t thread;
	struct atomic32 tid; /* its id; 0: does not run */
	struct thrum__guard_thread guard;
	struct thrum__bias wheel_lock; /* biased towards the worker; others fire its timers
					  (timer.c) */
	struct thrum__wheel wheel;     /* under wheel_lock */
};

struct thrum__runtime_limits {
	size_t stack_bytes, tasks_max, inject_max, blocking_queue;
	size_t
	    credits_share; /* live tasks that a worker may have in store; 0: the limit is exact */
	unsigned blocking_max;
	int64_t grace_ns, soft_ns, spin_ns, stall_ns;
	unsigned signals;
};

struct thrum_runtime {
	unsigned workers_count;
	bool virtual_clock;
	struct thrum__runtime_limits limits;
	uint64_t seed;
	char name[12];
	const char *workers_why; /* what decided the number */
	struct thrum__reporter *reporter;
	struct thrum__worker **workers; /* room for workers_max; made so far, and whole: roll */
	unsigned workers_max;           /* with spares (monitor.c) */
	struct thrum__roll roll;
	struct thrum__stacks stacks;
	struct thrum__job_pool blocking;
	struct thrum__inject inject;   /* tasks submitted from outside */
	struct thrum__inbox woken;     /* tasks woken from outside the workers */
	struct thrum__inbox callbacks; /* on_done callbacks that are due */
	struct thrum__poller *poller;  /* where workers sleep */
	struct thrum__descriptors descriptors;
	struct thrum__monitor *monitor;
	struct thrum__idle idle;
	struct thrum_runtime *next; /* in the list of live runtimes (registry.c) */

	struct atomic64 virtual_ns;
	struct thrum__errand advancing; /* one worker moves the virtual clock at a time */
	struct thrum__root *root;       /* of thrum_run; NULL: of none */
	struct atomic32 minds_requests; /* 1: somebody has asked what is requested */
	struct atomic32 driven;  /* block_on was used: between its calls a virtual clock stands */
	struct atomic32 drivers; /* block_on calls whose task runs */
	struct atomic32 exiting; /* workers end */
	struct atomic64 credits; /* live tasks to come, beside the workers' shares */
	struct atomic64 wakes_outside; /* of sleeping workers, by other threads */
	struct thrum__gate gate;       /* who is inside; the end of all */
};

/* For walks over all workers, spares included. */
static inline unsigned thrum__workers_total(const struct thrum_runtime *rt)
{
	return thrum__roll_count(&rt->roll);
}

/* The worker of this thread if a task runs on it. */
static inline struct thrum__worker *thrum__current_worker(void)
{
	struct thrum__worker *w = thrum__tls_worker();

	return w && w->current ? w : NULL;
}

/* The task that runs on this thread; NULL: none. */
static inline struct thrum__task *thrum__current_task(void)
{
	struct thrum__worker *w = thrum__tls_worker();

	return w ? w->current : NULL;
}

/* By the worker itself. */
static inline void thrum__worker_set_current(struct thrum__worker *w, struct thrum__task *t)
{
	store_relaxed(&w->current_seen, t);
	w->lane.front.task = t;
}

static inline void thrum__count(struct atomic64 *counter)
{
	store_relaxed(counter, load_relaxed(counter) + 1);
}

/* One live task less. */
static inline void thrum__worker_task_ended(struct thrum__worker *w)
{
	w->credits++;
	if (UNLIKELY(w->credits >= w->credits_most))
		thrum__spawn_give_back(w);
}

int64_t thrum__runtime_now_ns(struct thrum_runtime *rt);

/* worker.c */
int thrum__worker_init(struct thrum__worker *w, struct thrum_runtime *rt, unsigned index);
void thrum__worker_fini(struct thrum__worker *w);
void *thrum__worker_main(void *worker);
/* Leaves the running fiber for the next thing to do; @after(@arg) runs on the next stack.  Returns
 * when resumed. */
void thrum__worker_leave(struct thrum__worker *w, void (*after)(struct thrum__worker *, void *),
			 void *arg);
/* Puts @t, woken or yielding, into the queue of worker @w, which is the calling one: into the ready
 * ring; with no memory for it, into the inbox, which needs none. */
static inline void thrum__worker_queue(struct thrum__worker *w, struct thrum__task *t)
{
	if (UNLIKELY(thrum__ready_push(&w->ready, t)))
		thrum__inbox_push(&w->runtime->woken, &t->link);
}

/* The same, and somebody who sleeps is woken. */
#ifdef THRUM_MIGRATE
void thrum__worker_ready(struct thrum__worker *w, struct thrum__task *t);
#else
static inline void thrum__worker_ready(struct thrum__worker *w, struct thrum__task *t)
{
	thrum__worker_queue(w, t);
	thrum__idle_notify(&w->runtime->idle);
}
#endif
/* Any thread, inside @to's runtime: @t goes on on worker @to and nowhere else. */
void thrum__worker_hand(struct thrum__worker *to, struct thrum__task *t);
/* @t, which was about to wait or gives way, is runnable; @w is the calling worker. */
static inline void thrum__worker_put_back(struct thrum__worker *w, struct thrum__task *t)
{
	if (UNLIKELY(t->marks & THRUM__PINNED))
		thrum__worker_hand(w, t);
	else
		thrum__worker_ready(w, t);
}
/* The unpark of a task that is pinned to the worker that it last ran on. */
void thrum__task_unpark_pinned(struct thrum__parker *p, void *relay, enum thrum__why why);
/* A fiber for @t with a stack of @stack_bytes of its own, beforehand; false: no memory. */
bool thrum__worker_equip_sized(struct thrum__worker *w, struct thrum__task *t, size_t stack_bytes);
/* The running task, on @w, goes to the end of the queue, behind what was spawned here too; returns
 * when it is resumed. */
void thrum__worker_give_way(struct thrum__worker *w);
/* The unpark of every task's parker: makes it runnable, from any thread. */
void thrum__task_unpark(struct thrum__parker *p, void *relay, enum thrum__why why);
/* A fiber for @t, which has not started, beforehand; false: no memory.  And back again. */
bool thrum__worker_equip(struct thrum__worker *w, struct thrum__task *t);
void thrum__worker_unequip(struct thrum__worker *w, struct thrum__task *t);
/* The woken tasks of @w that run soon are brought from memory. */
void thrum__worker_fetch(const struct thrum__worker *w);
/* Is there work that a searching worker would find? */
bool thrum__runtime_has_work(void *rt);
/* The same with forks, which are no reason to have more workers. */
bool thrum__runtime_offers(void *rt);
/* For a task that goes on with another in its place: false if others have waited long enough. */
bool thrum__worker_may_go_on(struct thrum__worker *w); /* with its budget spent */
static inline bool thrum__worker_may_stay(struct thrum__worker *w)
{
	if (UNLIKELY(!w->budget))
		return thrum__worker_may_go_on(w);
	w->budget--;
	return true;
}
/* True if another task could run on @w now: else a yield may return at once. */
static inline bool thrum__worker_has_local(const struct thrum__worker *w)
{
	return w->budget == 0 || thrum__ready_count(&w->ready) || thrum__deque_count(&w->spawned);
}

/* Does home have tasks that must run on @w? */
static inline bool thrum__worker_has_own(const struct thrum__worker *w)
{
	return w->own || thrum__handed_any(&w->handed);
}

/* elsewhere.c: work from other workers, the spin, the sleep. */
uint64_t thrum__worker_random(struct thrum__worker *w);
struct thrum__task *thrum__worker_find_elsewhere(struct thrum__worker *w);
void thrum__worker_wake(void *rt, unsigned n);
/* Takes in what the poller has ready: true: there was something. */
bool thrum__worker_look(struct thrum__worker *w);
/* The same if it has not looked for a while. */
bool thrum__worker_look_at_times(struct thrum__worker *w);
/* Has something come from outside that home would take in? */
bool thrum__worker_has_outside(struct thrum__worker *w);

/* timer.c */
void thrum__timer_fire(void *worker, void *party, uint64_t seq);
/* Moves a virtual clock when everything sleeps, and fires what is due then: true; @w, announced as
 * asleep, has to go on. */
bool thrum__clock_advance(struct thrum__worker *w);

#endif
