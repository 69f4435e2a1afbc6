/* SPDX-License-Identifier: MIT */
/*
 * sleepers.cpp - many coroutines, each in one sleep of a random length up to a second.
 *
 * Idiom: a detached coroutine with a steady_timer of its own. Fair: stackless, like tokio's tasks;
 * the one that makes them posts itself again after every 1,024, so that those that are due run.
 */
#include "context.hpp"

#include <atomic>

struct sleepers {
	std::vector<double> late_ms;
	std::atomic<uint64_t> woken{0};
};

static asio::awaitable<void> sleep_once(struct sleepers &all, uint64_t i, int64_t ns)
{
	asio::steady_timer timer(co_await asio::this_coro::executor);
	int64_t deadline_ns = peer_now_ns() + ns;

	timer.expires_after(std::chrono::nanoseconds(ns));
	co_await timer.async_wait(asio::use_awaitable);
	all.late_ms[i] = (double)(peer_now_ns() - deadline_ns) / 1e6;
	all.woken++;
}

static asio::awaitable<void> sleep_all(struct sleepers &all, uint64_t count)
{
	auto executor = co_await asio::this_coro::executor;
	uint64_t state = 1;

	for (uint64_t i = 0; i < count; i++) {
		int64_t ns = (int64_t)(work_xorshift64(&state) % 1000000000);

		asio::co_spawn(executor, sleep_once(all, i, ns), asio::detached);
		if (i % 1024 == 1023)
			co_await asio::post(asio::use_awaitable);
	}
}

void peer_sleepers(const struct peer *p)
{
	struct sleepers all;
	int64_t cpu_ns;

	all.late_ms.resize(p->count);
	cpu_ns = peer_cpu_ns();
	run_coroutine(p->workers, sleep_all(all, p->count));
	cpu_ns = peer_cpu_ns() - cpu_ns;
	peer_figure("cpu", "s", (double)cpu_ns / 1e9);
	peer_figure("late p99", "ms", peer_percentile(all.late_ms.data(), p->count, 0.99));
	peer_sum(all.woken);
}
