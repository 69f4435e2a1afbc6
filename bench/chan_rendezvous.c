/* SPDX-License-Identifier: MIT */
/*
 * chan_rendezvous.c - one task sends through a channel without room to another one: each send waits
 * for its receive.  An operation is an item: both of them.
 */
#include "channel.h"

static void hand_over(struct bench *b, unsigned workers)
{
	channel_bench(
	    b, workers,
	    (struct channel){.room = 0, .senders = 1, .receivers = 1, .receive = channel_receive});
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "chan_rendezvous",
	    .about = "items through a channel without room, from one task to another",
	    .counted = "items",
	    .count = 200000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {hand_over};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
