/* SPDX-License-Identifier: MIT */
/*
 * skynet - ten tasks at each node, taskwait; the sums come back through an array in the parent's
 * frame.
 */
#include "../peer.h"
#include "team.h"

static uint64_t subtree(uint64_t first, uint64_t leaves)
{
	uint64_t sums[10], sum = 0;

	if (leaves == 1)
		return first;
	for (uint64_t i = 0; i < 10; i++) {
#pragma omp task shared(sums)
		sums[i] = subtree(first + i * (leaves / 10), leaves / 10);
	}
#pragma omp taskwait
	for (int i = 0; i < 10; i++)
		sum += sums[i];
	return sum;
}

void peer_skynet(const struct peer *p)
{
	uint64_t sum = 0;
	int64_t start_ns;

	peer_skynet_count(p->count);
	team_start(p->workers);
	start_ns = peer_now_ns();
#pragma omp parallel
#pragma omp single
	sum = subtree(0, p->count);
	peer_figure("tree", "ms", (double)(peer_now_ns() - start_ns) / 1e6);
	peer_sum(sum);
}
