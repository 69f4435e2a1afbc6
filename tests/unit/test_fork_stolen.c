/* SPDX-License-Identifier: MIT */
/*
 * test_fork_stolen.c - forks that another worker takes: while their maker computes, and with a join
 * that has to wait for them.
 */
#include "hog.h"
#include "sched/worker.h"

static sem_t ran_elsewhere;

static void wait_elsewhere(void) /* it holds its worker */
{
	while (sem_wait(&ran_elsewhere))
		must(errno == EINTR);
}

static intptr_t task_posts(void *unused)
{
	(void)unused;
	must(sem_post(&ran_elsewhere) == 0);
	return 8;
}

static intptr_t task_computes(void *before)
{
	struct thrum_fork j, k[3];
	intptr_t n = (intptr_t)before;

	for (intptr_t i = 0; i < n; i++)
		thrum_fork(&k[i], task_posts, NULL);
	thrum_fork(&j, task_posts, NULL);
	for (intptr_t i = 0; i <= n; i++)
		wait_elsewhere();
	is_int(thrum_fork_join(&j), 8);
	for (intptr_t i = n; i-- > 0;)
		is_int(thrum_fork_join(&k[i]), 8);
	return 0;
}

#define TRIES 50

static int64_t took_ns[TRIES];

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

static intptr_t task_computes_timed(void *before)
{
	for (int i = 0; i < TRIES; i++) {
		int64_t start = thrum__clock_monotonic_ns();

		is_int(task_computes(before), 0);
		took_ns[i] = thrum__clock_monotonic_ns() - start;
	}
	qsort(took_ns, TRIES, sizeof(took_ns[0]), by_value);
	must(took_ns[TRIES / 2] < LATE_NS);
	return 0;
}

/* While a worker is idle they start within some 50 us (bench/behind_hog.c has the figures). */
START_TEST(behind_a_hog)
{
	must(sem_init(&ran_elsewhere, 0, 0) == 0);
	for (unsigned workers = 2; workers <= 4; workers++)
		for (intptr_t before = 0; before < 4; before++)
			is_int(run_real(workers, task_computes_timed, as_arg(before)), 0);
	sem_destroy(&ran_elsewhere);
}
END_TEST

static intptr_t fib(void *arg)
{
	intptr_t n = (intptr_t)arg, x;
	struct thrum_fork j;

	if (n < 2)
		return n;
	thrum_fork(&j, fib, as_arg(n - 1));
	x = fib(as_arg(n - 2));
	return x + thrum_fork_join(&j);
}

static intptr_t task_many_hogs(void *unused)
{
	static const int fibs[] = {0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89};

	(void)unused;
	for (int i = 0; i < 500; i++) {
		is_int(fib(as_arg(i % 12)), fibs[i % 12]);
		is_int(task_computes(as_arg(i % 4)), 0);
	}
	return 0;
}

START_TEST(behind_a_hog_again_and_again)
{
	must(sem_init(&ran_elsewhere, 0, 0) == 0);
	is_int(run_real(2, task_many_hogs, NULL), 0);
	is_int(run_real(3, task_many_hogs, NULL), 0);
	sem_destroy(&ran_elsewhere);
}
END_TEST

/* A join of one that another worker runs: the joiner waits, and its worker goes on with what lies
 * there.  That ends the fork and holds the worker until the joiner has gone on: over there. */
static struct atomic32 may_end, gone_on;

static void hold_until(struct atomic32 *flag)
{
	int64_t end = thrum__clock_monotonic_ns() + GIVE_UP_NS;

	while (!load_acquire(flag))
		must(thrum__clock_monotonic_ns() < end);
}

static intptr_t task_held(void *unused)
{
	(void)unused;
	must(sem_post(&ran_elsewhere) == 0);
	hold_until(&may_end);
	return 9;
}

static intptr_t task_lets_end(void *unused)
{
	(void)unused;
	store_release(&may_end, 1);
	hold_until(&gone_on);
	return 10;
}

static unsigned here(void)
{
	return thrum__tls_worker()->index;
}

static intptr_t task_joins_held(void *unused)
{
	struct thrum_future *other;
	struct thrum_fork j;
	unsigned was = here();

	(void)unused;
	store_relaxed(&may_end, 0);
	store_relaxed(&gone_on, 0);
	thrum_fork(&j, task_held, NULL);
	wait_elsewhere();
	other = thrum_spawn(task_lets_end, NULL);
	is_int(thrum_fork_join(&j), 9);
	must(here() != was);
	store_release(&gone_on, 1);
	is_int(thrum_join(other), 10);
	return 0;
}

START_TEST(a_joiner_waits_and_its_worker_goes_on)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);

	c.stall_ns = THRUM_FOREVER; /* no spare runs what a joiner's worker must */
	must(sem_init(&ran_elsewhere, 0, 0) == 0);
	for (int i = 0; i < 20; i++)
		is_int(thrum_run_with(&c, task_joins_held, NULL), 0);
	sem_destroy(&ran_elsewhere);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    behind_a_hog,
	    behind_a_hog_again_and_again,
	    a_joiner_waits_and_its_worker_goes_on,
	};

	return RUN_TESTS("fork_stolen", tests);
}
