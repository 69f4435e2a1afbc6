/* SPDX-License-Identifier: MIT */
/*
 * world.h - the simulated runtime: workers with the library's queues, its idle protocol, a place to
 * sleep, and what the workloads need of it.
 */
#ifndef SIMULATE_WORLD_H
#define SIMULATE_WORLD_H

#include "core/deque.h"
#include "core/hauls.h"
#include "core/inbox.h"
#include "core/ready.h"
#include "sched/idle.h"

#include "cache.h"

#include <stddef.h>

#define WORKERS_MAX 256

struct worker;

struct task {
	struct thrum__link link;
	void (*run)(struct worker *w, struct task *t);
	uint64_t number;               /* what run needs */
	bool timed;                    /* its delay counts */
	uint64_t visible_ns, slept_ns; /* measure.c's */
	struct task *made_before;
};

struct worker {
	struct thrum__deque spawned;
	struct thrum__ready ready;
	unsigned index, core, budget, patience;
	bool searching;
	bool fresh; /* it was woken and has run nothing since */
	uint64_t random, oldest;
	uint64_t due_ns; /* its next timer */
	uint64_t polled_ns, slept_ns;
	bool sleeps_cheaply;
	unsigned naps, wakeful;
	unsigned moves, waits;
	bool dozed;
	struct thrum__hauls hauls;
	struct {
		uint32_t progress, looks;
	} lonely[WORKERS_MAX]; /* as in sched/worker.h */
	char pad[CACHE_LINE];
	struct atomic32 progress; /* tasks that it has made and run */
	struct atomic32 inside;   /* a task, or between two: current_seen */
} __attribute__((aligned(CACHE_LINE)));

/* Faults that the bounds must notice. */
enum fault {
	FAULT_NONE,
	FAULT_WAKE_ALL,   /* whoever tells of work wakes all */
	FAULT_ALL_SEARCH, /* any number may search */
	FAULT_DEAF,       /* the last searcher does not look whether it leaves work behind */
	FAULT_NO_NOTIFY,  /* nobody tells of work */
	FAULT_HOT_WORD,   /* each look for work writes the idle word */
	FAULTS,
};

extern const char *const fault_names[FAULTS];

struct world {
	struct worker *workers;
	unsigned workers_count;
	enum fault fault;
	struct thrum__idle idle;
	struct thrum__inbox woken;
	char pad[CACHE_LINE];
	struct atomic64 quiet[3]; /* what has_outside looks at as well: nobody writes it */
	char pad2[CACHE_LINE];
	uint64_t period_ns, task_ns, until_ns; /* of the workers' timers; 0: none */
	struct task *made;
} __attribute__((aligned(CACHE_LINE)));

extern struct world world;

/* A runtime at time 0, with a core for each worker. */
void world_begin(unsigned workers, enum fault fault, uint64_t seed);
void world_end(void);
/* A worker's life, on its core. */
void worker_main(void *worker);
struct task *world_task(void (*run)(struct worker *, struct task *), uint64_t number, bool timed);
/* The running task of @w spawns. */
void world_spawn(struct worker *w, struct task *t);
uint64_t clock_ns(void); /* with what it costs */
/* One that is no worker wakes or submits a task. */
void world_submit(struct task *t);
/* A task that computes for t->number, or until then. */
void task_compute(struct worker *w, struct task *t);
void task_until(struct worker *w, struct task *t);

/* bed.c: where workers sleep. */
void bed_reset(void);
/* True: it has a token.  False: the deadline has passed. */
bool bed_wait(struct worker *w, uint64_t deadline_ns);
bool bed_take(void);
/* Without a wait; a token that is there is left to the sleepers. */
void bed_look(void);
void bed_post(unsigned n);

#endif
