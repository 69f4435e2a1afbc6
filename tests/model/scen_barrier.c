/* SPDX-License-Identifier: MIT */
/*
 * scen_barrier.c - base/barrier.c: a barrier that another made is as good as one's own.
 *
 * Two go to sleep at once, each behind the shared barrier; one leaves work with a light fence.  Who
 * sleeps sees the work, or is seen.
 */
#include "explorer.h"

#include "base/barrier.h"

#include <string.h>

static struct thrum__barrier barrier;
static struct atomic32 work, asleep[2];
static bool saw_work[2], was_seen[2];
static unsigned made;

static void make(void)
{
	made++;
	fence_heavy();
}

static void setup(void)
{
	memset(&barrier, 0, sizeof(barrier));
	barrier.patience = 1;
	store_relaxed(&barrier.runs, 0);
	store_relaxed(&work, 0);
	for (unsigned i = 0; i < 2; i++) {
		store_relaxed(&asleep[i], 0);
		saw_work[i] = was_seen[i] = false;
	}
	made = 0;
	model_name(&barrier.runs, "runs");
	model_name(&work, "work");
}

/* As one that forked while a run was under way. */
static void setup_left(void)
{
	setup();
	store_relaxed(&barrier.runs, 1);
}

static void sleeper(void)
{
	unsigned i = (unsigned)model_thread();

	store_relaxed(&asleep[i], 1);
	thrum__barrier_pass(&barrier, make);
	saw_work[i] = load_relaxed(&work);
}

static void notifier(void)
{
	store_relaxed(&work, 1);
	fence_light();
	for (unsigned i = 0; i < 2; i++)
		was_seen[i] = load_relaxed(&asleep[i]);
}

/* Only makes the barriers that others may use. */
static void passer(void)
{
	thrum__barrier_pass(&barrier, make);
}

static void check_both(void)
{
	model_assert(saw_work[0] || was_seen[0]);
	model_assert(saw_work[1] || was_seen[1]);
	model_assert(made >= 1 && barrier.runs.v % 2 == 0);
}
SCENARIO(barrier_two, .stale = 2, .setup = setup, .thread = {sleeper, sleeper, notifier},
	 .check = check_both, .bounded_spin = true, .min_executions = 1000, .covers = "T1 T2");

static void check_first(void)
{
	model_assert(saw_work[0] || was_seen[0]);
	model_assert(barrier.runs.v % 2 == 0);
}
SCENARIO(barrier_left, .stale = 2, .setup = setup_left, .thread = {sleeper, passer, notifier},
	 .check = check_first, .bounded_spin = true, .min_executions = 1000, .covers = "T1 T2");

SCENARIO(barrier_three, .bound = 2, .stale = 2, .setup = setup,
	 .thread = {sleeper, passer, passer, notifier}, .check = check_first, .bounded_spin = true,
	 .min_executions = 1000, .covers = "T1 T2");
