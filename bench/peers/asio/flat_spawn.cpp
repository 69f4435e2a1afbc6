/* SPDX-License-Identifier: MIT */
/*
 * flat_spawn.cpp - one handler posts many, each leaves its number in a slot of its own.
 *
 * Idiom: asio::post to a thread_pool, and a std::latch that the thread outside waits at; a handler
 * cannot wait for others. The slots stand for the handles and are summed in order. Fair: posts from
 * a thread of the pool take its private queue first; use_future would add an allocation to each.
 */
#include <asio.hpp>
#include <latch>
#include <vector>

#include "../peer.h"

void peer_flat_spawn(const struct peer *p)
{
	asio::thread_pool pool(p->workers);
	std::vector<uint64_t> results(p->count);
	std::latch ended((ptrdiff_t)p->count);
	int64_t ns = peer_now_ns();
	uint64_t sum = 0;

	asio::post(pool, [&] {
		for (uint64_t i = 0; i < p->count; i++) {
			asio::post(pool, [&, i] {
				results[i] = i;
				ended.count_down();
			});
		}
	});
	ended.wait();
	for (uint64_t result : results)
		sum += result;
	ns = peer_now_ns() - ns;
	peer_figure("task", "ns", (double)ns / (double)p->count);
	peer_sum(sum);
	pool.join();
}
