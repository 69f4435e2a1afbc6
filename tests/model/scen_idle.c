/* SPDX-License-Identifier: MIT */
/*
 * scen_idle.c - sched/idle.c: publishers and workers that search, find and sleep.
 *
 * Work is a count in a word.  A worker that has taken an item computes for ever (its thread
 * ends), so nobody comes by later and tidies up a lost wake: with as many items as workers each
 * must come to its item, and a worker that is left asleep is the deadlock which the explorer
 * reports.  Where workers may stay asleep, the check wants all work taken.  A worker sleeps on a
 * signal of its own, as in elsewhere.c; what it wrote before its sleep its waker reads.
 */
#include "explorer.h"

#include "sched/idle.h"

#define WORKERS 3

static struct thrum__idle idle;
static struct atomic32 work, signals[WORKERS], now, next[WORKERS], advancing;
static int before_sleep[WORKERS];
static bool searching[WORKERS], fired[WORKERS];
static unsigned done;

static void wake(void *arg, unsigned i)
{
	(void)arg;
	model_assert(plain_read(&before_sleep[i]) == 1);
	model_assert(i < idle.workers);
	store_release(&signals[i], 1);
	model_futex_wake(&signals[i], 1);
}

static bool has_work(void *arg)
{
	(void)arg;
	return load_relaxed(&work);
}

static void start(unsigned workers)
{
	idle.wake = wake;
	idle.has_work = has_work;
	thrum__idle_init(&idle, workers);
	store_relaxed(&work, 0);
	store_relaxed(&now, 0);
	store_relaxed(&advancing, 0);
	done = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		store_relaxed(&signals[i], 0);
		store_relaxed(&next[i], i + 1);
		before_sleep[i] = 0;
		searching[i] = fired[i] = false;
	}
	model_name(&idle.searching, "searching");
	model_name(&idle.asleep[0], "asleep");
	model_name(&work, "work");
	model_name(&signals[0], "signal 0");
	model_name(&signals[1], "signal 1");
	model_name(&signals[2], "signal 2");
}

