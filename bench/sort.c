/* SPDX-License-Identifier: MIT */
/*
 * sort.c - sorting random 32-bit integers: by thrum_sort_i32, and by thrum_sort with a comparison.
 */
#include "harness.h"
#include "work.h"

#include <stdlib.h>

struct work {
	uint64_t count;
	int32_t *a;
	bool compares;
	struct bench_span span;
};

static int compare(const void *a, const void *b, void *unused)
{
	int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;

	(void)unused;
	return (x > y) - (x < y);
}

static intptr_t run_sort(void *arg)
{
	struct work *work = arg;
	int err;

	bench_span_begin(&work->span);
	err = work->compares ? thrum_sort(work->a, work->count, sizeof(*work->a), compare, NULL)
			     : thrum_sort_i32(work->a, work->count);
	bench_span_end(&work->span);
	return err;
}

/* The low 32 bits of the generator's numbers from seed 1; their sum. */
static uint64_t fill(int32_t *a, uint64_t n)
{
	uint64_t state = 1, sum = 0;

	for (uint64_t i = 0; i < n; i++) {
		a[i] = (int32_t)(uint32_t)work_xorshift64(&state);
		sum += (uint64_t)(int64_t)a[i];
	}
	return sum;
}

static void sort(struct bench *b, unsigned workers, bool compares)
{
	struct work work = {
	    .count = b->count, .a = bench_alloc(b->count * sizeof(int32_t)), .compares = compares};
	uint64_t before = fill(work.a, b->count), after = 0, sum = 0, descents = 0;

	bench_run(workers, run_sort, &work);
	for (uint64_t i = 0; i < b->count; i++) {
		after += (uint64_t)(int64_t)work.a[i];
		sum += (uint64_t)(int64_t)work.a[i] * (i + 1);
		descents += i && work.a[i - 1] > work.a[i];
	}
	bench_check("the places out of order", descents, 0);
	bench_check("the sum of the numbers", after, before);
	bench_figure_span(b, compares ? "by a comparison" : "as numbers", workers, "ms", &work.span,
			  1e6);
	bench_once(b, compares ? "by comparison" : "sort", "ms", (double)work.span.wall_ns / 1e6);
	if (!compares)
		bench_once_sum(b, sum);
	free(work.a);
}

static void by_comparison(struct bench *b, unsigned workers)
{
	sort(b, workers, true);
}

static void as_numbers(struct bench *b, unsigned workers)
{
	sort(b, workers, false);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "sort",
	    .about = "sort random 32-bit integers",
	    .counted = "numbers",
	    .count = 10000000,
	    .runs = 5,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {as_numbers, by_comparison};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 2);
	return bench_end(&b);
}
