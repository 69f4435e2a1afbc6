/* SPDX-License-Identifier: MIT */
/*
 * scen_token.c - a tree of tokens (runtime/core/token.c): requests, children that come and go.
 *
 * A token's memory goes when it is freed, and an operation on it after that is reported.  Whoever
 * asks writes before what it did; who sees a level done reads it.
 */
#include "explorer.h"

#include "base/assert.h"
#include "core/token.h"

#include <stddef.h>

#define REASON 7
#define OTHER 8

static struct thrum__token *root, *child, *grandchild;
static int did;                    /* before a hard request */
static unsigned firsts;            /* requests that were the first of their level at the root */
static struct model_event put_off; /* the deferred one is there */
static struct thrum__token *deferred;
static unsigned deferred_level;

static void free_token(struct thrum__token *t)
{
	model_free(t);
}

static void defer(struct thrum__token *t, unsigned level)
{
	deferred = t;
	deferred_level = level;
	model_event_set(&put_off);
}

static const struct thrum__token_ops ops = {.defer = defer, .free = free_token};

static struct thrum__token *make(struct thrum__token *parent)
{
	struct thrum__token *t = model_alloc(sizeof(*t));

	thrum__token_init(t, parent, &ops, "token");
	return t;
}

static void start_root(void)
{
	root = make(NULL);
	child = grandchild = deferred = NULL;
	model_event_init(&put_off);
	firsts = 0;
	thrum__token_forget_walks();
	plain_write(&did, 0);
	model_name(&root->level[0].word, "root soft");
	model_name(&root->level[1].word, "root hard");
	model_name(&root->users, "root users");
	model_name(&root->holds, "root holds");
}

static void start_child(void)
{
	start_root();
	child = make(root);
	model_name(&child->level[0].word, "child soft");
	model_name(&child->level[1].word, "child hard");
	model_name(&child->users, "child users");
	model_name(&child->holds, "child holds");
}

static void start_grandchild(void)
{
	start_child();
	grandchild = make(child);
	thrum__token_unuse(child); /* the grandchild uses it */
}

/* The root is used by two threads. */
static void start_shared(void)
{
	start_child();
	thrum__token_use(root);
}

/* The child is. */
static void start_child_shared(void)
{
	start_child();
	thrum__token_use(child);
}

static void none_live(void)
{
	model_assert(model_live() == 0);
}

static void ask(struct thrum__token *t, unsigned level, intptr_t reason)
{
	if (!thrum__token_reach(t, level, reason))
		firsts++;
	thrum__token_unuse(t);
}

static void ask_hard(void)
{
	plain_write(&did, 1);
	ask(root, THRUM__TOKEN_HARD, REASON);
}

static void ask_soft(void)
{
	ask(root, THRUM__TOKEN_SOFT, OTHER);
}

static void child_goes(void)
{
	thrum__token_unuse(child);
}

/* A level that is done tells why, and what was done before. */
static void look(struct thrum__token *t)
{
	intptr_t reason = 0;

	if (thrum__token_reached(t, &reason) < THRUM__TOKEN_LEVELS)
		return;
	model_assert(reason == REASON);
	model_assert(plain_read(&did) == 1);
}

/* Beside a request: the child hears of it, now or later, or is the first to go. */
static void child_looks_goes(void)
{
	thrum__token_use(child);
	thrum__token_unuse(child);
	look(child);
	thrum__token_unuse(child);
}

/* A waiter on the child's hard level. */
static struct model_event heard;
static struct thrum__waiter ear;

static void hear(struct thrum__waiter *n)
{
	thrum__waiter_let_go(n);
	model_event_set(&heard);
}

/* Whoever listens at the child hears of the request, when ever it comes. */
static void child_listens(void)
{
	model_event_init(&heard);
	ear.fire = hear;
	store_relaxed(&ear.gone, 0);
	if (thrum__future_register(&child->level[THRUM__TOKEN_HARD], &ear))
		model_event_wait(&heard);
	look(child);
	thrum__token_unuse(child);
}

/* The same of a child that is made beside the request. */
static void child_comes_listens(void)
{
	child = make(root);
	thrum__token_unuse(root);
	child_listens();
}

