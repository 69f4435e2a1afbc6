/* SPDX-License-Identifier: MIT */
/*
 * test_future.c - core/future.h by one thread: each function, each result, each misuse that is
 * noticed, and random registrations and withdrawals beside a plain list.
 *
 * THRUM_SEED chooses the random operations (printed); THRUM_TEST_DIV divides the large counts.
 */
#include <check.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "child.h"
#include "core/future.h"
#include "core/pool.h"
#include "suite.h"

struct node {
	struct thrum__waiter waiter;
	int tag;
	unsigned fired; /* 1, 2, ...: the how-manyth firing it was */
	struct thrum_future *completes;
};

static unsigned firings;

static void node_fire(struct thrum__waiter *w)
{
	struct node *n = container_of(w, struct node, waiter);

	ck_assert_uint_eq(n->fired, 0);
	n->fired = ++firings;
	/* Nothing of the node may be needed after fire. */
	n->waiter.next = n->waiter.prev = (void *)8;
	if (n->completes)
		thrum__future_complete(n->completes, 7);
	store_release(&n->waiter.gone, 1);
}

static void node_init(struct node *n, int tag)
{
	*n = (struct node){.tag = tag};
	n->waiter.fire = node_fire;
	/* Links are what a stack frame left there. */
	n->waiter.next = n->waiter.prev = (void *)8;
}

static struct thrum_future bare(void)
{
	firings = 0;
	return (struct thrum_future){.result = 99};
}

static void put(struct thrum_future *f, struct node *nodes, int n)
{
	for (int i = 0; i < n; i++) {
		node_init(&nodes[i], i);
		ck_assert(thrum__future_register(f, &nodes[i].waiter));
	}
}

START_TEST(the_waiting_future_is_pending)
{
	struct thrum_future f = bare();
	struct node n[3];

	ck_assert(!thrum__future_is_done(&f));
	put(&f, n, 3);
	ck_assert(!thrum__future_is_done(&f));
	ck_assert_uint_eq(firings, 0);
}
END_TEST

START_TEST(complete_fires_each_once_oldest_first)
{
	struct thrum_future f = bare();
	struct node n[5];

	put(&f, n, 5);
	thrum__future_complete(&f, -4095);
	ck_assert(thrum__future_is_done(&f));
	ck_assert_int_eq(f.result, -4095);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(n[i].fired, i + 1);
}
END_TEST

START_TEST(complete_without_waiters)
{
	struct thrum_future f = bare();

	thrum__future_complete(&f, INTPTR_MIN);
	ck_assert(thrum__future_is_done(&f));
	ck_assert_int_eq(f.result, INTPTR_MIN);
}
END_TEST

START_TEST(a_done_future_takes_no_waiter)
{
	struct thrum_future f = bare();
	struct node n;

	thrum__future_complete(&f, 3);
	node_init(&n, 0);
	ck_assert(!thrum__future_register(&f, &n.waiter));
	ck_assert_uint_eq(firings, 0);
}
END_TEST

START_TEST(one_claim_wins)
{
	struct thrum_future f = bare();
	struct node n[2];

	put(&f, n, 1);
	ck_assert(thrum__future_claim(&f));
	ck_assert(!thrum__future_claim(&f));
	ck_assert(!thrum__future_is_done(&f));
	/* The list works on beside the claim. */
	node_init(&n[1], 1);
	ck_assert(thrum__future_register(&f, &n[1].waiter));
	ck_assert(thrum__future_withdraw(&f, &n[0].waiter));
	ck_assert(!thrum__future_claim(&f));
	thrum__future_complete(&f, 5);
	ck_assert(!thrum__future_claim(&f));
	ck_assert(thrum__future_is_done(&f));
	ck_assert_uint_eq(n[0].fired, 0);
	ck_assert_uint_eq(n[1].fired, 1);
}
END_TEST

/* Every order of withdrawing four of four nodes, and completing after k of them. */
START_TEST(withdrawals_in_every_order)
{
	int order[4];
	unsigned code = (unsigned)_i;

	for (int i = 0; i < 4; i++, code /= 4)
		order[i] = (int)(code % 4);
	for (int i = 0; i < 4; i++)
		for (int j = 0; j < i; j++)
			if (order[i] == order[j])
				return;
	for (int k = 0; k <= 4; k++) {
		struct thrum_future f = bare();
		struct node n[4];
		unsigned expect = 0;

		put(&f, n, 4);
		for (int i = 0; i < k; i++)
			ck_assert(thrum__future_withdraw(&f, &n[order[i]].waiter));
		for (int i = 0; i < k; i++)
			n[order[i]].tag = -1;
		thrum__future_complete(&f, k);
		for (int i = 0; i < 4; i++)
			ck_assert_uint_eq(n[i].fired, n[i].tag < 0 ? 0 : ++expect);
	}
}
END_TEST

