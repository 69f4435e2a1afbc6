/* SPDX-License-Identifier: MIT */
/*
 * withdraw.c - many threads register on shared futures, leave again, complete them and are woken
 * by timers, all at once; then a million abandoned waits on one future.
 *
 * What is counted: each node ends once, fired or withdrawn; each parked wait gets one wake; each
 * future is completed by one; the lists are empty at the end.  Nodes lie in the waiters' frames and
 * are overwritten when the wait is over, so a late touch shows (address sanitizer: as a report).
 *
 * THRUM_SEED chooses the random operations (printed); THRUM_TEST_DIV divides the counts.
 */
#include "base/assert.h"
#include "core/future.h"
#include "core/parker.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	WAITERS = 4,
	COMPLETERS = 2,
	TIMERS = 1,
	THREADS = WAITERS + COMPLETERS + TIMERS,
	FUTURES = 4,
	ANY_MAX = 3,
	KEPT = 16,
};

#define CHECK(cond) ENSURE(cond, "a wait was lost, doubled or touched too late")

struct wait_node {
	struct thrum__wait_node base; /* first: its fire finds it there */
	const void *tag;
};

struct party {
	struct thrum__parker parker; /* static, as parkers must be */
	sem_t woken;
	uint64_t random;
	uint64_t registered, refused, withdrawn, fired_seen, parked, run_on, timed;
	struct atomic64 unparks;
	struct atomic64 armed; /* the wait that a timer may end */
	unsigned number;
};

static struct party parties[THREADS];
static struct thrum_future futures[FUTURES];
static struct atomic64 fired, completed;
static struct atomic32 at_work;
static pthread_barrier_t barrier;
static unsigned rounds;

static unsigned random_below(struct party *me, unsigned n)
{
	me->random ^= me->random << 13;
	me->random ^= me->random >> 7;
	me->random ^= me->random << 17;
	return (unsigned)(me->random % n);
}

static void pause_a_bit(struct party *me, unsigned most)
{
	for (unsigned n = random_below(me, most); n; n--)
		spin_hint();
	if (!random_below(me, 8))
		thread_yield();
}

static void party_unpark(struct thrum__parker *p, void *relay, enum thrum__why why)
{
	struct party *who = container_of(p, struct party, parker);

	CHECK(!relay && (why == THRUM__BY_NODE || why == THRUM__BY_TIMER));
	fetch_add_relaxed(&who->unparks, (uint64_t)1);
	sem_post(&who->woken);
}

static void (*wait_node_fire)(struct thrum__waiter *); /* what parker.c gives a node */

static void count_and_fire(struct thrum__waiter *w)
{
	fetch_add_relaxed(&fired, (uint64_t)1);
	wait_node_fire(w);
}

static bool join_list(struct party *me, struct thrum_future *f, struct wait_node *n, uint64_t seq)
{
	thrum__wait_node_init(&n->base, &me->parker, seq);
	n->base.waiter.fire = count_and_fire;
	n->tag = me;
	if (thrum__future_register(f, &n->base.waiter)) {
		me->registered++;
		return true;
	}
	CHECK(f->result == (intptr_t)(f - futures) + 1);
	me->refused++;
	return false;
}

static void leave_list(struct party *me, struct thrum_future *f, struct wait_node *n)
{
	if (thrum__future_withdraw(f, &n->base.waiter)) {
		me->withdrawn++;
		return;
	}
	CHECK(f->result == (intptr_t)(f - futures) + 1);
	me->fired_seen++;
}

/* Sleeps until somebody ends wait @seq; some wait may also be ended by its owner. */
static void end_wait(struct party *me, uint64_t seq, bool may_sleep)
{
	if (!may_sleep) {
		pause_a_bit(me, 200);
		if (thrum__parker_abandon(&me->parker, seq))
			CHECK(thrum__parker_why(&me->parker) == THRUM__BY_SELF);
	} else {
		if (!random_below(me, 4))
			pause_a_bit(me, 1000);
		if (thrum__parker_park(&me->parker, seq, random_below(me, 2))) {
			me->parked++;
			while (sem_wait(&me->woken))
				;
		} else {
			me->run_on++;
		}
	}
	CHECK(thrum__parker_is_over(&me->parker, seq));
	CHECK(thrum__parker_seq(&me->parker) == seq + 1);
}

