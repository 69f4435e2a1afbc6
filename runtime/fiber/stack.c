/* SPDX-License-Identifier: MIT */
/*
 * stack.c - the pool of guarded stacks and the caches above it.
 *
 * STATES   of a stack: not carved (a part of a slab that nobody asked for), in use, in a cache,
 *          free in a batch (warm or trimmed), bare (carved, but its guard failed: tried again by
 *          the next who needs one).
 * OWNERS   in use: the fiber; in a cache: the cache's owner; else the pool, under its lock.
 * FAILS    carving: the limit, the slab's mmap, the guard.  Reuse and giving back never do: a batch
 *          of free stacks is a record that lies at the top of one of them.
 *
 * Slabs are mapped without reserving memory and without huge pages, which would make 60 KiB out of
 * one touched page.  A guard is installed when a stack is carved, so that a slab costs nothing
 * before it is used.
 */
#include "fiber/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/os.h"
#include "fiber/sanitize.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102 /* Linux 6.13 */
#endif

#define SLAB_BYTES_FIRST ((size_t)4 << 20)
#define SLAB_BYTES_MOST ((size_t)64 << 20)

struct thrum__stack_slab {
	struct thrum__stack_slab *next;
	char *base;
	size_t size;
	size_t used; /* carved bytes, from base */
};

/* Free stacks that move together; lies at the top of the first of them, and touches none of the
 * others. */
struct thrum__stack_batch {
	struct thrum__stack_batch *next;
	struct thrum__stack_batch *prev; /* in warm only */
	size_t count;
	char *stacks[THRUM__STACK_BATCH];
} __attribute__((aligned(CACHE_LINE)));

_Static_assert(THRUM__STACK_COLOURS *CACHE_LINE + sizeof(struct thrum__stack_batch) <= 4096,
	       "one page");

size_t thrum__stack_round(size_t size)
{
	size_t page = thrum__os_page_size();

	return (size + page - 1) & ~(page - 1);
}

/* ---- Guards ---- */

/* Is MADV_GUARD_INSTALL there, and not only said to be?  User-mode emulators answer 0 to advice
 * they ignore. */
static int guard_probe(struct thrum__stacks *pool)
{
	size_t page = thrum__os_page_size();
	void *probe;
	int err = thrum__os_mmap(&probe, page, PROT_READ | PROT_WRITE, 0);

	if (err)
		return err;
	if (thrum__os_madvise(probe, page, MADV_GUARD_INSTALL)) {
		pool->guard = THRUM__GUARD_MPROTECT;
		pool->guard_why = "no MADV_GUARD_INSTALL before Linux 6.13 or in locked memory";
	} else if (thrum__os_probe_write(probe) != -EFAULT) {
		pool->guard = THRUM__GUARD_MPROTECT;
		pool->guard_why = "MADV_GUARD_INSTALL is accepted and does nothing";
	} else {
		pool->guard = THRUM__GUARD_MADVISE;
		pool->guard_why = "they cost no memory map";
	}
	thrum__os_munmap(probe, page);
	return 0;
}

static int guard_make(struct thrum__stacks *pool, char *low)
{
	char *guard = low - pool->guard_bytes;

	if (pool->guard == THRUM__GUARD_MADVISE) {
		int err = thrum__os_madvise(guard, pool->guard_bytes, MADV_GUARD_INSTALL);

		/* Memory may have been locked (mlockall) since the probe. */
		if (err != -EINVAL)
			return err;
	}
	return thrum__os_mprotect(guard, pool->guard_bytes, PROT_NONE);
}

static const char *guard_name(const struct thrum__stacks *pool)
{
	return pool->guard == THRUM__GUARD_MADVISE ? "MADV_GUARD_INSTALL" : "mprotect";
}

