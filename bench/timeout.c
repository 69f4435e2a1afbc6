/* SPDX-License-Identifier: MIT */
/*
 * timeout.c - a time limit around work that is done long before: begun and ended.
 *
 * "nothing" is around work that does not wait.  "a yield" is around a full yield: two fibers on one
 * worker hand it to each other as in yield.c, but each time inside a limit of its own; what that is
 * more than the figure there is what the limit costs.  With more workers each fiber may have one
 * for itself.  None of the limits may pass.
 */
#include "harness.h"

#define LIMIT_NS THRUM_SEC(10)

struct work {
	uint64_t count;
	uint64_t sum; /* of the turns that were in time */
	struct bench_span span;
};

static intptr_t around_nothing(void *arg)
{
	struct work *work = arg;

	bench_span_begin(&work->span);
	for (uint64_t i = 0; i < work->count; i++) {
		struct thrum_timeout t;

		thrum_timeout_begin(&t, LIMIT_NS);
		work->sum += i;
		if (thrum_timeout_end(&t))
			return -ETIMEDOUT;
	}
	bench_span_end(&work->span);
	return 0;
}

static intptr_t take_turns(void *arg)
{
	struct work *work = arg;

	for (uint64_t i = 0; i < work->count; i++) {
		struct thrum_timeout t;
		int err;

		thrum_timeout_begin(&t, LIMIT_NS);
		err = thrum_yield();
		if (thrum_timeout_end(&t) || err)
			return err ? err : -ETIMEDOUT;
		work->sum += i;
	}
	return 0;
}

static intptr_t around_yields(void *arg)
{
	struct work *work = arg;
	struct work turns[2] = {{.count = work->count}, {.count = work->count}};
	struct thrum_future *tasks[2];
	int err;

	bench_span_begin(&work->span);
	for (int i = 0; i < 2; i++)
		tasks[i] = thrum_spawn(take_turns, &turns[i]);
	err = thrum_gather(tasks, 2, NULL);
	bench_span_end(&work->span);
	for (int i = 0; i < 2; i++)
		thrum_release(tasks[i]);
	work->sum = turns[0].sum + turns[1].sum;
	return err;
}

static void nothing_and_yields(struct bench *b, unsigned workers)
{
	struct work nothing = {.count = b->count}, yields = {.count = b->count};
	uint64_t once = b->count * (b->count - 1) / 2;
	double n = (double)b->count;

	bench_run_unspared(workers, around_nothing, &nothing);
	bench_check("the sum of what was in time", nothing.sum, once);
	bench_figure_span(b, "around nothing", workers, "ns", &nothing.span, n);
	bench_run_unspared(workers, around_yields, &yields);
	bench_check("the sum of what was in time", yields.sum, 2 * once);
	bench_figure_span(b, "around a yield", workers, "ns", &yields.span, 2 * n);
	bench_once(b, "nothing", "ns", (double)nothing.span.wall_ns / n);
	bench_once(b, "a yield", "ns", (double)yields.span.wall_ns / (2 * n));
	bench_once_sum(b, nothing.sum + yields.sum);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "timeout",
	    .about = "a time limit that does not pass, around nothing and around a yield",
	    .counted = "limits of each of three tasks",
	    .count = 500000,
	    .runs = 7,
	    .workers = "1",
	};
	static const bench_fn workloads[] = {nothing_and_yields};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
