/* SPDX-License-Identifier: MIT */
/*
 * ping_pong.cpp - two coroutines wake each other: a number goes there and comes back.
 *
 * Idiom: two of asio::experimental's channels (in Asio since 1.21), a rendezvous each; with more
 * than one thread concurrent_channel, which is the same under a mutex. Fair: the alternative that
 * is not experimental, a timer that is cancelled to wake its waiter, costs more.
 */
#include "context.hpp"

#include <asio/experimental/channel.hpp>
#include <asio/experimental/concurrent_channel.hpp>

using signature = void(asio::error_code, uint64_t);

template <typename Channel>
static asio::awaitable<void> pong(Channel &there, Channel &back, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		uint64_t ball = co_await there.async_receive(asio::use_awaitable);

		co_await back.async_send(asio::error_code(), ball, asio::use_awaitable);
	}
}

template <typename Channel>
static asio::awaitable<void> ping(uint64_t count, uint64_t *trips, int64_t *ns)
{
	auto executor = co_await asio::this_coro::executor;
	Channel there(executor), back(executor);

	asio::co_spawn(executor, pong(there, back, count), asio::detached);
	*ns = peer_now_ns();
	for (uint64_t i = 0; i < count; i++) {
		co_await there.async_send(asio::error_code(), i, asio::use_awaitable);
		*trips += co_await back.async_receive(asio::use_awaitable) == i;
	}
	*ns = peer_now_ns() - *ns;
}

void peer_ping_pong(const struct peer *p)
{
	uint64_t trips = 0;
	int64_t ns = 0;

	if (p->workers == 1)
		run_coroutine(1,
			      ping<asio::experimental::channel<signature>>(p->count, &trips, &ns));
	else
		run_coroutine(p->workers, ping<asio::experimental::concurrent_channel<signature>>(
					      p->count, &trips, &ns));
	peer_figure("round trip", "ns", (double)ns / (double)p->count);
	peer_sum(trips);
}
