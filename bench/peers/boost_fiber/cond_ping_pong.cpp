/* SPDX-License-Identifier: MIT */
/*
 * cond_ping_pong.cpp - two fibers hand a flag to each other.
 *
 * Idiom: fibers::mutex and fibers::condition_variable, which wants no other mutex. Fair: the same.
 */
#include "fibers.hpp"

void peer_cond_ping_pong(const struct peer *p)
{
	fibers::mutex mutex;
	fibers::condition_variable turned;
	uint64_t turn = 0, trips = 0;
	int64_t ns = 0;

	run_fibers(p->workers, [&] {
		auto play = [&](uint64_t mine) {
			uint64_t mine_were = 0;

			for (uint64_t i = 0; i < p->count; i++) {
				std::unique_lock<fibers::mutex> lock(mutex);

				turned.wait(lock, [&] { return turn == mine; });
				turn = !mine;
				turned.notify_one();
				mine_were += mine;
			}
			return mine_were;
		};

		ns = peer_now_ns();
		trips = together(2, play);
		ns = peer_now_ns() - ns;
	});
	peer_figure("round trip", "ns", (double)ns / (double)p->count);
	peer_sum(trips);
}
