/* SPDX-License-Identifier: MIT */
/* test_stack.c - unit tests of fiber/stack.h. */
#define _GNU_SOURCE

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/os.h"
#include "child.h"
#include "fiber/sanitize.h"
#include "fiber/stack.h"
#include "suite.h"

#define USABLE ((size_t)64 << 10)

#ifdef THRUM_SANITIZED
#define STACKS 1000
#else
#define STACKS 100000
#endif

static struct thrum__stacks pool;
static struct thrum__stack_cache cache;
static char *stacks[STACKS + 1];

static void pool_make_of(size_t limit)
{
	ck_assert_int_eq(thrum__stacks_init(&pool, USABLE, limit), 0);
	thrum__stack_cache_init(&cache, &pool);
}

static void pool_make(void)
{
	pool_make_of((size_t)1 << 26);
}

static void pool_remove(void)
{
	thrum__stack_cache_fini(&cache);
	thrum__stacks_fini(&pool);
}

/* How many stacks a test of many takes. */
static size_t many(void)
{
	size_t n = scaled(STACKS);

	return n > 100 ? n : 100;
}

/* Does Valgrind run us? */
static bool emulated(void)
{
#ifdef THRUM_VALGRIND
	return RUNNING_ON_VALGRIND;
#else
	return false;
#endif
}

/* Resident pages of this process, from the kernel's exact count. */
static size_t resident_bytes(void)
{
	char line[128];
	size_t kib = 0;
	FILE *f = fopen("/proc/self/smaps_rollup", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Rss: %zu", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib << 10;
}

static void get_many(size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		stacks[i] = thrum__stack_get(&cache);
		ck_assert_ptr_nonnull(stacks[i]);
	}
}

static void put_many(size_t n)
{
	while (n)
		thrum__stack_put(&cache, stacks[--n]);
}

START_TEST(sizes_are_checked)
{
	struct thrum__stacks p;

	ck_assert_int_eq(thrum__stacks_init(&p, THRUM__STACK_BYTES_MIN - 1, 1), -EINVAL);
	ck_assert_int_eq(thrum__stacks_init(&p, THRUM__STACK_BYTES_MAX + 1, 1), -EINVAL);
	ck_assert_int_eq(thrum__stacks_init(&p, USABLE, 0), -EINVAL);
	ck_assert_int_eq(thrum__stacks_init(&p, USABLE + 1, 1), 0);
	ck_assert_uint_eq(p.usable_bytes, USABLE + thrum__os_page_size());
	ck_assert_uint_ge(p.guard_bytes, 16 << 10);
	thrum__stacks_fini(&p);
}
END_TEST

START_TEST(usable_between_guards)
{
	int i;

	pool_make();
	if (_i == 1)
		pool.guard = THRUM__GUARD_MPROTECT;
	get_many(100);
	for (i = 0; i < 100; i++) {
		char *low = stacks[i];

		ck_assert_int_eq(thrum__os_probe_write(low), 0);
		ck_assert_int_eq(thrum__os_probe_write(low + USABLE - 16), 0);
		ck_assert_int_eq(thrum__os_probe_write(low - 16), -EFAULT);
		ck_assert_int_eq(thrum__os_probe_write(low - pool.guard_bytes), -EFAULT);
		memset(low, i, USABLE);
	}
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(stacks[i][0], i);
		ck_assert_int_eq(stacks[i][USABLE - 1], i);
	}
	put_many(100);
	pool_remove();
}
END_TEST

START_TEST(last_in_first_out)
{
	size_t i;

	pool_make();
	get_many(200);
	put_many(200);
	/* What was put last comes first, as far as the cache goes back. */
	for (i = 0; i < THRUM__STACK_BATCH; i++)
		ck_assert_ptr_eq(thrum__stack_get(&cache), stacks[i]);
	for (i = 0; i < THRUM__STACK_BATCH; i++)
		thrum__stack_put(&cache, stacks[i]);
	ck_assert_uint_le(cache.count, THRUM__STACK_CACHE);
	ck_assert_uint_eq(pool.carved, 200);
	ck_assert_uint_eq(pool.warm_count + cache.count, 200);
	pool_remove();
}
END_TEST

