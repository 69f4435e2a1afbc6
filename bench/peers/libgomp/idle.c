/* SPDX-License-Identifier: MIT */
/*
 * idle - the threads have run a parallel region and wait for the next one, outside of it.
 */
#include "../peer.h"
#include "team.h"

void peer_idle(const struct peer *p)
{
	for (int i = 0; i < 1000; i++)
		team_start(p->workers);
	peer_idle_seconds(p->count);
}
