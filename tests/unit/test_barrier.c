/* SPDX-License-Identifier: MIT */
/* test_barrier.c - a barrier for all who want it at once: each has a whole one since he came, one
 * serves many, and who is held in the middle of one holds nobody. */
#include "base/barrier.h"

#include "run.h"

#include <string.h>

#define THREADS 8
#define EACH 2000

static struct thrum__barrier barrier;
static struct atomic32 begun, held, returned;
static struct atomic32 whole[THREADS * EACH + 1]; /* those that were made to their end */

static void reset(unsigned patience)
{
	memset(&barrier, 0, sizeof(barrier));
	barrier.patience = patience;
	store_relaxed(&begun, 0);
	store_relaxed(&returned, 0);
	memset(whole, 0, sizeof(whole));
}

static void make(void)
{
	uint32_t n = fetch_add_acq_rel(&begun, 1);

	fence_seq_cst();
	if (n == 0)
		while (load_acquire(&held))
			thread_yield();
	store_release(&whole[n], 1);
}

static void *thread_passes(void *unused)
{
	(void)unused;
	for (int i = 0; i < EACH; i++) {
		uint32_t since = load_acquire(&begun), end;
		bool found = false;

		thrum__barrier_pass(&barrier, make);
		end = load_acquire(&begun);
		for (uint32_t n = since; n < end && !found; n++)
			found = load_acquire(&whole[n]);
		must(found);
	}
	return NULL;
}

static void pass_by_all(unsigned patience)
{
	pthread_t threads[THREADS];

	reset(patience);
	for (int i = 0; i < THREADS; i++)
		threads[i] = thread_of(thread_passes, NULL);
	for (int i = 0; i < THREADS; i++)
		thread_end(threads[i]);
	must(load_relaxed(&barrier.runs) % 2 == 0);
	must(load_relaxed(&begun) <= THREADS * EACH);
}

START_TEST(each_has_a_whole_one)
{
	pass_by_all(1000);
}
END_TEST

START_TEST(each_has_a_whole_one_without_patience)
{
	pass_by_all(0);
}
END_TEST

static void *thread_passes_once(void *unused)
{
	(void)unused;
	thrum__barrier_pass(&barrier, make);
	fetch_add_release(&returned, 1);
	return NULL;
}

static void pass_while_one_is_held(pthread_t threads[], unsigned n)
{
	store_relaxed(&held, 1);
	threads[0] = thread_of(thread_passes_once, NULL);
	while (!load_acquire(&begun))
		thread_yield();
	for (unsigned i = 1; i < n; i++)
		threads[i] = thread_of(thread_passes_once, NULL);
}

static void release_held(pthread_t threads[], unsigned n)
{
	store_release(&held, 0);
	for (unsigned i = 0; i < n; i++)
		thread_end(threads[i]);
	must(load_relaxed(&returned) == n);
	must(load_relaxed(&barrier.runs) % 2 == 0);
}

START_TEST(one_that_is_held_holds_nobody)
{
	pthread_t threads[THREADS];

	reset(10);
	pass_while_one_is_held(threads, THREADS);
	while (load_acquire(&returned) < THREADS - 1)
		thread_yield();
	release_held(threads, THREADS);
}
END_TEST

/* It has begun before he came: he waits for its end, and has the next. */
START_TEST(one_under_way_serves_nobody_who_came_later)
{
	pthread_t threads[2];

	reset(UINT32_MAX);
	pass_while_one_is_held(threads, 2);
	for (int i = 0; i < 1000; i++)
		thread_yield();
	must(load_relaxed(&returned) == 0);
	release_held(threads, 2);
	must(load_relaxed(&begun) == 2);
}
END_TEST

/* The child of a fork that copied a run under way. */
START_TEST(a_run_that_nobody_makes_is_ended)
{
	reset(10);
	store_relaxed(&held, 0);
	store_relaxed(&barrier.runs, 7);
	thrum__barrier_pass(&barrier, make);
	must(load_relaxed(&barrier.runs) == 8 && load_relaxed(&begun) == 1);
	thrum__barrier_pass(&barrier, make);
	must(load_relaxed(&barrier.runs) == 10 && load_relaxed(&begun) == 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    each_has_a_whole_one,
	    each_has_a_whole_one_without_patience,
	    one_that_is_held_holds_nobody,
	    one_under_way_serves_nobody_who_came_later,
	    a_run_that_nobody_makes_is_ended,
	};

	return RUN_TESTS("barrier", tests);
}
