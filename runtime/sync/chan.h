/* SPDX-License-Identifier: MIT */
/* chan.h - what channels, queues and selects share; chan.c tells how. */
#ifndef THRUM_SYNC_CHAN_H
#define THRUM_SYNC_CHAN_H

#include "core/refs.h"
#include "core/waitqueue.h"
#include "sched/stand.h"
#include "sync/store.h"

/* A send or a receive that waits. */
struct thrum__chan_turn {
	struct thrum__turn turn;
	void *item;    /* to copy from or to */
	bool reserves; /* a send that only wants room */
	int result;    /* -EPIPE, unless who grants it writes 0 */
};

/* In the word, beside HELD: as of the last holder. */
#define THRUM__CHAN_HAS 1u   /* a receive need not wait */
#define THRUM__CHAN_TAKES 2u /* a send need not wait */
#define THRUM__CHAN_CLOSED 4u
#define THRUM__CHAN_WAITING 8u /* one of its queues has turns */

struct thrum_chan {
	struct atomic32 word;
	uint32_t reserved; /* rooms that are to be committed or abandoned */
	struct thrum__store store;
	uint64_t accepted; /* items that came in */
	/* Without those that wait nothing below is touched. */
	struct thrum__waitqueue senders, receivers;
	struct atomic32 refs;
	void (*drop)(void *item);
} __attribute__((aligned(CACHE_LINE)));

/* Around what is done with a channel: the word's flags are made anew by drop. */
static inline uint32_t thrum__chan_hold(struct thrum_chan *c)
{
	return thrum__hold(&c->word);
}
void thrum__chan_drop(struct thrum_chan *c);
/* Holding: the value that it drops. */
uint32_t thrum__chan_flags(const struct thrum_chan *c);

/* @t, of @s, is about to be pushed. */
void thrum__chan_turn_init(struct thrum__chan_turn *t, const struct thrum__stander *s, void *item);
/* Holding: it is closed, and nothing is in it or to come. */
bool thrum__chan_is_over(const struct thrum_chan *c);
/* Holding: 0; -EAGAIN: not now; -EPIPE.  Those that go on because of it are added to @g. */
int thrum__chan_put(struct thrum_chan *c, const void *item, struct thrum__granted *g);
int thrum__chan_take(struct thrum_chan *c, void *item, struct thrum__granted *g);

/* @c's new life, with room for @capacity items of @item_size bytes.  False: no memory. */
bool thrum__chan_init(struct thrum_chan *c, size_t item_size, size_t capacity,
		      const struct thrum__order *order);
/* Its items and its memory, but for @c itself. */
void thrum__chan_fini(struct thrum_chan *c);
/* The calls with a deadline. */
int thrum__chan_send(struct thrum_chan *c, const void *item, int64_t deadline_ns);
int thrum__chan_recv(struct thrum_chan *c, void *item, int64_t deadline_ns);

#endif
