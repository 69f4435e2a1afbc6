/* SPDX-License-Identifier: MIT */
/*
 * ring.h - the channel of a C program: a ring under a mutex, with a condition for those that wait
 * for room and one for those that wait for items.  Nobody is signalled who does not wait.
 */
#ifndef THRUM_BENCH_PTHREADS_RING_H
#define THRUM_BENCH_PTHREADS_RING_H

#include <stdbool.h>

#include "threads.h"

struct ring {
	pthread_mutex_t mutex;
	pthread_cond_t room, items;
	unsigned want_room, want_items; /* how many wait */
	uint64_t senders;               /* that have not ended */
	size_t first, n;
	uint64_t slots[WORK_ROOM];
};

void ring_send(struct ring *ring, uint64_t item);
/* A sender has ended; with the last one the ring is closed. */
void ring_end(struct ring *ring);
/* Up to max items; 0: it is closed and empty. */
size_t ring_receive(struct ring *ring, uint64_t *items, size_t max);

/* A workload: as many senders, to whom the numbers below the count are dealt out, and as many
 * receivers, which take up to batch items at once. */
void ring_flow(const struct peer *p, uint64_t senders, uint64_t receivers, size_t batch);

#endif
