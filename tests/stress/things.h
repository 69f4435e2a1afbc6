/* SPDX-License-Identifier: MIT */
/*
 * things.h - for cancel_race.c: things that complete once, each in its way, and what is counted of
 * them.
 */
#ifndef THRUM_STRESS_THINGS_H
#define THRUM_STRESS_THINGS_H

#include <errno.h>

#include "base/atomic.h"
#include "support.h"

#define THINGS 48
#define TOKENS 4

enum kind { BARE, SHIELD, SLEEPER, GATED, DEAF, DROPPED, LINKED, LEVEL, JOB, KINDS };
enum party { SETTER, CANCELLER, OUTSIDER, PARTIES };
enum watcher { PLAIN, TIMED, CANCELLED, OUTSIDE, WATCHERS };

struct thing {
	enum kind kind;
	struct thrum_future *f;
	struct thrum_future *gate; /* what a party sets: it, or what it waits for; or NULL */
	struct thrum_token *token;
	intptr_t value; /* that it gives unless it is cancelled */
	int64_t ns;
	struct atomic32 sets, cancels;  /* that said they were the one */
	struct atomic32 tacit;          /* a join or wait_for may have cancelled it */
	struct atomic32 begun, dropped; /* of a task */
	struct atomic64 returned;
	intptr_t seen[WATCHERS];
};

struct round {
	struct thing things[THINGS];
	struct thrum_token *tokens[TOKENS]; /* each below the one before, or the first */
	struct atomic32 asked[TOKENS][2];   /* said 0, by level */
	struct atomic32 at[PARTIES];        /* how far each has come */
	struct thrum_future *watchers[WATCHERS];
	struct thrum_future *next; /* completes with the next round; NULL: this is the last */
	uint64_t random;           /* what parties begin with */
};

static struct {
	struct atomic64 requests, late, tacit; /* calls that cancel; too late; wait_for's own */
	struct atomic64 made, given, cancelled;
	struct atomic64 values_seen, cancels_seen, cut;
	struct atomic64 children, finished, stopped;
	struct atomic64 tasks, hung, called, taken_back;
} n;

static inline uint64_t count(struct atomic64 *counter)
{
	return load_relaxed(counter);
}

static inline void add(struct atomic64 *counter, uint64_t more)
{
	fetch_add_relaxed(counter, more);
}

static inline uint64_t stir(uint64_t x)
{
	x = (x ^ x >> 31) * 0xBF58476D1CE4E5B9u;
	return (x ^ x >> 29) | 1;
}

static inline intptr_t task_of_thing(void *thing)
{
	struct thing *t = thing;
	intptr_t r;

	fetch_add_relaxed(&t->begun, 1);
	switch (t->kind) {
	case GATED:
		r = thrum_await(t->gate);
		break;
	case JOB:
		r = 0;
		break;
	default:
		r = thrum_sleep(t->ns);
	}
	CHECK(r == 0 || r == -ECANCELED || r == t->value);
	CHECK(r != -ECANCELED || thrum_cancel_requested() == THRUM_HARD);
	if (r == 0 || t->kind == DEAF)
		r = t->value; /* whatever was requested */
	store_relaxed(&t->returned, (uint64_t)r);
	return r;
}

static inline void drop(void *thing)
{
	struct thing *t = thing;

	fetch_add_relaxed(&t->dropped, 1);
	store_relaxed(&t->returned, (uint64_t)-ECANCELED);
}

static inline void called(struct thrum_future *f, void *unused)
{
	(void)unused;
	CHECK(thrum_done(f));
	add(&n.called, 1);
}

static inline void make_thing(struct round *r, struct thing *t, uint64_t *random)
{
	*t = (struct thing){.kind = (enum kind)random_below(random, KINDS)};
	if (t->kind == JOB && random_below(random, 16)) /* they are dear */
		t->kind = BARE;
	t->value = 5000 + (intptr_t)random_below(random, 1000);
	t->ns = THRUM_US((int64_t)random_below(random, 60));
	t->token = r->tokens[random_below(random, TOKENS)];
	if (t->kind == BARE || t->kind == SHIELD || t->kind == GATED)
		CHECK((t->gate = thrum_future_create()));
	switch (t->kind) {
	case BARE:
		t->f = t->gate;
		thrum_retain(t->f);
		break;
	case SHIELD:
		t->f = thrum_shield(t->gate);
		break;
	case LEVEL:
		t->f = thrum_token_future(t->token, THRUM_HARD);
		break;
	case JOB:
		t->f = thrum_spawn_blocking(task_of_thing, t);
		break;
	case DROPPED:
		t->f = thrum_spawn_drop(task_of_thing, t, drop);
		break;
	case LINKED:
		t->ns = random_below(random, 2) ? THRUM_FOREVER : t->ns;
		t->f = thrum_spawn_token(t->token, task_of_thing, t);
		break;
	default:
		t->f = thrum_spawn(task_of_thing, t);
	}
	CHECK(t->f);
	add(&n.made, 1);
	add(&n.tasks, t->kind == SLEEPER || t->kind == GATED || t->kind == DEAF ||
			  t->kind == DROPPED || t->kind == LINKED);
	if (random_below(random, 4) == 0) {
		CHECK(thrum_future_on_done(t->f, called, NULL) == 0);
		add(&n.hung, 1);
	}
}

#endif
