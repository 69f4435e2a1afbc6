/* SPDX-License-Identifier: MIT */
/*
 * queue_tests.h - the tests that the deque and the ready queue share, as seen from the end where
 * both give their oldest.  queue.h tells what the includer defines first.
 */
#ifndef TESTS_UNIT_QUEUE_TESTS_H
#define TESTS_UNIT_QUEUE_TESTS_H

#include <check.h>
#include <errno.h>

#include "../queue.h"
#include "base/os.h"

static struct queue q;
static char items[4096];

static void start_at(uint64_t index, uint64_t capacity)
{
	ck_assert_int_eq(queue_init_at(&q, index, capacity), 0);
}

/* A queue whose ends move together uses its ring again and does not grow. */
START_TEST(constant_load_does_not_grow)
{
	start_at(UINT64_MAX - 50, 4);
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(queue_push(&q, &items[i]), 0);
		if (i >= 3)
			ck_assert_ptr_eq(queue_take(&q), &items[i - 3]);
	}
	ck_assert_uint_eq(((struct thrum__slots *)load_relaxed(&q.slots))->mask, 3);
	queue_fini(&q);
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(no_memory_loses_nothing)
{
	start_at(0, 2);
	queue_push(&q, &items[0]);
	queue_push(&q, &items[1]);
	thrum__fault_set(1, true);
	ck_assert_int_eq(queue_push(&q, &items[2]), -ENOMEM);
	ck_assert_uint_eq(queue_count(&q), 2);
	thrum__fault_set(0, false);
	ck_assert_int_eq(queue_push(&q, &items[2]), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_ptr_eq(queue_take(&q), &items[i]);
	queue_fini(&q);
	thrum__fault_set(1, true);
	ck_assert_int_eq(queue_init(&q, 2), -ENOMEM);
	thrum__fault_set(0, false);
}
END_TEST
#endif

#endif
