/* SPDX-License-Identifier: MIT */
/*
 * scope.c - a scope of many children that do next to nothing, opened, filled and closed, 100 times.
 *
 * Nobody has a handle of a child, and its descriptor is free again when it has ended.  A child adds
 * 1 in a place of its own, which close lets the opener see.
 */
#include "harness.h"
#include "work.h"

#include <stdlib.h>
#include <string.h>

struct work {
	uint64_t count;
	uint64_t *places;
	struct bench_span span;
};

static intptr_t count_one(void *place)
{
	++*(uint64_t *)place;
	return 0;
}

static intptr_t open_and_close(void *arg)
{
	struct work *work = arg;
	int err = 0;

	bench_span_begin(&work->span);
	for (int n = 0; n < WORK_SCOPES && !err; n++) {
		struct thrum_scope scope;

		thrum_scope_open(&scope);
		for (uint64_t i = 0; i < work->count; i++)
			thrum_scope_spawn(&scope, count_one, &work->places[i]);
		err = thrum_scope_close(&scope);
	}
	bench_span_end(&work->span);
	return err;
}

static void scopes(struct bench *b, unsigned workers)
{
	size_t bytes = b->count * sizeof(uint64_t);
	struct work work = {.count = b->count, .places = bench_alloc(bytes)};
	double children = WORK_SCOPES * (double)b->count;
	uint64_t sum;

	memset(work.places, 0, bytes);
	bench_run(workers, open_and_close, &work);
	sum = work_scope_sum(work.places, b->count);
	bench_check("the sum of what the children did", sum,
		    WORK_SCOPES * (b->count * (b->count + 1) / 2));
	bench_figure_span(b, "spawn in a scope, close", workers, "ns a task", &work.span, children);
	bench_once(b, "child", "ns", (double)work.span.wall_ns / children);
	bench_once_sum(b, sum);
	free(work.places);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "scope",
	    .about = "a scope of children that do next to nothing, 100 times",
	    .counted = "children of a scope",
	    .count = 10000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {scopes};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
