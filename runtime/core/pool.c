/* SPDX-License-Identifier: MIT */
/*
 * WHAT    Blocks of one size that are freed on other workers than they were made on.  Each worker keeps two batches of its own
 *         (a magazine, after Bonwick and Adams, USENIX 2001): get and put touch nothing shared but once in 64 times.
 *         Full batches go to a depot, a Treiber stack of batches that is emptied with one exchange: whoever takes keeps
 *         the first and puts the rest back.  Rejected: popping one batch by CAS (ABA: needs a tag and a wide CAS); a
 *         lock (a thread held inside it would stop every spawn).
 *
 * WORD    depot: the newest batch's first block, NULL when empty.  A batch: blocks linked by next; its first block
 *         carries next_batch and count.
 *
 * STATES  of a block: live (refs > 0), in one cache, in one batch of the depot, in a batch that a thread is just moving.
 *
 * MOVES   T1 depot d -> batch, batch->next_batch = d    give a batch
 *         T2 depot d -> NULL                            take all
 *         T3 depot NULL -> rest                         put back what is not needed; if others gave meanwhile, take
 *                                                       theirs (T2), hang the rest behind, try again
 *         T4 slabs s -> slab                            a new slab, under carve_lock
 *
 * OWNERS  a block's next, next_batch, count: whoever holds the batch; word and refs are never touched here (late wakes and
 *         walkers look at them).  A cache: its worker.  used: carve_lock.
 *
 * CALLERS get, put: the cache's worker.  get_shared, put_shared, walk: anyone, beside all others.
 *
 * ORDER   O1 release at T1, T3 (links, and all that the last user did) pairs with O2 acquire at T2.
 *         O3 release at T4 (the slab's head, prepared blocks) pairs with O4 acquire in walk.
 *         Weaker O1: a batch is taken with links or contents not yet visible: two parties use one block.
 *
 * INVARIANT I1 each free block is in one place.  I2 carved never exceeds the largest number of blocks that were in use,
 *         cached (128 a worker) or on the move at one time, plus a batch for each take that met an empty depot.
 *
 * PROOF   T1, T2, T3 are single atomic steps; T2 gives the whole list to one party: I1.  T3's CAS expects NULL and so
 *         cannot meet an old head: no ABA.  T1 is lock-free; the loop of T3 is lock-free (each failure is another's T1).
 *         Taking from an empty depot carves new blocks under a lock: blocking among carvers only, once in 64.
 *
 * RECLAIM Slabs are never unmapped: futures outlive runtimes, and a late wake may touch a parker in a free block.
 *
 * TEST    tests/model/scen_pool.c; tests/unit/test_pool.c; tests/stress/queues.c
 */
#include "core/pool.h"

#include "base/assert.h"

#define BATCH THRUM__POOL_BATCH

static void give(struct thrum__pool *p, struct thrum__block *batch, uint32_t count)
{
	void *d = load_relaxed(&p->depot);

	plain_write(&batch->count, count);
	do {
		plain_write(&batch->next_batch, (struct thrum__block *)d);
	} while (!cas_release(&p->depot, &d, batch)); /* T1; O1 */
}

static void put_back(struct thrum__pool *p, struct thrum__block *rest)
{
	void *empty = NULL;

	while (rest && !cas_release(&p->depot, &empty, rest)) { /* T3; O1 */
		struct thrum__block *given = exchange_acquire(&p->depot, NULL); /* T2; O2 */
		struct thrum__block *last = given;

		empty = NULL;
		if (!given)
			continue;
		while (plain_read(&last->next_batch))
			last = plain_read(&last->next_batch);
		plain_write(&last->next_batch, rest);
		rest = given;
	}
}

/* One batch off the depot; NULL: empty. */
static struct thrum__block *take(struct thrum__pool *p)
{
	struct thrum__block *batch;

	if (!load_relaxed(&p->depot))
		return NULL;
	batch = exchange_acquire(&p->depot, NULL); /* T2; O2 */
	if (batch)
		put_back(p, plain_read(&batch->next_batch));
	return batch;
}

