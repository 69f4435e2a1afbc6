/* SPDX-License-Identifier: MIT */
/*
 * yield.cpp - two coroutines on one thread hand it to each other.
 *
 * Idiom: co_await asio::post(use_awaitable), which queues the rest of the coroutine behind whatever
 * else is ready. Fair: it is what Asio offers for a yield, one handler through the queue each.
 */
#include "context.hpp"

static asio::awaitable<void> take_turns(uint64_t &mine, uint64_t count)
{
	for (; mine < count; mine++)
		co_await asio::post(asio::use_awaitable);
}

static asio::awaitable<void> both(uint64_t *turns, uint64_t count)
{
	auto executor = co_await asio::this_coro::executor;

	asio::co_spawn(executor, take_turns(turns[0], count), asio::detached);
	asio::co_spawn(executor, take_turns(turns[1], count), asio::detached);
}

void peer_yield(const struct peer *p)
{
	uint64_t turns[2] = {0, 0};
	int64_t ns;

	if (p->workers != 1)
		peer_skip("yield is between two coroutines of one worker");
	ns = peer_now_ns();
	run_coroutine(1, both(turns, p->count));
	ns = peer_now_ns() - ns;
	peer_figure("yield", "ns", (double)ns / (2.0 * (double)p->count));
	peer_sum(turns[0] + turns[1]);
}
