/* SPDX-License-Identifier: MIT */
/*
 * cycle.h - tasks that wait for each other, and so for ever: found and reported in a debug build.
 * cycle.c tells how.  In other builds nothing here costs anything.
 */
#ifndef THRUM_SCHED_CYCLE_H
#define THRUM_SCHED_CYCLE_H

#include "base/atomic.h"

#include <stddef.h>

struct thrum_future;
struct thrum_runtime;
struct thrum__scope;
struct thrum__task;

#ifdef THRUM_DEBUG

/* Tasks of which a wait for the first of several is looked at. */
#define THRUM__WANTS_MAX 8
/* Mutexes of a task that are known. */
#define THRUM__HAS_MAX 8

/* What can end the wait of a task. */
enum thrum__wants_kind {
	THRUM__WANTS_ELSE,    /* a descriptor, or time */
	THRUM__WANTS_UNKNOWN, /* something that anybody may do */
	THRUM__WANTS_TASKS,   /* the end of any of count tasks */
	THRUM__WANTS_SCOPE,   /* nothing, as long as count children of scope cannot end */
	THRUM__WANTS_MUTEX,   /* nothing, as long as who has mutex can't unlock it */
};

/* A task's own, but for the last part; what is atomic is read by who looks while it is parked. */
struct thrum__wants {
	const void *key;       /* what is waited for next was said for this future or edge */
	uint64_t mutex_seq;    /* ... or for this wait: a mutex */
	struct atomicptr call; /* const char: the call that waits */
	struct atomic64 kind, count;
	struct atomicptr tasks[THRUM__WANTS_MAX];
	struct atomicptr scope, mutex;
	struct atomicptr scope_name;          /* const char; the scope itself may have gone */
	struct atomicptr has[THRUM__HAS_MAX]; /* mutexes, in any place; names alone */
	struct atomic64 seq;    /* of the wait that all this is about; it is written last */
	struct atomicptr of;    /* the scope whose child it is */
	struct atomicptr below; /* the joiner on whose stack it runs; NULL: none */

	/* Who looks. */
	uint64_t look;                 /* its number, if the task is one of those looked at */
	uint64_t parked;               /* in which wait; 0: in none */
	uint64_t told;                 /* in which wait its cycle was reported */
	uint64_t trip;                 /* the last that came by */
	struct thrum__task *next;      /* of those looked at */
	struct thrum__task *child;     /* what runs in its place */
	struct thrum__task *holder;    /* who has the mutex that it waits for; NULL: unknown */
	struct thrum__task *next_has;  /* of those that have one */
	struct thrum__task *waiters;   /* those that only this one can let go on */
	struct thrum__task *sibling;   /* the next of those */
	struct thrum__task *next_free; /* of those found not to be held up */
	bool held;                     /* held up, as far as is known */
};

/* The current task, if there is one, is in this call, which may wait for tasks. */
void thrum__wants_call(const char *call);
/* The same for a join of @f. */
void thrum__wants_join(const struct thrum_future *f);

/*
 * @t, which runs, is about to wait: for @f; for the first of @n; for an edge.  That of the first
 * and last is overridden by what was said for the same @f or @edge before:
 * begin, then add for each of those of which the first ends the wait; or scope, where the wait
 * cannot end while @count children of @s can't.  end: it is not to be remembered any more.
 */
void thrum__wants_future(struct thrum__task *t, struct thrum_future *f);
void thrum__wants_first(struct thrum__task *t, struct thrum_future *const fs[], size_t n);
void thrum__wants_edge(struct thrum__task *t, const void *edge);
/* ... in wait @seq for what anybody may do, outside threads too, unless it is for a mutex. */
void thrum__wants_anybody(struct thrum__task *t, uint64_t seq);
void thrum__wants_begin(struct thrum__task *t, const void *key);
void thrum__wants_add(struct thrum__task *t, struct thrum_future *f);
void thrum__wants_scope(struct thrum__task *t, const void *key, const struct thrum__scope *s,
			uint64_t count);
void thrum__wants_end(struct thrum__task *t);
/* The current task, if there is one, is about to wait for @m in wait @seq. */
void thrum__wants_mutex(uint64_t seq, const void *m);
/* It has @m from now on; until now. */
void thrum__has_mutex(const void *m);
void thrum__has_not_mutex(const void *m);
/* @t, which is new, has none. */
void thrum__has_none(struct thrum__task *t);
/* It parks in wait @seq. */
void thrum__wants_park(struct thrum__task *t, uint64_t seq);
/* @child begins to run on the stack of @joiner, or has ended (NULL). */
void thrum__wants_below(struct thrum__task *child, struct thrum__task *joiner);

/* When nothing in @rt runs: looks for cycles and reports each once.  Any thread, while @rt is
 * there.  False: something may happen by itself, or has meanwhile. */
bool thrum__cycles_look(struct thrum_runtime *rt);

#else

static inline void thrum__wants_call(const char *call)
{
	(void)call;
}

static inline void thrum__wants_join(const struct thrum_future *f)
{
	(void)f;
}

static inline void thrum__wants_future(struct thrum__task *t, struct thrum_future *f)
{
	(void)t;
	(void)f;
}

static inline void thrum__wants_first(struct thrum__task *t, struct thrum_future *const fs[],
				      size_t n)
{
	(void)t;
	(void)fs;
	(void)n;
}

static inline void thrum__wants_edge(struct thrum__task *t, const void *edge)
{
	(void)t;
	(void)edge;
}

static inline void thrum__wants_anybody(struct thrum__task *t, uint64_t seq)
{
	(void)t;
	(void)seq;
}

static inline void thrum__wants_scope(struct thrum__task *t, const void *key,
				      const struct thrum__scope *s, uint64_t count)
{
	(void)t;
	(void)key;
	(void)s;
	(void)count;
}

static inline void thrum__wants_end(struct thrum__task *t)
{
	(void)t;
}

static inline void thrum__wants_mutex(uint64_t seq, const void *m)
{
	(void)seq;
	(void)m;
}

static inline void thrum__has_mutex(const void *m)
{
	(void)m;
}

static inline void thrum__has_not_mutex(const void *m)
{
	(void)m;
}

static inline void thrum__has_none(struct thrum__task *t)
{
	(void)t;
}

static inline void thrum__wants_park(struct thrum__task *t, uint64_t seq)
{
	(void)t;
	(void)seq;
}

static inline void thrum__wants_below(struct thrum__task *child, struct thrum__task *joiner)
{
	(void)child;
	(void)joiner;
}

static inline bool thrum__cycles_look(struct thrum_runtime *rt)
{
	(void)rt;
	return false;
}

#endif
#endif