START_TEST(withdraw_after_the_end_says_fired)
{
	struct thrum_future f = bare();
	struct node n[2];

	put(&f, n, 2);
	ck_assert(thrum__future_withdraw(&f, &n[1].waiter));
	thrum__future_complete(&f, 1);
	ck_assert(!thrum__future_withdraw(&f, &n[0].waiter));
	ck_assert_uint_eq(n[0].fired, 1);
	ck_assert_uint_eq(firings, 1);
}
END_TEST

START_TEST(a_withdrawn_node_registers_again)
{
	struct thrum_future f = bare();
	struct node n[3];

	put(&f, n, 3);
	for (int i = 0; i < 12; i++) {
		struct node *again = &n[i * 2 % 3];

		ck_assert(thrum__future_withdraw(&f, &again->waiter));
		ck_assert(thrum__future_register(&f, &again->waiter));
	}
	thrum__future_complete(&f, 1);
	ck_assert_uint_eq(firings, 3);
}
END_TEST

/* Node 0 has seen node 1 above it once; it is above it again, but what lies below is new. */
START_TEST(links_of_an_earlier_stay)
{
	struct thrum_future f = bare();
	struct node n[4];

	put(&f, n, 2);
	n[2] = n[3] = (struct node){.waiter.fire = node_fire};
	ck_assert(thrum__future_withdraw(&f, &n[0].waiter));
	ck_assert(thrum__future_withdraw(&f, &n[1].waiter));
	ck_assert(thrum__future_register(&f, &n[2].waiter));
	ck_assert(thrum__future_register(&f, &n[3].waiter));
	ck_assert(thrum__future_register(&f, &n[0].waiter));
	ck_assert(thrum__future_register(&f, &n[1].waiter));
	ck_assert(thrum__future_withdraw(&f, &n[2].waiter));
	ck_assert(thrum__future_withdraw(&f, &n[0].waiter));
	thrum__future_complete(&f, 1);
	ck_assert_uint_eq(n[3].fired, 1);
	ck_assert_uint_eq(n[1].fired, 2);
	ck_assert_uint_eq(firings, 2);
}
END_TEST

static bool tag_is(struct thrum__waiter *w, void *arg)
{
	return container_of(w, struct node, waiter)->tag == *(int *)arg;
}

START_TEST(match_takes_the_oldest)
{
	struct thrum_future f = bare();
	struct node n[5];
	bool done = true;
	int two = 2, four = 4;

	put(&f, n, 5);
	n[1].tag = n[3].tag = 2;
	ck_assert_ptr_eq(thrum__future_withdraw_match(&f, tag_is, &two, &done), &n[1].waiter);
	ck_assert(!done);
	ck_assert_ptr_eq(thrum__future_withdraw_match(&f, tag_is, &two, &done), &n[2].waiter);
	ck_assert_ptr_eq(thrum__future_withdraw_match(&f, tag_is, &four, &done), &n[4].waiter);
	ck_assert_ptr_eq(thrum__future_withdraw_match(&f, tag_is, &two, &done), &n[3].waiter);
	done = true;
	ck_assert_ptr_null(thrum__future_withdraw_match(&f, tag_is, &two, &done));
	ck_assert(!done);
	thrum__future_complete(&f, 0);
	ck_assert_uint_eq(firings, 1);
	ck_assert_uint_eq(n[0].fired, 1);
	ck_assert_ptr_null(thrum__future_withdraw_match(&f, tag_is, &two, &done));
	ck_assert(done);
}
END_TEST

START_TEST(match_on_an_empty_list)
{
	struct thrum_future f = bare();
	bool done = true;
	int two = 2;

	ck_assert_ptr_null(thrum__future_withdraw_match(&f, tag_is, &two, &done));
	ck_assert(!done);
}
END_TEST

/* @match completes the future, as another thread could: the holder of the list has to fire. */
static bool complete_then_match(struct thrum__waiter *w, void *arg)
{
	struct thrum_future *f = arg;

	if (container_of(w, struct node, waiter)->tag == 2) {
		thrum__future_complete(f, 6);
		ck_assert_uint_eq(firings, 0);
		ck_assert(thrum__future_is_done(f));
	}
	return container_of(w, struct node, waiter)->tag == 1;
}

START_TEST(the_holder_fires_for_the_completer)
{
	struct thrum_future f = bare();
	struct node n[3];
	bool done;

	put(&f, n, 3);
	ck_assert_ptr_eq(thrum__future_withdraw_match(&f, complete_then_match, &f, &done),
			 &n[1].waiter);
	ck_assert(!done);
	ck_assert_uint_eq(n[0].fired, 1);
	ck_assert_uint_eq(n[1].fired, 0);
	ck_assert_uint_eq(n[2].fired, 2);
}
END_TEST

