/* SPDX-License-Identifier: MIT */
/*
 * linear.h - is there an order, one after the other, in which the operations of several parties
 * give what they returned?
 *
 * Wing and Gong's search (1993) over what was recorded, with Lowe's memory of configurations
 * (2017).  An operation takes place at one moment between its begin and its end; one that has to
 * wait at two: at the first it stands in line (enter), at the second another one's moment ends it,
 * or it leaves.  So the model knows who waits and in which order, and "the first that came is
 * served first" can be checked as well as what was returned.
 *
 * QUIET   a moment at which nothing could run: whoever had begun and not ended must have waited,
 *         in the order that is searched for as well.  So a wake that was lost shows, although
 *         everybody is cancelled afterwards.
 * CUT     an operation that returned -ECANCELED or -ETIMEDOUT: it did nothing, or stood in line
 *         and left it.
 * PARTS   of one call that takes place at several moments: each begins after the one before it.
 * WOKEN   one that stands in line may be told to look again, not ended: it leaves the line at one
 *         moment (is_woken, leave), and takes place at a later one as if it came then.
 */
#ifndef TESTS_UNIT_LINEAR_H
#define TESTS_UNIT_LINEAR_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINEAR_OPS 64
#define LINEAR_STATE 160
#define LINEAR_SEEN 8192 /* configurations that are remembered; a power of 2 */
#define QUIET 0          /* what a model's own operations are is above this */
#define BRANCHES 3

struct operation {
	uint32_t begins, ends; /* each number once in a history, but for parts */
	uint8_t what, party;
	bool cut;
	bool part;   /* of the call of the operation before it, which has at least begun ... */
	bool joined; /* ... or, and all before that, has ended */
	/* The model's: */
	int arg, result;
	uint8_t branches, won;
	struct {
		uint8_t does, on, item;
	} branch[BRANCHES];
};

struct history;

struct linear_model {
	const char *const *names; /* of operations, from QUIET on */
	/* Operation @i takes place, or comes to stand in line.  *@ended: bits of those that end by
	 * that, itself perhaps.  False: not now, or not with what they returned. */
	bool (*enter)(const struct history *h, void *state, unsigned i, uint64_t *ended);
	/* The same when @i, which stands in line, is cut, or leaves to look again. */
	bool (*leave)(const struct history *h, void *state, unsigned i, uint64_t *ended);
	/* Is @i kept waiting now, but not in a line? */
	bool (*kept_out)(const struct history *h, const void *state, unsigned i);
	/* Is @i, which stands in line, to look again?  NULL: nobody ever is. */
	bool (*is_woken)(const struct history *h, const void *state, unsigned i);
};

struct history {
	const struct linear_model *model;
	unsigned n;
	struct operation ops[LINEAR_OPS];
	uint64_t first[LINEAR_STATE / 8]; /* the state before all of them */
};

struct linear_config {
	uint64_t entered, ended;
	uint64_t state[LINEAR_STATE / 8];
};

struct linear {
	const struct history *h;
	uint64_t all;
	struct linear_config at[3 * LINEAR_OPS + 1]; /* by depth */
};

static uint64_t linear_steps; /* of the last check */

static struct {
	uint32_t epoch;
	uint32_t epochs[LINEAR_SEEN];
	struct linear_config configs[LINEAR_SEEN];
} linear_memory;

static inline uint64_t linear_bit(unsigned i)
{
	return (uint64_t)1 << i;
}

/* Was @c met before?  It is remembered now, in the place of another one perhaps. */
static inline bool linear_seen(const struct linear_config *c)
{
	const uint64_t *words = (const uint64_t *)c;
	uint64_t hash = 0;
	unsigned at;

	for (size_t i = 0; i < sizeof(*c) / sizeof(*words); i++)
		hash = (hash ^ words[i] ^ hash >> 29) * 0xBF58476D1CE4E5B9u;
	at = (unsigned)(hash >> 32) % LINEAR_SEEN;
	if (linear_memory.epochs[at] == linear_memory.epoch &&
	    !memcmp(&linear_memory.configs[at], c, sizeof(*c)))
		return true;
	linear_memory.epochs[at] = linear_memory.epoch;
	linear_memory.configs[at] = *c;
	return false;
}

/* Have the parts before @i come so far? */
static inline bool linear_parts_allow(const struct history *h, const struct linear_config *c,
				      unsigned i)
{
	if (h->ops[i].part && !(c->entered & linear_bit(i - 1)))
		return false;
	for (unsigned k = i; h->ops[i].joined && h->ops[k].part; k--)
		if (!(c->ended & linear_bit(k - 1)))
			return false;
	return true;
}

/* Whoever returned before @i began has ended. */
static inline bool linear_may_enter(const struct history *h, const struct linear_config *c,
				    unsigned i)
{
	for (unsigned j = 0; j < h->n; j++)
		if (!(c->ended & linear_bit(j)) && h->ops[j].ends < h->ops[i].begins)
			return false;
	return linear_parts_allow(h, c, i);
}

