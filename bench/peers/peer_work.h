/* SPDX-License-Identifier: MIT */
/*
 * peer_work.h - the part of peer.h that belongs to single workloads: what they compute on, what
 * their sums are, and figures that each peer works out alike.  Included by peer.h.
 */
#ifndef THRUM_BENCH_PEER_WORK_H
#define THRUM_BENCH_PEER_WORK_H

#include "../work.h"

/* ---- figures of more than one workload's shape ---- */

static inline int peer_compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The value that a share p (0 to 1) of them does not pass; sorts them. */
static inline double peer_percentile(double *values, size_t n, double p)
{
	size_t rank = (size_t)(p * (double)n);

	if (!n)
		return 0;
	qsort(values, n, sizeof(*values), peer_compare_doubles);
	return values[rank < n ? rank : n - 1];
}

/* submit_wake, behind_hog: the latencies of n of them. */
static inline void peer_wake_figures(double *latency_us, size_t n)
{
	peer_figure("p50", "us", peer_percentile(latency_us, n, 0.5));
	peer_figure("p99", "us", peer_percentile(latency_us, n, 0.99));
}

/* submit_wake: how far apart the submissions are. */
#define PEER_GAP_NS INT64_C(2000000)

/* idle: what the process uses in so many seconds of nothing, 1.5 s after its last work. */
static inline void peer_idle_seconds(uint64_t seconds)
{
	int64_t cpu_ns;

	peer_nap_ns(INT64_C(1500000000));
	cpu_ns = peer_cpu_ns();
	peer_nap_ns((int64_t)seconds * 1000000000);
	peer_figure("cpu", "ms", (double)(peer_cpu_ns() - cpu_ns) / 1e6);
	peer_sum(0);
}

/* The same number, of which the compiler knows nothing, computed neither earlier nor later. */
static inline uint64_t peer_opaque(uint64_t x)
{
	__asm__ volatile("" : "+r"(x) : : "memory");
	return x;
}

static inline void peer_fork_join_figure(uint64_t n, int64_t ns)
{
	peer_figure("spawn+join", "ns", (double)ns / (double)(work_fib(n + 1) - 1));
}

/* The figure and the sum of scope. */
static inline void peer_scope_figure(const uint64_t *places, uint64_t n, int64_t ns)
{
	peer_figure("child", "ns", (double)ns / (WORK_SCOPES * (double)n));
	peer_sum(work_scope_sum(places, n));
}

/* The figure and the sum of the channels: of n items. */
static inline void peer_channel_figure(uint64_t sum, uint64_t n, int64_t ns)
{
	peer_figure("item", "ns", (double)ns / (double)n);
	peer_sum(sum);
}

/* The figure and the sum of barrier_100: in_step of the parts in n meetings. */
static inline void peer_barrier_figure(uint64_t in_step, uint64_t n, int64_t ns)
{
	peer_figure("part", "ns", (double)ns / (WORK_PARTIES * (double)n));
	peer_sum(in_step);
}

/* skynet: the tree is ten times ten times ... leaves. */
static inline void peer_skynet_count(uint64_t leaves)
{
	for (; leaves > 1; leaves /= 10) {
		if (leaves % 10)
			peer_exit(2, "skynet: --count is a power of ten");
	}
}

/* ---- data ---- */

static inline void *peer_alloc(size_t bytes)
{
	void *memory = malloc(bytes ? bytes : 1);

	if (!memory)
		peer_skip("no memory for %zu bytes", bytes);
	return memory;
}

/* sort: the low 32 bits of each number from seed 1, as signed ones; free them. */
static inline int32_t *peer_sort_input(uint64_t n)
{
	int32_t *a = (int32_t *)peer_alloc(n * sizeof(*a));
	uint64_t state = 1;

	for (uint64_t i = 0; i < n; i++)
		a[i] = (int32_t)(uint32_t)work_xorshift64(&state);
	return a;
}

/* sort: each number times its place from 1 on, mod 2^64; fails unless they ascend. */
static inline uint64_t peer_sort_sum(const int32_t *a, uint64_t n)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++) {
		if (i && a[i - 1] > a[i])
			peer_fail("not sorted at %" PRIu64, i);
		sum += (uint64_t)(int64_t)a[i] * (i + 1);
	}
	return sum;
}

/* The figure and the sum of sort. */
static inline void peer_sort_figure(const int32_t *a, uint64_t n, int64_t ns)
{
	peer_figure("sort", "ms", (double)ns / 1e6);
	peer_sum(peer_sort_sum(a, n));
}

/* parallel_for: an iteration writes this to its element. */
static inline uint64_t peer_for_value(uint64_t i)
{
	return i * UINT64_C(2654435761);
}

/* parallel_for: the elements, touched; free them. */
static inline uint64_t *peer_for_array(uint64_t n)
{
	uint64_t *a = (uint64_t *)peer_alloc(n * sizeof(*a));

	memset(a, 0xff, n * sizeof(*a));
	return a;
}

/* The figure and the sum of parallel_for. */
static inline void peer_for_figure(const uint64_t *a, uint64_t n, int64_t ns)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < n; i++)
		sum += a[i];
	peer_figure("chunk", "ns", (double)ns / (double)n);
	peer_sum(sum);
}

#endif
