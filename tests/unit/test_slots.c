/* SPDX-License-Identifier: MIT */
/* test_slots.c - the ring of slots: what doubling copies, and from where. */
#include <check.h>

#include "base/os.h"
#include "core/slots.h"
#include "suite.h"

static int items[8];

START_TEST(new_ring_is_empty)
{
	struct thrum__slots *s = thrum__slots_create(4);

	ck_assert_ptr_nonnull(s);
	ck_assert_uint_eq(s->mask, 3);
	ck_assert_ptr_null(s->older);
	for (int i = 0; i < 4; i++)
		ck_assert_ptr_null(load_relaxed(&s->at[i]));
	thrum__slots_destroy(s);
}
END_TEST

/* From every start, the wrap of the index included, each item stands at its index in the new
 * ring. */
START_TEST(double_keeps_items_at_their_index)
{
	for (uint64_t from = UINT64_MAX - 8; from != 8; from++) {
		struct thrum__slots *s = thrum__slots_create(4);
		struct thrum__slots *d;

		for (uint64_t i = 0; i < 4; i++)
			store_relaxed(&s->at[(from + i) & 3], &items[i]);
		d = thrum__slots_double(s, from, from + 4);
		ck_assert_uint_eq(d->mask, 7);
		ck_assert_ptr_eq(d->older, s);
		for (uint64_t i = 0; i < 8; i++) {
			void *at = load_relaxed(&d->at[(from + i) & 7]);

			ck_assert_ptr_eq(at, i < 4 ? &items[i] : NULL);
		}
		for (uint64_t i = 0; i < 4; i++)
			ck_assert_ptr_eq(load_relaxed(&s->at[(from + i) & 3]), &items[i]);
		thrum__slots_destroy(d);
	}
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(no_memory)
{
	struct thrum__slots *s = thrum__slots_create(2);

	thrum__fault_set(1, true);
	ck_assert_ptr_null(thrum__slots_create(2));
	ck_assert_ptr_null(thrum__slots_double(s, 0, 2));
	thrum__fault_set(0, false);
	thrum__slots_destroy(s);
}
END_TEST
#endif

int main(void)
{
	const TTest *const tests[] = {
	    new_ring_is_empty,
	    double_keeps_items_at_their_index,
#ifdef THRUM_FAULTS
	    no_memory,
#endif
	};

	return RUN_TESTS_FOR("slots", 4, tests);
}
