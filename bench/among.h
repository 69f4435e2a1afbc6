/* SPDX-License-Identifier: MIT */
/*
 * among.h - what select_2 and select_8 share: several channels, a task for each that sends through
 * it, the numbers 0 ... count - 1 dealt out among them, and one task that selects over all channels
 * until it has all numbers.  The channels have as much room as chan_1to1's: what an item costs here
 * and not there is the select's.
 */
#ifndef BENCH_AMONG_H
#define BENCH_AMONG_H

#include "harness.h"
#include "work.h"

#define AMONG_MAX 8

struct among {
	size_t n;
	struct thrum_chan *chans[AMONG_MAX];
	uint64_t count;
	uint64_t sum; /* of what was received */
	struct bench_span span;
};

static inline intptr_t among_send(void *arg)
{
	struct bench_member *me = arg;
	struct among *a = me->work;
	int err = 0;

	for (uint64_t i = me->number; i < a->count && !err; i += a->n)
		err = thrum_chan_send(a->chans[me->number], &i);
	return err;
}

static inline intptr_t among_select(void *arg)
{
	struct among *a = arg;
	struct thrum_branch branches[AMONG_MAX];
	uint64_t items[AMONG_MAX];

	for (size_t i = 0; i < a->n; i++)
		branches[i] = thrum_on_recv(a->chans[i], &items[i]);
	for (uint64_t left = a->count; left; left--) {
		ssize_t won = thrum_select(branches, a->n);

		if (won < 0 || branches[won].result)
			return won < 0 ? won : branches[won].result;
		a->sum += items[won];
	}
	return 0;
}

static inline intptr_t among_flow(void *arg)
{
	struct among *a = arg;
	struct thrum_future *receiver;
	uint64_t nothing = 0;
	intptr_t received;
	int sent;

	bench_span_begin(&a->span);
	receiver = thrum_spawn(among_select, a);
	sent = bench_together(among_send, a, a->n, &nothing);
	received = thrum_join(receiver);
	bench_span_end(&a->span);
	return sent ? sent : received;
}

/* Runs it over n channels and records the figure, for an item. */
static inline void among_bench(struct bench *b, unsigned workers, size_t n)
{
	struct among a = {.n = n, .count = b->count};
	double items = (double)b->count;

	for (size_t i = 0; i < n; i++) {
		a.chans[i] = thrum_chan_create(sizeof(uint64_t), WORK_ROOM);
		if (!a.chans[i])
			bench_fail("no channel");
	}
	bench_run(workers, among_flow, &a);
	for (size_t i = 0; i < n; i++)
		thrum_chan_release(a.chans[i]);
	bench_check("the sum of the items", a.sum, b->count * (b->count - 1) / 2);
	bench_figure_span(b, "send and select an item", workers, "ns", &a.span, items);
	bench_once(b, "item", "ns", (double)a.span.wall_ns / items);
	bench_once_sum(b, a.sum);
}

#endif
