/* SPDX-License-Identifier: MIT */
/*
 * test_edge.c - the edge: ticks, who is fired and how often, nodes that come back, and threads that
 * raise, wait and leave at once.
 *
 * THRUM_TEST_DIV divides the large counts.
 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/assert.h"
#include "child.h"
#include "core/edge.h"
#include "suite.h"

#include <stddef.h>

struct node {
	struct thrum__waiter waiter;
	unsigned fired;            /* how often */
	unsigned at;               /* the how many-th firing of all was its last */
	struct thrum__edge *again; /* fire raises this */
};

static unsigned firings;

static void node_fire(struct thrum__waiter *w)
{
	struct node *n = container_of(w, struct node, waiter);
	struct thrum__edge *again = n->again;

	n->fired++;
	n->at = ++firings;
	store_release(&w->gone, 1);
	if (again)
		thrum__edge_raise(again);
}

static void put(struct thrum__edge *e, struct node *n, int count)
{
	firings = 0;
	for (int i = 0; i < count; i++) {
		n[i] = (struct node){.waiter.fire = node_fire};
		ck_assert(thrum__edge_register(e, &n[i].waiter, thrum__edge_tick(e)));
	}
}

START_TEST(raise_counts_and_fires_each_once_oldest_first)
{
	struct thrum__edge e;
	struct node n[4];

	thrum__edge_init(&e);
	ck_assert_uint_eq(thrum__edge_tick(&e), 0);
	ck_assert(!thrum__edge_is_awaited(&e));
	put(&e, n, 4);
	ck_assert(thrum__edge_is_awaited(&e));
	thrum__edge_raise(&e);
	ck_assert(!thrum__edge_is_awaited(&e));
	thrum__edge_raise(&e);
	ck_assert_uint_eq(thrum__edge_tick(&e), 2);
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(n[i].fired, 1);
		ck_assert_uint_eq(n[i].at, i + 1);
		ck_assert(!thrum__edge_withdraw(&e, &n[i].waiter));
	}
}
END_TEST

START_TEST(an_old_tick_does_not_wait)
{
	struct thrum__edge e = {0};
	struct node n[3];
	uint64_t old = thrum__edge_tick(&e);

	put(&e, n, 2);
	thrum__edge_raise(&e);
	n[2] = (struct node){.waiter.fire = node_fire};
	ck_assert(!thrum__edge_register(&e, &n[2].waiter, old));
	ck_assert(!thrum__edge_is_awaited(&e));
	ck_assert(thrum__edge_register(&e, &n[2].waiter, old + 1));
	thrum__edge_raise(&e);
	ck_assert_uint_eq(n[2].fired, 1);
}
END_TEST

/* Nodes that leave are not fired, wherever they are; _i says which. */
START_TEST(withdrawn_nodes_are_not_fired)
{
	struct thrum__edge e = {0};
	struct node n[4];

	put(&e, n, 4);
	for (int k = 0; k < 4; k++) {
		int i = (k * 3 + 1) % 4; /* the middle first */

		if (_i >> i & 1)
			ck_assert(thrum__edge_withdraw(&e, &n[i].waiter));
	}
	thrum__edge_raise(&e);
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(n[i].fired, !(_i >> i & 1));
	ck_assert(!thrum__edge_is_awaited(&e));
}
END_TEST

/* The same memory again and again, fired or withdrawn, in another place of the list each time. */
START_TEST(nodes_come_back)
{
	struct thrum__edge e = {0};
	struct node n[3];
	unsigned expected[3] = {0};

	put(&e, n, 3);
	for (unsigned round = 0; round < 60; round++) {
		if (round % 4 == 1) {
			ck_assert(thrum__edge_withdraw(&e, &n[round % 3].waiter));
			ck_assert(
			    thrum__edge_register(&e, &n[round % 3].waiter, thrum__edge_tick(&e)));
			continue;
		}
		thrum__edge_raise(&e);
		for (unsigned k = 0; k < 3; k++) {
			unsigned i = (round + k) % 3;

			ck_assert_uint_eq(n[i].fired, ++expected[i]);
			store_relaxed(&n[i].waiter.gone, 0);
			ck_assert(thrum__edge_register(&e, &n[i].waiter, thrum__edge_tick(&e)));
		}
	}
	for (unsigned i = 0; i < 3; i++)
		ck_assert(thrum__edge_withdraw(&e, &n[i].waiter));
}
END_TEST