/* Of @i, which stands in line. */
static inline bool linear_is_woken(const struct history *h, const struct linear_config *c,
				   unsigned i)
{
	return h->model->is_woken && h->model->is_woken(h, c->state, i);
}

/* Does the call that begins with @i wait? */
static inline bool linear_waits(const struct history *h, const struct linear_config *c, unsigned i)
{
	bool waits = false;

	do {
		if (c->ended & linear_bit(i))
			continue;
		waits = true;
		if (c->entered & linear_bit(i)
			? linear_is_woken(h, c, i)
			: linear_parts_allow(h, c, i) && !h->model->kept_out(h, c->state, i))
			return false;
	} while (++i < h->n && h->ops[i].part);
	return waits;
}

static inline bool linear_is_quiet(const struct history *h, const struct linear_config *c,
				   unsigned quiet)
{
	const struct operation *q = &h->ops[quiet];

	for (unsigned i = 0; i < h->n; i++)
		if (i != quiet && !h->ops[i].part && h->ops[i].begins < q->begins &&
		    h->ops[i].ends > q->ends && !linear_waits(h, c, i))
			return false;
	return true;
}

static inline bool linear_search(struct linear *l, unsigned depth);

/* Operation @i ends without having done anything. */
static inline bool linear_skip(struct linear *l, unsigned depth, unsigned i)
{
	struct linear_config *next = &l->at[depth + 1];

	*next = l->at[depth];
	next->entered |= linear_bit(i);
	next->ended |= linear_bit(i);
	return linear_search(l, depth + 1);
}

static inline bool linear_try(struct linear *l, unsigned depth, unsigned i)
{
	const struct linear_config *c = &l->at[depth];
	struct linear_config *next = &l->at[depth + 1];
	const struct history *h = l->h;
	uint64_t ended = 0;

	if (c->entered & linear_bit(i)) {
		if (!h->ops[i].cut && !linear_is_woken(h, c, i))
			return false;
		*next = *c;
		if (!h->model->leave(h, next->state, i, &ended))
			return false;
		if (h->ops[i].cut)
			ended |= linear_bit(i);
		else
			next->entered &= ~linear_bit(i);
	} else {
		if (!linear_may_enter(h, c, i))
			return false;
		if (h->ops[i].what == QUIET)
			return linear_is_quiet(h, c, i) && linear_skip(l, depth, i);
		if (h->ops[i].cut && linear_skip(l, depth, i))
			return true;
		*next = *c;
		if (!h->model->enter(h, next->state, i, &ended))
			return false;
		next->entered |= linear_bit(i);
	}
	next->ended |= ended;
	return linear_search(l, depth + 1);
}

static inline bool linear_search(struct linear *l, unsigned depth)
{
	struct linear_config *c = &l->at[depth];

	if (c->ended == l->all)
		return true;
	linear_steps++;
	if (linear_seen(c))
		return false;
	for (unsigned i = 0; i < l->h->n; i++)
		if (!(c->ended & linear_bit(i)) && linear_try(l, depth, i))
			return true;
	return false;
}

static inline bool linear_check(const struct history *h)
{
	static struct linear l;

	l.h = h;
	l.all = h->n == LINEAR_OPS ? UINT64_MAX : linear_bit(h->n) - 1;
	linear_steps = 0;
	l.at[0] = (struct linear_config){.entered = 0};
	memcpy(l.at[0].state, h->first, sizeof(h->first));
	linear_memory.epoch++;
	return linear_search(&l, 0);
}

static inline void linear_print(FILE *out, const struct history *h)
{
	for (unsigned i = 0; i < h->n; i++) {
		const struct operation *o = &h->ops[i];

		fprintf(out, "%u: party %u %3" PRIu32 " ... %3" PRIu32 "%s %s", i, o->party,
			o->begins, o->ends, o->part ? o->joined ? " then" : " and" : "",
			h->model->names[o->what]);
		if (o->arg)
			fprintf(out, " %d", o->arg);
		for (unsigned b = 0; b < o->branches; b++)
			fprintf(out, " {%s %u: %u}",
				o->branch[b].does ? h->model->names[o->branch[b].does] : "-",
				o->branch[b].on, o->branch[b].item);
		fprintf(out, " -> %d", o->result);
		fprintf(out, o->branches > 1 && !o->cut ? " by %u\n" : "\n", o->won);
	}
}

/* ---- Those who stand in line, in a model's state ---- */

#define LINE 15

struct line {
	uint8_t n, who[LINE];
};

static inline void line_push(struct line *l, unsigned who)
{
	if (l->n == LINE)
		abort();
	l->who[l->n++] = (uint8_t)who;
}

static inline void line_remove_at(struct line *l, unsigned at)
{
	memmove(&l->who[at], &l->who[at + 1], LINE - 1 - at);
	l->who[LINE - 1] = 0;
	l->n--;
}

/* All with operation @i in the lower six bits. */
static inline void line_remove(struct line *l, unsigned i)
{
	for (unsigned k = l->n; k-- > 0;)
		if (l->who[k] % LINEAR_OPS == i)
			line_remove_at(l, k);
}

#endif
