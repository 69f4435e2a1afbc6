/* SPDX-License-Identifier: MIT */
/*
 * sort - __gnu_parallel::sort of gcc's C++ library, which is built on OpenMP; its default is a
 * multiway mergesort.
 */
#include <parallel/algorithm>

#include "../peer.h"
#include "team.h"

extern "C" void peer_sort(const struct peer *p)
{
	int32_t *a = peer_sort_input(p->count);
	int64_t start_ns;

	team_start(p->workers);
	start_ns = peer_now_ns();
	__gnu_parallel::sort(a, a + p->count);
	peer_sort_figure(a, p->count, peer_now_ns() - start_ns);
	free(a);
}
