/* SPDX-License-Identifier: MIT */
/*
 * scope - OpenMP's taskgroup, at whose end all its tasks have ended; it can be cancelled (omp
 * cancel taskgroup, if the environment allows it).  Both libraries run a task at once in the thread
 * that spawns it when many wait already, and with one thread.
 */
#include "../peer.h"
#include "team.h"

static void open_and_close(uint64_t *places, uint64_t n)
{
#pragma omp taskgroup
	for (uint64_t i = 0; i < n; i++) {
#pragma omp task firstprivate(i)
		places[i]++;
	}
}

void peer_scope(const struct peer *p)
{
	uint64_t *places = peer_alloc(p->count * sizeof(*places));
	int64_t start_ns;

	memset(places, 0, p->count * sizeof(*places));
	team_start(p->workers);
	start_ns = peer_now_ns();
#pragma omp parallel
#pragma omp single
	for (int n = 0; n < WORK_SCOPES; n++)
		open_and_close(places, p->count);
	peer_scope_figure(places, p->count, peer_now_ns() - start_ns);
	free(places);
}
