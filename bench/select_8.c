/* SPDX-License-Identifier: MIT */
/*
 * select_8.c - a task receives from whichever of eight channels has something; each has a sender.
 * An operation is an item: its send, and the select that received it.
 */
#include "among.h"

static void among_eight(struct bench *b, unsigned workers)
{
	among_bench(b, workers, 8);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "select_8",
	    .about = "items from eight channels that a task selects over",
	    .counted = "items",
	    .count = 200000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {among_eight};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
