/* SPDX-License-Identifier: MIT */
/*
 * test_deque.c - the deque against a plain array, one thread; tests/model and tests/stress have
 * several.
 *
 * THRUM_SEED chooses the random operations (printed); THRUM_TEST_DIV divides their number.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/os.h"
#include "core/deque.h"

#define ITEMS 4096

static struct thrum__deque d;
static char items[ITEMS];

static void start_at(uint64_t index, uint64_t capacity)
{
	ck_assert_int_eq(thrum__deque_init(&d, capacity), 0);
	store_relaxed(&d.top, index);
	store_relaxed(&d.bottom, index);
	d.top_seen = index;
}

START_TEST(empty)
{
	start_at(0, 2);
	ck_assert_uint_eq(thrum__deque_count(&d), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_null(thrum__deque_pop(&d));
		ck_assert_ptr_null(thrum__deque_pop_if(&d, &items[0]));
		ck_assert_ptr_null(thrum__deque_pop_oldest(&d));
		ck_assert_ptr_null(thrum__deque_steal(&d));
	}
	ck_assert_uint_eq(thrum__deque_count(&d), 0);
	thrum__deque_fini(&d);
}
END_TEST

START_TEST(newest_for_the_owner_oldest_for_thieves)
{
	start_at(UINT64_MAX - 1, 2);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(thrum__deque_push(&d, &items[i]), 0);
	ck_assert_uint_eq(thrum__deque_count(&d), 5);
	ck_assert_ptr_eq(thrum__deque_steal(&d), &items[0]);
	ck_assert_ptr_eq(thrum__deque_pop(&d), &items[4]);
	ck_assert_ptr_eq(thrum__deque_pop_oldest(&d), &items[1]);
	ck_assert_ptr_eq(thrum__deque_steal(&d), &items[2]);
	ck_assert_ptr_eq(thrum__deque_pop(&d), &items[3]);
	ck_assert_ptr_null(thrum__deque_pop(&d));
	thrum__deque_fini(&d);
}
END_TEST

START_TEST(pop_if_takes_the_newest_alone)
{
	start_at(0, 4);
	thrum__deque_push(&d, &items[0]);
	thrum__deque_push(&d, &items[1]);
	ck_assert_ptr_null(thrum__deque_pop_if(&d, &items[0]));
	ck_assert_uint_eq(thrum__deque_count(&d), 2);
	ck_assert_ptr_eq(thrum__deque_pop_if(&d, &items[1]), &items[1]);
	ck_assert_ptr_null(thrum__deque_pop_if(&d, &items[1]));
	ck_assert_ptr_eq(thrum__deque_pop_if(&d, &items[0]), &items[0]);
	/* The slot still names it, the deque is empty. */
	ck_assert_ptr_null(thrum__deque_pop_if(&d, &items[0]));
	thrum__deque_fini(&d);
}
END_TEST

/* A queue whose ends move together uses its ring again and does not grow. */
START_TEST(constant_load_does_not_grow)
{
	start_at(UINT64_MAX - 50, 4);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(thrum__deque_push(&d, &items[i]), 0);
		if (i >= 3)
			ck_assert_ptr_eq(thrum__deque_steal(&d), &items[i - 3]);
	}
	ck_assert_uint_eq(((struct thrum__slots *)load_relaxed(&d.slots))->mask, 3);
	thrum__deque_fini(&d);
}
END_TEST

/* Random operations and a plain array beside them. */
START_TEST(like_an_array)
{
	const char *text = getenv("THRUM_SEED"), *div = getenv("THRUM_TEST_DIV");
	unsigned seed =
	    text ? (unsigned)strtoul(text, NULL, 0) : (unsigned)thrum__clock_monotonic_ns();
	int rounds = 1000000 / (div && atoi(div) > 0 ? atoi(div) : 1);
	void *expected[ITEMS];
	int from = 0, to = 0, next = 0;

	printf("test_deque: THRUM_SEED=%u\n", seed);
	srandom(seed);
	start_at(UINT64_MAX - 1000, 2);
	for (int i = 0; i < rounds; i++) {
		long what = random() % 8;

		if (what < 4 - (to - from > 100) * 2 && to < ITEMS) {
			expected[to++] = &items[next++ % ITEMS];
			ck_assert_int_eq(thrum__deque_push(&d, expected[to - 1]), 0);
		} else if (what == 4) {
			ck_assert_ptr_eq(thrum__deque_steal(&d), from < to ? expected[from] : NULL);
			from += from < to;
		} else if (what == 5) {
			ck_assert_ptr_eq(thrum__deque_pop_oldest(&d),
					 from < to ? expected[from] : NULL);
			from += from < to;
		} else {
			ck_assert_ptr_eq(thrum__deque_pop(&d), from < to ? expected[to - 1] : NULL);
			to -= from < to;
		}
		ck_assert_uint_eq(thrum__deque_count(&d), (uint64_t)(to - from));
		if (from == to)
			from = to = 0;
	}
	thrum__deque_fini(&d);
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(no_memory_loses_nothing)
{
	start_at(0, 2);
	thrum__deque_push(&d, &items[0]);
	thrum__deque_push(&d, &items[1]);
	thrum__fault_set(1, true);
	ck_assert_int_eq(thrum__deque_push(&d, &items[2]), -ENOMEM);
	ck_assert_uint_eq(thrum__deque_count(&d), 2);
	thrum__fault_set(0, false);
	ck_assert_int_eq(thrum__deque_push(&d, &items[2]), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_eq(thrum__deque_steal(&d), &items[i]);
	thrum__deque_fini(&d);
	thrum__fault_set(1, true);
	ck_assert_int_eq(thrum__deque_init(&d, 2), -ENOMEM);
	thrum__fault_set(0, false);
}
END_TEST
#endif

int main(void)
{
	Suite *s = suite_create("deque");
	TCase *t = tcase_create("deque");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_set_timeout(t, 60);
	tcase_add_test(t, empty);
	tcase_add_test(t, newest_for_the_owner_oldest_for_thieves);
	tcase_add_test(t, pop_if_takes_the_newest_alone);
	tcase_add_test(t, constant_load_does_not_grow);
	tcase_add_test(t, like_an_array);
#ifdef THRUM_FAULTS
	tcase_add_test(t, no_memory_loses_nothing);
#endif
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
