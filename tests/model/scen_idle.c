/* SPDX-License-Identifier: MIT */
/*
 * scen_idle.c - sched/idle.c: publishers and workers that search, find and sleep.
 *
 * Work is a count in a word.  A worker that has taken an item computes for ever (its thread
 * ends), so nobody comes by later and tidies up a lost wake: with as many items as workers each
 * must come to its item, and a worker that is left asleep is the deadlock which the explorer
 * reports.  Where workers may stay asleep, the check wants all work taken.  All sleep at one
 * semaphore, the tokens, as at the poller.  At the end both halves of the word must be what the
 * workers are.
 */
#include "explorer.h"

#include "core/errand.h"
#include "sched/idle.h"

#define WORKERS 3
#define CAREFUL (UINT64_C(3) << 62) /* the mode */

static struct thrum__idle idle;
static struct atomic32 work, over, tokens, now;
static struct thrum__errand advancing;
static bool searching[WORKERS], fired[WORKERS];
static unsigned due[WORKERS];
static unsigned done, sleeping;

static void wake(void *arg, unsigned n)
{
	(void)arg;
	model_assert(n > 0 && n <= idle.workers);
	fetch_add_release(&tokens, n);
	model_futex_wake(&tokens, n);
}

static bool has_work(void *arg)
{
	(void)arg;
	return load_relaxed(&work) || load_relaxed(&over);
}

static void start(unsigned workers)
{
	idle.wake = wake;
	idle.has_work = has_work;
	thrum__idle_init(&idle, workers);
	store_relaxed(&work, 0);
	store_relaxed(&over, 0);
	store_relaxed(&tokens, 0);
	thrum__errand_init(&advancing);
	store_relaxed(&now, 0);
	done = sleeping = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		due[i] = 0;
		searching[i] = fired[i] = false;
	}
	model_name(&idle.word, "word");
	model_name(&work, "work");
	model_name(&over, "over");
	model_name(&tokens, "tokens");
}

static uint32_t asleep_now(void)
{
	return (uint32_t)(load_relaxed(&idle.word) >> 32) & 0x3fffffff;
}

/* @n workers sleep from the beginning. */
static void start_asleep(unsigned n)
{
	store_relaxed(&idle.word, load_relaxed(&idle.word) + ((uint64_t)n << 32));
	sleeping += n;
}

static void start_searching(unsigned i)
{
	store_relaxed(&idle.word, load_relaxed(&idle.word) + 1);
	searching[i] = true;
}

static void publish(void)
{
	fetch_add_relaxed(&work, 1);
	thrum__idle_notify(&idle);
}

static bool take(void)
{
	uint32_t n = load_relaxed(&work);

	while (n)
		if (cas_relaxed(&work, &n, n - 1))
			return true;
	return false;
}

static bool take_token(unsigned i)
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

static void await_token(unsigned i)
{
	while (!take_token(i))
		model_futex_wait(&tokens, 0);
}

static void announce(unsigned i)
{
	bool searched = searching[i];

	sleeping++;
	searching[i] = false;
	thrum__idle_sleep_begin(&idle, searched, true);
}

/* The announced worker @i goes on by itself, for work or a timer. */
static void go_on(unsigned i)
{
	while (!thrum__idle_sleep_undo(&idle)) {
		if (take_token(i))
			return;
		spin_hint();
	}
	sleeping--;
	searching[i] = true;
}

static void sleep_if_no_work(unsigned i)
{
	announce(i);
	if (has_work(NULL))
		go_on(i);
	else
		await_token(i);
}

static void stop_searching(unsigned i)
{
	if (!searching[i])
		return;
	searching[i] = false;
	thrum__idle_search_found(&idle);
}

/* Looks, sleeps, looks, until it has an item. */
static void find(unsigned i)
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
static void take_one(unsigned i)
{
	if (take())
		done++;
	stop_searching(i);
}

static void worker_0(void)
{
	find(0);
}

static void worker_1(void)
{
	find(1);
}

