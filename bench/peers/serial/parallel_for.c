/* SPDX-License-Identifier: MIT */
/*
 * parallel_for - the loop itself.
 */
#include "../peer.h"

void peer_parallel_for(const struct peer *p)
{
	uint64_t *a = peer_for_array(p->count);
	int64_t start_ns = peer_now_ns();

	for (uint64_t i = 0; i < p->count; i++)
		a[i] = peer_for_value(i);
	peer_for_figure(a, p->count, peer_now_ns() - start_ns);
	free(a);
}
