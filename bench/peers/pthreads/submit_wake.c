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

void peer_submit_wake(const struct peer *p)
{
	double *latency_us = peer_alloc(p->count * sizeof(*latency_us));
	struct pair pair = {.count = p->count};
	pthread_t thread;

	if (pthread_create(&thread, NULL, sleeper, &pair))
		peer_fail("no thread");
	for (uint32_t i = 0; i < p->count; i++) {
		int64_t start_ns;

		peer_nap_ns(PEER_GAP_NS);
		start_ns = peer_now_ns();
		futex_wake(&pair.ask, i + 1);
		futex_wait(&pair.answer, i);
		latency_us[i] = (double)(pair.woke_ns - start_ns) / 1e3;
	}
	pthread_join(thread, NULL);
	peer_wake_figures(latency_us, p->count);
	peer_sum(pair.sum);
	free(latency_us);
}