/* A new slab as the newest; the caller holds carve_lock. */
static struct thrum__slab *add_slab(struct thrum__pool *p)
{
	struct thrum__slab *slab = p->map(p->slab_bytes);
	size_t n = (p->slab_bytes - sizeof(struct thrum__slab)) / p->block_bytes;

	if (!slab)
		return NULL;
	slab->used = 0;
	slab->older = load_relaxed(&p->slabs);
	for (size_t i = 0; i < n; i++)
		p->prepare((char *)(slab + 1) + i * p->block_bytes);
	store_release(&p->slabs, slab); /* T4; O3 */
	return slab;
}

/* A batch of new blocks; NULL: no memory. */
static struct thrum__block *carve(struct thrum__pool *p)
{
	struct thrum__block *first = NULL;
	struct thrum__slab *slab;
	uint32_t count = 0;
	size_t n = (p->slab_bytes - sizeof(*slab)) / p->block_bytes;

	pthread_mutex_lock(&p->carve_lock);
	slab = load_relaxed(&p->slabs);
	if (!slab || slab->used == n)
		slab = add_slab(p);
	while (slab && count < BATCH && slab->used < n) {
		struct thrum__block *b = (void *)((char *)(slab + 1) + (n - 1 - slab->used++) * p->block_bytes);

		b->next = first;
		first = b;
		count++;
	}
	pthread_mutex_unlock(&p->carve_lock);
	if (!first)
		return NULL;
	first->count = count;
	fetch_add_relaxed(&p->carved, (uint64_t)count);
	return first;
}

void thrum__pool_cache_init(struct thrum__pool_cache *c, struct thrum__pool *p)
{
	*c = (struct thrum__pool_cache){.pool = p};
}

void thrum__pool_cache_fini(struct thrum__pool_cache *c)
{
	if (c->active)
		give(c->pool, c->active, c->active_count);
	if (c->spare)
		give(c->pool, c->spare, c->spare_count);
	thrum__pool_cache_init(c, c->pool);
}

static NOINLINE bool refill(struct thrum__pool_cache *c)
{
	if (c->spare) {
		c->active = c->spare;
		c->active_count = c->spare_count;
		c->spare = NULL;
		c->spare_count = 0;
		return true;
	}
	c->active = take(c->pool);
	if (!c->active)
		c->active = carve(c->pool);
	if (!c->active)
		return false;
	c->active_count = plain_read(&c->active->count);
	return true;
}

void *thrum__pool_get(struct thrum__pool_cache *c)
{
	struct thrum__block *b;

	if (UNLIKELY(!c->active) && !refill(c))
		return NULL;
	b = c->active;
	c->active = plain_read(&b->next);
	c->active_count--;
	return b;
}

void thrum__pool_put(struct thrum__pool_cache *c, void *block)
{
	struct thrum__block *b = block;

	if (UNLIKELY(c->active_count >= BATCH)) {
		if (c->spare)
			give(c->pool, c->spare, c->spare_count);
		c->spare = c->active;
		c->spare_count = c->active_count;
		c->active = NULL;
		c->active_count = 0;
	}
	plain_write(&b->next, c->active);
	c->active = b;
	c->active_count++;
}

void *thrum__pool_get_shared(struct thrum__pool *p)
{
	struct thrum__block *b = take(p);
	struct thrum__block *rest;

	if (!b)
		b = carve(p);
	if (!b)
		return NULL;
	rest = plain_read(&b->next);
	if (rest)
		give(p, rest, plain_read(&b->count) - 1);
	return b;
}

void thrum__pool_put_shared(struct thrum__pool *p, void *block)
{
	plain_write(&((struct thrum__block *)block)->next, NULL);
	give(p, block, 1);
}

void thrum__pool_walk(struct thrum__pool *p, bool (*visit)(void *block, void *arg), void *arg)
{
	struct thrum__slab *slab = load_acquire(&p->slabs); /* O4 */
	size_t n = (p->slab_bytes - sizeof(*slab)) / p->block_bytes;

	for (; slab; slab = slab->older)
		for (size_t i = 0; i < n; i++)
			if (!visit((char *)(slab + 1) + i * p->block_bytes, arg))
				return;
}
