/* SPDX-License-Identifier: MIT */
/*
 * drain.c - results taken in the order in which they come (thrum_drain), among many.
 *
 * Bare futures, so that nothing but the drain is in the figures: "add" puts one in that is not
 * done, "complete" sets one that a drain holds, "next" takes one that is done.  They are set in an
 * order that is not that of the adds, and must be taken in that order.
 */
#include "harness.h"
#include "work.h"

#include <stdlib.h>

struct work {
	uint64_t count;
	struct thrum_future **futures;
	uint64_t in_turn;
	struct bench_span add, complete, next;
};

static int take_all(struct work *work, struct thrum_drain *d)
{
	for (uint64_t i = 0; i < work->count; i++) {
		size_t tag;
		int err = thrum_drain_next(d, NULL, &tag);

		if (err)
			return err;
		work->in_turn += tag == work_scattered(i, work->count);
	}
	return 0;
}

static intptr_t add_set_take(void *arg)
{
	struct work *work = arg;
	struct thrum_drain d;
	int err = thrum_drain_begin(&d);

	bench_span_begin(&work->add);
	for (uint64_t i = 0; i < work->count && !err; i++)
		err = thrum_drain_add(&d, work->futures[i], i);
	bench_span_end(&work->add);
	bench_span_begin(&work->complete);
	for (uint64_t i = 0; i < work->count && !err; i++)
		err = thrum_future_set(work->futures[work_scattered(i, work->count)], 0);
	bench_span_end(&work->complete);
	bench_span_begin(&work->next);
	if (!err)
		err = take_all(work, &d);
	bench_span_end(&work->next);
	thrum_drain_end(&d);
	return err;
}

static void drain(struct bench *b, unsigned workers)
{
	struct work work = {.count = b->count,
			    .futures = bench_alloc(b->count * sizeof(struct thrum_future *))};
	double n = (double)b->count;

	for (uint64_t i = 0; i < b->count; i++) {
		work.futures[i] = thrum_future_create();
		if (!work.futures[i])
			bench_fail("no future");
	}
	bench_run(workers, add_set_take, &work);
	bench_check("results in turn", work.in_turn, b->count);
	bench_figure_span(b, "add", workers, "ns", &work.add, n);
	bench_figure_span(b, "complete", workers, "ns", &work.complete, n);
	bench_figure_span(b, "next", workers, "ns", &work.next, n);
	for (uint64_t i = 0; i < b->count; i++)
		thrum_release(work.futures[i]);
	free(work.futures);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "drain",
	    .about = "results taken from a drain in the order in which they come",
	    .counted = "results",
	    .count = 100000,
	    .runs = 7,
	    .workers = "1",
	};
	static const bench_fn workloads[] = {drain};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