/* Worker @i sleeps from the beginning. */
static void start_asleep(unsigned i)
{
	before_sleep[i] = 1;
	store_relaxed(&idle.asleep[0], load_relaxed(&idle.asleep[0]) | 1u << i);
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

static void await_signal(unsigned i)
{
	while (!load_acquire(&signals[i]))
		model_futex_wait(&signals[i], 0);
	store_relaxed(&signals[i], 0);
	searching[i] = true;
}

static void announce(unsigned i)
{
	bool searched = searching[i];

	plain_write(&before_sleep[i], 1);
	searching[i] = false;
	thrum__idle_sleep_begin(&idle, i, searched);
}

static void sleep_if_no_work(unsigned i)
{
	announce(i);
	if (!has_work(NULL) || !thrum__idle_sleep_undo(&idle, i))
		await_signal(i);
	searching[i] = true;
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
	if (searching[i]) {
		searching[i] = false;
		thrum__idle_search_found(&idle);
	}
	done++;
}

static void worker_0(void)
{
	find(0);
}

static void worker_1(void)
{
	find(1);
}

/* One item at most, and what is left is for others. */
static void take_one(void)
{
	if (take())
		done++;
	thrum__idle_search_found(&idle);
}

/* Sleeps now; then looks once. */
static void late_1(void)
{
	sleep_if_no_work(1);
	take_one();
}

static void searcher_1(void)
{
	searching[1] = thrum__idle_search_begin(&idle);
	if (take()) {
		done++;
		if (searching[1])
			thrum__idle_search_found(&idle);
		return;
	}
	late_1();
}

static void chosen_0(void)
{
	await_signal(0);
	take_one();
}

static void sleeper_0(void)
{
	await_signal(0);
	find(0);
}

static void sleeper_1(void)
{
	await_signal(1);
	find(1);
}

static void sleeper_2(void)
{
	await_signal(2);
	find(2);
}

/* Nobody is left in any state but that of its end. */
static void not_searching(void)
{
	model_assert(load_relaxed(&idle.searching) == 0);
}

static void none_left(void)
{
	not_searching();
	model_assert(load_relaxed(&work) == 0);
}

/* What is left waits for nobody who sleeps. */
static void none_waits(void)
{
	not_searching();
	model_assert(!load_relaxed(&work) || !load_relaxed(&idle.asleep[0]));
}

static void all_done(void)
{
	none_left();
	model_assert(done == idle.workers);
	model_assert(load_relaxed(&idle.asleep[0]) == 0);
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

/* Dekker's pattern: publishers and a worker on its way to sleep.  And a searcher beside a
 * sleeper. */
static void start_two(void)
{
	start(2);
}
static void start_one_asleep(void)
{
	start(2);
	start_asleep(0);
}
static void start_one_seen(void)
{
	start_one_asleep();
	store_relaxed(&work, 1);
}
SCENARIO(idle_burst, .setup = start_one_seen, .thread = {publish_once, chosen_0, searcher_1},
	 .check = not_searching, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T9");
/* The second item's publisher relies on a searcher that leaves to sleep, sees the first item, and
 * never comes back. */
static void start_one_leaving(void)
{
	start_one_asleep();
	store_relaxed(&idle.searching, 1);
	searching[1] = true;
}
SCENARIO(idle_last_look, .setup = start_one_leaving, .thread = {publish_twice, chosen_0, late_1},
	 .check = not_searching, .min_executions = 10000, .covers = "T2 T3 T4 T5 T9");
static void start_one(void)
{
	start(1);
}
SCENARIO(idle_two_publishers, .setup = start_one, .thread = {publish_once, publish_once, worker_0},
	 .check = not_searching, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T9");

/* The chain: one wake at a time, each woken worker that finds work sees to the next. */
static void start_three_asleep(void)
{
	start(3);
	start_asleep(0);
	start_asleep(1);
	start_asleep(2);
}
static void publish_three(void)
{
	fetch_add_relaxed(&work, 3);
	thrum__idle_notify(&idle);
}
SCENARIO(idle_chain, .setup = start_three_asleep,
	 .thread = {publish_three, sleeper_0, sleeper_1, sleeper_2}, .check = all_done,
	 .min_executions = 10000, .covers = "T2 T4 T5");

/* A publisher relies on a searcher that finds other work and leaves; the other worker is going to
 * sleep. */
static void start_searcher(void)
{
	start(2);
	store_relaxed(&work, 1);
	store_relaxed(&idle.searching, 1);
	searching[0] = true;
}
SCENARIO(idle_searcher_finds, .setup = start_searcher, .thread = {publish_once, worker_0, worker_1},
	 .check = all_done, .min_executions = 10000, .covers = "T2 T3 T4 T5 T9");

/* Worker 0 ends its sleep by itself, for a timer, takes what is there and publishes, unless it
 * was chosen. */
static void by_timer_0(void)
{
	if (thrum__idle_sleep_cancel(&idle, 0)) {
		take();
		publish();
		return;
	}
	await_signal(0);
	take_one();
}
/* The notifier that finds no bit gives its place back; worker 0 relied on it. */
SCENARIO(idle_no_bit, .setup = start_one_asleep, .thread = {publish_once, by_timer_0, late_1},
	 .check = none_waits, .may_sleep = 1u << 2, .min_executions = 10000,
	 .covers = "T3 T4 T5 T6 T7 T9");

/* A certain worker is wanted that does not sleep; a publisher relies on the place that this takes
 * for a moment. */
static void want_1(void)
{
	thrum__idle_wake(&idle, 1);
}
SCENARIO(idle_wake_missed, .setup = start_two, .thread = {want_1, publish_once, worker_0},
	 .check = not_searching, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T8");

/* The same with a worker that sleeps, or is about to. */
SCENARIO(idle_wake_found, .setup = start_two, .thread = {want_1, publish_once, late_1},
	 .check = not_searching, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T8 T9");

/*
 * The virtual clock: who sees all asleep and no work moves the time to the earliest timer and
 * wakes its worker (timer.c). Each worker has one timer; each must fire, though nobody else ever
 * wakes anyone.
 */
static unsigned earliest(void)
{
	unsigned found = WORKERS;

	for (unsigned i = 0; i < idle.workers; i++) {
		uint32_t due = load_acquire(&next[i]);

		if (due && (found == WORKERS || due < load_relaxed(&next[found])))
			found = i;
	}
	return found;
}
static bool advance(unsigned i)
{
	uint32_t requests = 1;

	if (!thrum__idle_all_asleep(&idle) || fetch_add_acq_rel(&advancing, 1))
		return false; /* whoever is at it looks again */
	do {
		unsigned who = WORKERS;

		if (thrum__idle_all_asleep(&idle) && !has_work(NULL))
			who = earliest();
		if (who == WORKERS)
			continue;
		store_release(&now, load_relaxed(&next[who]));
		store_release(&advancing,
			      0); /* before the wake: who is woken may come here again */
		if (who != i)
			thrum__idle_wake(&idle, who);
		return who == i;
	} while (!cas_acq_rel(&advancing, &requests, 0));
	return false;
}
static void clocked(unsigned i)
{
	for (;;) {
		if (searching[i]) {
			searching[i] = false;
			thrum__idle_search_found(&idle);
		}
		if (!fired[i] && load_acquire(&now) >= i + 1) {
			fired[i] = true;
			store_release(&next[i], 0);
		}
		announce(i);
		if (!advance(i) || !thrum__idle_sleep_cancel(&idle, i))
			await_signal(i);
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
	model_assert(thrum__idle_all_asleep(&idle));
}
SCENARIO(idle_virtual_clock, .setup = start_two, .thread = {clocked_0, clocked_1},
	 .check = all_fired, .may_sleep = 3, .min_executions = 10000, .covers = "T3 T7 T8");