/* vm.max_map_count; 0 if it cannot be read. */
static long map_limit(void)
{
	char text[32];
	ssize_t n;
	int fd = thrum__os_open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return 0;
	n = thrum__os_read(fd, text, sizeof(text) - 1);
	thrum__os_close(fd);
	if (n <= 0)
		return 0;
	text[n] = 0;
	return strtol(text, NULL, 10);
}

/* Say once why a stack could not be had.  The caller returns NULL, whose -ENOMEM does not. */
static void guard_report(struct thrum__stacks *pool, int err, size_t carved)
{
	char line[256];

	snprintf(line, sizeof(line),
		 "no guard for a further task's stack after %zu (%s): guards by %s; the "
		 "limit is vm.max_map_count, %ld maps, two for each stack guarded by mprotect",
		 carved, strerror(-err), guard_name(pool), map_limit());
	if (pool->report)
		pool->report(pool->report_arg, line);
	else
		fprintf(stderr, "thrum: %s\n", line);
}

/* ---- Carving ---- */

static size_t pool_stride(const struct thrum__stacks *pool)
{
	return pool->guard_bytes + pool->usable_bytes;
}

/* Under the lock.  Map the next slab: twice the last one up to a limit, at least one stack. */
static struct thrum__stack_slab *slab_add(struct thrum__stacks *pool)
{
	size_t stride = pool_stride(pool);
	size_t stacks = pool->slab_bytes / stride;
	struct thrum__stack_slab *slab = thrum__os_alloc(sizeof(*slab));
	void *base;

	if (!slab)
		return NULL;
	if (!stacks)
		stacks = 1;
	if (stacks > pool->limit - pool->carved)
		stacks = pool->limit - pool->carved;
	if (thrum__os_mmap(&base, stacks * stride, PROT_READ | PROT_WRITE,
			   MAP_NORESERVE | MAP_STACK)) {
		thrum__os_free(slab);
		return NULL;
	}
	/* Refused where there are no huge pages: as good. */
	(void)thrum__os_madvise(base, stacks * stride, MADV_NOHUGEPAGE);
	slab->base = base;
	slab->size = stacks * stride;
	slab->used = 0;
	slab->next = pool->slabs;
	pool->slabs = slab;
	if (pool->slab_bytes < SLAB_BYTES_MOST)
		pool->slab_bytes *= 2;
	return slab;
}

/* Where a bare stack keeps the link to the next one. */
static char **bare_link(struct thrum__stacks *pool, char *low)
{
	return (char **)(low + pool->usable_bytes) - 1;
}

/* Under the lock.  A stack without its guard. */
static char *carve_bare(struct thrum__stacks *pool)
{
	struct thrum__stack_slab *slab = pool->slabs;
	char *low = pool->bare;

	if (low) {
		pool->bare = *bare_link(pool, low);
		return low;
	}
	if (pool->carved == pool->limit)
		return NULL;
	if (!slab || slab->used == slab->size)
		slab = slab_add(pool);
	if (!slab)
		return NULL;
	low = slab->base + slab->used + pool->guard_bytes;
	slab->used += pool_stride(pool);
	pool->carved++;
	return low;
}

static char *stack_carve(struct thrum__stacks *pool)
{
	size_t carved;
	char *low;
	bool tell;
	int err;

	pthread_mutex_lock(&pool->lock);
	low = carve_bare(pool);
	pthread_mutex_unlock(&pool->lock);
	if (!low)
		return NULL;
	err = guard_make(pool, low);
	if (LIKELY(!err))
		return low;

	pthread_mutex_lock(&pool->lock);
	*bare_link(pool, low) = pool->bare;
	pool->bare = low;
	tell = !pool->reported;
	pool->reported = true;
	carved = pool->carved - 1;
	pthread_mutex_unlock(&pool->lock);
	if (tell)
		guard_report(pool, err, carved);
	return NULL;
}

