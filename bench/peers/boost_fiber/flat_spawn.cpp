/* SPDX-License-Identifier: MIT */
/*
 * flat_spawn.cpp - one fiber makes many that return their number, keeps the futures, gets each.
 *
 * Idiom: fibers::async. launch::dispatch, which runs the child first and lets another thread take
 * the parent, rather than the default launch::post, by which every child would wait on a stack of
 * its own until the last was made: 15 GB with a million of them. Fair: the peer's better choice.
 */
#include "fibers.hpp"

static uint64_t echo(uint64_t i)
{
	return i;
}

void peer_flat_spawn(const struct peer *p)
{
	std::vector<fibers::future<uint64_t>> tasks(p->count);
	uint64_t sum = 0;
	int64_t ns = 0;

	run_fibers(p->workers, [&] {
		ns = peer_now_ns();
		for (uint64_t i = 0; i < p->count; i++)
			tasks[i] = fibers::async(fibers::launch::dispatch, echo, i);
		for (auto &task : tasks)
			sum += task.get();
		ns = peer_now_ns() - ns;
	});
	peer_figure("task", "ns", (double)ns / (double)p->count);
	peer_sum(sum);
}
