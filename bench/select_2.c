/* SPDX-License-Identifier: MIT */
/*
 * select_2.c - a task receives from whichever of two channels has something; each has a sender.
 * An operation is an item: its send, and the select that received it.
 */
#include "among.h"

static void among_two(struct bench *b, unsigned workers)
{
	among_bench(b, workers, 2);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "select_2",
	    .about = "items from two channels that a task selects over",
	    .counted = "items",
	    .count = 200000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {among_two};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