/* A wait on some futures; like wait_any if on more than one. */
static NOINLINE void wait_on_some(struct party *me, bool may_sleep)
{
	struct wait_node nodes[ANY_MAX];
	struct thrum_future *on[ANY_MAX];
	unsigned n = 1 + random_below(me, ANY_MAX), first = random_below(me, FUTURES), put = 0;
	uint64_t seq = thrum__parker_seq(&me->parker);

	store_release(&me->armed, seq);
	while (put < n && !thrum__parker_is_over(&me->parker, seq)) {
		on[put] = &futures[(first + put) % FUTURES];
		if (!join_list(me, on[put], &nodes[put], seq))
			break;
		put++;
	}
	end_wait(me, seq, may_sleep && put == n);
	if (thrum__parker_why(&me->parker) == THRUM__BY_TIMER)
		me->timed++;
	while (put--)
		leave_list(me, on[put], &nodes[put]);
	memset(nodes, 0xa5, sizeof(nodes));
}

static bool is_mine(struct thrum__waiter *w, void *arg)
{
	return container_of(w, struct wait_node, base.waiter)->tag == arg;
}

/* As a callback is taken back: found by what it is. */
static NOINLINE void withdraw_by_match(struct party *me)
{
	struct thrum_future *f = &futures[random_below(me, FUTURES)];
	uint64_t seq = thrum__parker_seq(&me->parker);
	struct wait_node n;
	bool done;

	if (join_list(me, f, &n, seq)) {
		struct thrum__waiter *w;

		pause_a_bit(me, 100);
		w = thrum__future_withdraw_match(f, is_mine, me, &done);
		CHECK(w ? w == &n.base.waiter && !done : done);
		if (w) {
			me->withdrawn++;
		} else {
			while (!load_acquire(&n.base.waiter.gone))
				thread_yield();
			me->fired_seen++;
		}
	}
	thrum__parker_abandon(&me->parker, seq);
	memset(&n, 0xa5, sizeof(n));
}

static bool all_done(void)
{
	for (unsigned i = 0; i < FUTURES; i++)
		if (!thrum__future_is_done(&futures[i]))
			return false;
	return true;
}

static void waiter_round(struct party *me)
{
	while (!all_done()) {
		switch (random_below(me, 4)) {
		case 0:
			wait_on_some(me, true);
			break;
		case 1:
			withdraw_by_match(me);
			break;
		default:
			wait_on_some(me, false);
		}
	}
	fetch_sub_relaxed(&at_work, 1);
}

static void completer_round(struct party *me)
{
	for (unsigned i = 0; i < FUTURES; i++) {
		unsigned which = me->number % 2 ? i : FUTURES - 1 - i;

		pause_a_bit(me, 20000);
		if (!thrum__future_claim(&futures[which]))
			continue;
		fetch_add_relaxed(&completed, (uint64_t)1);
		thrum__future_complete(&futures[which], (intptr_t)which + 1);
	}
}

static void timer_round(struct party *me)
{
	while (load_relaxed(&at_work)) {
		struct party *whom = &parties[random_below(me, WAITERS)];
		uint64_t seq = load_acquire(&whom->armed);

		/* Now and then too late. */
		pause_a_bit(me, 100);
		thrum__parker_fire(&whom->parker, seq, THRUM__BY_TIMER);
		pause_a_bit(me, 1000);
	}
}

static void *party_run(void *arg)
{
	struct party *me = arg;

	for (unsigned i = 0; i < rounds; i++) {
		if (me->number == 0) {
			memset(futures, 0, sizeof(futures));
			store_relaxed(&at_work, WAITERS);
		}
		pthread_barrier_wait(&barrier);
		if (me->number < WAITERS)
			waiter_round(me);
		else if (me->number < WAITERS + COMPLETERS)
			completer_round(me);
		else
			timer_round(me);
		pthread_barrier_wait(&barrier);
	}
	return NULL;
}

/* One future that nobody completes, and on it a million waits that their owners give up. */

static struct thrum_future never;
static unsigned abandoned;

