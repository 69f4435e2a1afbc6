/* SPDX-License-Identifier: MIT */
/*
 * WHAT    Blocks of one size that are freed on other workers than they were made on.  Each worker
 *         keeps two batches of its own (a magazine, after Bonwick and Adams, USENIX 2001): get and
 *         put touch nothing shared but once in 64 times.  Full batches go through a few depots:
 *         Treiber stacks, pushed by anyone, popped by one thread at a time.  Who finds a depot
 *         being popped goes to the next one and waits for nobody.  Rejected: popping by many (ABA:
 *         needs a tag and a wide CAS); emptying a depot with one exchange and putting back the rest
 *         (who looks meanwhile finds nothing and carves: memory grows for ever); a lock to wait for
 *         (a thread held inside it would stop every spawn).
 *
 * WORD    newest: the newest batch's first block, NULL when empty.  A batch: blocks linked by next;
 *         its first block carries next_batch and count.
 *
 * STATES  of a block: live (refs > 0), in one cache, in one batch of a depot, in a batch that a
 *         thread is just moving.
 *
 * MOVES   T1 newest d -> batch, batch->next_batch = d   give a batch
 *         T2 popping 0 -> 1                             take the right to pop; not waited for
 *         T3 newest d -> d->next_batch                  pop, with popping held
 *         T4 popping 1 -> 0                             end of popping
 *         T5 slabs s -> slab                            a new slab, under carve_lock
 *
 * OWNERS  a block's next, next_batch, count: whoever holds the batch, and while it is in a depot
 *         nobody writes them; word and refs are never touched here (late wakes and walkers look at
 *         them).  A cache: its worker.  used: carve_lock.
 *
 * CALLERS get, put: the cache's worker.  get_shared, put_shared, walk: anyone, beside all others.
 *
 * ORDER   O1 release at T1 (links, and all that the last user did) pairs with O2 acquire of newest
 *            before T3, through the release sequence of what was pushed and popped in between.
 *         O3 release at T4 pairs with O4 acquire at T2: the next popper cannot read a batch that is
 *            gone.
 *         O5 release at T5 (the slab's head, prepared blocks) pairs with O6 acquire in walk.
 *         Weaker O1, O2: a batch is taken with links or contents not yet visible.  Weaker O3, O4: a
 *         popper reads the link of a batch in use, and if that one comes back at this moment its
 *         pop succeeds: two parties use one block.
 *
 * INVARIANT I1 each free block is in one place.  I2 one popper for each depot.  I3 a batch is
 *         carved only if each depot was empty or held by another popper when looked at, LOOKS times
 *         over: who pops is soon done, unless it lost its CPU, which is not waited for.  Gives and
 *         takes each go round the depots, so these fill and empty evenly, and gives pass by those
 *         that are being popped: behind a popper that does not run lies its share of what was free.
 *
 * PROOF   T1 to T4 are single atomic steps.  With popping held nobody else removes, so newest == d
 *         at T3 means that d has been there since it was read and its next_batch is the one that
 *         was read: no ABA, I1.  T1 is lock-free (its CAS fails only if another move succeeded); so
 *         is T3 (each failure is another's T1).  Nobody waits for T4.  With all depots empty new
 *         blocks are carved under a lock: blocking among carvers only, once in 64.
 *
 * RECLAIM Slabs are never unmapped: futures outlive runtimes, and a late wake may touch a parker in
 *         a free block.
 *
 * TEST    tests/model/scen_pool.c (2 depots, batches of 2); tests/unit/test_pool.c;
 *         tests/stress/queues.c
 */
#include "core/pool.h"

#include "base/assert.h"

#define BATCH THRUM__POOL_BATCH
#define DEPOTS THRUM__POOL_DEPOTS
#define LOOKS THRUM__POOL_LOOKS

static void give(struct thrum__depot *d, struct thrum__block *batch, uint32_t count)
{
	void *newest = load_relaxed(&d->newest);

	plain_write(&batch->count, count);
	do {
		plain_write(&batch->next_batch, (struct thrum__block *)newest);
	} while (!cas_release(&d->newest, &newest, batch)); /* T1; O1 */
}

/* The depot to give to, from number *@turn on: one that is being popped is passed by, as its
 * popper may not go on. */
static struct thrum__depot *next_depot(struct thrum__pool *p, uint32_t *turn)
{
	for (uint32_t i = 1; i < DEPOTS; i++) {
		struct thrum__depot *d = &p->depots[(*turn)++ % DEPOTS];

		if (!load_relaxed(&d->popping))
			return d;
	}
	return &p->depots[(*turn)++ % DEPOTS];
}

/* One batch of @d; NULL: empty, or another pops (*@busy). */
static struct thrum__block *pop(struct thrum__depot *d, bool *busy)
{
	void *batch;

