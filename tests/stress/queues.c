/* SPDX-License-Identifier: MIT */
/*
 * queues.c - the deque, the ready ring, the inbox and the block pool under real threads.
 *
 * What is counted: each item comes out once and whole; a taker's items come in order; a block has
 * one user at a time; the pool stops growing.  The deque runs twice: with full fences, and with
 * membarrier where the kernel has it.
 *
 * THRUM_SEED chooses the random operations (printed); THRUM_TEST_DIV divides the counts.
 */
#include "base/os.h"
#include "core/deque.h"
#include "core/inbox.h"
#include "core/pool.h"
#include "core/ready.h"
#include "support.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

enum { TAKERS = 3, PRODUCERS = 3 };

struct item {
	struct thrum__link link; /* first */
	uint64_t number;         /* written before it is queued */
	uint32_t producer;
	struct atomic32 taken;
};

static struct item *items;
static uint64_t items_count, start_seed;
static struct atomic32 over, started;
static struct atomic64 stolen;

static pthread_t start_thread(void *(*fn)(void *), void *arg)
{
	pthread_t t;

	CHECK(!pthread_create(&t, NULL, fn, arg));
	return t;
}

static void items_make(uint64_t n)
{
	items_count = n;
	items = calloc(n, sizeof(*items));
	CHECK(items);
	store_relaxed(&over, 0);
	store_relaxed(&started, 0);
	store_relaxed(&stolen, 0);
}

static void await_started(uint32_t n)
{
	while (load_acquire(&started) < n)
		thread_yield();
}

static void take(void *item)
{
	struct item *i = item;

	CHECK(i->number == (uint64_t)(i - items));
	CHECK(fetch_add_relaxed(&i->taken, 1) == 0);
}

static void items_all_taken(const char *what)
{
	for (uint64_t i = 0; i < items_count; i++)
		CHECK(load_relaxed(&items[i].taken) == 1);
	printf("%s: %llu items, %llu taken by others\n", what, (unsigned long long)items_count,
	       (unsigned long long)load_relaxed(&stolen));
	free(items);
}

/* ---- the deque ---- */

static struct thrum__deque deque;

static void *thief(void *unused)
{
	uint64_t n = 0;
	void *i;

	(void)unused;
	fetch_add_release(&started, 1);
	for (;;) {
		bool last = load_acquire(&over);

		while ((i = thrum__deque_steal(&deque))) {
			take(i);
			n++;
		}
		if (last && !thrum__deque_count(&deque))
			break;
		spin_hint();
	}
	fetch_add_relaxed(&stolen, n);
	return NULL;
}

static void deque_own(uint64_t *random)
{
	uint64_t next = 0;
	void *i;

	while (next < items_count) {
		uint64_t push = 1 + random_below(random, random_below(random, 8) ? 4 : 300);
		uint64_t pop = random_below(random, push + 2);

		for (; push && next < items_count; push--, next++) {
			items[next].number = next;
			CHECK(thrum__deque_push(&deque, &items[next]) == 0);
		}
		if (random_below(random, 32) == 0)
			thread_yield(); /* on a busy machine thieves come late */
		while (pop--) {
			uint64_t how = random_below(random, 8);

			if (how == 0)
				i = thrum__deque_pop_oldest(&deque);
			else if (how == 1)
				i = thrum__deque_pop_if(&deque, &items[next - 1]);
			else
				i = thrum__deque_pop(&deque);
			if (i)
				take(i);
		}
	}
	while ((i = thrum__deque_pop(&deque)))
		take(i);
}

static void deque_run(const char *what)
{
	uint64_t random = start_seed;
	pthread_t t[TAKERS];

	items_make(scaled(1000000));
	CHECK(thrum__deque_init(&deque, 2) == 0);
	store_relaxed(&deque.top, UINT64_MAX - 100);
	store_relaxed(&deque.bottom, UINT64_MAX - 100);
	deque.top_seen = UINT64_MAX - 100;
	for (int i = 0; i < TAKERS; i++)
		t[i] = start_thread(thief, NULL);
	await_started(TAKERS);
	deque_own(&random);
	store_release(&over, 1);
	for (int i = 0; i < TAKERS; i++)
		pthread_join(t[i], NULL);
	items_all_taken(what);
	thrum__deque_fini(&deque);
}

