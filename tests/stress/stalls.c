/* SPDX-License-Identifier: MIT */
/*
 * stalls.c - runtimes of one worker, one after the other, whose main task computes while another
 * waits, beside threads that take the CPUs away: each is reported.
 *
 * The monitor may find the worker held for long at its first looks, and the spare that it starts
 * may be done, and asleep, before the monitor goes on: that is not the worker's sleep.
 */
#include <pthread.h>
#include <time.h>

#include "base/atomic.h"
#include "support.h"

#define RIVALS 6
#define GIVE_UP_NS (20 * INT64_C(1000000000)) /* of CPU time: the machine may stand still */

static struct atomic32 reported, over;

static void take_report(void *arg, int what, const char *line)
{
	(void)arg;
	(void)line;
	CHECK(what == THRUM_REPORT_STALL);
	store_relaxed(&reported, 1);
}

static int64_t cpu_ns(void)
{
	struct timespec t;

	CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static intptr_t same(void *arg)
{
	return (intptr_t)arg;
}

static intptr_t compute(void *unused)
{
	int64_t end_ns = cpu_ns() + GIVE_UP_NS;

	(void)unused;
	CHECK(thrum_go(same, NULL) == 0); /* waits behind this */
	while (!load_relaxed(&reported))
		CHECK(cpu_ns() < end_ns);
	return 0;
}

static void *take_a_cpu(void *unused)
{
	(void)unused;
	while (!load_relaxed(&over))
		;
	return NULL;
}

int main(void)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	uint64_t n = scaled(200);
	pthread_t rivals[RIVALS];

	config.workers = 1;
	config.report = take_report;
	for (int i = 0; i < RIVALS; i++)
		CHECK(pthread_create(&rivals[i], NULL, take_a_cpu, NULL) == 0);
	for (uint64_t i = 0; i < n; i++) {
		store_relaxed(&reported, 0);
		CHECK(thrum_run_with(&config, compute, NULL) == 0);
	}
	store_relaxed(&over, 1);
	for (int i = 0; i < RIVALS; i++)
		CHECK(pthread_join(rivals[i], NULL) == 0);
	CHECK(live_runtimes() == 0);
	printf("%llu stalls reported\n", (unsigned long long)n);
	return 0;
}
