/* SPDX-License-Identifier: MIT */
/* test_inbox.c - the inbox, one thread: all at once, oldest first, again and again. */
#include <check.h>
#include <stddef.h>

#include "core/inbox.h"
#include "suite.h"

#define ITEMS 100

static struct thrum__inbox box;
static struct thrum__link items[ITEMS];

START_TEST(empty)
{
	thrum__inbox_init(&box);
	ck_assert(thrum__inbox_is_empty(&box));
	ck_assert_ptr_null(thrum__inbox_take_all(&box));
	thrum__inbox_push(&box, &items[0]);
	ck_assert(!thrum__inbox_is_empty(&box));
	ck_assert_ptr_eq(thrum__inbox_take_all(&box), &items[0]);
	ck_assert_ptr_null(items[0].next);
	ck_assert(thrum__inbox_is_empty(&box));
	ck_assert_ptr_null(thrum__inbox_take_all(&box));
}
END_TEST

/* The items themselves carry the list: they can be pushed again as soon as they are taken. */
START_TEST(all_oldest_first)
{
	thrum__inbox_init(&box);
	for (int n = 1; n <= ITEMS; n++) {
		struct thrum__link *l;
		int got = 0;

		for (int i = 0; i < n; i++)
			thrum__inbox_push(&box, &items[i]);
		for (l = thrum__inbox_take_all(&box); l; l = l->next)
			ck_assert_ptr_eq(l, &items[got++]);
		ck_assert_int_eq(got, n);
		ck_assert(thrum__inbox_is_empty(&box));
	}
}
END_TEST

START_TEST(taken_items_may_go_back)
{
	struct thrum__link *l;

	thrum__inbox_init(&box);
	thrum__inbox_push(&box, &items[0]);
	thrum__inbox_push(&box, &items[1]);
	l = thrum__inbox_take_all(&box);
	while (l) {
		struct thrum__link *next = l->next;

		thrum__inbox_push(&box, l);
		l = next;
	}
	l = thrum__inbox_take_all(&box);
	ck_assert_ptr_eq(l, &items[0]);
	ck_assert_ptr_eq(l->next, &items[1]);
	ck_assert_ptr_null(l->next->next);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    empty,
	    all_oldest_first,
	    taken_items_may_go_back,
	};

	return RUN_TESTS_FOR("inbox", 4, tests);
}
