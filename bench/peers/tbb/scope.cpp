/* SPDX-License-Identifier: MIT */
/*
 * scope - a task_group for each scope, run and waited for.  It can be cancelled, and a task that
 * throws cancels the rest; it is the children's alone, and its wait runs them.
 */
#include <tbb/task_group.h>
#include <vector>

#include "../peer.h"
#include "arena.h"

static void open_and_close(std::vector<uint64_t> &places)
{
	tbb::task_group group;

	for (uint64_t &place : places)
		group.run([&place] { place++; });
	group.wait();
}

extern "C" void peer_scope(const struct peer *p)
{
	std::vector<uint64_t> places(p->count);

	in_arena(p->workers, [&] {
		int64_t start_ns = peer_now_ns();

		for (int n = 0; n < WORK_SCOPES; n++)
			open_and_close(places);
		peer_scope_figure(places.data(), p->count, peer_now_ns() - start_ns);
	});
}
