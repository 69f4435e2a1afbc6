/* SPDX-License-Identifier: MIT */
/*
 * ring.c - see ring.h.
 */
#include "ring.h"

struct flow {
	struct ring ring;
	uint64_t count;
	uint64_t senders;
	size_t batch;
};

void ring_send(struct ring *ring, uint64_t item)
{
	pthread_mutex_lock(&ring->mutex);
	while (ring->n == WORK_ROOM) {
		ring->want_room++;
		pthread_cond_wait(&ring->room, &ring->mutex);
		ring->want_room--;
	}
	ring->slots[(ring->first + ring->n++) % WORK_ROOM] = item;
	if (ring->want_items)
		pthread_cond_signal(&ring->items);
	pthread_mutex_unlock(&ring->mutex);
}

void ring_end(struct ring *ring)
{
	pthread_mutex_lock(&ring->mutex);
	if (!--ring->senders)
		pthread_cond_broadcast(&ring->items);
	pthread_mutex_unlock(&ring->mutex);
}

size_t ring_receive(struct ring *ring, uint64_t *items, size_t max)
{
	size_t n = 0;

	pthread_mutex_lock(&ring->mutex);
	while (!ring->n && ring->senders) {
		ring->want_items++;
		pthread_cond_wait(&ring->items, &ring->mutex);
		ring->want_items--;
	}
	for (; n < max && ring->n; ring->n--) {
		items[n++] = ring->slots[ring->first];
		ring->first = (ring->first + 1) % WORK_ROOM;
	}
	if (ring->want_room && n > 1)
		pthread_cond_broadcast(&ring->room);
	else if (ring->want_room)
		pthread_cond_signal(&ring->room);
	pthread_mutex_unlock(&ring->mutex);
	return n;
}

static void send_or_receive(struct member *me)
{
	struct flow *flow = me->work;
	uint64_t items[WORK_BATCH];
	size_t n;

	if (me->number < flow->senders) {
		for (uint64_t i = me->number; i < flow->count; i += flow->senders)
			ring_send(&flow->ring, i);
		ring_end(&flow->ring);
		return;
	}
	while ((n = ring_receive(&flow->ring, items, flow->batch))) {
		while (n)
			me->sum += items[--n];
	}
}

void ring_flow(const struct peer *p, uint64_t senders, uint64_t receivers, size_t batch)
{
	struct flow flow = {.ring = {.mutex = PTHREAD_MUTEX_INITIALIZER,
				     .room = PTHREAD_COND_INITIALIZER,
				     .items = PTHREAD_COND_INITIALIZER,
				     .senders = senders},
			    .count = p->count,
			    .senders = senders,
			    .batch = batch};
	uint64_t sum = 0;
	int64_t ns;

	threads_stay(p);
	ns = threads_run(send_or_receive, &flow, senders + receivers, &sum);
	peer_channel_figure(sum, p->count, ns);
}
