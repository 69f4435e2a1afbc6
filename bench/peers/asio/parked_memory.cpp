/* SPDX-License-Identifier: MIT */
/*
 * parked_memory.cpp - what a coroutine costs that has started and waits for good.
 *
 * Idiom: each waits on a steady_timer of its own that is never due. Their end is Asio's for all
 * that is pending: the context is stopped and destroyed, and their frames with it. Fair beside
 * other stackless tasks: one frame each is kept, with no call below it.
 */
#include "context.hpp"

#include <atomic>

struct park {
	std::atomic<uint64_t> waiting{0};
	uint64_t ended = 0;
	int64_t base, bytes;
	int64_t start_ns, made_ns, ending_ns;
};

/* In each frame; sees it destroyed. */
struct witness {
	struct park &park;

	~witness()
	{
		park.ended++;
	}
};

static asio::awaitable<void> wait_for_the_end(struct park &park)
{
	asio::steady_timer timer(co_await asio::this_coro::executor,
				 asio::steady_timer::time_point::max());
	witness seen{park};

	park.waiting++;
	co_await timer.async_wait(asio::use_awaitable);
	peer_fail("a timer that is never due was");
}

static asio::awaitable<void> park_all(struct park &park, uint64_t count)
{
	auto executor = co_await asio::this_coro::executor;

	park.start_ns = peer_now_ns();
	for (uint64_t i = 0; i < count; i++) {
		asio::co_spawn(executor, wait_for_the_end(park), asio::detached);
		if (i % 1024 == 1023)
			co_await asio::post(asio::use_awaitable);
	}
	while (park.waiting < count)
		co_await asio::post(asio::use_awaitable);
	park.made_ns = peer_now_ns();
	park.bytes = peer_memory_bytes() - park.base;
	park.ending_ns = peer_now_ns();
	static_cast<asio::io_context &>(executor.context()).stop();
}

void peer_parked_memory(const struct peer *p)
{
	struct park park;
	int64_t end_ns;

	park.base = peer_memory_bytes();
	run_coroutine(p->workers, park_all(park, p->count));
	end_ns = peer_now_ns() - park.ending_ns;
	peer_figure("bytes", "B", (double)park.bytes / (double)p->count);
	peer_figure("create", "s", (double)(park.made_ns - park.start_ns) / 1e9);
	peer_figure("end", "s", (double)end_ns / 1e9);
	peer_sum(park.ended);
}
