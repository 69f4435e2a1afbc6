/* SPDX-License-Identifier: MIT */
/* test_doze.c - a watcher that sleeps until it is poked, or told to end. */
#include "core/doze.h"

#include "base/clock.h"
#include "base/os.h"
#include "run.h"

static struct thrum__doze d;
static struct atomic32 busy;   /* somebody is awake */
static struct atomic32 looks;  /* at somebody awake */
static struct atomic32 sleeps; /* begun */

static void start(void)
{
	thrum__os_membarrier_init();
	store_relaxed(&d.state, THRUM__DOZE_AWAKE);
	store_relaxed(&busy, 0);
	store_relaxed(&looks, 0);
	store_relaxed(&sleeps, 0);
}

/* As the monitor does. */
static void *thread_watches(void *unused)
{
	(void)unused;
	while (!thrum__doze_is_over(&d)) {
		if (load_relaxed(&busy)) {
			fetch_add_relaxed(&looks, 1);
			thrum__doze_nap(&d, thrum__clock_monotonic_ns() + THRUM_US(50));
			continue;
		}
		if (!thrum__doze_begin(&d))
			break;
		fetch_add_relaxed(&sleeps, 1);
		if (!load_relaxed(&busy))
			thrum__doze_sleep(&d, INT64_MAX);
		thrum__doze_end(&d);
	}
	return NULL;
}

static void until_it_sleeps(void)
{
	while (!load_relaxed(&sleeps) || load_relaxed(&d.state) != THRUM__DOZE_ASLEEP)
		thread_yield();
}

/* However it comes: the one that is awake is looked at. */
START_TEST(whoever_comes_back_is_seen)
{
	pthread_t t;

	start();
	t = thread_of(thread_watches, NULL);
	for (int i = 0; i < 500; i++) {
		uint32_t before = load_relaxed(&looks);

		if (i % 2)
			until_it_sleeps();
		store_relaxed(&busy, 1);
		thrum__doze_poke(&d);
		while (load_relaxed(&looks) == before)
			thread_yield();
		store_relaxed(&busy, 0);
	}
	thrum__doze_stop(&d);
	thread_end(t);
	must(load_relaxed(&sleeps) > 0);
}
END_TEST

START_TEST(told_to_end_in_its_sleep)
{
	pthread_t t;

	start();
	t = thread_of(thread_watches, NULL);
	until_it_sleeps();
	thrum__doze_stop(&d);
	thread_end(t);
	must(thrum__doze_is_over(&d));
	must(!thrum__doze_begin(&d));
}
END_TEST

/* A poke that nobody waits for leaves no trace; none wakes it from a nap. */
START_TEST(poked_while_awake)
{
	start();
	thrum__doze_poke(&d);
	is_int(load_relaxed(&d.state), THRUM__DOZE_AWAKE);
	must(thrum__doze_begin(&d));
	is_int(load_relaxed(&d.state), THRUM__DOZE_ASLEEP);
	thrum__doze_poke(&d);
	is_int(load_relaxed(&d.state), THRUM__DOZE_AWAKE);
	thrum__doze_sleep(&d, INT64_MAX); /* returns at once: it was poked */
	thrum__doze_end(&d);
	is_int(load_relaxed(&d.state), THRUM__DOZE_AWAKE);
}
END_TEST

START_TEST(a_sleep_ends_at_its_time)
{
	int64_t until_ns;

	start();
	until_ns = thrum__clock_monotonic_ns() + THRUM_MS(2);
	must(thrum__doze_begin(&d));
	while (thrum__clock_monotonic_ns() < until_ns)
		thrum__doze_sleep(&d, until_ns);
	thrum__doze_end(&d);
	thrum__doze_nap(&d, until_ns);
	is_int(load_relaxed(&d.state), THRUM__DOZE_AWAKE);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    whoever_comes_back_is_seen,
	    told_to_end_in_its_sleep,
	    poked_while_awake,
	    a_sleep_ends_at_its_time,
	};

	return RUN_TESTS("doze", tests);
}
