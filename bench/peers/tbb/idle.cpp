/* SPDX-License-Identifier: MIT */
/*
 * idle - the arena's threads have run loops and go to sleep; the calling thread, which is one of
 * the W, naps.
 */
#include "../peer.h"
#include "arena.h"

extern "C" void peer_idle(const struct peer *p)
{
	in_arena(p->workers, [] {});
	peer_idle_seconds(p->count);
}
