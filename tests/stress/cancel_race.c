/* SPDX-License-Identifier: MIT */
/*
 * cancel_race.c - ten million requests race completions, deadlines and one another, on two workers
 * and outside threads.
 *
 * A round makes things that complete once (bare futures, shields, tasks, jobs, levels of tokens)
 * and lets parties loose on them: two tasks and an outside thread that set and cancel, watchers
 * (three tasks, one of which is cancelled itself, and the outside thread) that wait for each in
 * several ways, and a scope that is cancelled from inside and outside.
 *
 * What is conserved, exactly: of all that would complete a thing one does, and says so to its
 * caller; every watcher sees that one's value, or -ECANCELED, once; each task runs or is dropped,
 * and what it returned is its result; each callback is called or taken back; a token is asked once
 * for a level.  At the end nothing lives: no task, no block of any pool, no runtime.
 *
 * THRUM_SEED chooses; THRUM_TEST_DIV divides the requests.
 */
#include <pthread.h>

#include "sched/callback.h"
#include "things.h"

#define STORMS 2

static struct round rounds[STORMS];
static struct thrum_future *first[STORMS];

/* ---- Requests ---- */

/* A request of which @err says whether it was the one. */
static bool requested(int err)
{
	CHECK(err == 0 || err == -EALREADY);
	add(&n.requests, 1);
	if (err)
		add(&n.late, 1);
	return !err;
}

static void cancel(struct thing *t)
{
	if (requested(thrum_cancel(t->f)))
		fetch_add_relaxed(&t->cancels, 1);
}

static void ask_token(struct round *r, uint64_t *random, intptr_t reason)
{
	uint64_t i = random_below(random, TOKENS);
	int level = random_below(random, 2) ? THRUM_HARD : THRUM_SOFT;

	if (requested(thrum_token_cancel(r->tokens[i], level, reason)))
		fetch_add_relaxed(&r->asked[i][level == THRUM_HARD], 1);
}

static void set(struct thing *t)
{
	if (t->gate && thrum_future_set(t->gate, t->value) == 0)
		fetch_add_relaxed(&t->sets, 1);
}

/* Waits a moment for another party that has come as far as @i, and some loads more. */
static void meet(struct round *r, enum party who, uint32_t i, uint64_t loads)
{
	bool met = false;

	store_relaxed(&r->at[who], i);
	for (int spins = 0; spins < 20 && !met; spins++) {
		for (int k = 0; k < PARTIES; k++)
			met |= k != (int)who && load_relaxed(&r->at[k]) == i;
		spin_hint();
	}
	while (loads--)
		(void)load_relaxed(&r->at[who]);
}

static void meddle_with(struct round *r, enum party who, struct thing *t, uint64_t *random,
			uint64_t what)
{
	int err;

	if (what < 3) {
		ask_token(r, random, 1001 + (intptr_t)who);
	} else if (what < 5) {
		err = thrum_future_off_done(t->f, called, NULL);
		CHECK(err == 0 || err == -EALREADY || err == -ENOENT);
		add(&n.taken_back, !err);
	} else if (what < 10) {
		set(t);
	} else if (what < 20) {
		cancel(t);
	}
}

/* Goes through all things, from a random one on or beside the others. */
static void meddle(struct round *r, enum party who)
{
	uint64_t random = stir(r->random + 1 + who);
	uint64_t from = random_below(&random, 4) ? 0 : random_below(&random, THINGS);

	for (uint32_t i = 0; i < THINGS; i++) {
		uint64_t what = random_below(&random, 28), loads = random_below(&random, 128);

		if (!from)
			meet(r, who, i + 1, loads);
		meddle_with(r, who, &r->things[(from + i) % THINGS], &random, what);
	}
	store_relaxed(&r->at[who], 0);
}

static intptr_t task_sets(void *round)
{
	struct round *r = round;

	meddle(r, SETTER);
	for (int i = 0; i < THINGS; i++)
		set(&r->things[i]);
	return 0;
}

static intptr_t task_cancels(void *round)
{
	struct round *r = round;

	meddle(r, CANCELLER);
	requested(thrum_cancel(r->watchers[CANCELLED]));
	return 0;
}

/* ---- Watchers ---- */

/* Past its limit it cancels. */
static intptr_t watch_for(struct thing *t, uint64_t *random)
{
	intptr_t r;

	store_relaxed(&t->tacit, 1);
	r = thrum_wait_for(t->f, THRUM_US((int64_t)random_below(random, 40)));
	if (r != -ETIMEDOUT)
		return r;
	add(&n.requests, 1);
	add(&n.tacit, 1);
	return -ECANCELED;
}

