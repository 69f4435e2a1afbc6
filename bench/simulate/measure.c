/* SPDX-License-Identifier: MIT */
/*
 * measure.c - see measure.h.
 *
 * Times of single tasks and wakes are kept until the end of the run.  Who calls has its turn
 * (engine_sync), so the calls come in the order of simulated time.
 */
#include "measure.h"

#include "base/assert.h"
#include "engine.h"
#include "world.h"

#include <stdlib.h>
#include <string.h>

#define WINDOW_NS 100000

struct times {
	uint64_t *at;
	size_t count, room;
};

static struct figures so_far;
static struct times wakes, visible, delays;
static uint64_t begun_ns, ended_ns;
static uint64_t lying;    /* tasks that can be found */
static unsigned sleeping; /* in the kernel, and nobody picked them */
static unsigned counted, looking;
static bool careful; /* idle.c's mode */
/* Workers that do not sleep, their time so far, and until when. */
static unsigned up;
static uint64_t awake_ns, awake_until;
/* The time with sleepers so far, and since when there are some. */
static uint64_t slept_ns, slept_since;
static uint64_t ignored_since; /* NEVER: nothing is ignored */

static void times_add(struct times *t, uint64_t ns)
{
	if (t->count == t->room) {
		t->room = t->room ? 2 * t->room : 1024;
		t->at = realloc(t->at, t->room * sizeof(*t->at));
		ENSURE(t->at, "no memory for the figures");
	}
	t->at[t->count++] = ns;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void count_awake(void)
{
	awake_ns += up * (engine_now() - awake_until);
	awake_until = engine_now();
}

void measure_begin(unsigned workers)
{
	memset(&so_far, 0, sizeof(so_far));
	so_far.limit = workers > 1 ? workers / 2 : 1;
	wakes.count = visible.count = delays.count = 0;
	begun_ns = ended_ns = slept_since = engine_now();
	slept_ns = 0;
	ignored_since = NEVER;
	so_far.counted = counted;
	so_far.searching = looking;
	cache_forget_figures();
	if (!engine_now()) {
		lying = sleeping = counted = looking = 0;
		careful = false;
		up = workers;
	}
	awake_ns = 0;
	awake_until = engine_now();
}

static uint64_t slept_so_far(void)
{
	return slept_ns + (sleeping ? engine_now() - slept_since : 0);
}

/* After each change: does work lie that nobody will come for? */
static void watch(void)
{
	bool ignored = lying && sleeping && !counted;
	uint64_t now = engine_now();

	if (ignored && ignored_since == NEVER) {
		ignored_since = now;
	} else if (!ignored && ignored_since != NEVER) {
		if (now > ignored_since && now - ignored_since > so_far.ignored_max)
			so_far.ignored_max = now - ignored_since;
		ignored_since = NEVER;
	}
}

void measure_visible(struct task *t)
{
	t->visible_ns = engine_now();
	t->slept_ns = slept_so_far();
	if (t->timed)
		times_add(&visible, engine_now());
	lying++;
	watch();
}

void measure_taken(struct task *t)
{
	uint64_t slept = slept_so_far() - t->slept_ns;

	so_far.tasks++;
	lying--;
	watch();
	if (!t->timed)
		return;
	times_add(&delays, engine_now() - t->visible_ns);
	if (slept > so_far.asleep_max)
		so_far.asleep_max = slept;
}

void measure_ended(void)
{
	ended_ns = engine_now();
	count_awake();
	so_far.awake = awake_ns;
	for (unsigned i = 0; i < PLACES; i++)
		so_far.at[i] = *cache_figures((enum place)i);
}

void measure_asleep(void)
{
	count_awake();
	up--;
	if (!sleeping++)
		slept_since = engine_now();
	watch();
}

void measure_picked(bool picked)
{
	if (!--sleeping)
		slept_ns += engine_now() - slept_since;
	if (picked) {
		so_far.wakes++;
		times_add(&wakes, engine_now());
	}
	watch();
}

void measure_up(void)
{
	count_awake();
	up++;
}

void measure_vain(void)
{
	so_far.vain++;
}

void measure_search(bool begins)
{
	looking += begins ? 1 : -1u;
	if (looking > so_far.searching)
		so_far.searching = looking;
}

void measure_word(uint64_t word)
{
	so_far.turns += careful != (bool)(word & THRUM__IDLE_CAREFUL);
	careful = word & THRUM__IDLE_CAREFUL;
	counted = (uint32_t)word;
	if (counted > so_far.counted)
		so_far.counted = counted;
	watch();
}

/* The most wakes in the time after a task became visible. */
static unsigned most_woken(void)
{
	size_t first = 0, end = 0, most = 0;

	for (size_t i = 0; i < visible.count; i++) {
		while (first < wakes.count && wakes.at[first] < visible.at[i])
			first++;
		while (end < wakes.count && wakes.at[end] <= visible.at[i] + WINDOW_NS)
			end++;
		if (end - first > most)
			most = end - first;
	}
	return (unsigned)most;
}

void measure_end(struct figures *out)
{
	if (lying && ignored_since != NEVER && ended_ns > ignored_since &&
	    ended_ns - ignored_since > so_far.ignored_max)
		so_far.ignored_max = ended_ns - ignored_since;
	so_far.lost = lying;
	so_far.woken = most_woken();
	so_far.span = ended_ns > begun_ns ? ended_ns - begun_ns : 0;
	if (delays.count) {
		qsort(delays.at, delays.count, sizeof(*delays.at), compare);
		so_far.p50 = delays.at[delays.count / 2];
		so_far.p99 = delays.at[delays.count * 99 / 100];
		so_far.max = delays.at[delays.count - 1];
	}
	*out = so_far;
}