/* A shield: a node whose firing completes another future. */
START_TEST(fire_may_complete_another)
{
	struct thrum_future f = bare(), inner = bare();
	struct node n[2], waits;

	put(&f, n, 2);
	node_init(&waits, 9);
	ck_assert(thrum__future_register(&inner, &waits.waiter));
	n[0].completes = &inner;
	thrum__future_complete(&f, 1);
	ck_assert_int_eq(inner.result, 7);
	ck_assert_uint_eq(n[0].fired, 1);
	ck_assert_uint_eq(waits.fired, 2);
	ck_assert_uint_eq(n[1].fired, 3);
}
END_TEST

static void complete_twice(void)
{
	struct thrum_future f = bare();

	thrum__future_complete(&f, 1);
	thrum__future_complete(&f, 2);
}

static void withdraw_a_stranger(void)
{
	struct thrum_future f = bare();
	struct node n[2];

	put(&f, n, 1);
	node_init(&n[1], 1);
	n[1].waiter.next = n[1].waiter.prev = NULL;
	thrum__future_withdraw(&f, &n[1].waiter);
}

START_TEST(misuse_ends_the_process)
{
	char err[1000];
	int status = child_run(complete_twice, err, sizeof(err));

	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(err, "a future completes once"));
	status = child_run(withdraw_a_stranger, err, sizeof(err));
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	ck_assert_ptr_nonnull(strstr(err, "withdraw only a node that was registered"));
}
END_TEST

/* A free block is a future with no references: its links lie where a late look sees no change. */
START_TEST(a_free_block_keeps_word_and_refs)
{
	ck_assert_uint_eq(offsetof(struct thrum_future, word), offsetof(struct thrum__block, word));
	ck_assert_uint_eq(offsetof(struct thrum_future, refs), offsetof(struct thrum__block, refs));
	ck_assert_uint_le(sizeof(struct thrum__block), offsetof(struct thrum_future, seen));
	ck_assert_uint_ge(_Alignof(struct thrum__waiter), THRUM__FUTURE_FLAGS + 1);
}
END_TEST

static uint64_t random_state;

static unsigned random_below(unsigned n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state % n);
}

#define MANY 40

/* Nodes in the order of their registration, oldest first. */
static struct node *list[MANY];
static int listed;

static void list_remove(int i)
{
	listed--;
	for (; i < listed; i++)
		list[i] = list[i + 1];
}

static void random_round(unsigned length)
{
	struct thrum_future f = bare();
	struct node nodes[MANY];
	bool done;

	listed = 0;
	for (int i = 0; i < MANY; i++)
		node_init(&nodes[i], i);
	for (unsigned step = 0; step < length; step++) {
		int i = (int)random_below(MANY), at = 0;

		while (at < listed && list[at] != &nodes[i])
			at++;
		if (at == listed) {
			ck_assert(thrum__future_register(&f, &nodes[i].waiter));
			list[listed++] = &nodes[i];
		} else if (random_below(2)) {
			ck_assert(thrum__future_withdraw(&f, &nodes[i].waiter));
			list_remove(at);
		} else {
			ck_assert_ptr_eq(thrum__future_withdraw_match(&f, tag_is, &i, &done),
					 &nodes[i].waiter);
			list_remove(at);
		}
	}
	thrum__future_complete(&f, 1);
	ck_assert_uint_eq(firings, (unsigned)listed);
	for (int i = 0; i < listed; i++)
		ck_assert_uint_eq(list[i]->fired, (unsigned)i + 1);
}

START_TEST(random_operations_beside_a_list)
{
	const char *seed = getenv("THRUM_SEED");
	unsigned rounds = scaled(4000);

	random_state = (seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL)) | 1;
	printf("test_future: THRUM_SEED=%llu\n", (unsigned long long)random_state);
	for (unsigned i = 0; i < rounds || i < 10; i++)
		random_round(random_below(300));
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("future");

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, the_waiting_future_is_pending);
	tcase_add_test(tc, complete_fires_each_once_oldest_first);
	tcase_add_test(tc, complete_without_waiters);
	tcase_add_test(tc, a_done_future_takes_no_waiter);
	tcase_add_test(tc, one_claim_wins);
	tcase_add_loop_test(tc, withdrawals_in_every_order, 0, 256);
	tcase_add_test(tc, withdraw_after_the_end_says_fired);
	tcase_add_test(tc, a_withdrawn_node_registers_again);
	tcase_add_test(tc, links_of_an_earlier_stay);
	tcase_add_test(tc, match_takes_the_oldest);
	tcase_add_test(tc, match_on_an_empty_list);
	tcase_add_test(tc, the_holder_fires_for_the_completer);
	tcase_add_test(tc, fire_may_complete_another);
	tcase_add_test(tc, misuse_ends_the_process);
	tcase_add_test(tc, a_free_block_keeps_word_and_refs);
	tcase_add_test(tc, random_operations_beside_a_list);
	return run_case("future", tc);
}
