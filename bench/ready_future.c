/* SPDX-License-Identifier: MIT */
/*
 * ready_future.c - a bare future that is never waited for: created, set, awaited when done,
 * released.
 */
#include "harness.h"

struct work {
	uint64_t count;
	uint64_t sum;
	struct bench_span span;
};

static intptr_t create_set_await(void *arg)
{
	struct work *work = arg;

	bench_span_begin(&work->span);
	for (uint64_t i = 0; i < work->count; i++) {
		struct thrum_future *future = thrum_future_create();

		thrum_future_set(future, (intptr_t)i);
		work->sum += thrum_await(future);
		thrum_release(future);
	}
	bench_span_end(&work->span);
	return 0;
}

static void ready_future(struct bench *b, unsigned workers)
{
	struct work work = {.count = b->count};

	bench_run(workers, create_set_await, &work);
	bench_check("the sum of the results", work.sum, b->count * (b->count - 1) / 2);
	bench_figure_span(b, "create, set, await, release", workers, "ns", &work.span,
			  (double)b->count);
	bench_once(b, "future", "ns", (double)work.span.wall_ns / (double)b->count);
	bench_once_sum(b, work.sum);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "ready_future",
	    .about = "a future that is done when it is awaited, its allocation counted",
	    .counted = "futures",
	    .count = 5000000,
	    .runs = 7,
	    .workers = "1",
	};
	static const bench_fn workloads[] = {ready_future};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
