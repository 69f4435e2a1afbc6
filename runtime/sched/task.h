/* SPDX-License-Identifier: MIT */
/*
 * task.h - the descriptors behind struct thrum_future: tasks, bare futures, shields, jobs.  task.c
 * tells their lives.
 */
#ifndef THRUM_SCHED_TASK_H
#define THRUM_SCHED_TASK_H

#include "base/assert.h"
#include "core/future.h"
#include "core/inbox.h"
#include "core/parker.h"
#include "core/pool.h"
#include "core/refs.h"
#include "core/roster.h"
#include "sched/callback.h"
#include "sched/cycle.h"
#include "sched/timer.h"

#include <thrum/thrum.h>

struct thrum__fiber;
struct thrum__bracket;
struct thrum__locals;
struct thrum__name;
struct thrum__scope;
struct thrum__worker;

/* Where a task's life is; read by reports and names only. */
enum thrum__phase {
	THRUM__NEW,
	THRUM__RUNNING,
	THRUM__WAITING,
	THRUM__ENDED,
};

/* What a task waits for before it has a stack (later.c). */
enum thrum__armed {
	THRUM__UNARMED,
	THRUM__UNTIL_TIME,
	THRUM__UNTIL_READABLE,
};

/* What is to be tidied up after a task, as bits of marks. */
#define THRUM__BRACKETED 1u /* it is inside a timeout, shield or scope of its own */
#define THRUM__NAMED 2u     /* it has names */
#define THRUM__LISTED 4u    /* a cancel of its scope finds it (scope.c) */
#define THRUM__LOCAL 8u     /* it has locals (local.c) */
#define THRUM__TETHERED 16u /* arg is its tether to a token (tether.c) */
#define THRUM__PINNED 32u   /* it runs on one worker alone (spawn_with.c) */
#define THRUM__FORKED 64u   /* forks of it were let go, and not all of them are joined */

/* It was made of a fork; and below is its maker, on another stack. */
#define THRUM__A_FORK 1u
#define THRUM__AWAY 2u

/*
 * A task.  Its worker alone touches what has no other owner named.
 *
 * Two cache lines are all that a task needs which neither waits nor runs in anybody's place.  What
 * is in the third is at rest, as prepare_task makes it, whenever a task begins and ends: whoever
 * changes it there puts it back.  A task whose spawner has locals begins with them.
 */
struct thrum__task {
	struct thrum_future future;
	struct thrum__parker parker; /* its waits and its cancel request; any thread */
	struct thrum__link link;     /* in an inbox; whoever woke it */
	union {
		struct {
			thrum_fn fn;
			void (*drop)(void *);
		};
		struct thrum__member member; /* of its scope, once it has started */
	};
	void *arg;
	union {
		struct thrum__fiber *fiber;  /* from its first run to its end; read here */
		struct atomicptr fiber_seen; /* ... and written here, for those who peek */
	};
	union {
		uint32_t worker; /* index of the worker that it last ran on */
		int ready_fd;    /* while it is armed: the descriptor's number */
	};
	struct atomic32 phase; /* enum thrum__phase */
	uint8_t level;         /* joiners below it on its stack */
	uint8_t armed;         /* enum thrum__armed */
	uint8_t marks;         /* THRUM__BRACKETED, ... */
	bool rivalled;         /* others were inside its descriptor when it became readable */
	bool copied;           /* arg is the task's own copy */
	bool wait_deaf;        /* the wait that it is going into hears no cancel */
	uint8_t forked;        /* THRUM__A_FORK, THRUM__AWAY; as it runs, they stay */
	bool lent;             /* its wait is lent to the child that runs in place on its stack */

	union {
		struct {
			struct thrum__task *below; /* the joiner on whose stack it runs in place,
						      or the maker of a fork; NULL: none */
			int64_t deadline_ns;       /* nearest around it; THRUM_FOREVER */
			struct thrum__bracket *brackets; /* the innermost; NULL: none */
			struct thrum__name *names;       /* all that it had */
		};
		/* While it is armed: */
		struct thrum__timer timer;  /* what starts it at its time */
		struct thrum__waiter ready; /* ... when its descriptor is readable (then result
					       leads to the descriptor) */
	};
	uint64_t wait_seq;            /* of the wait that it is going into, or armed for */
	struct atomicptr name;        /* struct thrum__name, NULL: from place */
	struct thrum__scope *scope;   /* whose child it is; NULL: none's */
	struct thrum__locals *locals; /* from its making on; NULL: none */
#ifdef THRUM_DEBUG
	struct thrum__wants wants; /* what its wait is for (cycle.c) */
#endif
};

