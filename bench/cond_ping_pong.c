/* SPDX-License-Identifier: MIT */
/*
 * cond_ping_pong.c - two tasks hand a flag to each other, under a mutex, by a condition.  An
 * operation is a round trip: there and back.
 */
#include "harness.h"

struct table {
	uint64_t count;
	struct thrum_mutex mutex;
	struct thrum_cond turned;
	uint64_t turn; /* whose it is */
	struct bench_span span;
};

static intptr_t play(void *arg)
{
	struct bench_member *me = arg;
	struct table *table = me->work;

	for (uint64_t i = 0; i < table->count; i++) {
		int err = thrum_mutex_lock(&table->mutex);

		if (err)
			return err;
		while (table->turn != me->number && !err)
			err = thrum_cond_wait(&table->turned, &table->mutex);
		table->turn = !me->number;
		thrum_cond_signal(&table->turned);
		thrum_mutex_unlock(&table->mutex);
		if (err)
			return err;
		me->sum += me->number;
	}
	return 0;
}

struct game {
	struct table *table;
	uint64_t trips;
};

static intptr_t both(void *arg)
{
	struct game *game = arg;
	int err;

	bench_span_begin(&game->table->span);
	err = bench_together(play, game->table, 2, &game->trips);
	bench_span_end(&game->table->span);
	return err;
}

static void cond_ping_pong(struct bench *b, unsigned workers)
{
	struct table table = {
	    .count = b->count, .mutex = THRUM_MUTEX_INIT, .turned = THRUM_COND_INIT};
	struct game game = {.table = &table};
	double n = (double)b->count;

	bench_run(workers, both, &game);
	thrum_cond_fini(&table.turned);
	thrum_mutex_fini(&table.mutex);
	bench_check("the flag's way", table.turn, 0);
	bench_check("round trips", game.trips, b->count);
	bench_figure_span(b, "round trip", workers, "ns", &table.span, n);
	bench_once(b, "round trip", "ns", (double)table.span.wall_ns / n);
	bench_once_sum(b, game.trips);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "cond_ping_pong",
	    .about = "two tasks hand a flag to each other by a mutex and a condition",
	    .counted = "round trips",
	    .count = 200000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {cond_ping_pong};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