START_TEST(fire_may_raise)
{
	struct thrum__edge e = {0}, other = {0};
	struct node n[2], m;

	put(&other, &m, 1);
	put(&e, n, 2);
	n[0].again = &e;
	n[1].again = &other;
	thrum__edge_raise(&e);
	ck_assert_uint_eq(thrum__edge_tick(&e), 2);
	ck_assert_uint_eq(n[0].fired, 1);
	ck_assert_uint_eq(n[1].fired, 1);
	ck_assert_uint_eq(m.fired, 1);
}
END_TEST

static void withdraw_a_stranger(void)
{
	struct thrum__edge e = {0};
	struct node n[2];

	put(&e, n, 1);
	n[1] = (struct node){.waiter.fire = node_fire};
	thrum__edge_withdraw(&e, &n[1].waiter);
}

START_TEST(misuse_ends_the_process)
{
	char err[1000];
	int status = child_run(withdraw_a_stranger, err, sizeof(err));

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(err, "withdraw only a node that was registered"));
}
END_TEST

/*
 * Threads wait for each of the raiser's turns, each with one node that it uses again at once; some
 * leave first and come back.
 */

enum { WAITERS = 3 };

static struct thrum__edge turns;
static struct atomic32 turn;
static struct atomic64 leavings;
static unsigned last_turn;

static void thread_fire(struct thrum__waiter *w)
{
	store_release(&w->gone, 1);
}

static void *follow(void *arg)
{
	struct thrum__waiter n = {.fire = thread_fire};
	bool leaves = arg != NULL;

	for (;;) {
		uint64_t tick = thrum__edge_tick(&turns);

		if (load_relaxed(&turn) == last_turn)
			return NULL;
		store_relaxed(&n.gone, 0);
		if (!thrum__edge_register(&turns, &n, tick))
			continue;
		if (leaves && thrum__edge_withdraw(&turns, &n)) {
			fetch_add_relaxed(&leavings, 1);
			continue;
		}
		while (!load_acquire(&n.gone)) /* pairs with thread_fire */
			sched_yield();
	}
}

static void *raise_turns(void *arg)
{
	(void)arg;
	while (fetch_add_relaxed(&turn, 1) + 1 < last_turn)
		thrum__edge_raise(&turns);
	thrum__edge_raise(&turns);
	return NULL;
}

START_TEST(threads_follow_a_raiser)
{
	pthread_t raiser, waiter[WAITERS];

	last_turn = scaled(20000) + 100;
	thrum__edge_init(&turns);
	for (int i = 0; i < WAITERS; i++)
		ck_assert_int_eq(pthread_create(&waiter[i], NULL, follow, i ? &turns : NULL), 0);
	ck_assert_int_eq(pthread_create(&raiser, NULL, raise_turns, NULL), 0);
	pthread_join(raiser, NULL);
	for (int i = 0; i < WAITERS; i++)
		pthread_join(waiter[i], NULL);
	ck_assert_uint_eq(thrum__edge_tick(&turns), last_turn);
	ck_assert(!thrum__edge_is_awaited(&turns));
	printf("test_edge: %llu left\n", (unsigned long long)load_relaxed(&leavings));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("edge");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, raise_counts_and_fires_each_once_oldest_first);
	tcase_add_test(tc, an_old_tick_does_not_wait);
	tcase_add_loop_test(tc, withdrawn_nodes_are_not_fired, 0, 16);
	tcase_add_test(tc, nodes_come_back);
	tcase_add_test(tc, fire_may_raise);
	tcase_add_test(tc, misuse_ends_the_process);
	tcase_add_test(tc, threads_follow_a_raiser);
	return run_case("edge", tc);
}