_Static_assert(offsetof(struct thrum__task, below) == 2 * CACHE_LINE,
	       "what every task needs lies in two lines");

/* A bare future is a struct thrum_future alone; the others that are not tasks: */
struct thrum__shield {
	struct thrum_future future;
	struct thrum__waiter node;       /* on target's list, worth one reference to this */
	struct thrum_future *target;     /* with a reference */
	struct thrum__deferred deferred; /* for a deep chain */
	uint32_t depth;                  /* shields below this one */
	bool tells_reason;               /* its result will be a token's reason */
};

/* Of one that was never published or that nobody else ever saw. */
void thrum__task_discard(struct thrum__worker *w, struct thrum__task *t);
/* One that is armed, owns its argument, or has to drop it. */
intptr_t thrum__task_call_slowly(struct thrum__task *t);
/* Completes it and gives the runtime's reference back. */
void thrum__task_finish(struct thrum__worker *w, struct thrum__task *t, intptr_t result);
/* The same, and the reference of the join in whose place it ran, which has its result and wants no
 * more: as a rule nobody else can learn of the end, and it goes at once. */
void thrum__task_finish_joined(struct thrum__worker *w, struct thrum__task *t, intptr_t result);

/* Blocks.  @w: the calling worker, or NULL. */
void *thrum__future_alloc(struct thrum__worker *w, enum thrum__kind kind, const char *place);
/* The block of a future that nobody else ever saw. */
void thrum__future_free_block(struct thrum__worker *w, struct thrum_future *f);
/* A reference, if it has not been freed: for walkers over the pool. */
bool thrum__future_try_retain(struct thrum_future *f);
/* A request to a task of any state; the caller holds a reference. */
void thrum__task_cancel(struct thrum__task *t, unsigned level);

/* Calls @visit for each live task of @runtime, with a reference held, until it returns false. */
void thrum__tasks_walk(void *runtime, bool (*visit)(struct thrum__task *t, void *arg), void *arg);

/* What is in the third line of an armed @t, as it is to be found. */
void thrum__task_rest(struct thrum__task *t);

/* The names that @t was given (name.c); one more, by its own worker: 0, -ENOMEM, -ENOSPC. */
int thrum__task_set_name(struct thrum__task *t, const char *name);
void thrum__names_free(struct thrum__task *t);

/* How many bytes a descriptor takes: for `thrum info` and tests. */
size_t thrum__task_bytes(void);

extern struct thrum__pool thrum__task_pool;   /* tasks */
extern struct thrum__pool thrum__future_pool; /* bare futures and shields */
extern struct thrum__pool thrum__job_blocks;  /* jobs */
/* Around fork: no slab is being carved. */
void thrum__pools_before_fork(void);
void thrum__pools_after_fork(void);

/* The last step of making a task: it can be found by walkers now.  @refs: how many references. */
static inline void thrum__task_publish(struct thrum__task *t, void *runtime, uint32_t refs)
{
	t->future.runtime = runtime;
	thrum__refs_publish(&t->future.refs, refs);
}

/* Calls fn, or drop instead when it was cancelled before it ran. */
static inline intptr_t thrum__task_call(struct thrum__task *t)
{
	if (UNLIKELY(t->armed || t->drop || t->copied))
		return thrum__task_call_slowly(t);
	return t->fn(t->arg);
}

static inline void thrum__task_set_fiber(struct thrum__task *t, struct thrum__fiber *f)
{
	store_relaxed(&t->fiber_seen, f);
}

/* Result of a done future; counts as having looked. */
static inline intptr_t thrum__future_look(struct thrum_future *f)
{
	if (UNLIKELY(thrum_failed(f->result)) && !load_relaxed(&f->seen))
		store_relaxed(&f->seen, 1);
	return f->result;
}

static inline struct thrum__task *thrum__task_of(struct thrum_future *f)
{
	return container_of(f, struct thrum__task, future);
}

static inline struct thrum__task *thrum__task_of_parker(struct thrum__parker *p)
{
	return container_of(p, struct thrum__task, parker);
}

static inline struct thrum__task *thrum__task_of_link(struct thrum__link *l)
{
	return container_of(l, struct thrum__task, link);
}

#endif
