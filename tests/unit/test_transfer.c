/* SPDX-License-Identifier: MIT */
/* test_transfer.c - what is left of a vector once a part of it has been moved. */
#include "io/transfer.h"
#include "suite.h"

#include <limits.h>
#include <string.h>

static char bytes[1000];

/* The bytes that @v names, one after another. */
static size_t gather(const struct iovec *v, size_t n, char *out)
{
	size_t at = 0;

	for (size_t i = 0; i < n; i++) {
		memcpy(out + at, v[i].iov_base, v[i].iov_len);
		at += v[i].iov_len;
	}
	return at;
}

static void setup(void)
{
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 31 >> 3);
}

START_TEST(untouched_it_is_the_caller_s_own)
{
	struct iovec two[2] = {{bytes, 10}, {bytes + 10, 20}};
	struct thrum__transfer t = {0};
	const struct iovec *v;

	thrum__transfer_vector(&t, two, 2);
	ck_assert_uint_eq(t.total, 30);
	ck_assert_uint_eq(thrum__transfer_rest(&t, SIZE_MAX, &v), 2);
	ck_assert_ptr_eq(v, two);
	ck_assert_uint_eq(thrum__transfer_rest(&t, 30, &v), 2);
	ck_assert_ptr_eq(v, two);
	thrum__transfer_buffer(&t, bytes, 7);
	ck_assert_uint_eq(t.total, 7);
	ck_assert_uint_eq(thrum__transfer_rest(&t, SIZE_MAX, &v), 1);
	ck_assert_ptr_eq(v->iov_base, bytes);
}
END_TEST

/* From every point on, and up to every limit, it is the bytes that follow. */
START_TEST(the_rest_is_what_follows)
{
	struct iovec many[12];
	struct thrum__transfer t = {0};
	char got[sizeof(bytes)];
	size_t at = 0;

	for (size_t i = 0; i < 12; i++) {
		many[i] = (struct iovec){bytes + at, i % 4 == 2 ? 0 : i + 1};
		at += many[i].iov_len;
	}
	thrum__transfer_vector(&t, many, 12);
	ck_assert_uint_eq(t.total, at);
	for (t.op.done = 0; t.op.done < at; t.op.done++) {
		for (size_t limit = 1; limit <= at + 1; limit++) {
			const struct iovec *v;
			size_t n = thrum__transfer_rest(&t, limit, &v);
			size_t len = gather(v, n, got);

			ck_assert_uint_ge(len, 1);
			ck_assert_uint_le(len, limit);
			ck_assert_uint_le(len, at - t.op.done);
			ck_assert_mem_eq(got, bytes + t.op.done, len);
			if (t.op.done)
				ck_assert_uint_le(n, THRUM__REST);
		}
	}
}
END_TEST

START_TEST(more_than_memory_is_left_to_the_kernel)
{
	struct iovec v[2] = {{bytes, SSIZE_MAX}, {bytes, SSIZE_MAX}};
	struct thrum__transfer t = {0};

	thrum__transfer_vector(&t, v, 2);
	ck_assert_uint_eq(t.total, SSIZE_MAX);
}
END_TEST

/* A write is over when all went, or none, or the descriptor takes some. */
START_TEST(all_or_some)
{
	struct thrum__transfer t = {.op.fd = -1}; /* what cannot be asked counts as non-blocking */

	thrum__transfer_buffer(&t, bytes, 10);
	ck_assert_int_eq(thrum__transfer_all(&t.op, -EPIPE), -EPIPE);
	ck_assert_int_eq(thrum__transfer_all(&t.op, 4), 4);
	t.op.fd = 0;
	t.op.mode = 1; /* blocking */
	ck_assert_int_eq(thrum__transfer_all(&t.op, 5), THRUM__OP_AGAIN);
	ck_assert_int_eq(thrum__transfer_all(&t.op, 0), 9);
	ck_assert_int_eq(thrum__transfer_all(&t.op, 1), 10);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    untouched_it_is_the_caller_s_own,
	    the_rest_is_what_follows,
	    more_than_memory_is_left_to_the_kernel,
	    all_or_some,
	};

	setup();
	return RUN_TESTS("transfer", tests);
}
