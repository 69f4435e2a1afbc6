/* SPDX-License-Identifier: MIT */
/*
 * scope_storm.c - scopes of random shape: children that wait, fail, compute, spawn siblings, open
 * scopes of their own, clean up in shields; limits, deadlines, drops; cancelled by children, by
 * tasks outside, with their openers.  Close leaves nobody behind: each child has ended when it
 * returns, and its result fits what happened.
 *
 * THRUM_SEED chooses; THRUM_TEST_DIV divides the rounds.
 */
#include "base/atomic.h"
#include "support.h"

#include <errno.h>

#define DEPTH 3

static struct atomic64 begun, ended, dropped, failures, refused, scopes;

/* What the children of one scope share. */
struct nest {
	struct thrum_scope scope;
	struct atomic64 random;
	struct atomic32 living; /* begun or in a queue, and not ended */
	struct atomic32 failed;
	unsigned depth;
	bool limited; /* then a child does not wait for room: it would wait for itself */
};

static int run_scope(uint64_t seed, unsigned depth);

static uint64_t draw(struct nest *n, uint64_t below)
{
	uint64_t x = fetch_add_relaxed(&n->random, 0x9E3779B97F4A7C15u);

	x ^= x >> 31;
	x *= 0xBF58476D1CE4E5B9u;
	return (x ^ x >> 29) % below;
}

static intptr_t child(void *nest);

/* Only @s's own children, its opener and tasks that end before it may call this. */
static void spawn_child(struct nest *n)
{
	int err;

	fetch_add_relaxed(&n->living, 1);
	err = thrum_scope_spawn(&n->scope, child, n);
	CHECK(err == 0 || err == -ECANCELED || err == -ETIMEDOUT);
	if (err) {
		fetch_add_relaxed(&refused, 1);
		fetch_sub_relaxed(&n->living, 1);
	}
}

static void drop(void *nest)
{
	struct nest *n = nest;

	fetch_add_relaxed(&dropped, 1);
	fetch_sub_relaxed(&n->living, 1);
}

static void clean_up(struct nest *n)
{
	struct thrum_shield s;
	int err;

	thrum_shield_begin(&s, THRUM_FOREVER);
	err = draw(n, 2) ? thrum_yield() : thrum_sleep(THRUM_US((int64_t)draw(n, 50)));
	CHECK(err == 0);
	CHECK(!thrum_shield_end(&s));
}

static intptr_t sleeper(void *us)
{
	return thrum_sleep(THRUM_US((int64_t)(uintptr_t)us));
}

static intptr_t act(struct nest *n)
{
	switch (draw(n, 8)) {
	case 0:
		return thrum_sleep(THRUM_US((int64_t)draw(n, 200)));
	case 1:
		return thrum_yield();
	case 2:
		return draw(n, 4) ? 0 : -EIO;
	case 3:
		if (n->depth < DEPTH)
			return run_scope(draw(n, UINT64_MAX), n->depth + 1) == -ECANCELED
				   ? -ECANCELED
				   : 0;
		return 0;
	case 4:
		if (!n->limited && draw(n, 2))
			spawn_child(n);
		return 0;
	case 5:
		if (draw(n, 4))
			return thrum_sleep(THRUM_US((int64_t)draw(n, 20)));
		thrum_scope_cancel(&n->scope);
		return thrum_sleep(THRUM_FOREVER);
	case 6: /* in its place, or not: the cancel must come up to it */
		return thrum_join(thrum_spawn(sleeper, (void *)(uintptr_t)draw(n, 100)));
	default:
		return thrum_sleep(THRUM_US((int64_t)draw(n, 20)));
	}
}

static intptr_t child(void *nest)
{
	struct nest *n = nest;
	intptr_t r;

	fetch_add_relaxed(&begun, 1);
	r = act(n);
	CHECK(r == 0 || r == -ECANCELED || r == -EIO);
	if (r == -ECANCELED) {
		CHECK(thrum_cancel_requested() == THRUM_HARD);
		clean_up(n);
	}
	if (r == -EIO) {
		fetch_add_relaxed(&failures, 1);
		store_relaxed(&n->failed, 1);
	}
	fetch_add_relaxed(&ended, 1);
	fetch_sub_relaxed(&n->living, 1);
	return r;
}

static intptr_t canceller(void *nest)
{
	struct nest *n = nest;

	if (thrum_sleep(THRUM_US((int64_t)draw(n, 100))) == 0)
		thrum_scope_cancel(&n->scope);
	return 0;
}

static void choose(struct nest *n, struct thrum_scope_options *options)
{
	if (!draw(n, 4))
		options->limit = 1 + draw(n, 4);
	if (!draw(n, 4))
		options->deadline_ns = thrum_now() + THRUM_US((int64_t)draw(n, 300));
	if (!draw(n, 4))
		options->keep_going = true;
	if (draw(n, 2))
		options->drop = drop;
}

