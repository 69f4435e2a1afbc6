/* SPDX-License-Identifier: MIT */
/* test_ready.c - the ready ring, one thread: order, growth, the wrap; tests/model and
 * tests/stress have several. */
#include <check.h>
#include <errno.h>

#include "base/os.h"
#include "core/ready.h"

#define ITEMS 1000

static struct thrum__ready q;
static char items[ITEMS];

static void start_at(uint64_t index, uint64_t capacity)
{
	ck_assert_int_eq(thrum__ready_init(&q, capacity), 0);
	store_relaxed(&q.head, index);
	store_relaxed(&q.tail, index);
	q.head_seen = index;
}

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

START_TEST(constant_load_does_not_grow)
{
	start_at(UINT64_MAX - 50, 4);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(thrum__ready_push(&q, &items[i]), 0);
		if (i >= 3)
			ck_assert_ptr_eq(thrum__ready_take(&q), &items[i - 3]);
	}
	ck_assert_uint_eq(((struct thrum__slots *)load_relaxed(&q.slots))->mask, 3);
	thrum__ready_fini(&q);
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(no_memory_loses_nothing)
{
	start_at(0, 2);
	thrum__ready_push(&q, &items[0]);
	thrum__ready_push(&q, &items[1]);
	thrum__fault_set(1, true);
	ck_assert_int_eq(thrum__ready_push(&q, &items[2]), -ENOMEM);
	thrum__fault_set(0, false);
	ck_assert_uint_eq(thrum__ready_count(&q), 2);
	ck_assert_int_eq(thrum__ready_push(&q, &items[2]), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_eq(thrum__ready_take(&q), &items[i]);
	thrum__ready_fini(&q);
	thrum__fault_set(1, true);
	ck_assert_int_eq(thrum__ready_init(&q, 2), -ENOMEM);
	thrum__fault_set(0, false);
}
END_TEST
#endif

int main(void)
{
	Suite *s = suite_create("ready");
	TCase *t = tcase_create("ready");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_test(t, empty);
	tcase_add_test(t, first_in_first_out);
	tcase_add_test(t, constant_load_does_not_grow);
#ifdef THRUM_FAULTS
	tcase_add_test(t, no_memory_loses_nothing);
#endif
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_ENV);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed != 0;
}
