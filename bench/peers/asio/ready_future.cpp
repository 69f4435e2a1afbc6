/* SPDX-License-Identifier: MIT */
/*
 * ready_future.cpp - an operation that ends as soon as it starts, its result through a future.
 *
 * Idiom: an initiating function with the completion token use_future, which makes a std::promise,
 * hands out its std::future and sets it by the handler; get() finds it ready. Fair: that is Asio's
 * future, and most of its cost is libstdc++'s shared state.
 */
#include <asio.hpp>

#include "../peer.h"

template <typename Token> static auto async_number(uint64_t i, Token &&token)
{
	return asio::async_initiate<Token, void(uint64_t)>(
	    [](auto handler, uint64_t number) { std::move(handler)(number); }, token, i);
}

void peer_ready_future(const struct peer *p)
{
	int64_t ns = peer_now_ns();
	uint64_t sum = 0;

	for (uint64_t i = 0; i < p->count; i++)
		sum += async_number(i, asio::use_future).get();
	ns = peer_now_ns() - ns;
	peer_figure("future", "ns", (double)ns / (double)p->count);
	peer_sum(sum);
}
