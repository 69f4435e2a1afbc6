/* SPDX-License-Identifier: MIT */
/*
 * ping_pong - two threads take turns under a mutex, each waiting for its own condition variable;
 * with --workers 1 both are kept on one CPU.
 */
#include "threads.h"

struct table {
	pthread_mutex_t mutex;
	pthread_cond_t turns[2];
	int turn;
	uint64_t count;
	uint64_t trips;
};

static void play(struct table *table, int mine)
{
	for (uint64_t i = 0; i < table->count; i++) {
		pthread_mutex_lock(&table->mutex);
		while (table->turn != mine)
			pthread_cond_wait(&table->turns[mine], &table->mutex);
		table->trips += (uint64_t)mine;
		table->turn = !mine;
		pthread_cond_signal(&table->turns[!mine]);
		pthread_mutex_unlock(&table->mutex);
	}
}

static void *answer(void *arg)
{
	play(arg, 1);
	return NULL;
}

void peer_ping_pong(const struct peer *p)
{
	struct table table = {.mutex = PTHREAD_MUTEX_INITIALIZER,
			      .turns = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER},
			      .count = p->count};
	pthread_t other;
	int64_t start_ns;

	threads_stay(p);
	start_ns = peer_now_ns();
	if (pthread_create(&other, NULL, answer, &table))
		peer_fail("no thread");
	play(&table, 0);
	pthread_join(other, NULL);
	peer_figure("round trip", "ns", (double)(peer_now_ns() - start_ns) / (double)p->count);
	peer_sum(table.trips);
}

/* It is that already: a flag and its conditions. */
void peer_cond_ping_pong(const struct peer *p)
{
	peer_ping_pong(p);
}
