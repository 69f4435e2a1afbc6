/* SPDX-License-Identifier: MIT */
/* test_gate.c - a runtime's gate: what is counted, who is refused, who is waited for. */
#include "core/gate.h"

#include "base/clock.h"
#include "base/os.h"
#include "run.h"

#include <string.h>

static struct thrum__gate g;
static struct thrum__lives lives[3];
static struct atomic32 workers; /* of lives, so far */
static struct atomic32 let_go;

static const struct thrum__lives *lives_of(void *arg, unsigned i)
{
	must(arg == lives);
	return i < load_acquire(&workers) ? &lives[i] : NULL;
}

static void start(void)
{
	thrum__os_membarrier_init();
	memset(lives, 0, sizeof(lives));
	store_relaxed(&workers, 2);
	store_relaxed(&let_go, 0);
	thrum__gate_init(&g, lives_of, lives);
}

START_TEST(tasks_are_counted_wherever_they_end)
{
	start();
	is_int(thrum__gate_living(&g), 0);
	thrum__lives_spawned(&lives[0]);
	thrum__lives_spawned(&lives[0]);
	thrum__gate_submitted(&g);
	is_int(thrum__gate_living(&g), 3);
	thrum__lives_ended(&lives[1]);
	thrum__lives_ended(&lives[0]);
	is_int(thrum__gate_living(&g), 1);
	thrum__lives_ended(&lives[1]);
	must(thrum__gate_has_ended(&g));
}
END_TEST

START_TEST(a_worker_that_came_later_counts)
{
	start();
	thrum__lives_spawned(&lives[2]);
	is_int(thrum__gate_living(&g), 0); /* it is none yet */
	store_release(&workers, 3);
	is_int(thrum__gate_living(&g), 1);
}
END_TEST

START_TEST(what_was_taken_back_does_not_count)
{
	start();
	thrum__lives_spawned(&lives[1]);
	thrum__gate_submitted(&g);
	thrum__lives_unspawned(&lives[1]);
	thrum__gate_unsubmitted(&g);
	must(thrum__gate_has_ended(&g));
}
END_TEST

START_TEST(nobody_is_admitted_once_it_is_shut)
{
	start();
	must(thrum__gate_admits(&g) && !thrum__gate_is_shut(&g));
	thrum__gate_shut(&g);
	must(!thrum__gate_admits(&g) && thrum__gate_is_shut(&g));
}
END_TEST

START_TEST(the_bell_rings_only_when_it_is_shut)
{
	uint32_t heard;

	start();
	heard = thrum__bell_listen(&g.quiet);
	thrum__gate_went_quiet(&g);
	is_int(thrum__bell_listen(&g.quiet), heard);
	thrum__gate_shut(&g);
	thrum__gate_went_quiet(&g);
	is_int(thrum__bell_listen(&g.quiet), heard + 1);
	thrum__gate_submitted(&g);
	thrum__gate_unsubmitted(&g);
	is_int(thrum__bell_listen(&g.quiet), heard + 2);
}
END_TEST

START_TEST(the_wait_for_the_end_has_a_deadline)
{
	start();
	thrum__gate_shut(&g);
	must(thrum__gate_await_end(&g, 0));
	thrum__lives_spawned(&lives[0]);
	must(!thrum__gate_await_end(&g, 0));
	must(!thrum__gate_await_end(&g, thrum__clock_monotonic_ns() + THRUM_MS(5)));
	thrum__lives_ended(&lives[0]);
	thrum__tally_begin(&g.calls_due);
	must(!thrum__gate_await_end(&g, 0));
	thrum__tally_end(&g.calls_due);
	must(thrum__gate_await_end(&g, 0));
}
END_TEST

static uint64_t done; /* by tasks */

#define TASKS 20000

/* A worker's life: it rests after each task, as if there were no other. */
static void *thread_works(void *arg)
{
	struct thrum__lives *l = arg;

	for (int i = 0; i < TASKS; i++) {
		if (l == &lives[0])
			done++;
		thrum__lives_ended(l);
		thrum__gate_went_quiet(&g);
	}
	return NULL;
}

START_TEST(the_stopper_is_woken_by_the_last_end)
{
	pthread_t threads[2];

	start();
	done = 0;
	for (int i = 0; i < TASKS; i++) {
		thrum__lives_spawned(&lives[0]);
		thrum__lives_spawned(&lives[1]);
	}
	for (int i = 0; i < 2; i++)
		threads[i] = thread_of(thread_works, &lives[i]);
	thrum__gate_shut(&g);
	must(thrum__gate_await_end(&g, THRUM_FOREVER));
	is_int(done, TASKS);
	for (int i = 0; i < 2; i++)
		thread_end(threads[i]);
}
END_TEST

static uint64_t visited; /* by a visitor */

static void *thread_visits(void *unused)
{
	(void)unused;
	while (!load_acquire(&let_go))
		thread_yield();
	visited = 1;
	thrum__tally_begin(&g.calls_due);
	thrum__gate_leave(&g);
	for (int i = 0; i < 100; i++)
		thread_yield();
	visited++;
	thrum__tally_end(&g.calls_due);
	return NULL;
}

START_TEST(visitors_and_calls_are_waited_for)
{
	pthread_t visitor;

	start();
	visited = 0;
	thrum__gate_await_empty(&g);
	thrum__gate_enter(&g);
	visitor = thread_of(thread_visits, NULL);
	store_release(&let_go, 1);
	thrum__gate_await_empty(&g);
	is_int(visited, 2);
	thread_end(visitor);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    tasks_are_counted_wherever_they_end,  a_worker_that_came_later_counts,
	    what_was_taken_back_does_not_count,   nobody_is_admitted_once_it_is_shut,
	    the_bell_rings_only_when_it_is_shut,  the_wait_for_the_end_has_a_deadline,
	    the_stopper_is_woken_by_the_last_end, visitors_and_calls_are_waited_for,
	};

	return RUN_TESTS("gate", tests);
}