static int by_address(const void *a, const void *b)
{
	char *x = *(char *const *)a, *y = *(char *const *)b;

	return (x > y) - (x < y);
}

/* Through every path between cache and pool no stack is lost or given out twice. */
START_TEST(none_lost_none_twice)
{
	size_t i, n = 1000;
	int round;

	pool_make();
	for (round = 0; round < 5; round++) {
		get_many(n);
		qsort(stacks, n, sizeof(stacks[0]), by_address);
		for (i = 1; i < n; i++)
			ck_assert(stacks[i] - stacks[i - 1] >=
				  (ptrdiff_t)(USABLE + pool.guard_bytes));
		ck_assert_uint_eq(pool.carved, n);
		put_many(n);
		if (round % 2) {
			thrum__stack_cache_fini(&cache);
			ck_assert_uint_eq(pool.warm_count, n);
		}
	}
	pool_remove();
}
END_TEST

START_TEST(colours_are_spread)
{
	int count[THRUM__STACK_COLOURS] = {0}, i;

	pool_make();
	get_many(1000);
	for (i = 0; i < 1000; i++) {
		char *high = stacks[i] + USABLE;
		char *top = thrum__stack_top(stacks[i], high, 64);

		ck_assert(top <= high - 64 && top >= high - 64 - (THRUM__STACK_COLOURS - 1) * 64);
		ck_assert_uint_eq((uintptr_t)top % 64, 0);
		count[(high - 64 - top) / 64]++;
	}
	/* 31 each if it were even. */
	for (i = 0; i < THRUM__STACK_COLOURS; i++)
		ck_assert_int_ge(count[i], 20);
	put_many(1000);
	pool_remove();
}
END_TEST

START_TEST(limit_holds)
{
	pool_make_of(70);
	get_many(70);
	ck_assert_ptr_null(thrum__stack_get(&cache));
	ck_assert_ptr_null(thrum__stack_get(&cache));
	thrum__stack_put(&cache, stacks[69]);
	ck_assert_ptr_eq(thrum__stack_get(&cache), stacks[69]);
	put_many(70);
	get_many(70);
	ck_assert_ptr_null(thrum__stack_get(&cache));
	put_many(70);
	pool_remove();
}
END_TEST

/* vm.max_map_count is 65,530 by default and does not bind. */
START_TEST(a_hundred_thousand_with_guards)
{
	size_t i, n = emulated() ? STACKS / 100 : many();

	pool_make();
	if (pool.guard != THRUM__GUARD_MADVISE)
		n = 1000;
	get_many(n);
	for (i = 0; i < n; i += 97) {
		ck_assert_int_eq(thrum__os_probe_write(stacks[i] + USABLE - 16), 0);
		ck_assert_int_eq(thrum__os_probe_write(stacks[i] - 16), -EFAULT);
	}
	put_many(n);
	pool_remove();
}
END_TEST

