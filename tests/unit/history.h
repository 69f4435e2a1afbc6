/* SPDX-License-Identifier: MIT */
/*
 * history.h - what parties, tasks and a thread outside, call at random and are told, recorded for
 * linear.h.  What they play is in rounds.h.
 */
#ifndef TESTS_UNIT_HISTORY_H
#define TESTS_UNIT_HISTORY_H

#include <errno.h>

#include "base/atomic.h"
#include "linear.h"
#include "run.h"

#define TASKS 4
#define PARTIES (TASKS + 1)
#define PARTY_OPS 12 /* five parties and the quiet moments: LINEAR_OPS */

struct round;

struct party {
	struct round *round;
	unsigned index;
	bool outside; /* a thread, else a task */
	bool limited; /* none of its waits is for ever */
	uint64_t random;
	unsigned n;
	struct operation ops[PARTY_OPS];
	int held;      /* what it has to give back: the subject's */
	uint8_t items; /* made so far */
};

/* What is called. */
struct subject {
	const char *name;
	const struct linear_model *model;
	unsigned cost; /* operations of the history that a call may be, and what giving back is */
	void (*make)(struct round *r); /* ... and the model's first state */
	void (*call)(struct party *p);
	void (*give_back)(struct party *p);
	void (*unmake)(struct round *r);
};

struct round {
	const struct subject *subject;
	uint64_t random;
	bool is_virtual;
	unsigned tasks, arriving,
	    all; /* parties: the tasks, and perhaps a thread or the main task */
	struct party parties[PARTIES];
	struct atomic32 moment;
	struct atomic32 started, arrived; /* all tasks have been; parties have */
	struct thrum_future *futures[TASKS];
	struct thrum_future *outside; /* done when the thread is */
	struct history history;
};

static inline uint64_t stir(uint64_t x)
{
	x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u; /* splitmix64's */
	x = (x ^ x >> 27) * 0x94D049BB133111EBu;
	return x ^ x >> 31;
}

/* The next number below @n. */
static inline unsigned draw(uint64_t *random, unsigned n)
{
	return (unsigned)(stir(*random += 0x9E3779B97F4A7C15u) % n);
}

static inline bool chance(struct party *p, unsigned one_in)
{
	return draw(&p->random, one_in) == 0;
}

/* Different for each item of a round, and not 0. */
static inline uint8_t new_item(struct party *p)
{
	return (uint8_t)(1 + p->index * PARTY_OPS + p->items++);
}

/* ---- What is recorded ---- */

static inline uint32_t moment(struct round *r)
{
	return fetch_add_acq_rel(&r->moment, 1) + 1;
}

static inline struct operation *begin(struct party *p, unsigned what)
{
	struct operation *o = &p->ops[p->n++];

	must(p->n <= PARTY_OPS);
	*o = (struct operation){.what = (uint8_t)what, .party = (uint8_t)p->index};
	o->begins = moment(p->round);
	return o;
}

static inline void end(struct party *p, struct operation *o, int result)
{
	o->ends = moment(p->round);
	o->result = result;
	o->cut = result == -ECANCELED || result == -ETIMEDOUT;
}

/* A later moment of the call that was recorded last. */
static inline struct operation *then(struct party *p, unsigned what, bool joined)
{
	const struct operation *before = &p->ops[p->n - 1];
	struct operation *o = &p->ops[p->n++];

	must(p->n <= PARTY_OPS);
	*o = (struct operation){.what = (uint8_t)what, .party = (uint8_t)p->index};
	o->begins = before->begins;
	o->ends = before->ends;
	o->part = true;
	o->joined = joined;
	return o;
}

/* How long a call may wait: its own deadline, or one around it. */
struct limit {
	int64_t until_ns;
	bool is_around, is_none;
	struct thrum_timeout around;
};

static inline void limit_begin(struct party *p, struct limit *l)
{
	int64_t ns = p->round->is_virtual ? THRUM_MS((int64_t)draw(&p->random, 4))
					  : THRUM_US((int64_t)draw(&p->random, 60));

	*l = (struct limit){.until_ns = THRUM_FOREVER};
	l->is_none = !p->limited && !chance(p, 3);
	l->is_around = !l->is_none && !p->outside && chance(p, 3);
	if (l->is_around)
		thrum_timeout_begin(&l->around, ns);
	else if (!l->is_none)
		l->until_ns = thrum_now() + ns;
}

static inline void limit_end(struct party *p, struct limit *l, int result)
{
	bool is_late = l->is_around && thrum_timeout_end(&l->around);

	must(is_late == (l->is_around && result == -ETIMEDOUT));
	must(result != -ETIMEDOUT || !l->is_none);
	must(result != -ECANCELED || (!p->outside && thrum_cancel_requested() == THRUM_HARD));
}

#endif
