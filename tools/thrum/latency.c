/* SPDX-License-Identifier: MIT */
/*
 * latency.c - a histogram with 32 buckets for each power of two, as HdrHistogram has them.
 *
 * Below 32 ns a bucket is one ns.  Above, the five bits behind the leading one choose the bucket.
 */
#include "latency.h"

#define BITS 5
#define STEPS (1u << BITS)

static unsigned bucket_of(uint64_t ns)
{
	unsigned top;

	if (ns < STEPS)
		return (unsigned)ns;
	top = 63u - (unsigned)__builtin_clzll(ns);
	return (top - BITS + 1) * STEPS + (unsigned)((ns >> (top - BITS)) & (STEPS - 1));
}

/* The greatest time that is counted in @bucket. */
static uint64_t bucket_end(unsigned bucket)
{
	unsigned shift;

	if (bucket < STEPS)
		return bucket;
	shift = bucket / STEPS - 1;
	return ((uint64_t)(STEPS + bucket % STEPS + 1) << shift) - 1;
}

void latency_add(struct latency *latency, int64_t ns)
{
	latency->n++;
	latency->buckets[bucket_of(ns > 0 ? (uint64_t)ns : 0)]++;
	if (ns > latency->max_ns)
		latency->max_ns = ns;
}

int64_t latency_at(const struct latency *latency, unsigned per_mille)
{
	uint64_t rank = (latency->n * per_mille + 999) / 1000, seen = 0;
	unsigned bucket = 0;

	if (latency->n == 0)
		return 0;
	while (bucket < LATENCY_BUCKETS - 1 && (seen += latency->buckets[bucket]) < rank)
		bucket++;
	return bucket_end(bucket) < (uint64_t)latency->max_ns ? (int64_t)bucket_end(bucket)
							      : latency->max_ns;
}
