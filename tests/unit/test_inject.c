/* SPDX-License-Identifier: MIT */
/*
 * test_inject.c - the injection queue: order, limit, wrap of its counters, and that nothing is lost
 * or doubled.
 *
 * THRUM_TEST_DIV divides the large counts.
 */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/atomic.h"
#include "base/os.h"
#include "core/inject.h"
#include "suite.h"

START_TEST(limit_is_exact)
{
	static int object[65];
	struct thrum__inject q;
	size_t capacity, i;

	for (capacity = 2; capacity <= 64; capacity *= 2) {
		ck_assert_int_eq(thrum__inject_init(&q, capacity), 0);
		ck_assert(thrum__inject_empty(&q));
		ck_assert_ptr_null(thrum__inject_pop(&q));
		for (i = 0; i < capacity; i++) {
			ck_assert_uint_eq(thrum__inject_count(&q), i);
			ck_assert(thrum__inject_push(&q, &object[i]));
			ck_assert(!thrum__inject_empty(&q));
		}
		ck_assert(!thrum__inject_push(&q, &object[64]));
		ck_assert_ptr_eq(thrum__inject_pop(&q), &object[0]);
		ck_assert(thrum__inject_push(&q, &object[64]));
		ck_assert(!thrum__inject_push(&q, &object[64]));
		for (i = 1; i < capacity; i++)
			ck_assert_ptr_eq(thrum__inject_pop(&q), &object[i]);
		ck_assert_ptr_eq(thrum__inject_pop(&q), &object[64]);
		ck_assert(thrum__inject_empty(&q));
		thrum__inject_fini(&q);
	}
}
END_TEST

