/* SPDX-License-Identifier: MIT */
/*
 * rounds.h - histories (history.h) of rounds of random calls, each checked (linear.h).
 *
 * A round has two to four tasks on two workers, half of the rounds with each bound to one of them.
 * It is either on the virtual clock: then deadlines pass at moments at which nothing can run.  At
 * some, which the history tells, the main task makes a call as well, and at the last one it cancels
 * all who wait.  Or it is on the real clock, where each wait has a deadline of some us, and a
 * thread outside takes part.  In both the parties cancel each other.
 *
 * THRUM_SEED chooses what is called (printed; which call is the faster is not repeated);
 * THRUM_TEST_DIV divides the rounds.
 */
#ifndef TESTS_UNIT_ROUNDS_H
#define TESTS_UNIT_ROUNDS_H

#include <sched.h>

#include "history.h"
#include "seed.h"

#define ROUNDS_MIN 20
#define PATIENCE 200 /* looks for those who are to begin at the same time */
#define PAUSES 3
#define NAP_NS THRUM_MS(7)
#define PAUSE_NS \
	THRUM_US(5100) /* no deadline passes when it ends: they are whole ms after others */

static struct {
	uint64_t rounds, calls, cut, none, quiet, steps;
} counts;

/* All at once, as far as that can be. */
static inline void arrive(struct party *p)
{
	struct round *r = p->round;

	fetch_add_acq_rel(&r->arrived, 1);
	for (int tries = 0; !load_acquire(&r->started) ||
			    (load_acquire(&r->arrived) < r->arriving && tries < PATIENCE);
	     tries++) {
		if (p->outside)
			sched_yield();
		else
			(void)!thrum_yield();
	}
}

static inline void play_party(struct party *p)
{
	const struct subject *s = p->round->subject;
	unsigned calls = 3 + draw(&p->random, 4);

	arrive(p);
	while (calls-- && p->n + 2 * s->cost <= PARTY_OPS) {
		if (!p->outside && chance(p, 3))
			(void)!thrum_yield();
		if (p->round->is_virtual && chance(p, 8)) /* with what it has */
			(void)!thrum_sleep(NAP_NS);
		if (chance(p, 24))
			(void)thrum_cancel(p->round->futures[draw(&p->random, p->round->tasks)]);
		s->call(p);
	}
	if (s->give_back)
		s->give_back(p);
}

static inline intptr_t task_plays(void *party)
{
	play_party(party);
	return 0;
}

static inline void *thread_plays(void *party)
{
	struct party *p = party;

	play_party(p);
	is_int(thrum_future_set(p->round->outside, 0), 0);
	return NULL;
}

static inline void start_tasks(struct round *r, bool bound)
{
	for (unsigned i = 0; i < r->tasks; i++) {
		struct thrum_spawn_options options = THRUM_SPAWN_OPTIONS_INIT;

		options.worker = bound ? 1 + i % 2 : 0;
		r->futures[i] = thrum_spawn_with(&options, task_plays, &r->parties[i]);
		must(r->futures[i]);
	}
	store_release(&r->started, 1);
}

static inline bool all_ended(struct round *r, int64_t wait_ns)
{
	return thrum_wait(r->futures, r->tasks, THRUM_ALL, wait_ns) == (ssize_t)r->tasks;
}

/* Nothing else can run. */
static inline void be_quiet(struct round *r)
{
	struct operation *o = &r->history.ops[r->history.n++];

	*o = (struct operation){.what = QUIET, .party = PARTIES};
	o->begins = moment(r);
	o->ends = moment(r);
	counts.quiet++;
}

/* The main task: a party that calls when all others wait. */
static inline void play_quietly(struct round *r)
{
	struct party *me = &r->parties[r->tasks];
	const struct subject *s = r->subject;

	for (int i = 0; i < PAUSES && !all_ended(r, PAUSE_NS); i++) {
		be_quiet(r);
		s->call(me);
	}
	if (s->give_back)
		s->give_back(me);
	if (all_ended(r, PAUSE_NS))
		return;
	be_quiet(r);
	for (unsigned i = 0; i < r->tasks; i++)
		(void)thrum_cancel(r->futures[i]);
}

