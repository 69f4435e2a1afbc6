/* SPDX-License-Identifier: MIT */
/*
 * yield.c - two fibers on one worker hand it to each other.
 *
 * Each yield must have let the other one run: with one worker the two counters go in step.  Where
 * the machine stood still the monitor may have put one of them where the worker looks less often,
 * and the other goes some turns ahead, once.  With more workers each may have one for itself, and a
 * yield then finds nobody to run.
 */
#include "harness.h"

#define APART_MOST 4096

struct pair {
	uint64_t count;
	uint64_t turns[2]; /* written by the fiber of that index */
	bool in_step;      /* one worker: look */
	int64_t apart;     /* at most, until now */
	struct bench_span span;
};

struct fiber {
	struct pair *pair;
	int index;
};

static intptr_t take_turns(void *arg)
{
	struct fiber *fiber = arg;
	struct pair *pair = fiber->pair;
	uint64_t *mine = &pair->turns[fiber->index];
	uint64_t *other = &pair->turns[!fiber->index];

	while (*mine < pair->count) {
		++*mine;
		if (pair->in_step && (int64_t)(*mine - *other) > pair->apart)
			pair->apart = (int64_t)(*mine - *other);
		if (thrum_yield())
			return -ECANCELED;
	}
	return 0;
}

static intptr_t both(void *arg)
{
	struct pair *pair = arg;
	struct fiber fibers[2] = {{pair, 0}, {pair, 1}};
	struct thrum_future *tasks[2];
	int error;

	bench_span_begin(&pair->span);
	for (int i = 0; i < 2; i++)
		tasks[i] = thrum_spawn(take_turns, &fibers[i]);
	error = thrum_gather(tasks, 2, NULL);
	bench_span_end(&pair->span);
	for (int i = 0; i < 2; i++)
		thrum_release(tasks[i]);
	return error;
}

static void yield(struct bench *b, unsigned workers)
{
	struct pair pair = {.count = b->count, .in_step = workers == 1};

	bench_run_unspared(workers, both, &pair);
	bench_check("the number of yields", pair.turns[0] + pair.turns[1], 2 * b->count);
	bench_check("a fiber that yields alone", pair.apart > APART_MOST, false);
	bench_figure_span(b, "yield", workers, "ns", &pair.span, 2 * (double)b->count);
	bench_once(b, "yield", "ns", (double)pair.span.wall_ns / (2 * (double)b->count));
	bench_once_sum(b, pair.turns[0] + pair.turns[1]);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "yield",
	    .about = "a full yield from one fiber to another",
	    .counted = "yields of each of two fibers",
	    .count = 5000000,
	    .runs = 7,
	    .workers = "1",
	};
	static const bench_fn workloads[] = {yield};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
