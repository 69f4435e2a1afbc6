/* SPDX-License-Identifier: MIT */
/*
 * idle_world.h - what the scenarios of sched/idle.c stand on.
 *
 * Work is a count in a word.  A worker that has taken an item computes for ever, so nobody tidies
 * up a lost wake: with as many items as workers one that is left asleep is a deadlock.  All sleep
 * at one semaphore, the tokens.  At the end the word must be what the workers are.
 */
#ifndef TESTS_MODEL_IDLE_WORLD_H
#define TESTS_MODEL_IDLE_WORLD_H

#include "explorer.h"

#include "sched/idle.h"

#define WORKERS 3
#define BUSY 2                      /* workers beside them that publish and never sleep */
#define CAREFUL (UINT64_C(3) << 62) /* the mode */

static struct thrum__idle idle;
static struct atomic32 work, over, tokens;
static bool searching[WORKERS];
static unsigned workers_there, done, sleeping;

static inline void wake(void *arg, unsigned n)
{
	(void)arg;
	model_assert(n > 0 && n <= workers_there);
	fetch_add_release(&tokens, n);
	model_futex_wake(&tokens, n);
}

static inline bool has_work(void *arg)
{
	(void)arg;
	return load_relaxed(&work) || load_relaxed(&over);
}

static inline void start(unsigned workers)
{
	idle.wake = wake;
	idle.has_work = has_work;
	workers_there = workers;
	thrum__idle_init(&idle, workers, workers, false);
	for (unsigned i = 0; i < BUSY; i++)
		thrum__idle_add(&idle);
	store_relaxed(&work, 0);
	store_relaxed(&over, 0);
	store_relaxed(&tokens, 0);
	done = sleeping = 0;
	for (unsigned i = 0; i < WORKERS; i++)
		searching[i] = false;
	model_name(&idle.word, "word");
	model_name(&work, "work");
	model_name(&over, "over");
	model_name(&tokens, "tokens");
}

/* @n workers sleep from the beginning. */
static inline void start_asleep(unsigned n)
{
	store_relaxed(&idle.word, load_relaxed(&idle.word) + ((uint64_t)n << 32));
	sleeping += n;
}

static inline void start_searching(unsigned i)
{
	store_relaxed(&idle.word, load_relaxed(&idle.word) + 1);
	searching[i] = true;
}

static inline void publish(void)
{
	fetch_add_relaxed(&work, 1);
	thrum__idle_notify(&idle);
}

static inline bool take(void)
{
	uint32_t n = load_relaxed(&work);

	while (n)
		if (cas_relaxed(&work, &n, n - 1))
			return true;
	return false;
}

static inline bool take_token(unsigned i)
{
	uint32_t n = load_relaxed(&tokens);

	while (n)
		if (cas_acquire(&tokens, &n, n - 1)) {
			sleeping--;
			searching[i] = true;
			return true;
		}
	return false;
}

static inline void await_token(unsigned i)
{
	while (!take_token(i))
		model_futex_wait(&tokens, 0);
}

static inline void announce(unsigned i)
{
	bool searched = searching[i];

	sleeping++;
	searching[i] = false;
	thrum__idle_sleep_begin(&idle, searched, true);
}

/* The announced worker @i goes on by itself, for work or a timer. */
static inline void go_on(unsigned i)
{
	while (!thrum__idle_sleep_undo(&idle)) {
		if (take_token(i))
			return;
		spin_hint();
	}
	sleeping--;
	searching[i] = true;
}

static inline void sleep_if_no_work(unsigned i)
{
	announce(i);
	if (has_work(NULL))
		go_on(i);
	else
		await_token(i);
}

static inline void stop_searching(unsigned i)
{
	if (!searching[i])
		return;
	searching[i] = false;
	thrum__idle_search_found(&idle);
}
/* Looks, sleeps, looks, until it has an item. */
static inline void find(unsigned i)
{
	while (!take()) {
		if (!searching[i])
			searching[i] = thrum__idle_search_begin(&idle);
		if (searching[i] && take())
			break;
		sleep_if_no_work(i);
	}
	stop_searching(i);
	done++;
}

/* One item at most, and what is left is for others. */
static inline void take_one(unsigned i)
{
	if (take())
		done++;
	stop_searching(i);
}

static inline void worker_0(void)
{
	find(0);
}

static inline void worker_1(void)
{
	find(1);
}

/* Sleeps now; then looks once. */
static inline void late_1(void)
{
	sleep_if_no_work(1);
	take_one(1);
}

static inline void searcher_1(void)
{
	searching[1] = thrum__idle_search_begin(&idle);
	if (!take()) {
		late_1();
		return;
	}
	done++;
	stop_searching(1);
}

static inline void chosen_0(void)
{
	await_token(0);
	take_one(0);
}

/* The word counts what the workers are; whoever sleeps has no token to take. */
static inline void counts_fit(void)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		n += searching[i];
	model_assert((uint32_t)load_relaxed(&idle.word) == n + load_relaxed(&tokens));
	model_assert(thrum__idle_asleep(&idle) + load_relaxed(&tokens) == sleeping);
	model_assert(!load_relaxed(&tokens) || !sleeping);
}

static inline void none_left(void)
{
	counts_fit();
	model_assert(load_relaxed(&work) == 0);
}

/* What is left waits for nobody who sleeps. */
static inline void none_waits(void)
{
	counts_fit();
	model_assert(!load_relaxed(&work) || !thrum__idle_asleep(&idle));
}

static inline void all_done(void)
{
	none_left();
	model_assert(done == workers_there);
	model_assert((load_relaxed(&idle.word) & ~CAREFUL) == 0);
}

static inline void publish_twice(void)
{
	publish();
	publish();
}

static inline void start_one(void)
{
	start(1);
}

static inline void start_two(void)
{
	start(2);
}

static inline void start_one_asleep(void)
{
	start(2);
	start_asleep(1);
}

static inline void start_one_seen(void)
{
	start_one_asleep();
	store_relaxed(&work, 1);
}

static inline void start_searcher(void)
{
	start(2);
	store_relaxed(&work, 1);
	start_searching(0);
}

static inline void by_timer_0(void)
{
	go_on(0);
	take_one(0);
	publish();
}

static inline void end_all(void)
{
	store_relaxed(&over, 1);
	thrum__idle_wake_all(&idle);
}

static inline void until_over(unsigned i)
{
	while (!load_relaxed(&over))
		if (!take())
			sleep_if_no_work(i);
	stop_searching(i);
	done++;
}

static inline void over_1(void)
{
	until_over(1);
}

static inline void over_by_timer_0(void)
{
	go_on(0);
	until_over(0);
}

#endif