char *thrum__stack_map(struct thrum__stacks *pool, size_t usable_bytes)
{
	size_t size = pool->guard_bytes + usable_bytes;
	void *base;

	if (thrum__os_mmap(&base, size, PROT_READ | PROT_WRITE, MAP_NORESERVE | MAP_STACK))
		return NULL;
	(void)thrum__os_madvise(base, size, MADV_NOHUGEPAGE);
	if (guard_make(pool, (char *)base + pool->guard_bytes)) {
		thrum__os_munmap(base, size);
		return NULL;
	}
	return (char *)base + pool->guard_bytes;
}

void thrum__stack_unmap(struct thrum__stacks *pool, char *low, size_t usable_bytes)
{
	thrum__sanitize_free(low, usable_bytes, pool->valgrind);
	thrum__os_munmap(low - pool->guard_bytes, pool->guard_bytes + usable_bytes);
}

/* ---- Batches of free stacks ---- */

static void warm_push(struct thrum__stacks *pool, struct thrum__stack_batch *b)
{
	b->prev = NULL;
	b->next = pool->warm;
	if (pool->warm)
		pool->warm->prev = b;
	else
		pool->warm_last = b;
	pool->warm = b;
	pool->warm_count += b->count;
}

static void warm_remove(struct thrum__stacks *pool, struct thrum__stack_batch *b)
{
	*(b->prev ? &b->prev->next : &pool->warm) = b->next;
	*(b->next ? &b->next->prev : &pool->warm_last) = b->prev;
	pool->warm_count -= b->count;
}

/* Give @count stacks to the pool. */
static void batch_give(struct thrum__stacks *pool, char *const *stacks, size_t count)
{
	char *first = stacks[0];
	struct thrum__stack_batch *b =
	    (void *)thrum__stack_top(first, first + pool->usable_bytes, sizeof(*b));

	b->count = count;
	memcpy(b->stacks, stacks, count * sizeof(*stacks));
	pthread_mutex_lock(&pool->lock);
	warm_push(pool, b);
	pthread_mutex_unlock(&pool->lock);
}

/* Take a batch's stacks into @stacks; returns how many, 0 if none are free. */
static size_t batch_take(struct thrum__stacks *pool, char **stacks)
{
	struct thrum__stack_batch *b;

	pthread_mutex_lock(&pool->lock);
	b = pool->warm;
	if (b) {
		warm_remove(pool, b);
	} else if ((b = pool->trimmed)) {
		pool->trimmed = b->next;
		pool->trimmed_count -= b->count;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!b)
		return 0;
	memcpy(stacks, b->stacks, b->count * sizeof(*stacks));
	return b->count;
}

/* Under the lock.  All pages of the batch go, but for the one that holds its record. */
static void batch_trim(struct thrum__stacks *pool, struct thrum__stack_batch *b)
{
	size_t page = thrum__os_page_size();
	char *record_page = (char *)((uintptr_t)b & ~(page - 1));
	size_t i;

	/* A refusal costs memory and nothing else. */
	(void)thrum__os_madvise(b->stacks[0], (size_t)(record_page - b->stacks[0]), MADV_DONTNEED);
	for (i = 1; i < b->count; i++)
		(void)thrum__os_madvise(b->stacks[i], pool->usable_bytes, MADV_DONTNEED);
}

size_t thrum__stacks_trim(struct thrum__stacks *pool, size_t keep, size_t max)
{
	size_t done = 0;

	while (done < max) {
		struct thrum__stack_batch *b;

		pthread_mutex_lock(&pool->lock);
		b = pool->warm_last;
		if (!b || pool->warm_count - b->count < keep) {
			pthread_mutex_unlock(&pool->lock);
			break;
		}
		warm_remove(pool, b);
		batch_trim(pool, b);
		b->next = pool->trimmed;
		pool->trimmed = b;
		pool->trimmed_count += b->count;
		done += b->count;
		pthread_mutex_unlock(&pool->lock);
	}
	return done;
}

/* ---- The pool ---- */