/* The result of close, which has to fit. */
static int run_scope(uint64_t random, unsigned depth)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_future *other = NULL;
	struct nest n = {.depth = depth};
	uint64_t children;
	int err;

	store_relaxed(&n.random, random);
	choose(&n, &options);
	n.limited = options.limit;
	CHECK(thrum_scope_open_with(&n.scope, &options) == 0);
	if (!draw(&n, 3)) {
		other = thrum_spawn(canceller, &n);
		CHECK(other);
	}
	children = 1 + draw(&n, 20);
	for (uint64_t i = 0; i < children; i++)
		spawn_child(&n);
	if (draw(&n, 2))
		(void)!thrum_sleep(THRUM_US((int64_t)draw(&n, 100)));
	if (other)
		CHECK(thrum_join(other) == 0);
	err = thrum_scope_close(&n.scope);
	CHECK(load_relaxed(&n.living) == 0);
	CHECK(err == 0 || err == -EIO || err == -ECANCELED || err == -ETIMEDOUT);
	CHECK(err != -EIO || load_relaxed(&n.failed));
	CHECK(err != 0 || !load_relaxed(&n.failed));
	CHECK(err != -ECANCELED || thrum_cancel_requested() == THRUM_HARD);
	CHECK(err != -ETIMEDOUT || options.deadline_ns);
	fetch_add_relaxed(&scopes, 1);
	return err;
}

static intptr_t root(void *random)
{
	return run_scope((uintptr_t)random, 0) == -ECANCELED ? -ECANCELED : 0;
}

static intptr_t short_child(void *ran)
{
	fetch_add_relaxed((struct atomic64 *)ran, 1);
	return 0;
}

/* Spawns @n short ones into one scope, without giving way but where the @limit makes it.  Returns
 * how many KiB the process grew by after the first tenth; @live: how many lived at the end. */
static long spawn_many(uint64_t n, size_t limit, uint64_t *live)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	uint64_t others = live_blocks();
	struct thrum_scope s;
	struct atomic64 ran;
	long kib = 0;

	options.limit = limit;
	store_relaxed(&ran, 0);
	CHECK(thrum_scope_open_with(&s, &options) == 0);
	for (uint64_t i = 0; i < n; i++) {
		CHECK(thrum_scope_spawn(&s, short_child, &ran) == 0);
		if (i == n / 10)
			kib = status_of("VmRSS");
	}
	kib = status_of("VmRSS") - kib;
	*live = live_blocks() - others;
	CHECK(thrum_scope_close(&s) == 0);
	CHECK(load_relaxed(&ran) == n);
	return kib;
}

/* A limited scope's children take the memory of those before them. */
static void run_limited(uint64_t n)
{
	uint64_t live;
	long grown_kib = spawn_many(n, 100, &live);

	CHECK(live <= 100);
	CHECK(INSTRUMENTED || grown_kib < 1024);
}

/* Without a limit all of them live as long as nobody runs them; the next as many need no more. */
static intptr_t run_unlimited(void *unused)
{
	uint64_t n = scaled(100000), live;
	long first_kib, kib;

	(void)unused;
	spawn_many(n, 0, &live);
	CHECK(live == n);
	first_kib = status_of("VmRSS");
	for (int i = 0; i < 3; i++) {
		spawn_many(n, 0, &live);
		CHECK(live == n);
	}
	kib = status_of("VmRSS");
	printf("%llu children at once in %ld KiB, three times more: %ld\n", (unsigned long long)n,
	       first_kib, kib);
	CHECK(INSTRUMENTED || kib < first_kib + 1024);
	run_limited(n);
	return 0;
}

/* One worker, which nobody stands in for. */
static void run_many_alone(void)
{
	struct thrum_config config = THRUM_CONFIG_INIT;

	config.workers = 1;
	config.stall_ns = THRUM_FOREVER;
	CHECK(thrum_run_with(&config, run_unlimited, NULL) == 0);
}

static intptr_t all(void *unused)
{
	uint64_t random = seed();

	(void)unused;
	run_limited(scaled(100000));
	for (uint64_t round = 0; round < scaled(6000); round++) {
		struct thrum_future *fs[4];

		for (int i = 0; i < 4; i++) {
			fs[i] =
			    thrum_spawn(root, (void *)(uintptr_t)random_below(&random, UINT64_MAX));
			CHECK(fs[i]);
		}
		if (random_below(&random, 2))
			CHECK(thrum_sleep(THRUM_US((int64_t)random_below(&random, 200))) == 0);
		CHECK(thrum_cancel(fs[0]) == 0 || thrum_done(fs[0]));
		for (int i = 0; i < 4; i++) {
			intptr_t r = thrum_join(fs[i]);

			CHECK(r == 0 || (r == -ECANCELED && i == 0));
		}
	}
	return 0;
}

static unsigned long long count(struct atomic64 *n)
{
	return load_relaxed(n);
}

int main(void)
{
	struct thrum_stats stats;

	run_many_alone();
	stats = run_to_the_end(all);
	printf("%llu scopes, %llu children began and %llu ended, %llu dropped, %llu failed, %llu "
	       "refused; %llu tasks\n",
	       count(&scopes), count(&begun), count(&ended), count(&dropped), count(&failures),
	       count(&refused), (unsigned long long)stats.spawned);
	CHECK(count(&begun) == count(&ended));
	CHECK(count(&scopes) && count(&dropped) && count(&failures) && count(&refused));
	return 0;
}