static NOINLINE void abandon_one(struct party *me)
{
	uint64_t seq = thrum__parker_seq(&me->parker);
	struct wait_node n;

	thrum__wait_node_init(&n.base, &me->parker, seq);
	CHECK(thrum__future_register(&never, &n.base.waiter));
	CHECK(thrum__parker_abandon(&me->parker, seq));
	CHECK(thrum__future_withdraw(&never, &n.base.waiter));
	memset(&n, 0xa5, sizeof(n));
}

static void *abandoner_run(void *arg)
{
	struct party *me = arg;
	struct wait_node kept[KEPT];
	uint64_t seq = thrum__parker_seq(&me->parker);

	/* Some that stay for long: the others leave from among them. */
	for (unsigned i = 0; i < abandoned; i++) {
		struct wait_node *n = &kept[i % KEPT];

		if (i >= KEPT)
			CHECK(thrum__future_withdraw(&never, &n->base.waiter));
		thrum__wait_node_init(&n->base, &me->parker, seq);
		CHECK(thrum__future_register(&never, &n->base.waiter));
		abandon_one(me);
	}
	for (unsigned i = 0; i < KEPT && i < abandoned; i++)
		CHECK(thrum__future_withdraw(&never, &kept[i * 7 % KEPT].base.waiter));
	return NULL;
}

static unsigned scaled(unsigned n)
{
	const char *text = getenv("THRUM_TEST_DIV");
	int div = text ? atoi(text) : 1;

	return div > 1 ? n / (unsigned)div : n;
}

static void run_all(void *(*fn)(void *), unsigned n)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < n; i++)
		ENSURE(!pthread_create(&threads[i], NULL, fn, &parties[i]), "need threads");
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
}

static void storm(void)
{
	struct party sum = {.number = 0};
	uint64_t unparks = 0;

	run_all(party_run, THREADS);
	for (unsigned i = 0; i < WAITERS; i++) {
		struct party *p = &parties[i];

		sum.registered += p->registered;
		sum.refused += p->refused;
		sum.withdrawn += p->withdrawn;
		sum.fired_seen += p->fired_seen;
		sum.parked += p->parked;
		sum.run_on += p->run_on;
		sum.timed += p->timed;
		unparks += load_relaxed(&p->unparks);
	}
	printf("storm: %lu nodes: %lu fired, %lu withdrawn; %lu refused; waits: %lu parked, "
	       "%lu woken, %lu ended before they slept, %lu by a timer; %lu futures\n",
	       sum.registered, load_relaxed(&fired), sum.withdrawn, sum.refused, sum.parked,
	       unparks, sum.run_on, sum.timed, load_relaxed(&completed));
	CHECK(sum.registered == load_relaxed(&fired) + sum.withdrawn);
	CHECK(sum.fired_seen == load_relaxed(&fired));
	CHECK(sum.parked == unparks);
	CHECK(load_relaxed(&completed) == (uint64_t)rounds * FUTURES);
	CHECK(sum.fired_seen && sum.withdrawn && sum.parked && sum.refused);
}

int main(void)
{
	const char *text = getenv("THRUM_SEED");
	struct wait_node plain;
	uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL);

	printf("withdraw: THRUM_SEED=%llu\n", (unsigned long long)seed);
	rounds = scaled(4000) + 10;
	pthread_barrier_init(&barrier, NULL, THREADS);
	thrum__wait_node_init(&plain.base, &parties[0].parker, 0);
	wait_node_fire = plain.base.waiter.fire;
	for (unsigned i = 0; i < THREADS; i++) {
		parties[i].number = i;
		parties[i].random = (seed * THREADS + i) * 0x9e3779b97f4a7c15u | 1;
		thrum__parker_init(&parties[i].parker, party_unpark);
		sem_init(&parties[i].woken, 0, 0);
	}
	storm();
	abandoned = scaled(1000000) / WAITERS + 2 * KEPT;
	run_all(abandoner_run, WAITERS);
	printf("abandoned: %u waits, list %s\n", abandoned * 2 * WAITERS,
	       load_relaxed(&never.word) ? "not empty" : "empty");
	CHECK(load_relaxed(&never.word) == 0);
	return EXIT_SUCCESS;
}
