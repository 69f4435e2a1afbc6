/* SPDX-License-Identifier: MIT */
/*
 * submit_wake - two threads and a bare futex for each direction: the least that a wake of a
 * sleeping thread can cost.  From before the store that the sleeper waits for to its first
 * instruction after.  There is one sleeper, whatever --workers says.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "../../futex.h"
#include "../peer.h"

struct pair {
	struct atomic32 ask;
	struct atomic32 answer;
	uint64_t count;
	uint64_t sum;
	int64_t woke_ns;
};

static void *sleeper(void *arg)
{
	struct pair *pair = arg;

	for (uint32_t i = 0; i < pair->count; i++) {
		futex_wait(&pair->ask, i);
		pair->woke_ns = peer_now_ns();
		pair->sum++;
		futex_wake(&pair->answer, i + 1);
	}
	return NULL;
}

/* The latencies of n wakes more, each gap_ns after the one before. */
static void wakes(struct pair *pair, double *latency_us, uint64_t n, int64_t gap_ns)
{
	for (uint64_t i = 0; i < n; i++) {
		uint32_t so_far = load_relaxed(&pair->ask);
		int64_t start_ns;

		peer_nap_ns(gap_ns);
		start_ns = peer_now_ns();
		futex_wake(&pair->ask, so_far + 1);
		futex_wait(&pair->answer, so_far);
		latency_us[i] = (double)(pair->woke_ns - start_ns) / 1e3;
	}
}

void peer_submit_wake(const struct peer *p)
{
	uint64_t deep = work_deep_wakes(p->count);
	double *latency_us = peer_alloc(p->count * sizeof(*latency_us));
	struct pair pair = {.count = p->count + deep};
	pthread_t thread;

	if (pthread_create(&thread, NULL, sleeper, &pair))
		peer_fail("no thread");
	wakes(&pair, latency_us, p->count, PEER_GAP_NS);
	peer_wake_figures(latency_us, p->count);
	wakes(&pair, latency_us, deep, WORK_DEEP_GAP_NS);
	pthread_join(thread, NULL);
	peer_figure("deep p50", "us", peer_percentile(latency_us, deep, 0.5));
	peer_figure("deep p99", "us", peer_percentile(latency_us, deep, 0.99));
	peer_sum(pair.sum - deep);
	free(latency_us);
}