	if (!load_relaxed(&d->newest))
		return NULL;
	if (load_relaxed(&d->popping) || exchange_acquire(&d->popping, 1)) { /* T2; O4 */
		*busy = true;
		return NULL;
	}
	batch = load_acquire(&d->newest); /* O2 */
	while (batch) {
		void *next = plain_read(&((struct thrum__block *)batch)->next_batch);

		if (cas_acquire(&d->newest, &batch, next)) /* T3; O2 when it fails */
			break;
	}
	store_release(&d->popping, 0); /* T4; O3 */
	return batch;
}

/* A batch of any depot, from number @turn on; NULL: none was to be had, and carving one more for
 * each popper that is met would make memory grow as long as workers meet. */
static struct thrum__block *take(struct thrum__pool *p, uint32_t turn)
{
	struct thrum__block *batch = NULL;
	bool busy = true;

	for (uint32_t look = 0; look < LOOKS && busy && !batch; look++) {
		busy = false;
		for (uint32_t i = 0; i < DEPOTS && !batch; i++)
			batch = pop(&p->depots[(turn + i) % DEPOTS], &busy);
	}
	return batch;
}

/* A new slab as the newest; the caller holds carve_lock. */
static struct thrum__slab *add_slab(struct thrum__pool *p)
{
	struct thrum__slab *slab = p->map(p->slab_bytes);
	size_t n = (p->slab_bytes - sizeof(struct thrum__slab)) / p->block_bytes;

	if (!slab)
		return NULL;
	plain_write(&slab->used, (size_t)0);
	plain_write(&slab->older, (struct thrum__slab *)load_relaxed(&p->slabs));
	for (size_t i = 0; i < n; i++)
		p->prepare((char *)(slab + 1) + i * p->block_bytes);
	store_release(&p->slabs, slab); /* T5; O5 */
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
	if (!slab || plain_read(&slab->used) == n)
		slab = add_slab(p);
	while (slab && count < BATCH && plain_read(&slab->used) < n) {
		size_t used = plain_read(&slab->used);
		struct thrum__block *b =
		    (void *)((char *)(slab + 1) + (n - 1 - used) * p->block_bytes);

		plain_write(&slab->used, used + 1);
		plain_write(&b->next, first);
		first = b;
		count++;
	}
	pthread_mutex_unlock(&p->carve_lock);
	if (!first)
		return NULL;
	plain_write(&first->count, count);
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
		give(next_depot(c->pool, &c->turn), c->active, c->active_count);
	if (c->spare)
		give(next_depot(c->pool, &c->turn), c->spare, c->spare_count);
	thrum__pool_cache_init(c, c->pool);
}

bool thrum__pool_refill(struct thrum__pool_cache *c)
{
	if (c->spare) {
		c->active = c->spare;
		c->active_count = c->spare_count;
		c->spare = NULL;
		c->spare_count = 0;
		return true;
	}
	c->exchanges++;
	c->active = take(c->pool, c->look++);
	if (!c->active)
		c->active = carve(c->pool);
	if (!c->active)
		return false;
	c->active_count = plain_read(&c->active->count);
	return true;
}

void thrum__pool_drain(struct thrum__pool_cache *c)
{
	if (c->spare) {
		c->exchanges++;
		give(next_depot(c->pool, &c->turn), c->spare, c->spare_count);
	}
	c->spare = c->active;
	c->spare_count = c->active_count;
	c->active = NULL;
	c->active_count = 0;
}

void *thrum__pool_get_shared(struct thrum__pool *p)
{
	uint32_t turn = fetch_add_relaxed(&p->turn, 1);
	struct thrum__block *b = take(p, turn);
	struct thrum__block *rest;

	if (!b)
		b = carve(p);
	if (!b)
		return NULL;
	rest = plain_read(&b->next);
	if (rest)
		give(next_depot(p, &turn), rest, plain_read(&b->count) - 1);
	return b;
}

void thrum__pool_put_shared(struct thrum__pool *p, void *block)
{
	uint32_t turn = fetch_add_relaxed(&p->turn, 1);

	plain_write(&((struct thrum__block *)block)->next, NULL);
	give(next_depot(p, &turn), block, 1);
}

void thrum__pool_walk(struct thrum__pool *p, bool (*visit)(void *block, void *arg), void *arg)
{
	struct thrum__slab *slab = load_acquire(&p->slabs); /* O6 */
	size_t n = (p->slab_bytes - sizeof(*slab)) / p->block_bytes;

	for (; slab; slab = plain_read(&slab->older))
		for (size_t i = 0; i < n; i++)
			if (!visit((char *)(slab + 1) + i * p->block_bytes, arg))
				return;
}
