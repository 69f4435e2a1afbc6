/* SPDX-License-Identifier: MIT */
/*
 * runtimes.c - a thousand runtimes made and destroyed, each with work on it: no growth in memory,
 * descriptors, threads or address space; then several at once that wake one another.
 */
#include <sched.h>
#include "support.h"

#define AT_ONCE 4

static intptr_t leaf(void *arg)
{
	(void)arg;
	return thrum_sleep(THRUM_US(10));
}

static intptr_t job(void *arg)
{
	return (intptr_t)arg;
}

static intptr_t some_work(void *arg)
{
	struct thrum_future *fs[8];

	(void)arg;
	for (int i = 0; i < 8; i++)
		fs[i] = thrum_spawn(leaf, NULL);
	CHECK(thrum_go(leaf, NULL) == 0);
	CHECK(thrum_blocking(job, (void *)5) == 5);
	for (int i = 0; i < 8; i++)
		CHECK(thrum_join(fs[i]) == 0);
	return 1;
}

struct measure {
	long rss_kib, size_kib, threads;
	int descriptors;
};

static struct measure measure(void)
{
	return (struct measure){status_of("VmRSS"), status_of("VmSize"), status_of("Threads"),
				descriptors()};
}

/* A thread that was joined is the kernel's for a moment more. */
static bool threads_are(long n)
{
	int64_t end_ns = thrum_now() + THRUM_SEC(10);

	while (status_of("Threads") != n) {
		if (thrum_now() > end_ns)
			return false;
		sched_yield();
	}
	return true;
}

static void one_after_another(void)
{
	int n = (int)scaled(1000);
	struct measure before = {0}, after;

	for (int i = 0; i < n; i++) {
		CHECK(thrum_run(some_work, NULL) == 1);
		if (i == n / 10) { /* the process's own pools are full by now */
			before = measure();
		} else if (i > n / 10) {
			long threads = status_of("Threads");

			before.threads = threads < before.threads ? threads : before.threads;
		}
	}
	CHECK(INSTRUMENTED || threads_are(before.threads));
	after = measure();
	printf("%d runtimes: RSS %ld to %ld KiB, size %ld to %ld KiB, threads %ld to %ld, "
	       "descriptors %d to %d\n",
	       n, before.rss_kib, after.rss_kib, before.size_kib, after.size_kib, before.threads,
	       after.threads, before.descriptors, after.descriptors);
	CHECK(after.descriptors == before.descriptors);
	if (INSTRUMENTED)
		return;
	if (n >= 100) {
		CHECK(after.rss_kib <= before.rss_kib + 2048);
		CHECK(after.size_kib <=
		      before.size_kib + 80 * 1024); /* malloc's arenas, by thread */
	}
}

static struct thrum_future *relay[AT_ONCE];

/* Waits for its own future and sets the next runtime's. */
static intptr_t pass_on(void *arg)
{
	intptr_t i = (intptr_t)arg;
	intptr_t r = thrum_await(relay[i]);

	if (i + 1 < AT_ONCE)
		CHECK(thrum_future_set(relay[i + 1], r + 1) == 0);
	return r;
}

static void several_at_once(void)
{
	struct thrum_runtime *rt[AT_ONCE];
	struct thrum_future *done[AT_ONCE];

	for (int i = 0; i < AT_ONCE; i++) {
		CHECK(thrum_runtime_create(&rt[i], NULL) == 0);
		relay[i] = thrum_future_create();
		CHECK(relay[i]);
	}
	for (int i = AT_ONCE - 1; i >= 0; i--) {
		done[i] = thrum_runtime_submit(rt[i], pass_on, (void *)(intptr_t)i);
		CHECK(done[i]);
	}
	CHECK(thrum_future_set(relay[0], 10) == 0);
	for (int i = 0; i < AT_ONCE; i++) {
		CHECK(thrum_await(done[i]) == 10 + i);
		CHECK(thrum_runtime_destroy(rt[i]) == 0);
		CHECK(thrum_result(done[i]) == 10 + i); /* a future outlives its runtime */
		thrum_release(done[i]);
		thrum_release(relay[i]);
	}
}

int main(void)
{
	one_after_another();
	for (uint64_t i = 0; i < scaled(200); i++)
		several_at_once();
	return 0;
}
