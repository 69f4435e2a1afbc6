/* SPDX-License-Identifier: MIT */
/*
 * pool.h - blocks of one size for futures and tasks: a cache for each worker, batches between
 * them.  The argument stands in pool.c.
 */
#ifndef THRUM_CORE_POOL_H
#define THRUM_CORE_POOL_H

#include "base/assert.h"
#include "base/atomic.h"

#include <pthread.h>
#include <stddef.h>

/* How many blocks travel between a worker and the others at a time, and the stacks that they
 * travel through. */
#ifdef THRUM_MODEL
#define THRUM__POOL_BATCH 2
#define THRUM__POOL_DEPOTS 2
#define THRUM__POOL_LOOKS 2
#else
#define THRUM__POOL_BATCH 64
#define THRUM__POOL_DEPOTS 8
#define THRUM__POOL_LOOKS 32
#endif

/* The head of a free block.  word and refs mean what they mean in a live one (future.h): they are
 * never overwritten here, because late wakes and walkers may still look at them. */
struct thrum__block {
	struct atomic64 word;
	struct thrum__block *next;       /* in its batch */
	struct thrum__block *next_batch; /* of a batch's first block */
	struct atomic32 refs;            /* 0 while free */
	uint32_t count;                  /* of a batch's first block: blocks in the batch */
};

struct thrum__slab {
	struct thrum__slab *older;
	size_t used; /* blocks handed out so far; under the pool's lock */
	char pad[48];
};

/* A stack of batches: anyone pushes, one at a time pops. */
struct thrum__depot {
	struct atomicptr newest; /* struct thrum__block, first of its batch */
	struct atomic32 popping; /* 1: somebody pops; nobody waits for it */
	char pad[CACHE_LINE - sizeof(struct atomicptr) - sizeof(struct atomic32) - 4];
};

struct thrum__pool {
	size_t block_bytes; /* a multiple of 64 */
	size_t slab_bytes;
	void (*prepare)(void *block); /* once for each block, when it is carved */
	void *(*map)(size_t bytes);   /* zeroed pages, never given back; NULL: none */
	struct atomicptr slabs;       /* struct thrum__slab, newest first, never removed */
	pthread_mutex_t carve_lock;   /* of the newest slab's used */
	struct atomic64 carved;       /* blocks made so far */
	struct atomic32 turn;         /* where the next thread without a cache begins */
	struct thrum__depot depots[THRUM__POOL_DEPOTS]; /* batches on their way */
};

/* One worker's cache of one pool; single owner. */
struct thrum__pool_cache {
	struct thrum__pool *pool;
	struct thrum__block *active;
	struct thrum__block *spare;
	uint32_t active_count;
	uint32_t spare_count;
	uint32_t turn, look; /* the depot to give to next, to take from next */
	uint64_t exchanges;  /* batches given and taken */
};

void thrum__pool_cache_init(struct thrum__pool_cache *c, struct thrum__pool *p);
/* Gives all that it holds to the pool. */
void thrum__pool_cache_fini(struct thrum__pool_cache *c);
/* Of an empty cache: false: no memory.  Of a full one. */
bool thrum__pool_refill(struct thrum__pool_cache *c);
void thrum__pool_drain(struct thrum__pool_cache *c);

/* The next block is on its way from memory while this one is filled: with a million of them no
 * cache holds them. */
static inline void thrum__pool_prefetch(const void *block)
{
	for (int i = 0; i < 2; i++)
		__builtin_prefetch((const char *)block + (ptrdiff_t)i * CACHE_LINE, 1);
}

/* A block, contents as its last user left them (but for next, next_batch, count); NULL: no
 * memory. */
static inline void *thrum__pool_get(struct thrum__pool_cache *c)
{
	struct thrum__block *b;

	if (UNLIKELY(!c->active) && !thrum__pool_refill(c))
		return NULL;
	b = c->active;
	c->active = plain_read(&b->next);
	c->active_count--;
	thrum__pool_prefetch(c->active);
	return b;
}

static inline void thrum__pool_put(struct thrum__pool_cache *c, void *block)
{
	struct thrum__block *b = block;

	if (UNLIKELY(c->active_count >= THRUM__POOL_BATCH))
		thrum__pool_drain(c);
	plain_write(&b->next, c->active);
	c->active = b;
	c->active_count++;
}

/* The same for threads without a cache. */
void *thrum__pool_get_shared(struct thrum__pool *p);
void thrum__pool_put_shared(struct thrum__pool *p, void *block);

/* Anyone: calls @visit for every block ever carved, live or free, until it returns false. */
void thrum__pool_walk(struct thrum__pool *p, bool (*visit)(void *block, void *arg), void *arg);

#endif
