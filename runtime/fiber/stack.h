/* SPDX-License-Identifier: MIT */
/*
 * stack.h - guarded stacks for fibers: a pool for each runtime, a small cache for each worker.
 *
 *          guard            usable                                  top
 *   |  16 KiB, no access  | . . . . . . . frames <-- grows | fiber | colour |
 *                         low                                             high
 *
 * A stack is named by its `low`.  The struct of its fiber lies at the top and the first frames
 * below it, in one page: a parked fiber with shallow frames costs that page and 8 bytes of page
 * table for each of its pages.  The colour, a multiple of 64 bytes, spreads the tops over the sets
 * of a cache.
 *
 * The cache has one owner and takes no lock; batches move between it and the pool under the pool's
 * mutex.  Stacks are reused last-in first-out with no system call.  The pool never unmaps before
 * fini; thrum__stacks_trim gives the pages of idle ones back.  What can fail is getting a stack: no
 * memory, the limit, no guard.
 */
#ifndef THRUM_FIBER_STACK_H
#define THRUM_FIBER_STACK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/atomic.h"

#define THRUM__STACK_BATCH 32
#define THRUM__STACK_CACHE (2 * THRUM__STACK_BATCH)
#define THRUM__STACK_COLOURS 32
#define THRUM__STACK_GUARD_BYTES ((size_t)16 << 10)
#define THRUM__STACK_BYTES_MIN ((size_t)16 << 10)
#define THRUM__STACK_BYTES_MAX ((size_t)1 << 30)

/* How a guard is made.  MADVISE costs no memory map (Linux 6.13 and later); MPROTECT costs two a
 * stack. */
enum thrum__guard_kind {
	THRUM__GUARD_MADVISE,
	THRUM__GUARD_MPROTECT,
};

struct thrum__stack_slab;
struct thrum__stack_batch;

struct thrum__stacks {
	size_t usable_bytes; /* of one stack, whole pages; constant */
	size_t guard_bytes;  /* constant */
	size_t limit;        /* stacks there may be, SIZE_MAX: no limit; constant */
	enum thrum__guard_kind guard; /* constant after init */
	const char *guard_why;        /* in words */
	bool valgrind;                /* runs us; constant after init */

	/* Where the message about a missing guard goes, once; NULL: standard error.  Set after init
	 * if at all. */
	void (*report)(void *report_arg, const char *line);
	void *report_arg;

	pthread_mutex_t lock; /* of what follows */
	struct thrum__stack_slab *slabs;    /* newest first; the first one is carved */
	struct thrum__stack_batch *warm;    /* free stacks, latest first */
	struct thrum__stack_batch *warm_last; /* what trim takes */
	struct thrum__stack_batch *trimmed; /* free, without memory; used after the warm ones */
	char *bare;       /* carved stacks that could get no guard, linked through their top word */
	size_t carved;    /* stacks that exist: in use, cached, free or bare */
	size_t warm_count;    /* stacks in warm */
	size_t trimmed_count; /* stacks in trimmed */
	size_t slab_bytes;    /* of the next slab */
	bool reported;
};

/* One worker's free stacks.  Only its owner touches it. */
struct thrum__stack_cache {
	struct thrum__stacks *pool;
	unsigned count;
	char *stacks[THRUM__STACK_CACHE];
};

/*
 * thrum__stacks_init - an empty pool of stacks of @usable_bytes (rounded up to pages) plus a guard.
 *
 * Returns: 0; -ENOMEM; -EINVAL: @usable_bytes outside THRUM__STACK_BYTES_MIN to _MAX, or @limit 0.
 */
int thrum__stacks_init(struct thrum__stacks *pool, size_t usable_bytes, size_t limit);
/* Unmap all.  Every cache must be fini and every fiber on a pool's stack over. */
void thrum__stacks_fini(struct thrum__stacks *pool);

/*
 * Give the memory of free stacks in the pool back to the system until @keep of them have theirs, in
 * this call of at most @max (a system call each).  Returns how many were trimmed.  For an idle
 * worker; any thread may.
 */
size_t thrum__stacks_trim(struct thrum__stacks *pool, size_t keep, size_t max);

/* One line on the stacks and guards in use and why, for `thrum info`; cut at @size. */
void thrum__stacks_describe(struct thrum__stacks *pool, char *line, size_t size);

void thrum__stack_cache_init(struct thrum__stack_cache *cache, struct thrum__stacks *pool);
/* Return all to the pool.  On the owner's thread, or once it has ended. */
void thrum__stack_cache_fini(struct thrum__stack_cache *cache);

/* A stack for a fiber, by its low end; NULL: no memory, the limit, or no guard (which is reported
 * once). */
char *thrum__stack_get(struct thrum__stack_cache *cache);
/* Take it back; nobody may run on it.  Cannot fail. */
void thrum__stack_put(struct thrum__stack_cache *cache, char *low);

/* A stack of its own size outside the pool and its limit; the same guard.  NULL: no memory or no
 * guard. */
char *thrum__stack_map(struct thrum__stacks *pool, size_t usable_bytes);
void thrum__stack_unmap(struct thrum__stacks *pool, char *low, size_t usable_bytes);

/* @size rounded up to whole pages. */
size_t thrum__stack_round(size_t size);

/* Where @size bytes (a multiple of 64) at the top of the stack @low to @high go, under its
 * colour. */
static inline char *thrum__stack_top(char *low, char *high, size_t size)
{
	uint64_t page = (uintptr_t)low >> 12;
	uint64_t colour = (page * 0x9E3779B97F4A7C15u) >> 59; /* 0 to 31; neighbours differ */

	return high - colour * CACHE_LINE - size;
}

#endif
