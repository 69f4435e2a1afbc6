/* SPDX-License-Identifier: MIT */
/*
 * latency.h - how long many things took, in memory that does not grow with their number.
 *
 * Times are counted in buckets, each 3 % wide at most: a percentile is its
 * bucket's upper end, never above the greatest.  One task or thread at a time.
 */
#ifndef THRUM_LATENCY_H
#define THRUM_LATENCY_H

#include <stdint.h>

#define LATENCY_BUCKETS (60 * 32)

struct latency {
	uint64_t n;
	int64_t max_ns;
	uint32_t buckets[LATENCY_BUCKETS];
};

void latency_add(struct latency *latency, int64_t ns);

/* latency_at - what the @per_mille of a thousand took at most; 0: nothing was counted. */
int64_t latency_at(const struct latency *latency, unsigned per_mille);

#endif
