/* SPDX-License-Identifier: MIT */
/*
 * scen_pool.c - core/pool.c with batches of 2 and 2 depots: blocks that travel between threads.
 *
 * A block's value is even while it is free and odd while somebody has it; two who have it at once
 * are seen by that or as a race.  At the end each block is got once more: none is missing, none
 * comes twice.
 */
#include "explorer.h"

#include "core/pool.h"

#include <string.h>

#define BLOCKS 6 /* in a slab */
#define SLABS 3

struct user {
	struct thrum__block head;
	int value;
	int prepared; /* as a parker in a task's block: written once, read by walkers at any time */
} __attribute__((aligned(64)));

static struct thrum__pool pool;
static struct thrum__pool_cache caches[3];
static struct user *kept[BLOCKS];
static char slabs[SLABS][sizeof(struct thrum__slab) + BLOCKS * sizeof(struct user)]
    __attribute__((aligned(64)));
static unsigned mapped, slabs_max, held;

static void prepare(void *block)
{
	plain_write(&((struct user *)block)->value, 0);
	plain_write(&((struct user *)block)->prepared, 1);
}

static void *map(size_t bytes)
{
	model_assert(bytes == sizeof(slabs[0]));
	return mapped < slabs_max ? slabs[mapped++] : NULL;
}

static struct user *got(void *block)
{
	struct user *u = block;

	if (!u)
		return NULL;
	model_assert(plain_read(&u->value) % 2 == 0);
	plain_write(&u->value, u->value + 1);
	held++;
	return u;
}

static struct user *putting(struct user *u)
{
	model_assert(plain_read(&u->value) % 2 == 1);
	plain_write(&u->value, u->value + 1);
	held--;
	return u;
}

static struct user *get(unsigned cache)
{
	return got(thrum__pool_get(&caches[cache]));
}

static struct user *get_shared(void)
{
	return got(thrum__pool_get_shared(&pool));
}

static void put(unsigned cache, struct user *u)
{
	thrum__pool_put(&caches[cache], putting(u));
}

static void put_shared(struct user *u)
{
	thrum__pool_put_shared(&pool, putting(u));
}

static void start(void)
{
	memset(&pool, 0, sizeof(pool));
	memset(slabs, 0, sizeof(slabs));
	memset(kept, 0, sizeof(kept));
	mapped = held = 0;
	slabs_max = SLABS;
	pool.block_bytes = sizeof(struct user);
	pool.slab_bytes = sizeof(slabs[0]);
	pool.prepare = prepare;
	pool.map = map;
	for (unsigned i = 0; i < 3; i++)
		thrum__pool_cache_init(&caches[i], &pool);
	model_name(&pool.depots[0].newest, "newest 0");
	model_name(&pool.depots[1].newest, "newest 1");
	model_name(&pool.depots[0].popping, "popping 0");
	model_name(&pool.depots[1].popping, "popping 1");
	model_name(&pool.slabs, "slabs");
}

/* One slab, carved; depot 0 holds @n batches of one block each, kept[0] the newest; the rest is
 * held. */
static void start_with(unsigned n)
{
	start();
	for (unsigned i = 0; i < BLOCKS; i++)
		kept[BLOCKS - 1 - i] = get(0);
	for (unsigned i = n; i-- > 0;) {
		store_relaxed(&pool.turn, 0);
		put_shared(kept[i]);
	}
	store_relaxed(&pool.turn, 0);
	caches[0].turn = 0;
}

static void start_with_two(void)
{
	start_with(2);
}

static bool count(void *block, void *arg)
{
	unsigned *n = arg;

	model_assert(plain_read(&((struct user *)block)->prepared) == 1);
	++*n;
	return true;
}

static void all_once(void)
{
	unsigned walked = 0;

	for (unsigned i = 0; i < 3; i++)
		thrum__pool_cache_fini(&caches[i]);
	thrum__pool_walk(&pool, count, &walked);
	model_assert(walked == mapped * BLOCKS);
	slabs_max = mapped; /* what was mapped and not carved can still be got */
	while (get(0))
		model_assert(held <= walked);
	model_assert(held == walked);
}

/* While one is about to pop the top, another takes it and what lies below, and brings the top
 * back: same address. */
static void pop_one(void)
{
	get(0);
}
static void pop_two_bring_one(void)
{
	struct user *top = get(1);

	get(1);
	if (top)
		put_shared(top);
}
static void give_kept(void)
{
	store_relaxed(&pool.turn, 0);
	put_shared(kept[4]);
}
SCENARIO(pool_address_again, .setup = start_with_two,
	 .thread = {pop_one, pop_two_bring_one, give_kept}, .check = all_once,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4");

/* Outside threads: a batch is split, what is too much goes back. */
static void round_trip(void)
{
	struct user *u = get_shared();

	if (u)
		put_shared(u);
}
static void start_with_batches(void)
{
	start_with(0);
	for (unsigned i = 0; i < 3; i++)
		put(1, kept[i]);
	thrum__pool_cache_fini(&caches[1]); /* a batch of 2 and one of 1 */
}
SCENARIO(pool_shared_round_trips, .setup = start_with_batches,
	 .thread = {round_trip, pop_one, give_kept}, .check = all_once, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4");

/* Blocks made by one worker are freed by two others, in whole magazines. */
static void maker(void)
{
	for (int i = 0; i < 3; i++)
		get(0);
}
static void freer(void)
{
	unsigned me = (unsigned)model_thread();

	for (unsigned i = 0; i < 3; i++)
		put(me, kept[3 * (me - 1) + i]);
	thrum__pool_cache_fini(&caches[me]);
}
static void start_all_held(void)
{
	start_with(0);
}
SCENARIO(pool_magazines, .setup = start_all_held, .thread = {maker, freer, freer},
	 .check = all_once, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5");

/* The first slab: two carve, one walks. */
static void carver(void)
{
	model_assert(get((unsigned)model_thread()));
	get_shared();
}
static void walker(void)
{
	unsigned n = 0;

	thrum__pool_walk(&pool, count, &n);
	model_assert(n % BLOCKS == 0 && n <= 2 * BLOCKS);
}
SCENARIO(pool_first_slab, .setup = start, .thread = {carver, carver, walker}, .check = all_once,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T5");