/* The counters start 1024 before their wrap. */
START_TEST(counters_wrap)
{
	static int object[16];
	struct thrum__inject q;
	unsigned pushed = 0, popped = 0, i;

	ck_assert_int_eq(thrum__inject_init(&q, 16), 0);
	for (i = 0; i < 4000; i++) {
		while (pushed - popped < 1 + i % 16)
			ck_assert(thrum__inject_push(&q, &object[pushed++ % 16]));
		ck_assert_uint_eq(thrum__inject_count(&q), pushed - popped);
		if (pushed - popped == 16)
			ck_assert(!thrum__inject_push(&q, &object[0]));
		ck_assert_ptr_eq(thrum__inject_pop(&q), &object[popped++ % 16]);
		ck_assert(thrum__inject_empty(&q) == (pushed == popped));
	}
	ck_assert_uint_gt(popped, 2048);
	thrum__inject_fini(&q);
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(no_memory)
{
	struct thrum__inject q;

	thrum__fault_set(1, false);
	ck_assert_int_eq(thrum__inject_init(&q, 16), -ENOMEM);
	ck_assert(thrum__fault_fired());
	thrum__fault_set(0, false);
}
END_TEST
#endif

#define PRODUCERS 4
#define CONSUMERS 4
#define PATIENCE 200 /* vain tries in a row, then a thread waits for the others */

struct object {
	unsigned producer;
	unsigned number;
	unsigned plain; /* written before the push, and by the consumer after the pop: a race if the
			   queue orders nothing */
	struct atomic32 popped;
};

/* All push and pop until it is of no use, and meet: sched_yield does not let the others run where a
 * CPU has more to do. */
static struct {
	struct thrum__inject q;
	struct object *objects;
	unsigned per_producer;
	pthread_barrier_t meet;
	struct atomic64 refused, popped;
	struct atomic32 disorder, doubled;
} stress;

/* Waits for all; the same answer for all. */
static bool all_popped(void)
{
	bool all;

	pthread_barrier_wait(&stress.meet);
	all = load_relaxed(&stress.popped) == (uint64_t)PRODUCERS * stress.per_producer;
	pthread_barrier_wait(&stress.meet);
	return all;
}

static void *produce(void *arg)
{
	unsigned producer = (unsigned)(uintptr_t)arg, i = 0, vain;
	struct object *o = &stress.objects[producer * stress.per_producer];

	do {
		for (vain = 0; i < stress.per_producer && vain < PATIENCE;) {
			o[i].producer = producer;
			o[i].number = i;
			o[i].plain = i ^ 0x5a5a5a5a;
			if (thrum__inject_push(&stress.q, &o[i])) {
				i++;
				vain = 0;
				continue;
			}
			fetch_add_relaxed(&stress.refused, 1);
			vain++;
			spin_hint();
		}
	} while (!all_popped());
	return NULL;
}

static void consume_one(struct object *o, unsigned last[PRODUCERS])
{
	if (fetch_add_relaxed(&o->popped, 1) != 0)
		fetch_add_relaxed(&stress.doubled, 1);
	/* What one consumer sees of one producer comes in order; numbers count from 1 here. */
	if (o->number + 1 <= last[o->producer] || o->plain != (o->number ^ 0x5a5a5a5a))
		fetch_add_relaxed(&stress.disorder, 1);
	last[o->producer] = o->number + 1;
	o->plain = 0;
	fetch_add_relaxed(&stress.popped, 1);
}

static void *consume(void *unused)
{
	unsigned last[PRODUCERS] = {0}, vain;
	struct object *o;

	(void)unused;
	do {
		for (vain = 0; vain < PATIENCE; vain++) {
			for (; (o = thrum__inject_pop(&stress.q)); vain = 0)
				consume_one(o, last);
			spin_hint();
		}
	} while (!all_popped());
	return NULL;
}

static void stress_run(size_t capacity, unsigned per_producer)
{
	pthread_t thread[PRODUCERS + CONSUMERS];
	size_t all = (size_t)PRODUCERS * per_producer, i;

	stress.per_producer = per_producer;
	stress.objects = calloc(all, sizeof(*stress.objects));
	ck_assert_ptr_nonnull(stress.objects);
	store_relaxed(&stress.popped, 0);
	ck_assert_int_eq(thrum__inject_init(&stress.q, capacity), 0);
	ck_assert_int_eq(pthread_barrier_init(&stress.meet, NULL, PRODUCERS + CONSUMERS), 0);
	for (i = 0; i < PRODUCERS + CONSUMERS; i++)
		ck_assert_int_eq(
		    pthread_create(&thread[i], NULL, i < PRODUCERS ? produce : consume, (void *)i),
		    0);
	for (i = 0; i < PRODUCERS + CONSUMERS; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	pthread_barrier_destroy(&stress.meet);
	ck_assert(thrum__inject_empty(&stress.q));
	ck_assert_ptr_null(thrum__inject_pop(&stress.q));
	for (i = 0; i < all; i++)
		ck_assert_uint_eq(load_relaxed(&stress.objects[i].popped), 1);
	ck_assert_uint_eq(load_relaxed(&stress.popped), all);
	ck_assert_uint_eq(load_relaxed(&stress.doubled), 0);
	ck_assert_uint_eq(load_relaxed(&stress.disorder), 0);
	thrum__inject_fini(&stress.q);
	free(stress.objects);
}

START_TEST(nothing_lost_or_doubled)
{
	unsigned n = scaled(100000) + 1000;

	stress_run(2, n / 10);
	stress_run(8, n / 5);
	stress_run(1024, n);
	printf("test_inject: %llu pushes refused\n",
	       (unsigned long long)load_relaxed(&stress.refused));
	ck_assert_uint_gt(load_relaxed(&stress.refused), 0);
}
END_TEST

/* Dekker's pattern of a sleeper: a pusher that saw no sleeper and a sleeper that saw an empty queue
 * exclude each other.  Both go over LANES queues side by side before they meet: to meet at each
 * would take long beside a loaded CPU. */
#define LANES 64

static struct {
	struct {
		struct thrum__inject q;
		struct atomic32 sleeper, saw_sleeper;
		bool empty; /* as the sleeper saw it */
	} lane[LANES];
	pthread_barrier_t meet;
	uint32_t rounds;
} nap;

static void *nap_push(void *unused)
{
	static int object;
	uint32_t i, k;

	(void)unused;
	for (i = 0; i < nap.rounds; i++) {
		pthread_barrier_wait(&nap.meet);
		for (k = 0; k < LANES; k++) {
			ck_assert(thrum__inject_push(&nap.lane[k].q, &object));
			fence_seq_cst();
			store_relaxed(&nap.lane[k].saw_sleeper, load_relaxed(&nap.lane[k].sleeper));
		}
		pthread_barrier_wait(&nap.meet);
	}
	return NULL;
}

static void nap_look(uint32_t round)
{
	uint32_t i, k;

	for (k = 0; k < LANES; k++) {
		for (i = round % 16; i > 0; i--)
			spin_hint();
		store_relaxed(&nap.lane[k].sleeper, 1);
		fence_seq_cst();
		nap.lane[k].empty = thrum__inject_empty(&nap.lane[k].q);
	}
}

/* How many looks found it empty.  Both sides are at rest. */
static uint32_t nap_check(void)
{
	uint32_t empties = 0, k;

	for (k = 0; k < LANES; k++) {
		empties += nap.lane[k].empty;
		ck_assert(!nap.lane[k].empty || load_relaxed(&nap.lane[k].saw_sleeper));
		ck_assert_ptr_nonnull(thrum__inject_pop(&nap.lane[k].q));
		store_relaxed(&nap.lane[k].sleeper, 0);
	}
	return empties;
}

START_TEST(empty_never_hides_a_push)
{
	uint32_t empties = 0, i;
	pthread_t thread;

	nap.rounds = (scaled(50000) + 100) / LANES + 1;
	for (i = 0; i < LANES; i++)
		ck_assert_int_eq(thrum__inject_init(&nap.lane[i].q, 4), 0);
	ck_assert_int_eq(pthread_barrier_init(&nap.meet, NULL, 2), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, nap_push, NULL), 0);
	for (i = 0; i < nap.rounds; i++) {
		pthread_barrier_wait(&nap.meet);
		nap_look(i);
		pthread_barrier_wait(&nap.meet);
		empties += nap_check();
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	printf("test_inject: %u of %u looks found it empty\n", empties, nap.rounds * LANES);
	for (i = 0; i < LANES; i++)
		thrum__inject_fini(&nap.lane[i].q);
	pthread_barrier_destroy(&nap.meet);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    limit_is_exact,
	    counters_wrap,
#ifdef THRUM_FAULTS
	    no_memory,
#endif
	    nothing_lost_or_doubled,
	    empty_never_hides_a_push,
	};

	return RUN_TESTS_FOR("inject", 300, tests);
}