int thrum__stacks_init(struct thrum__stacks *pool, size_t usable_bytes, size_t limit)
{
	if (usable_bytes < THRUM__STACK_BYTES_MIN || usable_bytes > THRUM__STACK_BYTES_MAX ||
	    !limit)
		return -EINVAL;
	memset(pool, 0, sizeof(*pool));
	pool->usable_bytes = thrum__stack_round(usable_bytes);
	pool->guard_bytes = thrum__stack_round(THRUM__STACK_GUARD_BYTES);
	pool->limit = limit;
	pool->slab_bytes = SLAB_BYTES_FIRST;
	pool->valgrind = thrum__sanitize_valgrind();
	pthread_mutex_init(&pool->lock, NULL);
	return guard_probe(pool);
}

void thrum__stacks_fini(struct thrum__stacks *pool)
{
	size_t held = pool->carved - pool->warm_count - pool->trimmed_count;
	char *bare;

	for (bare = pool->bare; bare; bare = *bare_link(pool, bare))
		held--;
	ENSURE(held == 0, "a fiber or a cache still holds a stack; destroy it before the pool");
	while (pool->slabs) {
		struct thrum__stack_slab *slab = pool->slabs;

		pool->slabs = slab->next;
		thrum__os_munmap(slab->base, slab->size);
		thrum__os_free(slab);
	}
	pthread_mutex_destroy(&pool->lock);
}

void thrum__stacks_describe(struct thrum__stacks *pool, char *line, size_t size)
{
	size_t carved, idle;
	char most[64] = "", limit[32] = "none";

	pthread_mutex_lock(&pool->lock);
	carved = pool->carved;
	idle = pool->warm_count + pool->trimmed_count;
	pthread_mutex_unlock(&pool->lock);
	if (pool->guard == THRUM__GUARD_MPROTECT)
		snprintf(most, sizeof(most), "; about %ld at most, by vm.max_map_count",
			 map_limit() / 2);
	if (pool->limit != SIZE_MAX)
		snprintf(limit, sizeof(limit), "%zu", pool->limit);
	snprintf(line, size,
		 "%zu bytes and a guard of %zu by %s (%s%s); %zu made, %zu free, limit %s",
		 pool->usable_bytes, pool->guard_bytes, guard_name(pool), pool->guard_why, most,
		 carved, idle, limit);
}

/* ---- The cache of one worker ---- */

void thrum__stack_cache_init(struct thrum__stack_cache *cache, struct thrum__stacks *pool)
{
	cache->pool = pool;
	cache->count = 0;
}

void thrum__stack_cache_fini(struct thrum__stack_cache *cache)
{
	while (cache->count) {
		unsigned n = cache->count < THRUM__STACK_BATCH ? cache->count : THRUM__STACK_BATCH;

		cache->count -= n;
		batch_give(cache->pool, cache->stacks + cache->count, n);
	}
}

char *thrum__stack_get(struct thrum__stack_cache *cache)
{
	if (UNLIKELY(!cache->count))
		cache->count = (unsigned)batch_take(cache->pool, cache->stacks);
	if (LIKELY(cache->count))
		return cache->stacks[--cache->count];
	return stack_carve(cache->pool);
}

void thrum__stack_put(struct thrum__stack_cache *cache, char *low)
{
	thrum__sanitize_free(low, cache->pool->usable_bytes, cache->pool->valgrind);
	if (UNLIKELY(cache->count == THRUM__STACK_CACHE)) {
		/* The oldest go, the ones that are hot in this CPU's cache stay. */
		batch_give(cache->pool, cache->stacks, THRUM__STACK_BATCH);
		memcpy(cache->stacks, cache->stacks + THRUM__STACK_BATCH,
		       THRUM__STACK_BATCH * sizeof(*cache->stacks));
		cache->count = THRUM__STACK_BATCH;
	}
	cache->stacks[cache->count++] = low;
}
