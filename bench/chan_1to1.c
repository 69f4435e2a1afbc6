/* SPDX-License-Identifier: MIT */
/*
 * chan_1to1.c - one task sends numbers through a channel with room for 128 to another one.  An
 * operation is an item: its send and its receive.
 */
#include "channel.h"

static void one_to_one(struct bench *b, unsigned workers)
{
	channel_bench(
	    b, workers,
	    (struct channel){
		.room = WORK_ROOM, .senders = 1, .receivers = 1, .receive = channel_receive});
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "chan_1to1",
	    .about = "items through a channel with room for 128, from one task to another",
	    .counted = "items",
	    .count = 1000000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {one_to_one};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
