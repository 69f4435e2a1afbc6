/* SPDX-License-Identifier: MIT */
/*
 * idle.cpp - what a pool and its timers use when there is nothing to do.
 *
 * Idiom: a thread_pool that has run handlers and a timer. Fair: one of its threads sleeps in
 * epoll_wait, the others in a condition variable.
 */
#include <asio.hpp>
#include <chrono>

#include "../peer.h"

#define HANDLERS 1000

void peer_idle(const struct peer *p)
{
	asio::thread_pool pool(p->workers);

	for (int i = 0; i < HANDLERS; i++)
		asio::post(pool, asio::use_future([] {})).get();
	asio::steady_timer(pool, std::chrono::milliseconds(1)).async_wait(asio::use_future).get();
	peer_idle_seconds(p->count);
	pool.join();
}