/* ---- the ready ring ---- */

static struct thrum__ready ready;

static void *ready_taker(void *unused)
{
	uint64_t n = 0, after = 0;
	struct item *i;

	(void)unused;
	fetch_add_release(&started, 1);
	for (;;) {
		bool last = load_acquire(&over);

		while ((i = thrum__ready_take(&ready))) {
			take(i);
			CHECK(i->number >= after);
			after = i->number + 1;
			n++;
		}
		if (last)
			break;
		spin_hint();
	}
	fetch_add_relaxed(&stolen, n);
	return NULL;
}

static void ready_run(void)
{
	uint64_t random = start_seed, next = 0;
	pthread_t t[TAKERS];
	void *i;

	items_make(scaled(1000000));
	CHECK(thrum__ready_init(&ready, 2) == 0);
	store_relaxed(&ready.head, UINT64_MAX - 100);
	store_relaxed(&ready.tail, UINT64_MAX - 100);
	ready.head_seen = UINT64_MAX - 100;
	for (int k = 0; k < TAKERS; k++)
		t[k] = start_thread(ready_taker, NULL);
	await_started(TAKERS);
	while (next < items_count) {
		uint64_t push = 1 + random_below(&random, random_below(&random, 8) ? 4 : 300);
		uint64_t own = random_below(&random, push);

		for (; push && next < items_count; push--, next++) {
			items[next].number = next;
			CHECK(thrum__ready_push(&ready, &items[next]) == 0);
		}
		while (own-- && (i = thrum__ready_take(&ready)))
			take(i);
	}
	store_release(&over, 1);
	for (int k = 0; k < TAKERS; k++)
		pthread_join(t[k], NULL);
	while ((i = thrum__ready_take(&ready)))
		take(i);
	items_all_taken("ready ring");
	thrum__ready_fini(&ready);
}

/* ---- the inbox ---- */

static struct thrum__inbox inbox;
static struct atomic32 producing;

static void *inbox_producer(void *number)
{
	uint32_t me = (uint32_t)(uintptr_t)number;

	for (uint64_t i = me; i < items_count; i += PRODUCERS) {
		items[i].number = i;
		items[i].producer = me;
		thrum__inbox_push(&inbox, &items[i].link);
	}
	fetch_sub_release(&producing, 1);
	return NULL;
}

static void *inbox_taker(void *unused)
{
	uint64_t n = 0, after[PRODUCERS] = {0};

	(void)unused;
	for (;;) {
		bool last = !load_acquire(&producing);
		struct thrum__link *l = thrum__inbox_take_all(&inbox);

		while (l) {
			struct item *i = (struct item *)l;

			l = l->next;
			take(i);
			CHECK(i->producer < PRODUCERS && i->number >= after[i->producer]);
			after[i->producer] = i->number + 1;
			n++;
		}
		if (last && thrum__inbox_is_empty(&inbox))
			break;
	}
	fetch_add_relaxed(&stolen, n);
	return NULL;
}

static void inbox_run(void)
{
	pthread_t t[PRODUCERS + 2];

	items_make(scaled(1000000));
	thrum__inbox_init(&inbox);
	store_relaxed(&producing, PRODUCERS);
	for (uintptr_t k = 0; k < PRODUCERS; k++)
		t[k] = start_thread(inbox_producer, (void *)k);
	for (int k = 0; k < 2; k++)
		t[PRODUCERS + k] = start_thread(inbox_taker, NULL);
	for (int k = 0; k < PRODUCERS + 2; k++)
		pthread_join(t[k], NULL);
	items_all_taken("inbox");
}

/* ---- the pool: a ring of threads, each makes blocks for the next one to free ---- */

enum { RING = 3, FLIGHT = 500, BLOCK = 192, SLAB = 64 << 10 };

struct block {
	struct thrum__block head;
	struct atomic32 users;
	uint64_t written;
	struct thrum__link link;
};

static void block_prepare(void *block)
{
	store_relaxed(&((struct block *)block)->users, 0);
}

