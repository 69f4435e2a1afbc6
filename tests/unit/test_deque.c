/* SPDX-License-Identifier: MIT */
/*
 * test_deque.c - the deque against a plain array, one thread; tests/model and tests/stress have
 * several.
 *
 * THRUM_SEED chooses the random operations (printed); THRUM_TEST_DIV divides their number.
 */
#include <stdio.h>
#include <stdlib.h>

#define QUEUE_IS_DEQUE
#include "base/clock.h"
#include "queue_tests.h"
#include "suite.h"

#define ITEMS ((int)sizeof(items))

START_TEST(empty)
{
	start_at(0, 2);
	ck_assert_uint_eq(thrum__deque_count(&q), 0);
	for (int i = 0; i < 3; i++) {
		ck_assert_ptr_null(thrum__deque_pop(&q));
		ck_assert_ptr_null(thrum__deque_pop_if(&q, &items[0]));
		ck_assert_ptr_null(thrum__deque_pop_oldest(&q));
		ck_assert_ptr_null(thrum__deque_steal(&q));
	}
	ck_assert_uint_eq(thrum__deque_count(&q), 0);
	thrum__deque_fini(&q);
}
END_TEST

START_TEST(newest_for_the_owner_oldest_for_thieves)
{
	start_at(UINT64_MAX - 1, 2);
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(thrum__deque_push(&q, &items[i]), 0);
	ck_assert_uint_eq(thrum__deque_count(&q), 5);
	ck_assert_ptr_eq(thrum__deque_steal(&q), &items[0]);
	ck_assert_ptr_eq(thrum__deque_pop(&q), &items[4]);
	ck_assert_ptr_eq(thrum__deque_pop_oldest(&q), &items[1]);
	ck_assert_ptr_eq(thrum__deque_steal(&q), &items[2]);
	ck_assert_ptr_eq(thrum__deque_pop(&q), &items[3]);
	ck_assert_ptr_null(thrum__deque_pop(&q));
	thrum__deque_fini(&q);
}
END_TEST

START_TEST(pop_if_takes_the_newest_alone)
{
	start_at(0, 4);
	thrum__deque_push(&q, &items[0]);
	thrum__deque_push(&q, &items[1]);
	ck_assert_ptr_null(thrum__deque_pop_if(&q, &items[0]));
	ck_assert_uint_eq(thrum__deque_count(&q), 2);
	ck_assert_ptr_eq(thrum__deque_pop_if(&q, &items[1]), &items[1]);
	ck_assert_ptr_null(thrum__deque_pop_if(&q, &items[1]));
	ck_assert_ptr_eq(thrum__deque_pop_if(&q, &items[0]), &items[0]);
	/* The slot still names it, the deque is empty. */
	ck_assert_ptr_null(thrum__deque_pop_if(&q, &items[0]));
	thrum__deque_fini(&q);
}
END_TEST

/* Random operations and a plain array beside them. */
START_TEST(like_an_array)
{
	const char *text = getenv("THRUM_SEED");
	unsigned seed =
	    text ? (unsigned)strtoul(text, NULL, 0) : (unsigned)thrum__clock_monotonic_ns();
	int rounds = (int)scaled(1000000);
	void *expected[ITEMS];
	int from = 0, to = 0, next = 0;

	printf("test_deque: THRUM_SEED=%u\n", seed);
	srandom(seed);
	start_at(UINT64_MAX - 1000, 2);
	for (int i = 0; i < rounds; i++) {
		long what = random() % 8;

		if (what < 4 - (to - from > 100) * 2 && to < ITEMS) {
			expected[to++] = &items[next++ % ITEMS];
			ck_assert_int_eq(thrum__deque_push(&q, expected[to - 1]), 0);
		} else if (what == 4) {
			ck_assert_ptr_eq(thrum__deque_steal(&q), from < to ? expected[from] : NULL);
			from += from < to;
		} else if (what == 5) {
			ck_assert_ptr_eq(thrum__deque_pop_oldest(&q),
					 from < to ? expected[from] : NULL);
			from += from < to;
		} else {
			ck_assert_ptr_eq(thrum__deque_pop(&q), from < to ? expected[to - 1] : NULL);
			to -= from < to;
		}
		ck_assert_uint_eq(thrum__deque_count(&q), (uint64_t)(to - from));
		if (from == to)
			from = to = 0;
	}
	thrum__deque_fini(&q);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    empty,
	    newest_for_the_owner_oldest_for_thieves,
	    pop_if_takes_the_newest_alone,
	    constant_load_does_not_grow,
	    like_an_array,
#ifdef THRUM_FAULTS
	    no_memory_loses_nothing,
#endif
	};

	return RUN_TESTS_FOR("deque", 60, tests);
}