START_TEST(trim_gives_memory_back)
{
	size_t i, before, after, n = 320;

	pool_make();
	get_many(n);
	for (i = 0; i < n; i++)
		memset(stacks[i], 1, USABLE);
	put_many(n);
	thrum__stack_cache_fini(&cache);
	ck_assert_uint_eq(pool.warm_count, n);

	ck_assert_uint_eq(thrum__stacks_trim(&pool, n, 1000), 0);
	before = resident_bytes();
	ck_assert_uint_eq(thrum__stacks_trim(&pool, 64, 1), 32);
	ck_assert_uint_eq(thrum__stacks_trim(&pool, 64, 1000), n - 64 - 32);
	ck_assert_uint_eq(thrum__stacks_trim(&pool, 64, 1000), 0);
	ck_assert_uint_eq(pool.warm_count, 64);
	ck_assert_uint_eq(pool.trimmed_count, n - 64);
	after = resident_bytes();
	if (!emulated())
		ck_assert_uint_ge(before, after + (n - 64 - 8) * USABLE);

	/* All are there again, the warm ones first, and their guards too. */
	get_many(n);
	ck_assert_uint_eq(pool.carved, n);
	for (i = 0; i < n; i++) {
		if (!emulated()) /* to which what lies there is undefined */
			ck_assert_int_eq(stacks[i][0], i < 64);
		ck_assert_int_eq(thrum__os_probe_write(stacks[i] - 16), -EFAULT);
	}
	put_many(n);
	pool_remove();
}
END_TEST

static void *takes_and_gives(void *arg)
{
	struct thrum__stack_cache c;
	char *mine[100];
	int i, round;

	thrum__stack_cache_init(&c, arg);
	for (round = 0; round < 50; round++) {
		for (i = 0; i < 100; i++) {
			mine[i] = thrum__stack_get(&c);
			memset(mine[i] + USABLE - 4096, i, 4096);
		}
		for (i = 0; i < 100; i++) {
			ck_assert_int_eq(mine[i][USABLE - 1], i);
			thrum__stack_put(&c, mine[i]);
		}
	}
	thrum__stack_cache_fini(&c);
	return NULL;
}

START_TEST(workers_share_a_pool)
{
	pthread_t t[3];
	int i;

	pool_make();
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(thrum__os_thread_create(&t[i], takes_and_gives, &pool, 0), 0);
	for (i = 0; i < 20; i++)
		thrum__stacks_trim(&pool, 32, 64);
	for (i = 0; i < 3; i++)
		thrum__os_thread_join(t[i]);
	ck_assert_uint_le(pool.carved, 3 * (100 + 2 * THRUM__STACK_BATCH));
	ck_assert_uint_eq(pool.warm_count + pool.trimmed_count, pool.carved);
	pool_remove();
}
END_TEST

START_TEST(described_in_words)
{
	char line[256];

	pool_make();
	get_many(2);
	put_many(2);
	thrum__stacks_describe(&pool, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "65536 bytes and a guard of 16384 by "));
	ck_assert_ptr_nonnull(strstr(line, "2 made, 0 free, limit 67108864"));
	pool.limit = SIZE_MAX;
	thrum__stacks_describe(&pool, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "limit none"));
	pool.guard = THRUM__GUARD_MPROTECT;
	thrum__stacks_describe(&pool, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, "by mprotect"));
	ck_assert_ptr_nonnull(strstr(line, "by vm.max_map_count"));
	pool_remove();
}
END_TEST

static void child_uses_up_the_maps(void)
{
	size_t n = 0;

	pool_make();
	pool.guard = THRUM__GUARD_MPROTECT;
	while (n < STACKS && (stacks[n] = thrum__stack_get(&cache)))
		n++;
	if (n == STACKS)
		_exit(1); /* no limit met */
	if (thrum__stack_get(&cache) || pool.carved != n + 1)
		_exit(2);
	/* What there is works on, and the failed one is tried again. */
	thrum__stack_put(&cache, stacks[n - 1]);
	if (thrum__stack_get(&cache) != stacks[n - 1])
		_exit(3);
	put_many(n);
	pool_remove();
	_exit(0);
}

/* With guards by mprotect the limit on maps is an error that names it, once. */
START_TEST(the_limit_on_maps_is_named)
{
	char err[4096];
	char *word;
	int status;

	if (STACKS < 100000 || emulated())
		return; /* the tools need maps of their own */
	status = child_run(child_uses_up_the_maps, err, sizeof(err));
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %x: %s", status, err);
	word = strstr(err, "vm.max_map_count");
	ck_assert_msg(word && !strstr(word + 1, "vm.max_map_count"), "%s", err);
}
END_TEST

