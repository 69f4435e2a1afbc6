/* SPDX-License-Identifier: MIT */
/*
 * bed.c - the place of sleep: poll/poller_epoll.c in simulated time, without descriptors.
 *
 * Tokens are a count.  A post adds to it and wakes one sleeper, the one that slept last first; who
 * is woken takes the whole count, keeps one and posts the rest; who finds none sleeps on.  A wait
 * that begins while tokens are there takes them at once.
 */
#include "world.h"

#include "engine.h"
#include "measure.h"

static struct {
	char pad[CACHE_LINE];
	uint64_t tokens;
	char pad2[CACHE_LINE];
} bed;

static struct worker *sleepers[WORKERS_MAX];
static unsigned sleepers_count;

void bed_reset(void)
{
	bed.tokens = 0;
	sleepers_count = 0;
	cache_name(&bed.tokens, 1, PLACE_SLEEP);
}

/* A system call on the set or the eventfd. */
static void enter_kernel(void)
{
	engine_spend(costs.syscall);
	cache_locked(&bed.tokens);
}

static bool is_asleep(const struct worker *w)
{
	for (unsigned i = sleepers_count; i; i--)
		if (sleepers[i - 1] == w)
			return true;
	return false;
}

static void get_up(const struct worker *w)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < sleepers_count; i++)
		if (sleepers[i] != w)
			sleepers[kept++] = sleepers[i];
	sleepers_count = kept;
}

void bed_post(unsigned n)
{
	enter_kernel();
	bed.tokens += n;
	if (sleepers_count) {
		struct worker *w = sleepers[--sleepers_count];
		uint64_t latency = engine_random(costs.wake_max - costs.wake_min + 1);

		measure_picked(true);
		engine_wake(w->core, engine_now() + costs.wake_min + latency);
		engine_spend(costs.waker);
	}
}

static bool take_one(void)
{
	uint64_t n = bed.tokens;

	bed.tokens = 0;
	if (n > 1)
		bed_post((unsigned)n - 1);
	return n;
}

bool bed_take(void)
{
	enter_kernel();
	return take_one();
}

void bed_look(void)
{
	enter_kernel();
	if (bed.tokens)
		bed_post(0);
}

bool bed_wait(struct worker *w, uint64_t deadline_ns)
{
	bool woken = false;

	enter_kernel();
	for (;;) {
		if (take_one()) {
			w->fresh = woken;
			return true;
		}
		if (woken)
			measure_vain();
		if (engine_now() >= deadline_ns)
			return false;
		sleepers[sleepers_count++] = w;
		measure_asleep();
		engine_sleep(deadline_ns);
		woken = !is_asleep(w);
		if (!woken) {
			get_up(w);
			measure_picked(false);
		}
		measure_up();
		cache_locked(&bed.tokens);
	}
}
