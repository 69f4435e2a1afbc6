/* SPDX-License-Identifier: MIT */
/*
 * chan_rendezvous - two threads and a place for one item under a mutex; the sender waits until it
 * was taken.
 */
#include <stdbool.h>

#include "threads.h"

struct place {
	pthread_mutex_t mutex;
	pthread_cond_t filled, taken;
	bool full;
	uint64_t item;
	uint64_t count;
};

static void hand_over(struct place *place, uint64_t item)
{
	pthread_mutex_lock(&place->mutex);
	place->item = item;
	place->full = true;
	pthread_cond_signal(&place->filled);
	while (place->full)
		pthread_cond_wait(&place->taken, &place->mutex);
	pthread_mutex_unlock(&place->mutex);
}

static uint64_t take(struct place *place)
{
	uint64_t item;

	pthread_mutex_lock(&place->mutex);
	while (!place->full)
		pthread_cond_wait(&place->filled, &place->mutex);
	item = place->item;
	place->full = false;
	pthread_cond_signal(&place->taken);
	pthread_mutex_unlock(&place->mutex);
	return item;
}

static void send_or_receive(struct member *me)
{
	struct place *place = me->work;

	for (uint64_t i = 0; i < place->count; i++) {
		if (me->number)
			me->sum += take(place);
		else
			hand_over(place, i);
	}
}

void peer_chan_rendezvous(const struct peer *p)
{
	struct place place = {.mutex = PTHREAD_MUTEX_INITIALIZER,
			      .filled = PTHREAD_COND_INITIALIZER,
			      .taken = PTHREAD_COND_INITIALIZER,
			      .count = p->count};
	uint64_t sum = 0;
	int64_t ns;

	threads_stay(p);
	ns = threads_run(send_or_receive, &place, 2, &sum);
	peer_channel_figure(sum, p->count, ns);
}
