/* SPDX-License-Identifier: MIT */
/*
 * chan_nton.c - four tasks send through one channel with room for 128, four receive: each item goes
 * to one of them.  An operation is an item: its send and its receive.
 */
#include "channel.h"

static void many_to_many(struct bench *b, unsigned workers)
{
	channel_bench(b, workers,
		      (struct channel){.room = WORK_ROOM,
				       .senders = WORK_ENDS,
				       .receivers = WORK_ENDS,
				       .receive = channel_receive});
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "chan_nton",
	    .about = "items through a channel with room for 128, from four tasks to four",
	    .counted = "items",
	    .count = 1000000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {many_to_many};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
