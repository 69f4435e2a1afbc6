/* SPDX-License-Identifier: MIT */
/*
 * work.h - what thrum's programs and the C and C++ peers compute with alike, so that it is the same
 * work: Fibonacci numbers, the generator of the data, what a scope's children leave behind, the
 * shape of a tree, how many tasks share a lock.  Usable from C11 and C++17.
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

/* scope: so many one after the other; each child adds 1 in its place. */
#define WORK_SCOPES 100

/* What was left there: each place times its number, from 1 on. */
static inline uint64_t work_scope_sum(const uint64_t *places, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += (i + 1) * places[i];
	return sum;
}

/* token_tree: the number of the one above, of any but the root, which is 0. */
static inline uint64_t work_token_above(uint64_t i)
{
	return (i - 1) / 10;
}

/* drain, leave: a number below n, another one for each i below n, far from that of the next i (by a
 * prime that n, which has 32 bits, is no multiple of). */
static inline uint64_t work_scattered(uint64_t i, uint64_t n)
{
	return i * UINT64_C(2654435761) % n;
}

/* behind_hog: how long one computes. */
#define WORK_HOG_NS INT64_C(10000000)

/* submit_wake: the deep ones of n, each after a pause in which the cores may go to sleep deeply. */
#define WORK_DEEP_GAP_NS INT64_C(100000000)
static inline uint64_t work_deep_wakes(uint64_t n)
{
	return n / 25 ? n / 25 : 1;
}

/* Channels: how many items one has room for, how many a batch takes at most; chan_nton: how many
 * send, and how many receive. */
#define WORK_ROOM 128
#define WORK_BATCH 64
#define WORK_ENDS 4

/* Locks: how many tasks share one, and the part of n that falls to one of them. */
#define WORK_TASKS 1000
static inline uint64_t work_share(uint64_t n, uint64_t task)
{
	return n / WORK_TASKS + (task < n % WORK_TASKS);
}

/* semaphore: permits.  rwlock: of so many operations one writes.  barrier_100: who meet. */
#define WORK_PERMITS 10
#define WORK_OF_WHICH_ONE_WRITES 20
#define WORK_PARTIES 100

#endif
