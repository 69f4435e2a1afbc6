/* SPDX-License-Identifier: MIT */
/*
 * parallel_for - "chunk" is schedule(static), what one writes for a loop like this: each thread
 * gets one range.  "chunk, dynamic" is schedule(dynamic, 1): each element is taken for itself.
 */
#include "../peer.h"
#include "team.h"

void peer_parallel_for(const struct peer *p)
{
	uint64_t *a = peer_for_array(p->count);
	int64_t start_ns;

	team_start(p->workers);
	start_ns = peer_now_ns();
#pragma omp parallel for schedule(dynamic, 1)
	for (uint64_t i = 0; i < p->count; i++)
		a[i] = peer_for_value(i);
	peer_figure("chunk, dynamic", "ns", (double)(peer_now_ns() - start_ns) / (double)p->count);
	memset(a, 0xff, p->count * sizeof(*a));
	start_ns = peer_now_ns();
#pragma omp parallel for schedule(static)
	for (uint64_t i = 0; i < p->count; i++)
		a[i] = peer_for_value(i);
	peer_for_figure(a, p->count, peer_now_ns() - start_ns);
	free(a);
}