static void child_forgets_a_stack(void)
{
	pool_make();
	get_many(1);
	pool_remove();
}

START_TEST(a_forgotten_stack_is_noticed)
{
	char err[4096];
	int status = child_run(child_forgets_a_stack, err, sizeof(err));

	ck_assert(WIFSIGNALED(status));
	ck_assert_msg(strstr(err, "still holds a stack"), "%s", err);
}
END_TEST

#ifdef THRUM_FAULTS
static int reports;

static void count_report(void *arg, const char *line)
{
	ck_assert_ptr_eq(arg, &reports);
	ck_assert_ptr_nonnull(strstr(line, "vm.max_map_count"));
	reports++;
}

/* A guard that fails keeps its stack for the next who asks, and is reported once. */
START_TEST(a_failed_guard)
{
	char *first;

	reports = 0;
	pool_make();
	pool.report = count_report;
	pool.report_arg = &reports;
	first = thrum__stack_get(&cache);
	thrum__fault_set(1, false);
	ck_assert_ptr_null(thrum__stack_get(&cache));
	ck_assert(thrum__fault_fired());
	thrum__fault_set(1, false);
	ck_assert_ptr_null(thrum__stack_get(&cache));
	thrum__fault_set(0, false);
	ck_assert_int_eq(reports, 1);
	ck_assert_uint_eq(pool.carved, 2);
	ck_assert_ptr_nonnull(pool.bare);
	stacks[0] = thrum__stack_get(&cache);
	ck_assert_ptr_nonnull(stacks[0]);
	ck_assert_ptr_null(pool.bare);
	ck_assert_uint_eq(pool.carved, 2);
	ck_assert_int_eq(thrum__os_probe_write(stacks[0] - 16), -EFAULT);
	thrum__stack_put(&cache, stacks[0]);
	thrum__stack_put(&cache, first);
	pool_remove();
}
END_TEST

/* Every place a pool and 100 stacks can fail at, once and from then on: what was got is given
 * back. */
START_TEST(faults_at_every_place)
{
	bool onwards = _i;
	uint64_t n;

	for (n = 1;; n++) {
		size_t got = 0;
		bool fired;

		thrum__fault_set(n, onwards);
		if (!thrum__stacks_init(&pool, USABLE, 1000)) {
			pool.reported = true; /* not on the terminal */
			thrum__stack_cache_init(&cache, &pool);
			while (got < 100 && (stacks[got] = thrum__stack_get(&cache)))
				got++;
			fired = thrum__fault_fired();
			ck_assert(fired || got == 100);
			put_many(got);
			thrum__stack_cache_fini(&cache);
			thrum__stacks_trim(&pool, 0, 1000);
			thrum__stacks_fini(&pool);
		}
		if (!thrum__fault_fired())
			break;
	}
	thrum__fault_set(0, false);
	ck_assert_uint_gt(n, 100);
}
END_TEST
#endif

int main(void)
{
	TCase *tc = tcase_create("stack");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, sizes_are_checked);
	tcase_add_loop_test(tc, usable_between_guards, 0, 2);
	tcase_add_test(tc, last_in_first_out);
	tcase_add_test(tc, none_lost_none_twice);
	tcase_add_test(tc, colours_are_spread);
	tcase_add_test(tc, limit_holds);
	tcase_add_test(tc, a_hundred_thousand_with_guards);
	tcase_add_test(tc, trim_gives_memory_back);
	tcase_add_test(tc, workers_share_a_pool);
	tcase_add_test(tc, described_in_words);
	tcase_add_test(tc, the_limit_on_maps_is_named);
	tcase_add_test(tc, a_forgotten_stack_is_noticed);
#ifdef THRUM_FAULTS
	tcase_add_test(tc, a_failed_guard);
	tcase_add_loop_test(tc, faults_at_every_place, 0, 2);
#endif
	return run_case("stack", tc);
}