/* To the end: who is asked meanwhile cancels, and waits. */
static intptr_t join(struct thing *t)
{
	store_relaxed(&t->tacit, 1);
	thrum_retain(t->f);
	return thrum_join(t->f);
}

static intptr_t watch_in_time(struct thing *t, uint64_t *random)
{
	struct thrum_timeout timeout;
	intptr_t r;

	bool joins = random_below(random, 8) == 0;

	thrum_timeout_begin(&timeout, THRUM_US((int64_t)random_below(random, 40)));
	r = joins ? join(t) : thrum_await(t->f);
	CHECK(thrum_timeout_end(&timeout) == (r == -ETIMEDOUT) || joins);
	if (r != -ETIMEDOUT)
		return r;
	add(&n.cut, 1);
	return thrum_await(t->f);
}

/* The watcher itself may be cancelled: then its joins cancel, its waits have to be shielded. */
static intptr_t watch_cancelled(struct thing *t, uint64_t *random)
{
	struct thrum_shield s;
	intptr_t r;

	if (random_below(random, 4) == 0)
		return join(t);
	r = thrum_await(t->f);
	if (r != -ECANCELED || thrum_cancel_requested() != THRUM_HARD)
		return r;
	add(&n.cut, 1);
	thrum_shield_begin(&s, THRUM_FOREVER);
	r = thrum_await(t->f);
	CHECK(!thrum_shield_end(&s));
	return r;
}

/* One of some neighbours, whichever is the first. */
static void watch_any(struct round *r, uint64_t from)
{
	struct thrum_future *fs[10];
	uint64_t size = from % 10 + 1;
	ssize_t i;

	for (uint64_t k = 0; k < size; k++)
		fs[k] = r->things[(from + k) % THINGS].f;
	i = thrum_wait_any(fs, size);
	CHECK(i >= 0 && thrum_done(fs[i]));
}

static void watch(struct round *r, enum watcher who)
{
	uint64_t random = stir(r->random + 10 + who), from = random_below(&random, THINGS);

	for (uint64_t i = 0; i < THINGS; i++) {
		struct thing *t = &r->things[(from + i) % THINGS];
		intptr_t got;

		if (who == PLAIN && random_below(&random, 8) == 0)
			watch_any(r, from + i);
		if (who == TIMED)
			got = watch_in_time(t, &random);
		else if (who == CANCELLED)
			got = watch_cancelled(t, &random);
		else if (random_below(&random, 8) == 0)
			got = watch_for(t, &random);
		else
			got = thrum_await(t->f);
		CHECK(t->seen[who] == 0); /* each once */
		t->seen[who] = got;
		add(got == -ECANCELED ? &n.cancels_seen : &n.values_seen, 1);
	}
}

static intptr_t task_watches(void *round)
{
	watch(round, PLAIN);
	return 0;
}

static intptr_t task_watches_in_time(void *round)
{
	watch(round, TIMED);
	return 0;
}

static intptr_t task_watches_cancelled(void *round)
{
	watch(round, CANCELLED);
	return 0;
}

static void *thread_meddles(void *future)
{
	struct thrum_future *next = future;

	while (next) {
		struct round *r = (struct round *)thrum_await(next);
		struct thrum_future *done = r->watchers[OUTSIDE];

		thrum_release(next);
		next = r->next;
		meddle(r, OUTSIDER);
		watch(r, OUTSIDE);
		CHECK(thrum_future_set(done, 0) == 0);
	}
	return NULL;
}

/* ---- Scopes ---- */

struct nest {
	struct thrum_scope scope;
	struct atomic64 ended;
};

struct child {
	struct nest *nest;
	int64_t ns;
	bool cancels;
};

static intptr_t task_child(void *child)
{
	struct child *c = child;
	intptr_t r = thrum_sleep(c->ns);

	CHECK(r == 0 || r == -ECANCELED);
	if (c->cancels && r == 0) {
		thrum_scope_cancel(&c->nest->scope);
		add(&n.requests, 1);
		r = thrum_sleep(THRUM_FOREVER);
		CHECK(r == -ECANCELED);
	}
	add(r ? &n.stopped : &n.finished, 1);
	fetch_add_relaxed(&c->nest->ended, 1);
	return r;
}