/* Sleeps now; then looks once. */
static void late_1(void)
{
	sleep_if_no_work(1);
	take_one(1);
}

static void searcher_1(void)
{
	searching[1] = thrum__idle_search_begin(&idle);
	if (take()) {
		done++;
		stop_searching(1);
		return;
	}
	late_1();
}

static void chosen_0(void)
{
	await_token(0);
	take_one(0);
}

static void chosen_1(void)
{
	await_token(1);
	take_one(1);
}

static void sleeper_1(void)
{
	await_token(1);
	find(1);
}

/* The word counts what the workers are; whoever sleeps has no token to take. */
static void counts_fit(void)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		n += searching[i];
	model_assert((uint32_t)load_relaxed(&idle.word) == n + load_relaxed(&tokens));
	model_assert(asleep_now() + load_relaxed(&tokens) == sleeping);
	model_assert(!load_relaxed(&tokens) || !sleeping);
}

static void none_left(void)
{
	counts_fit();
	model_assert(load_relaxed(&work) == 0);
}

/* What is left waits for nobody who sleeps. */
static void none_waits(void)
{
	counts_fit();
	model_assert(!load_relaxed(&work) || !asleep_now());
}

static void all_done(void)
{
	none_left();
	model_assert(done == idle.workers);
	model_assert((load_relaxed(&idle.word) & ~CAREFUL) == 0);
}

static void publish_once(void)
{
	publish();
}

static void publish_twice(void)
{
	publish();
	publish();
}

