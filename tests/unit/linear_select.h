/* SPDX-License-Identifier: MIT */
/*
 * linear_select.h - the serial model of selects over channels, a future and a token, of queues, and
 * of what else is asked of a channel (linear_chan.h).
 *
 * A channel's end ends a select, with what it moved.  A future and a token tell one that waits to
 * look again, at any moment after they have come about; until then it stands in its lines.
 */
#ifndef TESTS_UNIT_LINEAR_SELECT_H
#define TESTS_UNIT_LINEAR_SELECT_H

#include "linear_chan.h"

static inline bool is_of_chan(unsigned does)
{
	return does != FUTURE_SET && does != TOKEN_CANCEL;
}

static inline bool branch_is_ready(const struct chans_model *m, const struct operation *o,
				   unsigned b)
{
	unsigned does = o->branch[b].does, on = o->branch[b].on;

	if (does == FUTURE_SET)
		return m->set;
	if (does == TOKEN_CANCEL)
		return m->level >= on;
	return chan_is_ready(&m->chans[on], does);
}

/* The branch is ready, and won. */
static inline bool chan_go_ahead(struct chan_step *s, const struct operation *o)
{
	unsigned does = o->branch[o->won].does, item = o->branch[o->won].item;
	struct chan_model *c;

	if (!is_of_chan(does))
		return o->result == 0;
	c = &s->m->chans[o->branch[o->won].on];
	if (does == CHAN_RECV ? chan_is_over(c) : c->closed)
		return o->result == -EPIPE;
	if (o->result)
		return false;
	if (does == CHAN_RESERVE)
		c->reserved++;
	return does == CHAN_RESERVE ||
	       (does == CHAN_RECV ? chan_take(s, c, item) : chan_put(s, c, item));
}

static inline bool chan_select(struct chan_step *s, unsigned i)
{
	const struct operation *o = &s->h->ops[i];
	bool ready[BRANCHES], any = false;

	for (unsigned b = 0; b < o->branches; b++) {
		ready[b] = branch_is_ready(s->m, o, b);
		any |= ready[b];
	}
	if (any || o->what == CHAN_TRY)
		s->ended |= linear_bit(i);
	if (any)
		return !o->cut && o->result != -EAGAIN && ready[o->won] && chan_go_ahead(s, o);
	if (o->what == CHAN_TRY)
		return o->result == -EAGAIN;
	for (unsigned b = 0; b < o->branches; b++) {
		bool receives = o->branch[b].does == CHAN_RECV;
		struct chan_model *c;

		if (!o->branch[b].does || !is_of_chan(o->branch[b].does))
			continue;
		c = &s->m->chans[o->branch[b].on];
		line_push(receives ? &c->receivers : &c->senders, i + b * LINEAR_OPS);
	}
	return true;
}

/* Told at the first time, or at a higher level. */
static inline bool tell(uint8_t *told, int level, int result)
{
	bool is_news = level > *told;

	if (is_news)
		*told = (uint8_t)level;
	return result == (is_news ? 0 : -EALREADY);
}

static inline bool chan_take_many(struct chan_step *s, const struct operation *o)
{
	struct chan_model *c = &s->m->chans[o->branch[0].on];

	for (int k = 0; k < o->result; k++)
		if (!chan_is_ready(c, CHAN_RECV) || chan_is_over(c) ||
		    !chan_take(s, c, o->branch[k].item))
			return false;
	return o->result == o->arg ||
	       (o->result < o->arg && (!chan_is_ready(c, CHAN_RECV) || chan_is_over(c)));
}

/* So many more have been dealt with. */
static inline bool queue_done(struct chan_step *s, unsigned n)
{
	struct line *l = &s->m->joiners;

	s->m->unfinished = (uint8_t)(s->m->unfinished - n);
	for (; !s->m->unfinished && l->n; line_remove_at(l, 0)) {
		if (s->h->ops[l->who[0]].cut)
			return false;
		s->ended |= linear_bit(l->who[0]);
	}
	return true;
}

static inline bool queue_clear(struct chan_step *s, struct chan_model *c)
{
	unsigned n = c->count;

	memset(c->items, 0, sizeof(c->items));
	c->count = 0;
	return queue_done(s, n);
}

/* All that does not wait in a channel's lines. */
static inline bool chan_do(struct chan_step *s, unsigned i)
{
	const struct operation *o = &s->h->ops[i];
	struct chan_model *c = &s->m->chans[o->branch[0].on];

	s->ended |= linear_bit(i);
	switch (o->what) {
	case FUTURE_SET:
		return tell(&s->m->set, 1, o->result);
	case TOKEN_CANCEL:
		return tell(&s->m->level, o->arg, o->result);
	case CHAN_MANY:
		return chan_take_many(s, o);
	case CHAN_COMMIT:
		return chan_put(s, c, o->branch[0].item) && chan_unreserve(s, c);
	case CHAN_ABANDON:
		return chan_unreserve(s, c);
	case CHAN_CLOSE:
		return chan_close(s, c);
	case CHAN_IS_CLOSED:
		return o->result == c->closed;
	case CHAN_COUNT:
		return o->result == c->count;
	case QUEUE_DONE:
		return queue_done(s, 1);
	case QUEUE_CLEAR:
		return queue_clear(s, c);
	case QUEUE_JOIN:
		if (!s->m->unfinished)
			return !o->cut;
		s->ended &= ~linear_bit(i);
		line_push(&s->m->joiners, i);
		return true;
	}
	return false;
}

static inline bool chan_enter(const struct history *h, void *state, unsigned i, uint64_t *ended)
{
	struct chan_step s = {h, state, 0};
	bool selects = h->ops[i].what == CHAN_SELECT || h->ops[i].what == CHAN_TRY;
	bool is_possible = selects ? chan_select(&s, i) : chan_do(&s, i);

	*ended = s.ended;
	return is_possible;
}

static inline bool chan_leave(const struct history *h, void *state, unsigned i, uint64_t *ended)
{
	struct chans_model *m = state;

	(void)h;
	(void)ended;
	for (unsigned k = 0; k < CHANS; k++) {
		line_remove(&m->chans[k].senders, i);
		line_remove(&m->chans[k].receivers, i);
	}
	line_remove(&m->joiners, i);
	return true;
}

static inline bool chan_keeps_out(const struct history *h, const void *state, unsigned i)
{
	(void)h;
	(void)state;
	(void)i;
	return false; /* all that waits stands in line */
}

static inline bool chan_is_woken(const struct history *h, const void *state, unsigned i)
{
	const struct operation *o = &h->ops[i];

	for (unsigned b = 0; b < o->branches; b++)
		if (!is_of_chan(o->branch[b].does) && branch_is_ready(state, o, b))
			return true;
	return false;
}

static const struct linear_model chan_linear = {chan_names, chan_enter, chan_leave, chan_keeps_out,
						chan_is_woken};

#endif
