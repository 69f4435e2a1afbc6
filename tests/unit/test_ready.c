/* SPDX-License-Identifier: MIT */
/* test_ready.c - the ready ring, one thread: order, growth, the wrap; tests/model and
 * tests/stress have several. */
#define QUEUE_IS_READY
#include "queue_tests.h"
#include "suite.h"

#define ITEMS 1000

START_TEST(empty)
{
	start_at(0, 2);
	ck_assert_ptr_null(thrum__ready_take(&q));
	ck_assert_uint_eq(thrum__ready_count(&q), 0);
	thrum__ready_push(&q, &items[0]);
	ck_assert_uint_eq(thrum__ready_count(&q), 1);
	ck_assert_ptr_eq(thrum__ready_take(&q), &items[0]);
	ck_assert_ptr_null(thrum__ready_take(&q));
	thrum__ready_fini(&q);
}
END_TEST

/* For each fill between takes, over the wrap of the index: what comes out is what went in, in its
 * order. */
START_TEST(first_in_first_out)
{
	for (int fill = 1; fill < 40; fill++) {
		int in = 0, out = 0;

		start_at(UINT64_MAX - (uint64_t)fill, 2);
		while (in + fill <= ITEMS) {
			for (int i = 0; i < fill; i++)
				ck_assert_int_eq(thrum__ready_push(&q, &items[in++]), 0);
			for (int i = 0; i < (fill + 1) / 2; i++)
				ck_assert_ptr_eq(thrum__ready_take(&q), &items[out++]);
			ck_assert_uint_eq(thrum__ready_count(&q), (uint64_t)(in - out));
		}
		while (out < in)
			ck_assert_ptr_eq(thrum__ready_take(&q), &items[out++]);
		ck_assert_ptr_null(thrum__ready_take(&q));
		thrum__ready_fini(&q);
	}
}
END_TEST

/* Each look sees what the takes that follow it give, as many as there are and were asked for, and
 * takes none; over growth and over the wrap of the index. */
START_TEST(a_peek_sees_the_next_takes)
{
	int in = 0, out = 0;

	start_at(UINT64_MAX - 20, 2);
	for (int round = 0; round < 60; round++) {
		void *seen[8] = {NULL};
		unsigned most = (unsigned)round % 9, n;

		for (int i = 0; i < 3; i++)
			ck_assert_int_eq(thrum__ready_push(&q, &items[in++]), 0);
		n = thrum__ready_peek(&q, seen, most);
		ck_assert_uint_eq(n, in - out < (int)most ? (unsigned)(in - out) : most);
		for (unsigned i = 0; i < 8; i++)
			ck_assert_ptr_eq(seen[i], i < n ? &items[out + (int)i] : NULL);
		ck_assert_uint_eq(thrum__ready_count(&q), (uint64_t)(in - out));
		for (int i = 0; i < (round % 2 ? 4 : 1); i++)
			ck_assert_ptr_eq(thrum__ready_take(&q), &items[out++]);
	}
	while (out < in)
		ck_assert_ptr_eq(thrum__ready_take(&q), &items[out++]);
	ck_assert_uint_eq(thrum__ready_peek(&q, (void *[1]){NULL}, 1), 0);
	thrum__ready_fini(&q);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    empty,
	    first_in_first_out,
	    a_peek_sees_the_next_takes,
	    constant_load_does_not_grow,
#ifdef THRUM_FAULTS
	    no_memory_loses_nothing,
#endif
	};

	return RUN_TESTS_FOR("ready", 4, tests);
}