static void start_user(void)
{
	start_root();
	thrum__token_use(root);
}

static void child_asks_itself(void)
{
	if (!thrum__token_reach(child, THRUM__TOKEN_SOFT, OTHER))
		firsts++;
	thrum__token_unuse(child);
}

static void grandchild_goes(void)
{
	look(grandchild);
	thrum__token_unuse(grandchild);
}

/* The child is as deep as one that is told by defer. */
static void start_deep(void)
{
	start_child();
	child->depth = 15;
}

static void follow_deferred(void)
{
	model_event_wait(&put_off);
	thrum__token_follow(deferred, deferred_level);
}

static void one_first(void)
{
	none_live();
	model_assert(firsts == 1);
}

static void two_first(void)
{
	none_live();
	model_assert(firsts == 1 || firsts == 2);
}

SCENARIO(token_ask_beside_go, .setup = start_child, .thread = {ask_hard, child_looks_goes},
	 .check = one_first, .bounded_spin = true, .min_executions = 1000,
	 .covers = "T2 T3 T4 T5 T6 T7");

SCENARIO(token_ask_beside_come, .setup = start_user, .thread = {ask_hard, child_comes_listens},
	 .check = one_first, .bounded_spin = true, .min_executions = 1000,
	 .covers = "T1 T3 T4 T5 T6 T7");

SCENARIO(token_two_ask, .setup = start_shared, .thread = {ask_hard, ask_soft, child_listens},
	 .check = two_first, .bounded_spin = true, .min_executions = 10000,
	 .covers = "T3 T4 T5 T6 T7");

SCENARIO(token_child_asked_twice, .setup = start_child, .thread = {ask_hard, child_asks_itself},
	 .check = none_live, .bounded_spin = true, .min_executions = 1000,
	 .covers = "T3 T4 T5 T6 T7");

/* All three at once: the parent is asked, the child is, and its last user goes. */
SCENARIO(token_both_asked_beside_go, .setup = start_child_shared,
	 .thread = {ask_hard, child_asks_itself, child_looks_goes}, .check = none_live,
	 .bounded_spin = true, .bound = 2, .stale = 1, .min_executions = 10000,
	 .covers = "T2 T3 T4 T5 T6 T7");

SCENARIO(token_chain_goes, .setup = start_grandchild, .thread = {ask_soft, grandchild_goes},
	 .check = one_first, .bounded_spin = true, .min_executions = 1000,
	 .covers = "T3 T4 T5 T6 T7");

/* Nobody asks: the tree goes from both ends. */
static void root_goes(void)
{
	thrum__token_unuse(root);
}
SCENARIO(token_all_go, .setup = start_grandchild, .thread = {root_goes, grandchild_goes},
	 .check = none_live, .bounded_spin = true, .min_executions = 3, .covers = "T3 T7");

/* Soft alone is asked for, and the child is told later. */
SCENARIO(token_told_later, .setup = start_deep, .thread = {ask_soft, follow_deferred, child_goes},
	 .check = one_first, .bounded_spin = true, .may_sleep = 1u << 1, .min_executions = 1000,
	 .covers = "T3 T4 T5 T6 T7");

/*
 * Fires that give the last use back: of one child at the soft level, of its sibling at the hard
 * one.  The two walks must not wait for each other.
 */
static struct thrum__token *siblings[2];
static struct thrum__waiter last[2];

static void give_back(struct thrum__waiter *n)
{
	unsigned i = n == &last[1];

	thrum__waiter_let_go(n);
	thrum__token_unuse(siblings[i]);
}

static void start_siblings(void)
{
	start_root();
	thrum__token_use(root);
	for (unsigned i = 0; i < 2; i++) {
		siblings[i] = make(root);
		last[i].fire = give_back;
		store_relaxed(&last[i].gone, 0);
		model_assert(thrum__future_register(&siblings[i]->level[i], &last[i]));
	}
}

SCENARIO(token_fire_gives_back, .setup = start_siblings, .thread = {ask_soft, ask_hard},
	 .check = two_first, .bounded_spin = true, .min_executions = 1000,
	 .covers = "T3 T4 T5 T6 T7");
