/* SPDX-License-Identifier: MIT */
/*
 * submit_wake.cpp - from a thread outside to a handler's first instruction, with the pool asleep.
 *
 * Idiom: asio::post to a thread_pool with use_future, whose get() is how a thread outside waits for
 * a result. Fair: the time starts before the post and ends in the handler, so the way back is out.
 */
#include <asio.hpp>

#include "../peer.h"

void peer_submit_wake(const struct peer *p)
{
	double *latency_us = (double *)peer_alloc(p->count * sizeof(*latency_us));
	asio::thread_pool pool(p->workers);
	uint64_t sum = 0;

	for (uint64_t i = 0; i < p->count; i++) {
		int64_t start_ns;

		peer_nap_ns(PEER_GAP_NS);
		start_ns = peer_now_ns();
		auto started = asio::post(pool, asio::use_future(peer_now_ns));
		latency_us[i] = (double)(started.get() - start_ns) / 1e3;
		sum++;
	}
	pool.join();
	peer_wake_figures(latency_us, p->count);
	peer_sum(sum);
	free(latency_us);
}
