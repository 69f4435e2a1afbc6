/* SPDX-License-Identifier: MIT */
/*
 * sort - tbb::parallel_sort.
 */
#include <tbb/parallel_sort.h>

#include "../peer.h"
#include "arena.h"

extern "C" void peer_sort(const struct peer *p)
{
	int32_t *a = peer_sort_input(p->count);

	in_arena(p->workers, [&] {
		int64_t start_ns = peer_now_ns();

		tbb::parallel_sort(a, a + p->count);
		peer_sort_figure(a, p->count, peer_now_ns() - start_ns);
	});
	free(a);
}
