/* SPDX-License-Identifier: MIT */
/*
 * scen_doze.c - core/doze.c with sched/idle.c: the monitor rests when all workers sleep, and
 * whoever comes back first wakes it.
 *
 * A worker that has come back waits until the monitor has looked at it since: if the monitor sleeps
 * then, the explorer reports that nobody can run.
 */
#include "explorer.h"

#include "core/doze.h"
#include "sched/idle.h"

#define WORKERS 2
#define FOREVER INT64_MAX

static struct thrum__doze doze;
static struct thrum__idle idle;
static struct atomic32 tokens;
static unsigned awake_for[WORKERS]; /* how often it has come back */
static unsigned seen[WORKERS];      /* how often of that the monitor has looked since */
static unsigned slept;
static unsigned workers_there;
static bool over;

static void wake(void *unused, unsigned n)
{
	(void)unused;
	fetch_add_release(&tokens, n);
	model_futex_wake(&tokens, n);
	thrum__doze_poke(&doze);
}

static bool has_work(void *unused)
{
	(void)unused;
	return false;
}

/* @awake workers are awake, the others sleep. */
static void start(unsigned workers)
{
	idle.wake = wake;
	idle.has_work = has_work;
	workers_there = workers;
	thrum__idle_init(&idle, workers, workers, false);
	for (unsigned i = 0; i < workers; i++)
		thrum__idle_sleep_begin(&idle, false, true);
	store_relaxed(&doze.state, THRUM__DOZE_AWAKE);
	store_relaxed(&tokens, 0);
	for (unsigned i = 0; i < WORKERS; i++)
		awake_for[i] = seen[i] = 0;
	slept = 0;
	over = false;
	model_name(&doze.state, "doze");
	model_name(&idle.word, "idle");
	model_name(&tokens, "tokens");
}

static void start_one(void)
{
	start(1);
}

static void start_two(void)
{
	start(2);
}

/* Not by a thread: only to wait for it. */
static bool all_asleep(void)
{
	return (unsigned)(idle.word.v >> 32) == workers_there;
}

/* ---- The monitor ---- */

static bool all_sleep(void)
{
	return thrum__idle_asleep(&idle) == workers_there;
}

/* A tick: it sees who is awake by its counters, which need no order. */
static void look(void)
{
	for (unsigned i = 0; i < WORKERS; i++)
		seen[i] = awake_for[i];
}

/* Its ticks while there is nothing to be seen are left out. */
static bool has_something(void *unused)
{
	bool news = false;

	(void)unused;
	for (unsigned i = 0; i < WORKERS; i++)
		news |= seen[i] != awake_for[i];
	return news || all_asleep() || doze.state.v == THRUM__DOZE_OVER;
}

static void monitor(void)
{
	while (!thrum__doze_is_over(&doze)) {
		model_block_until(has_something, NULL);
		look();
		if (!all_sleep()) {
			spin_hint();
			continue;
		}
		if (!thrum__doze_begin(&doze))
			break;
		if (all_sleep()) {
			slept++;
			thrum__doze_sleep(&doze, FOREVER);
		}
		thrum__doze_end(&doze);
	}
	over = true;
}

static void stop(void)
{
	thrum__doze_stop(&doze);
}

/* ---- Workers ---- */

static bool was_looked_at(void *number)
{
	unsigned i = (unsigned)(uintptr_t)number;

	return seen[i] == awake_for[i] || over;
}

/* Computes until the monitor has come by. */
static void be_held(unsigned i)
{
	awake_for[i]++;
	model_block_until(was_looked_at, (void *)(uintptr_t)i);
}

/* Comes back by itself. */
static void come_back(unsigned i)
{
	if (thrum__idle_sleep_undo(&idle)) {
		thrum__doze_poke(&doze);
		be_held(i);
		thrum__idle_sleep_begin(&idle, true, true);
	}
}

static void timer0(void)
{
	come_back(0);
}

static void timer0_twice_then_stop(void)
{
	come_back(0);
	come_back(0);
	stop();
}

/* Is chosen by a notifier, who pokes. */
static void chosen0(void)
{
	uint32_t n = load_relaxed(&tokens);

	while (!n || !cas_acquire(&tokens, &n, n - 1)) {
		model_futex_wait(&tokens, 0);
		n = load_relaxed(&tokens);
	}
	be_held(0);
	thrum__idle_sleep_begin(&idle, true, true);
}

/* Comes back by itself, to stay. */
static void stay(unsigned i)
{
	model_assert(thrum__idle_sleep_undo(&idle));
	thrum__doze_poke(&doze);
	be_held(i);
}

static void stays0(void)
{
	stay(0);
}

static bool both_were_seen(void *unused)
{
	(void)unused;
	return seen[0] && seen[1];
}

static void stays1_then_stops(void)
{
	stay(1);
	model_block_until(both_were_seen, NULL);
	stop();
}

static void ended(void)
{
	model_assert(over && doze.state.v == THRUM__DOZE_OVER);
	model_assert(all_sleep());
}

/* T1 to T4: one comes back again and again. */
SCENARIO(doze_one, .setup = start_one, .thread = {monitor, timer0_twice_then_stop}, .check = ended,
	 .bounded_spin = true, .observes_order = true, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4");

/* Two come back, by timers: whoever is first pokes, perhaps both do. */
static void over_awake(void)
{
	model_assert(over && !all_sleep());
}
SCENARIO(doze_two, .stale = 1, .setup = start_two, .thread = {monitor, stays0, stays1_then_stops},
	 .check = over_awake, .bounded_spin = true, .observes_order = true, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4");

/* One comes back as somebody chose it. */
static bool came_back(void *unused)
{
	(void)unused;
	return awake_for[0] && all_asleep();
}

static void notifies_then_stops(void)
{
	thrum__idle_wake_one(&idle);
	model_block_until(came_back, NULL);
	stop();
}
SCENARIO(doze_chosen, .stale = 1, .setup = start_one,
	 .thread = {monitor, chosen0, notifies_then_stops}, .check = ended, .bounded_spin = true,
	 .observes_order = true, .min_executions = 10000, .covers = "T1 T2 T3 T4");

/* The end, wherever it is. */
SCENARIO(doze_stop, .setup = start_one, .thread = {monitor, stop, timer0}, .check = ended,
	 .bounded_spin = true, .observes_order = true, .min_executions = 10000,
	 .covers = "T1 T2 T3 T4");
