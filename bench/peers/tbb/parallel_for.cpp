/* SPDX-License-Identifier: MIT */
/*
 * parallel_for - tbb::parallel_for over the indices with its default partitioner, which makes
 * ranges as large as the threads allow; "chunk, dynamic" is the simple partitioner, which makes a
 * task of each single element.
 */
#include "../peer.h"
#include "arena.h"

template <typename Partitioner>
static int64_t fill(uint64_t *a, uint64_t n, const Partitioner &partitioner)
{
	int64_t start_ns = peer_now_ns();

	tbb::parallel_for(
	    UINT64_C(0), n, [=](uint64_t i) { a[i] = peer_for_value(i); }, partitioner);
	return peer_now_ns() - start_ns;
}

extern "C" void peer_parallel_for(const struct peer *p)
{
	uint64_t *a = peer_for_array(p->count);

	in_arena(p->workers, [&] {
		int64_t ns = fill(a, p->count, tbb::simple_partitioner());

		peer_figure("chunk, dynamic", "ns", (double)ns / (double)p->count);
		memset(a, 0xff, p->count * sizeof(*a));
		ns = fill(a, p->count, tbb::auto_partitioner());
		peer_for_figure(a, p->count, ns);
	});
	free(a);
}
