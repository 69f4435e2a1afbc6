/* SPDX-License-Identifier: MIT */
/*
 * sort - std::sort of C++, which knows the type: what a serial program would use (qsort of C calls
 * a function for each comparison).
 */
#include <algorithm>

#include "../peer.h"

extern "C" void peer_sort(const struct peer *p)
{
	int32_t *a = peer_sort_input(p->count);
	int64_t start_ns = peer_now_ns();

	std::sort(a, a + p->count);
	peer_sort_figure(a, p->count, peer_now_ns() - start_ns);
	free(a);
}