/* Dekker's pattern: publishers and workers on their way to sleep. */
static void start_one(void)
{
	start(1);
}
SCENARIO(idle_two_publishers, .setup = start_one, .thread = {publish_once, publish_once, worker_0},
	 .check = counts_fit, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7");
static void start_two(void)
{
	start(2);
}
SCENARIO(idle_publish_sleep, .stale = 1, .setup = start_two,
	 .thread = {publish_twice, worker_0, worker_1}, .check = all_done, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T6 T7");

/* A searcher beside a sleeper. */
static void start_one_asleep(void)
{
	start(2);
	start_asleep(1);
}
static void start_one_seen(void)
{
	start_one_asleep();
	store_relaxed(&work, 1);
}
SCENARIO(idle_burst, .setup = start_one_seen, .thread = {publish_once, chosen_0, searcher_1},
	 .check = counts_fit, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7");

/* The second item's publisher relies on a searcher that leaves to sleep, sees the first item, and
 * never comes back. */
static void start_one_leaving(void)
{
	start_one_asleep();
	start_searching(1);
}
SCENARIO(idle_last_look, .stale = 1, .setup = start_one_leaving,
	 .thread = {publish_twice, chosen_0, late_1}, .check = counts_fit, .min_executions = 10000,
	 .covers = "T2 T3 T4 T6 T7");

/* The chain: one wake at a time, each woken worker that finds work sees to the next. */
static void start_both_asleep(void)
{
	start(2);
	start_asleep(2);
}
static void publish_two(void)
{
	fetch_add_relaxed(&work, 2);
	thrum__idle_notify(&idle);
}
SCENARIO(idle_chain, .bound = 4, .setup = start_both_asleep,
	 .thread = {publish_two, chosen_0, chosen_1}, .check = all_done, .min_executions = 10000,
	 .covers = "T2 T4 T6");

/* A publisher relies on the last searcher, which finds other work and leaves; the other worker is
 * going to sleep. */
static void start_searcher(void)
{
	start(2);
	store_relaxed(&work, 1);
	start_searching(0);
}
SCENARIO(idle_searcher_finds, .setup = start_searcher, .thread = {publish_once, worker_0, worker_1},
	 .check = all_done, .min_executions = 10000, .covers = "T2 T3 T4 T6 T7");

/* Of two that sleep one is woken by its timer: it takes what is there and publishes, and never
 * comes back.  Chosen or not, the other one gets what it leaves. */
static void by_timer_0(void)
{
	go_on(0);
	take_one(0);
	publish();
}
SCENARIO(idle_undo_notify, .setup = start_both_asleep,
	 .thread = {publish_once, by_timer_0, sleeper_1}, .check = counts_fit,
	 .min_executions = 10000, .covers = "T2 T4 T6 T7");

/* Worker 1 has taken what was published and goes to sleep beside one whose timer has come; it may
 * take the token that was meant for that one, which goes on nevertheless. */
static void busy_1(void)
{
	if (take())
		done++;
	late_1();
}
SCENARIO(idle_token_taken, .stale = 1, .setup = start_one_asleep,
	 .thread = {publish_once, by_timer_0, busy_1}, .check = none_waits, .may_sleep = 1u << 2,
	 .min_executions = 10000, .covers = "T2 T3 T4 T6 T7");

/* All are to see that it is over: one is about to sleep, one is woken by its timer. */
static void end_all(void)
{
	store_relaxed(&over, 1);
	thrum__idle_wake_all(&idle);
}
static void until_over(unsigned i)
{
	while (!load_relaxed(&over))
		if (!take())
			sleep_if_no_work(i);
	stop_searching(i);
	done++;
}
static void over_1(void)
{
	until_over(1);
}
static void over_by_timer_0(void)
{
	go_on(0);
	until_over(0);
}
SCENARIO(idle_wake_all, .stale = 1, .setup = start_one_asleep,
	 .thread = {end_all, over_1, over_by_timer_0}, .check = all_done, .min_executions = 10000,
	 .covers = "T2 T3 T5 T6 T7");

/* Beside a notifier: nobody is chosen twice or forgotten. */
static void woken_0(void)
{
	await_token(0);
	stop_searching(0);
}
static void woken_1(void)
{
	await_token(1);
	stop_searching(1);
}
SCENARIO(idle_wake_all_notify, .stale = 1, .setup = start_both_asleep,
	 .thread = {end_all, publish_once, woken_0, woken_1}, .check = counts_fit,
	 .min_executions = 10000, .covers = "T2 T4 T5 T6");

/*
 * The virtual clock: who sees all asleep and no token moves the time to the earliest timer and
 * wakes all (timer.c).  A sleeper takes nothing while it sleeps (elsewhere.c): it comes back when
 * something is there.  Each worker has one timer, written before its sleep; each must fire in its
 * turn, though nobody else ever wakes anyone.
 */
static unsigned earliest(void)
{
	unsigned found = 0;

	for (unsigned i = 0; i < idle.workers; i++) {
		unsigned d = plain_read(&due[i]);

		if (d && (!found || d < found))
			found = d;
	}
	return found;
}
/* Moves the time if all sleep: true. */
static bool move_clock(void)
{
	unsigned next = 0;

	if (!has_work(NULL) && thrum__idle_asleep(&idle) == idle.workers)
		next = earliest();
	if (!next)
		return false;
	model_assert(next >= load_relaxed(&now));
	store_relaxed(&now, next);
	return true;
}
static void advance(void)
{
	if (thrum__idle_asleep(&idle) != idle.workers || !thrum__errand_ask(&advancing))
		return; /* not yet, or whoever is at it looks again */
	do {
		thrum__errand_take(&advancing);
		if (move_clock()) {
			thrum__idle_wake_all(&idle);
			thrum__errand_drop(&advancing); /* it comes again itself */
			return;
		}
	} while (!thrum__errand_finish(&advancing));
}
static void clocked(unsigned i)
{
	plain_write(&due[i], i + 1);
	for (;;) {
		if (!fired[i] && load_relaxed(&now) > i) {
			model_assert(load_relaxed(&now) == i + 1);
			fired[i] = true;
			plain_write(&due[i], 0);
		}
		stop_searching(i);
		while (load_relaxed(&tokens)) /* for one that sleeps: it goes first */
			spin_hint();
		announce(i);
		advance();
		await_token(i);
	}
}
static void clocked_0(void)
{
	clocked(0);
}
static void clocked_1(void)
{
	clocked(1);
}
static void all_fired(void)
{
	none_left();
	model_assert(fired[0] && fired[1]);
	model_assert(asleep_now() == idle.workers);
}
SCENARIO(idle_virtual_clock, .stale = 1, .setup = start_two, .thread = {clocked_0, clocked_1},
	 .check = all_fired, .may_sleep = 3, .min_executions = 10000, .covers = "T3 T5 T6");

/*
 * Where sleeps are cheap: who goes to sleep and who publishes both pay a full fence; and on the way
 * there and back.
 */
static void turn_careful(void)
{
	thrum__idle_turn_careful(&idle);
}

static void turn_quick(void)
{
	thrum__idle_turn_quick(&idle);
}

static void turn_both(void)
{
	turn_careful();
	turn_quick();
}

static void publish_and_turn(void)
{
	publish();
	turn_careful();
}

static void be_careful(void)
{
	store_relaxed(&idle.word, load_relaxed(&idle.word) + CAREFUL);
}

static void start_two_careful(void)
{
	start(2);
	be_careful();
}
SCENARIO(idle_careful_publish_sleep, .stale = 1, .setup = start_two_careful,
	 .thread = {publish_twice, worker_0, worker_1}, .check = all_done, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4 T6 T7");

static void start_searcher_careful(void)
{
	start_searcher();
	be_careful();
}
SCENARIO(idle_careful_searcher_finds, .setup = start_searcher_careful,
	 .thread = {publish_once, worker_0, worker_1}, .check = all_done, .min_executions = 10000,
	 .covers = "T2 T3 T4 T6 T7");

static void start_one_asleep_careful(void)
{
	start_one_asleep();
	be_careful();
}
SCENARIO(idle_careful_wake_all, .stale = 1, .setup = start_one_asleep_careful,
	 .thread = {end_all, over_1, over_by_timer_0}, .check = all_done, .min_executions = 10000,
	 .covers = "T2 T3 T5 T6 T7");

/* Somebody turns it while one publishes and one goes to sleep. */
SCENARIO(idle_turns_careful, .setup = start_one, .thread = {publish_once, turn_careful, worker_0},
	 .check = all_done, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7 T8 T9");

static void start_one_careful(void)
{
	start(1);
	be_careful();
}
SCENARIO(idle_turns_quick, .setup = start_one_careful,
	 .thread = {publish_once, turn_quick, worker_0}, .check = all_done, .min_executions = 1000,
	 .covers = "T1 T2 T3 T4 T6 T7 T10");

SCENARIO(idle_turns_to_and_fro, .setup = start_one, .thread = {publish_once, turn_both, worker_0},
	 .check = all_done, .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7 T8 T9 T10");

/* A searcher finds, and leaves, meanwhile. */
SCENARIO(idle_turns_while_found, .setup = start_one_seen,
	 .thread = {publish_and_turn, chosen_0, searcher_1}, .check = counts_fit,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7 T8 T9");

/* Who turns it goes to sleep itself. */
static void turns_and_finds_0(void)
{
	turn_careful();
	find(0);
}
SCENARIO(idle_turner_sleeps, .stale = 1, .setup = start_two,
	 .thread = {publish_twice, turns_and_finds_0, worker_1}, .check = all_done,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T6 T7 T8 T9");

/* Many come to search at once: one too many takes it back, and sees to what it met. */
static void searches_0(void)
{
	searching[0] = thrum__idle_search_begin(&idle);
	take_one(0);
}
static void searches_1(void)
{
	searching[1] = thrum__idle_search_begin(&idle);
	take_one(1);
}
static void start_third_asleep(void)
{
	start(2);
	start_asleep(1);
}
/* What is left has woken the one who sleeps. */
static void left_wakes(void)
{
	model_assert(!load_relaxed(&work) || load_relaxed(&tokens) == 1);
}
SCENARIO(idle_too_many_search, .setup = start_third_asleep,
	 .thread = {publish_once, searches_0, searches_1}, .check = left_wakes,
	 .min_executions = 10000, .covers = "T1 T2 T4");