/* Cancelled by its children, by its opener, or not; it is no failure. */
static void run_scope(uint64_t random)
{
	uint64_t children = 0, most = random_below(&random, 8);
	struct nest nest;

	store_relaxed(&nest.ended, 0);
	CHECK(thrum_scope_open(&nest.scope) == 0);
	for (uint64_t i = 0; i < most; i++) {
		struct child c = {&nest, THRUM_US((int64_t)random_below(&random, 30)),
				  random_below(&random, 4) == 0};
		int err = thrum_scope_spawn_copy(&nest.scope, task_child, &c, sizeof(c));

		CHECK(err == 0 || err == -ECANCELED);
		children += !err;
	}
	if (random_below(&random, 2)) {
		(void)!thrum_yield(); /* it has perhaps been cancelled */
		thrum_scope_cancel(&nest.scope);
		add(&n.requests, 1);
	}
	CHECK(thrum_scope_close(&nest.scope) == 0);
	/* A copy that was cancelled before it ran never does. */
	CHECK(load_relaxed(&nest.ended) <= children);
	add(&n.stopped, children - load_relaxed(&nest.ended));
	add(&n.children, children);
	CHECK(thrum_yield() == 0);
}

/* ---- A round ---- */

/* One completed it, said so, and all saw that. */
static void check_thing(struct thing *t)
{
	intptr_t result = thrum_result(t->f), returned = (intptr_t)load_relaxed(&t->returned);
	unsigned sets = load_relaxed(&t->sets), cancels = load_relaxed(&t->cancels);
	bool tacit = load_relaxed(&t->tacit), is_cancelled = result == -ECANCELED;
	unsigned begun = load_relaxed(&t->begun), dropped = load_relaxed(&t->dropped);

	for (int i = 0; i < WATCHERS; i++)
		CHECK(t->seen[i] == result);
	CHECK(thrum_cancelled(t->f) == is_cancelled);
	CHECK(!is_cancelled || cancels || tacit || t->kind == LINKED);
	switch (t->kind) {
	case BARE:
		CHECK(is_cancelled || result == t->value);
		CHECK(sets == !is_cancelled);
		CHECK(cancels == is_cancelled || (tacit && !cancels));
		break;
	case SHIELD:
		CHECK(is_cancelled || result == t->value);
		CHECK(sets == 1 && thrum_result(t->gate) == t->value);
		CHECK(cancels == is_cancelled || (tacit && !cancels));
		break;
	case LEVEL:
		CHECK(is_cancelled || result == thrum_token_reason(t->token));
		CHECK(cancels == is_cancelled || (tacit && !cancels));
		break;
	case JOB:
		CHECK(begun ? result == t->value : is_cancelled);
		CHECK(begun <= 1);
		break;
	default:
		CHECK(begun + dropped == 1);
		CHECK(t->kind == DROPPED || !dropped);
		CHECK(result == returned);
		CHECK(result == t->value || is_cancelled);
		CHECK(t->kind != GATED || sets == 1);
	}
	add(is_cancelled ? &n.cancelled : &n.given, 1);
}

static void end_round(struct round *r)
{
	for (int i = 0; i < THINGS; i++) {
		struct thing *t = &r->things[i];

		check_thing(t);
		thrum_release(t->f);
		if (t->gate) {
			(void)thrum_result(t->gate);
			thrum_release(t->gate);
		}
	}
	for (int i = 0; i < TOKENS; i++) {
		unsigned above = i ? 0 : 1;

		CHECK(load_relaxed(&r->asked[i][0]) <= 1);
		CHECK(load_relaxed(&r->asked[i][1]) <= 1);
		CHECK(load_relaxed(&r->asked[i][1]) >= above);
		CHECK(thrum_token_level(r->tokens[i]) == THRUM_HARD);
	}
	for (int i = TOKENS; i-- > 0;)
		thrum_token_release(r->tokens[i]);
}

static struct thrum_future *started(struct thrum_future *f)
{
	CHECK(f);
	add(&n.tasks, 1);
	return f;
}