static void *block_map(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static struct thrum__pool pool = {
    .block_bytes = BLOCK,
    .slab_bytes = SLAB,
    .prepare = block_prepare,
    .map = block_map,
    .carve_lock = PTHREAD_MUTEX_INITIALIZER,
};
static struct thrum__inbox ring[RING];
static struct atomic64 freed[RING];
static uint64_t blocks_each;

static void block_use(struct block *b, uint64_t what)
{
	CHECK(b);
	CHECK(fetch_add_relaxed(&b->users, 1) == 0);
	b->written = what;
}

static void block_drop(struct block *b)
{
	CHECK(fetch_sub_relaxed(&b->users, 1) == 1);
	b->written = 0;
}

/* Frees what the one before made; returns how many. */
static uint64_t blocks_free(struct thrum__pool_cache *c, uintptr_t me)
{
	struct thrum__link *l = thrum__inbox_take_all(&ring[me]);
	uint64_t n = 0;

	while (l) {
		struct block *b = (struct block *)((char *)l - offsetof(struct block, link));

		l = l->next;
		CHECK(b->written == me);
		block_drop(b);
		thrum__pool_put(c, b);
		n++;
	}
	fetch_add_relaxed(&freed[me], n);
	return n;
}

static void *pool_member(void *number)
{
	uintptr_t me = (uintptr_t)number, next = (me + 1) % RING;
	struct thrum__pool_cache c;
	uint64_t made = 0, done = 0;

	thrum__pool_cache_init(&c, &pool);
	while (made < blocks_each || done < blocks_each) {
		while (made < blocks_each && made - load_relaxed(&freed[next]) < FLIGHT) {
			struct block *b = thrum__pool_get(&c);

			block_use(b, next);
			thrum__inbox_push(&ring[next], &b->link);
			made++;
		}
		done += blocks_free(&c, me);
	}
	thrum__pool_cache_fini(&c);
	return NULL;
}

/* A thread without a cache, until the others are done. */
static void *pool_outsider(void *unused)
{
	struct block *held[10];

	(void)unused;
	while (!load_acquire(&over)) {
		for (int i = 0; i < 10; i++) {
			held[i] = thrum__pool_get_shared(&pool);
			block_use(held[i], RING);
		}
		for (int i = 0; i < 10; i++) {
			block_drop(held[i]);
			thrum__pool_put_shared(&pool, held[i]);
		}
	}
	return NULL;
}

static bool block_is_free(void *block, void *arg)
{
	CHECK(load_relaxed(&((struct block *)block)->users) == 0);
	++*(uint64_t *)arg;
	return true;
}

static void pool_run(void)
{
	uint64_t walked = 0, n = 0, carved;
	struct thrum__pool_cache c;
	pthread_t t[RING + 1];
	struct block *b;

	blocks_each = scaled(1000000);
	store_relaxed(&over, 0);
	for (int k = 0; k < RING; k++)
		thrum__inbox_init(&ring[k]);
	for (uintptr_t k = 0; k < RING; k++)
		t[k] = start_thread(pool_member, (void *)k);
	t[RING] = start_thread(pool_outsider, NULL);
	for (int k = 0; k < RING; k++)
		pthread_join(t[k], NULL);
	store_release(&over, 1);
	pthread_join(t[RING], NULL);

	carved = load_relaxed(&pool.carved);
	/* In flight, in caches, in the outsider's hands; and at most as much behind each thread
	 * that is held while it pops. */
	CHECK(carved <=
	      (RING + 2) * (RING * FLIGHT + RING * 2 * THRUM__POOL_BATCH + 10 + THRUM__POOL_BATCH));
	thrum__pool_walk(&pool, block_is_free, &walked);
	CHECK(walked >= carved);
	thrum__pool_cache_init(&c, &pool);
	while (load_relaxed(&pool.carved) == carved && (b = thrum__pool_get(&c))) {
		block_use(b, 0);
		n++;
	}
	/* Each block made was free, and came out once before a new one was made. */
	CHECK(n == carved + 1);
	printf("pool: %llu blocks made and freed, %llu ever carved\n",
	       (unsigned long long)(RING * blocks_each), (unsigned long long)carved);
}

int main(void)
{
	start_seed = seed();
	deque_run("deque, full fences");
	thrum__os_membarrier_init();
	deque_run(thrum__membarrier_ready ? "deque, membarrier" : "deque, full fences again");
	ready_run();
	inbox_run();
	pool_run();
	return 0;
}
