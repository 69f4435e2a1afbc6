/* SPDX-License-Identifier: MIT */
/* test_pool.c - the block pool, one thread with several caches: nothing twice, nothing lost,
 * nothing grows. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/pool.h"
#include "suite.h"

#define BLOCK 192
#define PER_SLAB 100
#define SLAB (sizeof(struct thrum__slab) + PER_SLAB * BLOCK)
#define SLABS_MAX 64
#define BLOCKS_MAX (SLABS_MAX * PER_SLAB)

struct user {
	struct thrum__block head;
	int prepared;
	int used; /* 1: somebody has it */
};

static struct thrum__pool pool;
static void *slabs[SLABS_MAX];
static unsigned mapped, mapped_max;

static void prepare(void *block)
{
	((struct user *)block)->prepared++;
}

static void *map(size_t bytes)
{
	ck_assert_uint_eq(bytes, SLAB);
	if (mapped == mapped_max)
		return NULL;
	ck_assert_int_eq(posix_memalign(&slabs[mapped], 4096, bytes), 0);
	memset(slabs[mapped], 0, bytes);
	return slabs[mapped++];
}

static void setup(void)
{
	memset(&pool, 0, sizeof(pool));
	pool.block_bytes = BLOCK;
	pool.slab_bytes = SLAB;
	pool.prepare = prepare;
	pool.map = map;
	pthread_mutex_init(&pool.carve_lock, NULL);
	mapped = 0;
	mapped_max = SLABS_MAX;
}

static void teardown(void)
{
	while (mapped)
		free(slabs[--mapped]);
	pthread_mutex_destroy(&pool.carve_lock);
}

static struct user *took(void *block)
{
	struct user *u = block;

	ck_assert_ptr_nonnull(u);
	ck_assert_uint_eq((uintptr_t)u % CACHE_LINE, 0);
	ck_assert_int_eq(u->prepared, 1);
	ck_assert_int_eq(u->used, 0);
	u->used = 1;
	return u;
}

static struct user *get(struct thrum__pool_cache *c)
{
	return took(thrum__pool_get(c));
}

static void put(struct thrum__pool_cache *c, struct user *u)
{
	ck_assert_int_eq(u->used, 1);
	u->used = 0;
	thrum__pool_put(c, u);
}

START_TEST(last_in_first_out)
{
	struct thrum__pool_cache c;
	struct user *a, *b;

	thrum__pool_cache_init(&c, &pool);
	a = get(&c);
	b = get(&c);
	put(&c, a);
	put(&c, b);
	ck_assert_ptr_eq(get(&c), b);
	ck_assert_ptr_eq(get(&c), a);
}
END_TEST

/* All that one maps comes out once, and comes out again after it was put back from another cache.
 * */
START_TEST(none_twice_none_lost)
{
	struct thrum__pool_cache a, b;
	static struct user *all[BLOCKS_MAX];
	unsigned n = 0;
	void *block;

	mapped_max = 3;
	thrum__pool_cache_init(&a, &pool);
	thrum__pool_cache_init(&b, &pool);
	for (int round = 0; round < 3; round++) {
		for (n = 0; (block = thrum__pool_get(&a)); n++)
			all[n] = took(block);
		ck_assert_uint_eq(n, 3 * PER_SLAB);
		ck_assert_uint_eq(load_relaxed(&pool.carved), 3 * PER_SLAB);
		ck_assert_ptr_null(thrum__pool_get_shared(&pool));
		for (unsigned i = 0; i < n; i++)
			put(&b, all[i]);
		thrum__pool_cache_fini(&b);
	}
	ck_assert_ptr_nonnull(thrum__pool_get(&a));
}
END_TEST

/* One makes, the other frees, for ever: memory stays. */
START_TEST(one_makes_another_frees)
{
	struct thrum__pool_cache a, b;
	struct user *flight[200];
	unsigned before = 0;

	thrum__pool_cache_init(&a, &pool);
	thrum__pool_cache_init(&b, &pool);
	for (int round = 0; round < 1000; round++) {
		for (int i = 0; i < 200; i++)
			flight[i] = get(&a);
		for (int i = 0; i < 200; i++)
			put(&b, flight[i]);
		if (round == 10)
			before = mapped;
	}
	ck_assert_uint_eq(mapped, before);
	/* In flight, in two caches, and the batch that was carved last. */
	ck_assert_uint_le(load_relaxed(&pool.carved), 200 + (2 * 2 + 1) * THRUM__POOL_BATCH);
}
END_TEST

START_TEST(threads_without_a_cache)
{
	struct thrum__pool_cache c;
	struct user *mine[300];

	thrum__pool_cache_init(&c, &pool);
	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 300; i++)
			mine[i] = took(thrum__pool_get_shared(&pool));
		for (int i = 0; i < 300; i++) {
			mine[i]->used = 0;
			thrum__pool_put_shared(&pool, mine[i]);
		}
		for (int i = 0; i < 300; i++)
			mine[i] = get(&c);
		for (int i = 0; i < 300; i++)
			put(&c, mine[i]);
	}
	ck_assert_uint_le(load_relaxed(&pool.carved),
			  300 + 2 * THRUM__POOL_BATCH + THRUM__POOL_BATCH);
}
END_TEST

/* A popper that does not go on costs what lies in its depot, not a wait. */
START_TEST(held_depots_are_passed_by)
{
	struct thrum__pool_cache c;
	struct user *u;

	for (int i = 0; i < THRUM__POOL_DEPOTS; i++) {
		u = took(thrum__pool_get_shared(&pool));
		u->used = 0;
		thrum__pool_put_shared(&pool, u);
	}
	for (int i = 0; i < THRUM__POOL_DEPOTS; i++)
		store_relaxed(&pool.depots[i].popping, 1);
	thrum__pool_cache_init(&c, &pool);
	get(&c);
	for (int i = 0; i < THRUM__POOL_DEPOTS; i++)
		ck_assert_uint_eq(load_relaxed(&pool.depots[i].popping), 1);
}
END_TEST

START_TEST(no_memory_and_then_some)
{
	struct thrum__pool_cache c;

	mapped_max = 0;
	thrum__pool_cache_init(&c, &pool);
	ck_assert_ptr_null(thrum__pool_get(&c));
	ck_assert_ptr_null(thrum__pool_get_shared(&pool));
	mapped_max = 1;
	get(&c);
}
END_TEST

static bool count(void *block, void *arg)
{
	ck_assert_int_eq(((struct user *)block)->prepared, 1);
	++*(unsigned *)arg;
	return *(unsigned *)arg != 150;
}

START_TEST(walk_sees_all_until_told_to_stop)
{
	struct thrum__pool_cache c;
	unsigned n = 0;

	thrum__pool_walk(&pool, count, &n);
	ck_assert_uint_eq(n, 0);
	thrum__pool_cache_init(&c, &pool);
	get(&c);
	thrum__pool_walk(&pool, count, &n);
	ck_assert_uint_eq(n, PER_SLAB);
	for (int i = 0; i < PER_SLAB; i++)
		get(&c);
	n = 0;
	thrum__pool_walk(&pool, count, &n);
	ck_assert_uint_eq(n, 150);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pool");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, last_in_first_out);
	tcase_add_test(tc, none_twice_none_lost);
	tcase_add_test(tc, one_makes_another_frees);
	tcase_add_test(tc, threads_without_a_cache);
	tcase_add_test(tc, held_depots_are_passed_by);
	tcase_add_test(tc, no_memory_and_then_some);
	tcase_add_test(tc, walk_sees_all_until_told_to_stop);
	return run_case("pool", tc);
}
