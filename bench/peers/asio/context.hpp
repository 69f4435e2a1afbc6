/* SPDX-License-Identifier: MIT */
/*
 * context.hpp - an io_context and its threads, for the workloads that are coroutines.
 *
 * The idiom of Asio's C++20 examples: co_spawn on an io_context, use_awaitable, run() by as many
 * threads as there are workers. The concurrency hint is the number of threads, as the documentation
 * asks; with 1 a post from within needs no wake-up.
 */
#ifndef THRUM_BENCH_CONTEXT_HPP
#define THRUM_BENCH_CONTEXT_HPP

#include <asio.hpp>
#include <chrono>
#include <exception>
#include <thread>
#include <vector>

#include "../peer.h"

/* Runs the coroutine, and whatever it started, to their ends. */
inline void run_coroutine(unsigned workers, asio::awaitable<void> first)
{
	asio::io_context context((int)workers);
	std::vector<std::thread> threads;

	asio::co_spawn(context, std::move(first), [](std::exception_ptr failure) {
		if (failure)
			std::rethrow_exception(failure);
	});
	for (unsigned i = 1; i < workers; i++)
		threads.emplace_back([&] { context.run(); });
	context.run();
	for (auto &thread : threads)
		thread.join();
}

#endif
