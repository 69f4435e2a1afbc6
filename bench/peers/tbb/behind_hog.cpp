/* SPDX-License-Identifier: MIT */
/*
 * behind_hog - a task_group runs the child, the calling thread computes, then waits for the group.
 */
#include <tbb/task_group.h>
#include <vector>

#include "../peer.h"
#include "arena.h"

extern "C" void peer_behind_hog(const struct peer *p)
{
	std::vector<double> latency_us(p->count);
	std::atomic<uint64_t> done(0);

	in_arena(p->workers, [&] {
		for (uint64_t i = 0; i < p->count; i++) {
			tbb::task_group group;
			int64_t made_ns = peer_now_ns();

			group.run([&, i, made_ns] {
				latency_us[i] = (double)(peer_now_ns() - made_ns) / 1e3;
				done++;
			});
			while (peer_now_ns() - made_ns < WORK_HOG_NS)
				;
			group.wait();
		}
	});
	peer_wake_figures(latency_us.data(), p->count);
	peer_sum(done);
}
