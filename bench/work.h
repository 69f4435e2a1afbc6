/* SPDX-License-Identifier: MIT */
/*
 * work.h - what thrum's programs and the C and C++ peers compute with alike, so that it is the same
 * work: Fibonacci numbers, the generator of the data.  Usable from C11 and C++17.
 */
#ifndef THRUM_BENCH_WORK_H
#define THRUM_BENCH_WORK_H

#include <stdint.h>

/* What fib(n) is; the naive way to it makes fib(n + 1) - 1 forks. */
static inline uint64_t work_fib(uint64_t n)
{
	uint64_t a = 0, b = 1;

	for (; n; n--) {
		uint64_t next = a + b;

		a = b;
		b = next;
	}
	return a;
}

/* Marsaglia's xorshift64 (13, 7, 17); the first number is what follows the seed. */
static inline uint64_t work_xorshift64(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

#endif
