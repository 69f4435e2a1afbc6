/* SPDX-License-Identifier: MIT */
/*
 * linear_chan.h - the serial model of channels, for linear.h: what a step of one does to its lines.
 *
 * A send, a receive and a reserve are selects with one branch.  In lines stand operations, with the
 * number of the branch in the upper two bits.
 */
#ifndef TESTS_UNIT_LINEAR_CHAN_H
#define TESTS_UNIT_LINEAR_CHAN_H

#include <errno.h>

#include <thrum/queue.h>

#include "linear.h"

#define CHANS 2
#define ITEMS 4

enum chan_op {
	CHAN_SEND = QUIET + 1, /* of a branch, too */
	CHAN_RECV,
	CHAN_RESERVE,
	CHAN_SELECT, /* one of the branches, after a wait if need be */
	CHAN_TRY,    /* ... or none */
	CHAN_MANY,   /* what is there, up to arg: result of them, the items in the branches */
	CHAN_COMMIT,
	CHAN_ABANDON,
	CHAN_CLOSE,
	CHAN_IS_CLOSED,
	CHAN_COUNT,
	QUEUE_DONE,
	QUEUE_JOIN,
	QUEUE_CLEAR,
	FUTURE_SET,   /* of a branch: it is done */
	TOKEN_CANCEL, /* at level arg; of a branch: at the level that it is on */
};

static const char *const chan_names[] = {
    "quiet", "send",      "recv",  "reserve", "select", "try",   "many", "commit", "abandon",
    "close", "is closed", "count", "done",    "join",   "clear", "set",  "cancel",
};

struct chan_model {
	uint8_t capacity, closed, reserved, count;
	uint8_t items[ITEMS];
	struct line senders, receivers;
};

struct chans_model {
	struct chan_model chans[CHANS];
	uint8_t order;      /* THRUM_QUEUE_FIFO ... */
	uint8_t unfinished; /* items that were put and not dealt with */
	struct line joiners;
	uint8_t set, level;   /* the future; what was requested of the token */
} __attribute__((may_alias)); /* the state of a history */

_Static_assert(sizeof(struct chans_model) <= LINEAR_STATE, "it fits");

/* What an operation changes: the state, and which others end. */
struct chan_step {
	const struct history *h;
	struct chans_model *m;
	uint64_t ended;
};

static inline bool chan_has_room(const struct chan_model *c)
{
	return c->count + c->reserved < c->capacity;
}

static inline bool chan_is_over(const struct chan_model *c)
{
	return c->closed && c->count + c->reserved == 0;
}

static inline bool chan_is_ready(const struct chan_model *c, unsigned does)
{
	switch (does) {
	case CHAN_SEND:
		return c->closed || chan_has_room(c) || (!c->capacity && c->receivers.n);
	case CHAN_RESERVE:
		return c->closed || chan_has_room(c);
	case CHAN_RECV:
		return c->count || chan_is_over(c) || (!c->capacity && c->senders.n);
	}
	return false;
}

/* @who, first in its line, ends with @result.  False: it did not. */
static inline bool chan_grant(struct chan_step *s, unsigned who, int result)
{
	unsigned i = who % LINEAR_OPS, b = who / LINEAR_OPS;
	const struct operation *o = &s->h->ops[i];

	for (unsigned k = 0; k < CHANS; k++) {
		line_remove(&s->m->chans[k].senders, i);
		line_remove(&s->m->chans[k].receivers, i);
	}
	s->ended |= linear_bit(i);
	return !o->cut && o->won == b && o->result == result;
}

static inline unsigned chan_item_of(const struct chan_step *s, unsigned who)
{
	return s->h->ops[who % LINEAR_OPS].branch[who / LINEAR_OPS].item;
}

static inline bool chan_put(struct chan_step *s, struct chan_model *c, unsigned item)
{
	s->m->unfinished++;
	if (c->receivers.n) {
		unsigned who = c->receivers.who[0];

		return chan_item_of(s, who) == item && chan_grant(s, who, 0);
	}
	if (c->count == c->capacity)
		return false;
	c->items[c->count++] = (uint8_t)item;
	return true;
}

/* Room has come about. */
static inline bool chan_admit(struct chan_step *s, struct chan_model *c)
{
	while (chan_has_room(c) && c->senders.n) {
		unsigned who = c->senders.who[0];

		if (s->h->ops[who % LINEAR_OPS].branch[who / LINEAR_OPS].does == CHAN_RESERVE)
			c->reserved++;
		else if (!chan_put(s, c, chan_item_of(s, who)))
			return false;
		if (!chan_grant(s, who, 0))
			return false;
	}
	return true;
}

/* Which one a take takes. */
static inline unsigned chan_next(const struct chans_model *m, const struct chan_model *c)
{
	unsigned at = m->order == THRUM_QUEUE_LIFO ? c->count - 1u : 0;

	for (unsigned k = 1; m->order == THRUM_QUEUE_PRIORITY && k < c->count; k++)
		if (c->items[k] < c->items[at])
			at = k;
	return at;
}

static inline bool chan_take(struct chan_step *s, struct chan_model *c, unsigned item)
{
	if (c->count) {
		unsigned at = chan_next(s->m, c);
		bool is_it = c->items[at] == item;

		memmove(&c->items[at], &c->items[at + 1], ITEMS - 1u - at);
		c->items[ITEMS - 1] = 0;
		c->count--;
		return is_it && chan_admit(s, c);
	}
	s->m->unfinished++;
	return chan_item_of(s, c->senders.who[0]) == item && chan_grant(s, c->senders.who[0], 0);
}

static inline bool chan_end_all(struct chan_step *s, struct line *l, int result)
{
	while (l->n) {
		unsigned who = l->who[0];

		if (!chan_grant(s, who, result))
			return false;
	}
	return true;
}

static inline bool chan_unreserve(struct chan_step *s, struct chan_model *c)
{
	c->reserved--;
	return chan_is_over(c) ? chan_end_all(s, &c->receivers, -EPIPE) : chan_admit(s, c);
}

static inline bool chan_close(struct chan_step *s, struct chan_model *c)
{
	c->closed = true;
	return chan_end_all(s, &c->senders, -EPIPE) &&
	       (!chan_is_over(c) || chan_end_all(s, &c->receivers, -EPIPE));
}

#endif
