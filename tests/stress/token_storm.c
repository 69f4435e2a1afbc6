/* SPDX-License-Identifier: MIT */
/*
 * token_storm.c - trees of tokens that grow, are asked at random places and levels by tasks and by
 * outside threads, and go in any order, with tasks, scopes and futures on them.  Whatever hangs
 * below a request hears of it, nothing else does, and nothing is left.
 *
 * THRUM_SEED chooses; THRUM_TEST_DIV divides the rounds.
 */
#include <errno.h>
#include <pthread.h>

#include "base/atomic.h"
#include "support.h"

#define TOKENS 24 /* of a tree; they may be a chain, deeper than one stack goes */

static struct atomic64 made, ended, heard, quiet;

struct tree {
	struct thrum_token *token[TOKENS];
	unsigned parent[TOKENS];
	unsigned asked; /* that will be asked, hard in the end; TOKENS: none */
};

/* Is @i below the one that is asked, or the one? */
static bool is_below(const struct tree *t, unsigned i)
{
	while (i != t->asked && i > 0)
		i = t->parent[i];
	return i == t->asked;
}

struct life {
	struct tree *tree;
	unsigned token;
};

/* Sleeps for ever below a request, else for a moment: it must end in both cases. */
static intptr_t linked(void *arg)
{
	struct life *l = arg;
	bool below = is_below(l->tree, l->token);
	intptr_t r = thrum_sleep(below ? THRUM_FOREVER : THRUM_US(20));

	CHECK(r == (below ? -ECANCELED : 0));
	CHECK(thrum_cancel_requested() == (below ? THRUM_HARD : 0));
	fetch_add_relaxed(below ? &heard : &quiet, 1);
	fetch_add_relaxed(&ended, 1);
	return r;
}

static intptr_t waiter(void *arg)
{
	struct life *l = arg;
	struct thrum_future *f = thrum_token_future(l->tree->token[l->token], THRUM_HARD);
	intptr_t r;

	CHECK(f);
	r = is_below(l->tree, l->token) ? thrum_await(f) : thrum_wait_for(f, THRUM_US(20));
	CHECK(r == (is_below(l->tree, l->token) ? 7 : -ETIMEDOUT));
	thrum_release(f);
	fetch_add_relaxed(&ended, 1);
	return 0;
}

static intptr_t scoped(void *arg)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct life *l = arg;
	struct thrum_scope s;
	int err;

	options.token = l->tree->token[l->token];
	CHECK(thrum_scope_open_with(&s, &options) == 0);
	err = thrum_scope_spawn(&s, linked, l);
	CHECK(err == 0 || (err == -ECANCELED && is_below(l->tree, l->token)));
	if (!err)
		fetch_add_relaxed(&made, 1);
	CHECK(thrum_scope_close(&s) == 0);
	CHECK(thrum_sleep(0) == 0);
	fetch_add_relaxed(&ended, 1);
	return 0;
}

static void ask(struct tree *t)
{
	int soft, hard;

	if (t->asked == TOKENS)
		return;
	soft = thrum_token_cancel(t->token[t->asked], THRUM_SOFT, 6);
	hard = thrum_token_cancel(t->token[t->asked], THRUM_HARD, 7);
	CHECK(soft == 0 && hard == 0);
	for (unsigned i = 0; i < TOKENS; i++) {
		bool below = is_below(t, i);

		CHECK(thrum_token_level(t->token[i]) == (below ? THRUM_HARD : 0));
		CHECK(thrum_token_reason(t->token[i]) == (below ? 7 : 0));
	}
}

static intptr_t task_asks(void *tree)
{
	ask(tree);
	return 0;
}

static void *thread_asks(void *tree)
{
	ask(tree);
	return NULL;
}

static void grow(struct tree *t, uint64_t *random)
{
	bool chain = random_below(random, 4) == 0;

	t->asked = (unsigned)random_below(random, TOKENS + TOKENS / 4);
	if (t->asked > TOKENS)
		t->asked = TOKENS;
	for (unsigned i = 0; i < TOKENS; i++) {
		t->parent[i] = i == 0 ? 0 : chain ? i - 1 : (unsigned)random_below(random, i);
		t->token[i] = thrum_token_create(i ? t->token[t->parent[i]] : NULL);
		CHECK(t->token[i]);
	}
}

/* In a random order. */
static void fell(struct tree *t, uint64_t *random)
{
	for (unsigned n = TOKENS; n > 0; n--) {
		unsigned i = (unsigned)random_below(random, n);

		thrum_token_release(t->token[i]);
		t->token[i] = t->token[n - 1];
	}
}

static void round_of(uint64_t *random)
{
	struct life lives[3 * TOKENS];
	struct thrum_future *f[3 * TOKENS], *asks = NULL;
	bool outside = random_below(random, 2);
	pthread_t thread;
	struct tree t;
	unsigned n = 0;

	grow(&t, random);
	if (outside)
		CHECK(pthread_create(&thread, NULL, thread_asks, &t) == 0);
	else
		asks = thrum_spawn(task_asks, &t);
	for (unsigned i = 0; i < TOKENS; i++) {
		struct life *l = &lives[n];

		*l = (struct life){&t, i};
		switch (random_below(random, 4)) {
		case 0:
			f[n++] = thrum_spawn_token(t.token[i], linked, l);
			break;
		case 1:
			f[n++] = thrum_spawn(waiter, l);
			break;
		case 2:
			f[n++] = thrum_spawn(scoped, l);
			break;
		default:
			break;
		}
	}
	fetch_add_relaxed(&made, n);
	for (unsigned i = 0; i < n; i++) {
		intptr_t r = thrum_await(f[i]);

		CHECK(r == 0 || r == -ECANCELED);
		thrum_release(f[i]);
	}
	if (outside)
		CHECK(pthread_join(thread, NULL) == 0);
	else
		CHECK(thrum_join(asks) == 0);
	fell(&t, random);
}

static intptr_t main_storm(void *unused)
{
	uint64_t random = seed(), rounds = scaled(60000);

	(void)unused;
	for (uint64_t i = 0; i < rounds; i++)
		round_of(&random);
	return 0;
}

int main(void)
{
	struct thrum_stats s = run_to_the_end_on(2, main_storm);

	CHECK(s.spawned == s.ended);
	CHECK(load_relaxed(&made) == load_relaxed(&ended));
	printf("%llu lives ended, %llu heard of a request, %llu slept in peace\n",
	       (unsigned long long)load_relaxed(&ended), (unsigned long long)load_relaxed(&heard),
	       (unsigned long long)load_relaxed(&quiet));
	CHECK(load_relaxed(&heard) && load_relaxed(&quiet));
	return 0;
}
