/* SPDX-License-Identifier: MIT */
/* test_waitlist.c - the list of waiters in a word: order, leaving, the flags that stay. */
#include <check.h>

#include "base/assert.h"
#include "core/waitlist.h"
#include "suite.h"

#include <stddef.h>

#define OTHER 4u /* a flag of whose word it is */
#define CLOSED 1u
#define LOCKED THRUM__WAITLIST_LOCKED

struct node {
	struct thrum__waiter waiter;
	unsigned fired; /* the how many-th; 0: not */
};

static struct atomic64 word;
static unsigned firings;

static void node_fire(struct thrum__waiter *w)
{
	container_of(w, struct node, waiter)->fired = ++firings;
	store_release(&w->gone, 1);
}

static void push(struct node *n)
{
	*n = (struct node){.waiter.fire = node_fire};
	ck_assert(thrum__waitlist_push(&word, &n->waiter, CLOSED));
}

/* A list of @count nodes, the last one newest. */
static void fill(struct node *nodes, int count)
{
	store_relaxed(&word, OTHER);
	firings = 0;
	for (int i = 0; i < count; i++)
		push(&nodes[i]);
}

static void take_off(struct node *n)
{
	uint64_t w;

	ck_assert(thrum__waitlist_lock(&word, CLOSED, &w));
	ck_assert_uint_eq(w, load_relaxed(&word));
	ck_assert_uint_eq(w & THRUM__WAITLIST_FLAGS, LOCKED | OTHER);
	thrum__waitlist_unlink(&word, &n->waiter, w);
	fetch_and_relaxed(&word, ~(uint64_t)LOCKED);
}

static void fire(void)
{
	thrum__waitlist_fire(thrum__waitlist_newest(exchange_relaxed(&word, 0)));
}

START_TEST(fires_oldest_first)
{
	struct node n[5];

	fill(n, 5);
	ck_assert_ptr_eq(thrum__waitlist_newest(load_relaxed(&word)), &n[4].waiter);
	ck_assert_uint_eq(load_relaxed(&word) & THRUM__WAITLIST_FLAGS, OTHER);
	fire();
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_eq(n[i].fired, i + 1);
		thrum__waitlist_await_gone(&n[i].waiter);
	}
	fire();
	ck_assert_uint_eq(firings, 5);
}
END_TEST

START_TEST(a_closed_word_takes_nothing)
{
	struct node n = {.waiter.fire = node_fire};
	uint64_t w;

	store_relaxed(&word, CLOSED);
	ck_assert(!thrum__waitlist_push(&word, &n.waiter, CLOSED));
	ck_assert(!thrum__waitlist_lock(&word, CLOSED, &w));
	ck_assert_uint_eq(load_relaxed(&word), CLOSED);
	ck_assert(thrum__waitlist_push(&word, &n.waiter, 0));
	ck_assert_uint_eq(load_relaxed(&word) & THRUM__WAITLIST_FLAGS, CLOSED);
}
END_TEST

/* Four nodes leave in the order that _i says, two bits for each; one may come between. */
START_TEST(leaving_in_every_order)
{
	struct node n[4], later;
	bool is_off[4] = {false};
	unsigned expected = 0;

	fill(n, 4);
	for (int step = 0; step < 3; step++) {
		int i = _i >> (2 * step) & 3;

		if (!is_off[i])
			take_off(&n[i]);
		is_off[i] = true;
		if (_i >> 6 == step)
			push(&later);
	}
	if (_i >> 6 == 3)
		push(&later);
	fire();
	for (int i = 0; i < 4; i++)
		ck_assert_uint_eq(n[i].fired, is_off[i] ? 0 : ++expected);
	ck_assert_uint_eq(later.fired, ++expected);
	ck_assert_uint_eq(firings, expected);
}
END_TEST

/* Pushing goes on while somebody holds the list. */
START_TEST(push_beside_lock)
{
	struct node n[3], later;
	uint64_t w;

	fill(n, 3);
	ck_assert(thrum__waitlist_lock(&word, CLOSED, &w));
	push(&later);
	ck_assert_uint_eq(load_relaxed(&word) & THRUM__WAITLIST_FLAGS, LOCKED | OTHER);
	thrum__waitlist_unlink(&word, &n[2].waiter, w); /* it was the newest when locked */
	thrum__waitlist_unlink(&word, &later.waiter, load_relaxed(&word));
	ck_assert_uint_eq(load_relaxed(&word) & THRUM__WAITLIST_FLAGS, LOCKED | OTHER);
	ck_assert_ptr_eq(thrum__waitlist_newest(load_relaxed(&word)), &n[1].waiter);
	fire();
	ck_assert_uint_eq(firings, 2);
	ck_assert_uint_eq(n[0].fired, 1);
	ck_assert_uint_eq(n[1].fired, 2);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("waitlist");

	tcase_add_test(tc, fires_oldest_first);
	tcase_add_test(tc, a_closed_word_takes_nothing);
	tcase_add_loop_test(tc, leaving_in_every_order, 0, 256);
	tcase_add_test(tc, push_beside_lock);
	return run_case("waitlist", tc);
}
