/* SPDX-License-Identifier: MIT */
/*
 * chan_batch.c - chan_1to1.c with a receiver that takes all that is there, up to 64 at once.  The
 * sender sends one by one.  An operation is an item.
 */
#include "channel.h"

static intptr_t receive_batches(void *arg)
{
	struct bench_member *me = arg;
	struct channel *c = me->work;
	uint64_t items[WORK_BATCH], sum = 0;
	ssize_t n;

	while ((n = thrum_chan_recv_many(c->chan, items, WORK_BATCH, THRUM_FOREVER)) > 0) {
		for (ssize_t i = 0; i < n; i++)
			sum += items[i];
	}
	me->sum = sum;
	return n == -EPIPE ? 0 : n;
}

static void batches(struct bench *b, unsigned workers)
{
	channel_bench(
	    b, workers,
	    (struct channel){
		.room = WORK_ROOM, .senders = 1, .receivers = 1, .receive = receive_batches});
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "chan_batch",
	    .about = "items through a channel with room for 128, received up to 64 at once",
	    .counted = "items",
	    .count = 1000000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {batches};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
