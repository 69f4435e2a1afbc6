/* SPDX-License-Identifier: MIT */
/*
 * linear_news.h - the serial models of broadcasts and watches, for linear.h.
 *
 * There are no lines: who is woken looks again, at any later moment, so a receive takes place when
 * it finds something.  Each party has a listener of its own, and knows which version it saw last.
 */
#ifndef TESTS_UNIT_LINEAR_NEWS_H
#define TESTS_UNIT_LINEAR_NEWS_H

#include <errno.h>

#include "linear.h"

#define LISTENERS 5
#define KEPT 3 /* items, at most */

enum news_op {
	NEWS_SEND = QUIET + 1, /* arg */
	NEWS_CLOSE,
	NEWS_RECV, /* arg */
	NEWS_TRY,
	NEWS_LISTEN, /* anew */
	NEWS_MISSED,
	WATCH_SET, /* arg */
	WATCH_CLOSE,
	WATCH_GET,  /* result is the version, arg the value */
	WATCH_NEXT, /* than that of the branch: item is the version, arg the value */
};

static const char *const news_names[] = {
    "quiet",  "send", "close",       "recv", "try recv", "listen",
    "missed", "set",  "close watch", "get",  "next",
};

struct news_model {
	uint8_t capacity, closed, sent; /* sent: a watch's version as well */
	uint8_t items[LINEAR_OPS];      /* a watch's last value is the last one */
	struct {
		uint8_t next, missed;
	} listeners[LISTENERS];
} __attribute__((may_alias)); /* the state of a history */

_Static_assert(sizeof(struct news_model) <= LINEAR_STATE, "it fits");

static inline bool news_send(struct news_model *m, const struct operation *o)
{
	if (m->closed)
		return o->result == -EPIPE;
	m->items[m->sent++] = (uint8_t)o->arg;
	return o->result == 0;
}

/* What listener @who has not seen is kept no longer. */
static inline unsigned news_lost(const struct news_model *m, unsigned who)
{
	unsigned behind = (unsigned)m->sent - m->listeners[who].next;

	return behind > m->capacity ? behind - m->capacity : 0;
}

static inline bool news_is_waited_for(const struct news_model *m, unsigned who)
{
	return m->listeners[who].next == m->sent && !m->closed;
}

static inline bool news_recv(struct news_model *m, const struct operation *o)
{
	unsigned lost = news_lost(m, o->party);
	uint8_t *next = &m->listeners[o->party].next;

	if (news_is_waited_for(m, o->party))
		return o->what == NEWS_TRY && o->result == -EAGAIN;
	if (*next == m->sent)
		return o->result == -EPIPE;
	if (!lost)
		return m->items[(*next)++] == o->arg && o->result == 0;
	*next = (uint8_t)(*next + lost);
	m->listeners[o->party].missed = (uint8_t)(m->listeners[o->party].missed + lost);
	return o->result == -EOVERFLOW;
}

/* The first value is there when it begins: version 1. */
static inline bool watch_is_at(const struct news_model *m, unsigned version, int value)
{
	return version == m->sent && value == m->items[m->sent - 1];
}

static inline bool watch_is_waited_for(const struct news_model *m, const struct operation *o)
{
	return o->branch[0].on == m->sent && !m->closed;
}

static inline bool watch_next(const struct news_model *m, const struct operation *o)
{
	if (o->branch[0].on == m->sent)
		return m->closed && o->result == -EPIPE;
	return o->result == 0 && watch_is_at(m, o->branch[0].item, o->arg);
}

static inline bool news_do(struct news_model *m, const struct operation *o)
{
	switch (o->what) {
	case NEWS_SEND:
	case WATCH_SET:
		return news_send(m, o);
	case NEWS_CLOSE:
	case WATCH_CLOSE:
		m->closed = true;
		return true;
	case NEWS_RECV:
	case NEWS_TRY:
		return news_recv(m, o);
	case NEWS_LISTEN:
		m->listeners[o->party].next = m->sent;
		m->listeners[o->party].missed = 0;
		return true;
	case NEWS_MISSED:
		return o->result == m->listeners[o->party].missed;
	case WATCH_GET:
		return watch_is_at(m, (unsigned)o->result, o->arg);
	case WATCH_NEXT:
		return watch_next(m, o);
	}
	return false;
}

static inline bool news_enter(const struct history *h, void *state, unsigned i, uint64_t *ended)
{
	*ended = linear_bit(i);
	return !h->ops[i].cut && news_do(state, &h->ops[i]);
}

static inline bool news_leave(const struct history *h, void *state, unsigned i, uint64_t *ended)
{
	(void)h;
	(void)state;
	(void)i;
	(void)ended;
	return false; /* nobody stands in line */
}

static inline bool news_keeps_out(const struct history *h, const void *state, unsigned i)
{
	const struct operation *o = &h->ops[i];

	if (o->what == NEWS_RECV)
		return news_is_waited_for(state, o->party);
	return o->what == WATCH_NEXT && watch_is_waited_for(state, o);
}

static const struct linear_model news_linear = {news_names, news_enter, news_leave, news_keeps_out,
						NULL};

#endif