/* @now completes with it, which is how the outside thread hears of it. */
static void run_round(struct round *r, struct thrum_future *now, uint64_t *random)
{
	struct thrum_future *sets, *cancels;

	r->random = random_below(random, UINT64_MAX);
	for (int i = 0; i < TOKENS; i++) {
		struct thrum_token *above =
		    i ? r->tokens[random_below(random, 2) ? i - 1 : 0] : NULL;

		CHECK((r->tokens[i] = thrum_token_create(above)));
		store_relaxed(&r->asked[i][0], 0);
		store_relaxed(&r->asked[i][1], 0);
	}
	for (int i = 0; i < THINGS; i++)
		make_thing(r, &r->things[i], random);
	CHECK((r->watchers[OUTSIDE] = thrum_future_create()));
	r->watchers[PLAIN] = started(thrum_spawn(task_watches, r));
	r->watchers[TIMED] = started(thrum_spawn(task_watches_in_time, r));
	r->watchers[CANCELLED] = started(thrum_spawn(task_watches_cancelled, r));
	CHECK(thrum_future_set(now, (intptr_t)r) == 0);
	sets = started(thrum_spawn(task_sets, r));
	cancels = started(thrum_spawn(task_cancels, r));
	run_scope(stir(r->random + 4));
	if (requested(thrum_token_cancel(r->tokens[0], THRUM_HARD, 1004)))
		fetch_add_relaxed(&r->asked[0][1], 1);
	CHECK(thrum_join(sets) == 0);
	CHECK(thrum_join(cancels) == 0);
	for (int i = 0; i < WATCHERS; i++)
		CHECK(thrum_join(r->watchers[i]) == 0);
	end_round(r);
}

static intptr_t storm(void *number)
{
	uint64_t i = (uintptr_t)number, enough = scaled(10000000), random;
	struct thrum_future *now = first[i];

	random = stir(rounds[i].random);
	while (now) {
		struct thrum_future *next = NULL;

		if (count(&n.requests) < enough) {
			CHECK((next = thrum_future_create()));
			thrum_retain(next); /* for the thread */
		}
		rounds[i].next = next;
		run_round(&rounds[i], now, &random);
		thrum_release(now);
		now = next;
	}
	return 0;
}

static intptr_t all(void *unused)
{
	struct thrum_future *fs[STORMS];

	(void)unused;
	for (uintptr_t i = 0; i < STORMS; i++)
		CHECK((fs[i] = thrum_spawn(storm, (void *)i)));
	add(&n.tasks, STORMS + 1);
	for (int i = 0; i < STORMS; i++)
		CHECK(thrum_join(fs[i]) == 0);
	return 0;
}

/* ---- The end ---- */

int main(void)
{
	uint64_t random = seed();
	struct thrum_stats stats;
	pthread_t threads[STORMS];

	for (int i = 0; i < STORMS; i++) {
		rounds[i].random = random + (uint64_t)i * 7919;
		CHECK((first[i] = thrum_future_create()));
		thrum_retain(first[i]);
		CHECK(pthread_create(&threads[i], NULL, thread_meddles, first[i]) == 0);
	}
	stats = run_to_the_end_on(2, all);
	for (int i = 0; i < STORMS; i++)
		CHECK(pthread_join(threads[i], NULL) == 0);
	while (thrum__service_is_busy())
		thread_yield(); /* callbacks */
	printf("%lu requests, %lu of them too late, %lu by wait_for; %lu waits cut short\n"
	       "%lu things = %lu values + %lu cancelled; seen by %d each: %lu + %lu\n"
	       "%lu children = %lu finished + %lu cancelled\n"
	       "%lu callbacks = %lu called + %lu taken back; %lu tasks, %lu in place\n",
	       count(&n.requests), count(&n.late), count(&n.tacit), count(&n.cut), count(&n.made),
	       count(&n.given), count(&n.cancelled), WATCHERS, count(&n.values_seen),
	       count(&n.cancels_seen), count(&n.children), count(&n.finished), count(&n.stopped),
	       count(&n.hung), count(&n.called), count(&n.taken_back), stats.spawned,
	       stats.in_place);
	CHECK(count(&n.requests) >= scaled(10000000));
	CHECK(count(&n.made) == count(&n.given) + count(&n.cancelled));
	CHECK(count(&n.values_seen) == WATCHERS * count(&n.given));
	CHECK(count(&n.cancels_seen) == WATCHERS * count(&n.cancelled));
	CHECK(count(&n.children) == count(&n.finished) + count(&n.stopped));
	CHECK(count(&n.hung) == count(&n.called) + count(&n.taken_back));
	CHECK(stats.spawned == count(&n.tasks) + count(&n.children));
	CHECK(stats.spawned == stats.ended);
	CHECK(live_blocks() == 0 && live_runtimes() == 0);
	return 0;
}