static inline intptr_t task_round(void *round)
{
	struct round *r = round;

	start_tasks(r, draw(&r->random, 2));
	if (r->is_virtual)
		play_quietly(r);
	for (unsigned i = 0; i < r->tasks; i++)
		is_int(thrum_join(r->futures[i]), 0);
	return thrum_await(r->outside);
}

/* All that was recorded is as it must be. */
static inline void check_round(struct round *r)
{
	struct history *h = &r->history;
	bool is_right;

	for (unsigned i = 0; i < r->all; i++) {
		struct party *p = &r->parties[i];

		memcpy(&h->ops[h->n], p->ops, p->n * sizeof(p->ops[0]));
		h->n += p->n;
	}
	for (unsigned i = 0; i < h->n; i++) {
		counts.calls += h->ops[i].what != QUIET && !h->ops[i].part;
		counts.cut += h->ops[i].cut;
		counts.none += h->ops[i].result == -EAGAIN || h->ops[i].result == -EBUSY;
	}
	is_right = linear_check(h);
	counts.steps += linear_steps;
	if (is_right)
		return;
	fprintf(stderr, "round %" PRIu64 ":\n", counts.rounds);
	linear_print(stderr, h);
	must(is_right);
}

static inline void play_round(const struct subject *s, struct thrum_runtime *rt, uint64_t random,
			      bool is_virtual)
{
	static struct round r;
	pthread_t thread = 0;

	memset(&r, 0, sizeof(r));
	r.subject = s;
	r.random = random;
	r.is_virtual = is_virtual;
	r.tasks = 2 + draw(&r.random, TASKS - 1);
	r.arriving = r.tasks + (!is_virtual && draw(&r.random, 2));
	r.all = is_virtual ? r.tasks + 1 : r.arriving;
	r.history.model = s->model;
	for (unsigned i = 0; i < PARTIES; i++) {
		r.parties[i].round = &r;
		r.parties[i].index = i;
		r.parties[i].outside = !is_virtual && i == r.tasks;
		r.parties[i].limited = !is_virtual || i == r.tasks;
		r.parties[i].random = stir(random + 1 + i);
	}
	r.outside = future_new();
	s->make(&r);
	if (r.arriving > r.tasks)
		thread = thread_of(thread_plays, &r.parties[r.tasks]);
	else
		is_int(thrum_future_set(r.outside, 0), 0);
	is_int(thrum_runtime_block_on(rt, task_round, &r), 0);
	if (r.arriving > r.tasks)
		thread_end(thread);
	future_drop(r.outside);
	s->unmake(&r);
	check_round(&r);
	counts.rounds++;
}

/* @rounds of each kind. */
static inline void play(const struct subject *s, unsigned rounds)
{
	struct thrum_runtime *on_virtual = runtime_of(2, THRUM_CLOCK_VIRTUAL);
	struct thrum_runtime *on_real = runtime_of(2, THRUM_CLOCK_REAL);
	uint64_t random = seed_of(s->name);

	memset(&counts, 0, sizeof(counts));
	rounds = scaled(rounds) > ROUNDS_MIN ? scaled(rounds) : ROUNDS_MIN;
	for (unsigned i = 0; i < rounds; i++) {
		play_round(s, on_virtual, stir(random + 2 * i), true);
		play_round(s, on_real, stir(random + 2 * i + 1), false);
	}
	is_int(thrum_runtime_destroy(on_virtual), 0);
	is_int(thrum_runtime_destroy(on_real), 0);
	printf("%s: %" PRIu64 " rounds, %" PRIu64 " calls, %" PRIu64 " cut short, %" PRIu64
	       " found nothing, %" PRIu64 " quiet moments, %" PRIu64 " steps\n",
	       s->name, counts.rounds, counts.calls, counts.cut, counts.none, counts.quiet,
	       counts.steps);
	must(counts.cut && counts.quiet);
}

#endif
