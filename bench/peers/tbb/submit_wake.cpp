/* SPDX-License-Identifier: MIT */
/*
 * submit_wake - task_arena::enqueue into an arena that has no place for the calling thread, so that
 * one of its W workers has to run the task.
 */
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <atomic>
#include <vector>

#include "../peer.h"

extern "C" void peer_submit_wake(const struct peer *p)
{
	tbb::global_control limit(tbb::global_control::max_allowed_parallelism, p->workers + 1);
	tbb::task_arena arena((int)p->workers, 0);
	std::vector<double> latency_us(p->count);
	std::atomic<uint64_t> done(0);

	for (uint64_t i = 0; i < p->count; i++) {
		peer_nap_ns(PEER_GAP_NS);

		int64_t start_ns = peer_now_ns();

		arena.enqueue([&, i, start_ns] {
			latency_us[i] = (double)(peer_now_ns() - start_ns) / 1e3;
			done++;
		});
	}
	while (done < p->count)
		peer_nap_ns(PEER_GAP_NS);
	peer_wake_figures(latency_us.data(), p->count);
	peer_sum(done);
}
