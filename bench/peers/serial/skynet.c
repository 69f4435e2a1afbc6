/* SPDX-License-Identifier: MIT */
/*
 * skynet - the tree of ten children by plain recursion.
 */
#include "../peer.h"

static uint64_t subtree(uint64_t first, uint64_t leaves)
{
	uint64_t sum = 0;

	if (leaves == 1)
		return first;
	for (uint64_t i = 0; i < 10; i++)
		sum += subtree(first + i * (leaves / 10), leaves / 10);
	return sum;
}

void peer_skynet(const struct peer *p)
{
	int64_t start_ns;
	uint64_t sum;

	peer_skynet_count(p->count);
	start_ns = peer_now_ns();
	sum = peer_opaque(subtree(0, peer_opaque(p->count)));
	peer_figure("tree", "ms", (double)(peer_now_ns() - start_ns) / 1e6);
	peer_sum(sum);
}
