/* SPDX-License-Identifier: MIT */
/*
 * scen_rendezvous.c - sync/barrier.c, the barrier where tasks meet (scen_barrier.c is another):
 * each round has as many as there are parties, each with a number of its own, who sees what the
 * others did before; one that is cut short has not come.
 */
#include "sync_world.h"

#include "core/waitqueue.h"

#include <errno.h>
#include <thrum/meet.h>
#include <thrum/time.h>

enum { THREADS = 3 };

static struct thrum_barrier *b;
static int came[THREADS];         /* how often each came, before it does */
static unsigned numbers[THREADS]; /* how many were told each */
static unsigned parties, cut;
static struct atomic32 users; /* of those that wait, and are not the last to come */

static void start(unsigned threads, unsigned calls, unsigned n)
{
	world_start(threads, calls);
	b = model_alloc(sizeof(*b));
	thrum_barrier_init(b, n);
	for (unsigned i = 0; i < THREADS; i++) {
		plain_write(&came[i], 0);
		numbers[i] = 0;
	}
	parties = n;
	cut = 0;
	model_name(b, "barrier");
	model_name(&users, "users");
}

static intptr_t wait(intptr_t deadline_ns)
{
	return thrum_barrier_wait_until(b, deadline_ns);
}

/* The number that it is told; -1: cut short. */
static int meet(int64_t deadline_ns)
{
	int i = model_thread();
	intptr_t n;

	plain_write(&came[i], plain_read(&came[i]) + 1);
	n = in_frame(wait, deadline_ns);
	if (n < 0) {
		model_assert(n == -ETIMEDOUT || n == -ECANCELED);
		cut++;
		return -1;
	}
	model_assert(n < parties);
	numbers[n]++;
	return (int)n;
}

/* As many rounds as these. */
static void check_rounds(unsigned rounds)
{
	world_check();
	for (unsigned i = 0; i < parties; i++)
		model_assert(numbers[i] == rounds);
}

static void end(void)
{
	thrum_barrier_fini(b);
	model_free(b);
}

/* ---- Two, twice ---- */

static void meets_twice(void)
{
	int other = 1 - model_thread();

	model_assert(meet(THRUM_FOREVER) >= 0);
	model_assert(meet(THRUM_FOREVER) >= 0);
	model_assert(plain_read(&came[other]) == 2);
	if (fetch_sub_acq_rel(&users, 1) == 1)
		end();
}

static void start_rounds(void)
{
	start(2, 2, 2);
	store_relaxed(&users, 2);
}

static void check_two_rounds(void)
{
	check_rounds(2);
	world_check_memory();
}

SCENARIO(rendezvous_two_rounds, .setup = start_rounds, .thread = {meets_twice, meets_twice},
	 .check = check_two_rounds, .stale = 1, .min_executions = 1000, .covers = "T1 T2");

/* ---- Three, one of which may be cut short; it goes while the last one that came returns ---- */

static void meets_others(int64_t deadline_ns)
{
	int n = meet(deadline_ns);

	if (n < 0)
		n = meet(THRUM_FOREVER);
	for (unsigned i = 0; i < THREADS; i++)
		model_assert(plain_read(&came[i]) >= 1);
	if (n < (int)parties - 1 && fetch_sub_acq_rel(&users, 1) == 1)
		end();
}

static void meets(void)
{
	meets_others(THRUM_FOREVER);
}

static void meets_in_time(void)
{
	meets_others(1);
}

static void start_three(unsigned at_a_time)
{
	start(3, 2, 3);
	store_relaxed(&users, 2);
	thrum__at_a_time = at_a_time;
}

static void start_one_by_one(void)
{
	start_three(1);
}

static void start_one_by_one_outside(void)
{
	start_three(1);
	world_put_outside(0);
}

static void check_met(void)
{
	check_rounds(1);
	world_check_memory();
}

SCENARIO(rendezvous_three, .setup = start_one_by_one, .thread = {meets, meets, meets},
	 .check = check_met, .bound = 2, .stale = 1, .min_executions = 10000, .covers = "T1 T2");
SCENARIO(rendezvous_three_cut, .setup = start_one_by_one_outside,
	 .thread = {meets_in_time, meets, meets}, .check = check_met, .bound = 1, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4");
