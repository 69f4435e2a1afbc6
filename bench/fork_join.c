/* SPDX-License-Identifier: MIT */
/*
 * fork_join.c - fib by naive recursion: fork one half, call the other, join; no cut-off.
 *
 * The work of a call is an addition, so what is measured is what a fork and its join cost, in place
 * nearly always.
 */
#include "harness.h"
#include "work.h"

struct work {
	uint64_t n;
	uint64_t sum;
	struct bench_span span;
};

static intptr_t fib(void *arg)
{
	intptr_t n = (intptr_t)arg, x;
	struct thrum_fork j;

	if (n < 2)
		return n;
	thrum_fork(&j, fib, (void *)(n - 1));
	x = fib((void *)(n - 2));
	return x + thrum_fork_join(&j);
}

static intptr_t run_fib(void *arg)
{
	struct work *work = arg;

	bench_span_begin(&work->span);
	work->sum = (uint64_t)fib((void *)(intptr_t)work->n);
	bench_span_end(&work->span);
	return 0;
}

static void fork_join(struct bench *b, unsigned workers)
{
	struct work work = {.n = b->count};
	double forks = (double)(work_fib(b->count + 1) - 1);

	bench_run(workers, run_fib, &work);
	bench_check("fib", work.sum, work_fib(b->count));
	bench_figure_span(b, "fork and join", workers, "ns", &work.span, forks);
	bench_once(b, "spawn+join", "ns", (double)work.span.wall_ns / forks);
	bench_once_sum(b, work.sum);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "fork_join",
	    .about = "fib: fork one half, call the other, join",
	    .counted = "fib of",
	    .count = 35,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {fork_join};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
