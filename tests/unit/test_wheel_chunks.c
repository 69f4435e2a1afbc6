/* SPDX-License-Identifier: MIT */
/*
 * test_wheel_chunks.c - the wheel's memory: what is reserved suffices, however the entries lie, and
 * goes back.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "core/wheel_chunks.h"
#include "suite.h"

#define SLAB WHEEL_SLAB_CHUNKS

/* The worst case: one entry in each list that there is, the rest in full chunks, and two chunks at
 * work. */
static size_t worst_case(size_t n)
{
	size_t lists = n < WHEEL_CHUNK_LISTS ? n : WHEEL_CHUNK_LISTS;

	return lists + (n - lists) / WHEEL_CHUNK_ENTRIES + 2;
}

START_TEST(reserve_suffices)
{
	static const size_t counts[] = {1,   2,   9,   10,  100,  702,  703,
					704, 705, 706, 714, 1000, 5000, 50000};
	struct thrum__wheel_chunks m = {0};
	struct thrum__wheel_chunk **held = calloc(worst_case(50000), sizeof(*held));
	size_t i, k, n;

	ck_assert_ptr_nonnull(held);
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		n = counts[i];
		ck_assert_int_eq(thrum__wheel_chunks_reserve(&m, n), 0);
		ck_assert_uint_ge(m.owned, worst_case(n));
		ck_assert_uint_le(m.owned,
				  n / WHEEL_CHUNK_ENTRIES + WHEEL_CHUNK_LISTS + 2 + 2 * SLAB);
		for (k = 0; k < worst_case(n); k++) {
			held[k] = thrum__wheel_chunk_get(&m);
			ck_assert_uint_eq(held[k]->end, 0);
			memset(held[k]->entry, (int)k, sizeof(held[k]->entry));
		}
		for (k = 0; k < worst_case(n); k++) {
			ck_assert_int_eq(*(unsigned char *)held[k]->entry, (unsigned char)k);
			thrum__wheel_chunk_put(&m, held[k]);
		}
		thrum__wheel_chunks_trim(&m, n);
		ck_assert_uint_ge(m.owned, worst_case(n));
	}
	thrum__wheel_chunks_trim(&m, 0);
	ck_assert_uint_le(m.owned, 2 * SLAB + 2);
	thrum__wheel_chunks_fini(&m);
	free(held);
}
END_TEST

/* A slab with one chunk in use stays; the others go. */
START_TEST(a_used_slab_stays)
{
	struct thrum__wheel_chunks m = {0};
	struct thrum__wheel_chunk *held[20 * SLAB], *kept;
	size_t k;

	ck_assert_int_eq(thrum__wheel_chunks_reserve(&m, 250), 0);
	ck_assert_uint_ge(m.owned, 18 * SLAB);
	for (k = 0; k < 18 * SLAB; k++)
		held[k] = thrum__wheel_chunk_get(&m);
	kept = held[SLAB * 9 + 4];
	memset(kept->entry, 0x5a, sizeof(kept->entry));
	for (k = 0; k < 18 * SLAB; k++)
		if (held[k] != kept)
			thrum__wheel_chunk_put(&m, held[k]);
	thrum__wheel_chunks_trim(&m, 1);
	ck_assert_uint_le(m.owned, 3 * SLAB);
	for (k = 0; k < sizeof(kept->entry); k++)
		ck_assert_int_eq(((unsigned char *)kept->entry)[k], 0x5a);
	thrum__wheel_chunk_put(&m, kept);
	thrum__wheel_chunks_fini(&m);
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(no_memory)
{
	struct thrum__wheel_chunks m = {0};
	size_t room;
	uint64_t n;

	for (n = 1;; n++) {
		thrum__fault_set(n, false);
		if (thrum__wheel_chunks_reserve(&m, 1000) == 0)
			break;
		ck_assert(thrum__fault_fired());
		room = m.room;
		ck_assert_uint_lt(room, 1000);
		ck_assert_int_eq(thrum__wheel_chunks_reserve(&m, room), 0);
		thrum__wheel_chunks_fini(&m);
	}
	ck_assert(!thrum__fault_fired());
	ck_assert_uint_gt(n, 50);
	thrum__fault_set(0, false);
	thrum__wheel_chunks_fini(&m);
}
END_TEST
#endif

int main(void)
{
	const TTest *const tests[] = {
	    reserve_suffices,
	    a_used_slab_stays,
#ifdef THRUM_FAULTS
	    no_memory,
#endif
	};

	return RUN_TESTS_FOR("wheel_chunks", 300, tests);
}
