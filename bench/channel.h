/* SPDX-License-Identifier: MIT */
/*
 * channel.h - what the workloads chan_* share: tasks that send the numbers 0 ... count - 1, dealt
 * out among them, through one channel, and tasks that receive until it is closed and empty and add
 * up what came.  The clock counts all of that, the tasks' starts included.
 */
#ifndef BENCH_CHANNEL_H
#define BENCH_CHANNEL_H

#include "harness.h"
#include "work.h"

struct channel {
	size_t room;
	uint64_t senders;
	uint64_t receivers;
	thrum_fn receive; /* channel_receive, or one of its kind */
	struct thrum_chan *chan;
	uint64_t count;
	uint64_t sum; /* of what was received */
	struct bench_span span;
};

static inline intptr_t channel_send(void *arg)
{
	struct bench_member *me = arg;
	struct channel *c = me->work;
	int err = 0;

	for (uint64_t i = me->number; i < c->count && !err; i += c->senders)
		err = thrum_chan_send(c->chan, &i);
	return err;
}

static inline intptr_t channel_receive(void *arg)
{
	struct bench_member *me = arg;
	struct channel *c = me->work;
	uint64_t item, sum = 0;
	int err;

	while (!(err = thrum_chan_recv(c->chan, &item)))
		sum += item;
	me->sum = sum;
	return err == -EPIPE ? 0 : err;
}

static inline intptr_t channel_receivers(void *arg)
{
	struct channel *c = arg;

	return bench_together(c->receive, c, c->receivers, &c->sum);
}

static inline intptr_t channel_flow(void *arg)
{
	struct channel *c = arg;
	struct thrum_future *receivers;
	uint64_t nothing = 0;
	intptr_t received;
	int sent;

	bench_span_begin(&c->span);
	receivers = thrum_spawn(channel_receivers, c);
	sent = bench_together(channel_send, c, c->senders, &nothing);
	thrum_chan_close(c->chan);
	received = thrum_join(receivers);
	bench_span_end(&c->span);
	return sent ? sent : received;
}

/* Runs it and records the figure, for an item. */
static inline void channel_bench(struct bench *b, unsigned workers, struct channel c)
{
	double n = (double)b->count;

	c.count = b->count;
	c.chan = thrum_chan_create(sizeof(uint64_t), c.room);
	if (!c.chan)
		bench_fail("no channel");
	bench_run(workers, channel_flow, &c);
	thrum_chan_release(c.chan);
	bench_check("the sum of the items", c.sum, b->count * (b->count - 1) / 2);
	bench_figure_span(b, "send and receive an item", workers, "ns", &c.span, n);
	bench_once(b, "item", "ns", (double)c.span.wall_ns / n);
	bench_once_sum(b, c.sum);
}

#endif
