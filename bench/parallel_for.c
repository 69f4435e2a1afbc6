/* SPDX-License-Identifier: MIT */
/*
 * parallel_for.c - a loop over an array, its elements touched before the clock starts.
 *
 * With a grain of 1 each element is a chunk, so what is measured is what a chunk costs; and with
 * chunks that the library chooses.
 */
#include "harness.h"

#include <stdlib.h>
#include <string.h>

struct work {
	uint64_t count;
	size_t grain;
	uint64_t *a;
	struct bench_span span;
};

static int fill(size_t begin, size_t end, void *array)
{
	uint64_t *a = array;

	for (size_t i = begin; i < end; i++)
		a[i] = i * UINT64_C(2654435761);
	return 0;
}

static intptr_t run_for(void *arg)
{
	struct work *work = arg;
	int err;

	bench_span_begin(&work->span);
	err = thrum_parallel_for(0, work->count, work->grain, fill, work->a);
	bench_span_end(&work->span);
	return err;
}

static void loop(struct bench *b, unsigned workers, size_t grain)
{
	struct work work = {
	    .count = b->count, .grain = grain, .a = bench_alloc(b->count * sizeof(uint64_t))};
	uint64_t sum = 0;

	memset(work.a, 0xff, b->count * sizeof(uint64_t));
	bench_run(workers, run_for, &work);
	for (uint64_t i = 0; i < b->count; i++)
		sum += work.a[i];
	bench_check("the sum of the elements", sum,
		    b->count * (b->count - 1) / 2 * UINT64_C(2654435761));
	bench_figure_span(b, grain ? "chunks of one element" : "chunks by time", workers,
			  "ns an element", &work.span, (double)b->count);
	bench_once(b, grain ? "chunk, dynamic" : "chunk", "ns",
		   (double)work.span.wall_ns / (double)b->count);
	if (grain)
		bench_once_sum(b, sum);
	free(work.a);
}

static void by_one(struct bench *b, unsigned workers)
{
	loop(b, workers, 1);
}

static void by_time(struct bench *b, unsigned workers)
{
	loop(b, workers, 0);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "parallel_for",
	    .about = "a parallel loop that writes a number to each element",
	    .counted = "elements",
	    .count = 10000000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {by_time, by_one};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 2);
	return bench_end(&b);
}
