/* SPDX-License-Identifier: MIT */
/*
 * chan_test.h - what the tests of channels, queues and selects share: calls that wait in a task of
 * their own, looks at who waits.
 */
#ifndef TESTS_UNIT_CHAN_TEST_H
#define TESTS_UNIT_CHAN_TEST_H

#include "run.h"
#include "sync/chan.h"

static inline struct thrum_chan *chan_new(size_t item_size, size_t capacity)
{
	struct thrum_chan *c = thrum_chan_create(item_size, capacity);

	must(c);
	return c;
}

/* Of words. */
static inline struct thrum_chan *words_new(size_t capacity)
{
	return chan_new(sizeof(uint64_t), capacity);
}

static inline size_t on_queue(const struct thrum__waitqueue *q)
{
	size_t n = 0;

	if (thrum__waitqueue_is_empty(q))
		return 0;
	for (const struct thrum__turn_links *l = q->ends.next; l != &q->ends; l = l->next)
		n++;
	return n;
}

static inline size_t senders_of(struct thrum_chan *c)
{
	uint32_t v = thrum__hold(&c->word);
	size_t n = on_queue(&c->senders);

	thrum__drop(&c->word, v);
	return n;
}

static inline size_t receivers_of(struct thrum_chan *c)
{
	uint32_t v = thrum__hold(&c->word);
	size_t n = on_queue(&c->receivers);

	thrum__drop(&c->word, v);
	return n;
}

/* Nobody waits, @c holds @count items, and what it says to who only looks is so; after a close it
 * may still say that somebody waits. */
static inline void is_at_rest(struct thrum_chan *c, size_t count)
{
	is_int(senders_of(c), 0);
	is_int(receivers_of(c), 0);
	is_int(thrum_chan_count(c), count);
	is_int(load_relaxed(&c->word) & (thrum_chan_is_closed(c) ? ~THRUM__CHAN_WAITING : ~0u),
	       thrum__chan_flags(c));
}

/* With it the channel goes. */
static inline void chan_end(struct thrum_chan *c)
{
	is_int(load_relaxed(&c->refs), 1);
	thrum_chan_release(c);
}

/* @fn waits in a task of its own, on the virtual clock. */
static inline struct thrum_future *stands(thrum_fn fn, void *arg)
{
	struct thrum_future *f = thrum_spawn(fn, arg);

	must(f);
	settle();
	must(!thrum_done(f));
	return f;
}

/* A call at a channel of words. */
struct word_call {
	struct thrum_chan *c;
	uint64_t item;
	int64_t deadline_ns;
};

static inline struct word_call call_at(struct thrum_chan *c, uint64_t item)
{
	return (struct word_call){c, item, THRUM_FOREVER};
}

static inline intptr_t task_send(void *call)
{
	struct word_call *k = call;

	return thrum_chan_send_until(k->c, &k->item, k->deadline_ns);
}

static inline intptr_t task_recv(void *call)
{
	struct word_call *k = call;

	return thrum_chan_recv_until(k->c, &k->item, k->deadline_ns);
}

static inline intptr_t task_reserve(void *call)
{
	struct word_call *k = call;

	return thrum_chan_reserve_until(k->c, k->deadline_ns);
}

static inline int try_send(struct thrum_chan *c, uint64_t item)
{
	return thrum_chan_try_send(c, &item);
}

static inline void is_next(struct thrum_chan *c, uint64_t want)
{
	uint64_t item = ~want;

	is_int(thrum_chan_try_recv(c, &item), 0);
	is_int(item, want);
}

/* Nothing is to be had: neither stored nor from one who waits. */
static inline void has_nothing(struct thrum_chan *c, int err)
{
	uint64_t item = 0x5eed;

	is_int(thrum_chan_try_recv(c, &item), err);
	is_int(item, 0x5eed);
}

#endif
