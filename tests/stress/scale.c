/* SPDX-License-Identifier: MIT */
/*
 * scale.c - a million tasks spawned and joined; 100,000 fibers parked at once, with guards; a chain
 * of a million nested joins, and one of a million forks.  Every value is checked, and what was
 * spawned must have ended.
 */
#include "support.h"

static intptr_t same(void *arg)
{
	return (intptr_t)arg;
}

static void many_tasks(void)
{
	uint64_t n = scaled(1000000);
	struct thrum_future **fs = malloc(n * sizeof(*fs));
	uint64_t sum = 0;

	CHECK(fs);
	for (uint64_t i = 0; i < n; i++) {
		fs[i] = thrum_spawn(same, (void *)i);
		CHECK(fs[i]);
	}
	for (uint64_t i = 0; i < n; i++)
		sum += (uint64_t)thrum_join(fs[i]);
	CHECK(sum == n * (n - 1) / 2);
	free(fs);
	printf("%llu tasks joined\n", (unsigned long long)n);
}

static intptr_t nested(void *arg)
{
	intptr_t depth = (intptr_t)arg;

	if (depth == 0)
		return 0;
	return thrum_join(thrum_spawn(nested, (void *)(depth - 1))) + 1;
}

static void deep_chain(void)
{
	intptr_t n = (intptr_t)scaled(1000000);
	intptr_t depth = thrum_join(thrum_spawn(nested, (void *)n));

	CHECK(depth == n);
	printf("a chain of %ld joins\n", (long)depth);
}

static intptr_t forked(void *arg)
{
	intptr_t depth = (intptr_t)arg;
	struct thrum_fork child;

	if (depth == 0)
		return 0;
	thrum_fork(&child, forked, (void *)(depth - 1));
	return thrum_fork_join(&child) + 1;
}

static void deep_forks(void)
{
	intptr_t n = (intptr_t)scaled(1000000);
	intptr_t depth = forked((void *)n);

	CHECK(depth == n);
	printf("a chain of %ld forks\n", (long)depth);
}

static struct thrum_future *gate;

static intptr_t wait_at_gate(void *arg)
{
	intptr_t r = thrum_await(gate);

	return r ? r : (intptr_t)arg;
}

static void many_parked(void)
{
	uint64_t n = scaled(100000);
	struct thrum_future **fs = malloc(n * sizeof(*fs));
	struct thrum_stats stats = {.size = sizeof(stats)};
	uint64_t before, sum = 0;

	CHECK(fs);
	gate = thrum_future_create();
	CHECK(gate);
	CHECK(thrum_runtime_stats(NULL, -1, &stats) == 0);
	before = stats.suspensions;
	for (uint64_t i = 0; i < n; i++) {
		fs[i] = thrum_spawn(wait_at_gate, (void *)i);
		CHECK(fs[i]);
	}
	do {
		CHECK(thrum_yield() == 0);
		CHECK(thrum_runtime_stats(NULL, -1, &stats) == 0);
	} while (stats.started < n || stats.suspensions - before < n);
	printf("%llu fibers parked in %ld MiB\n", (unsigned long long)n, status_of("VmRSS") / 1024);
	CHECK(thrum_future_set(gate, 0) == 0);
	for (uint64_t i = 0; i < n; i++)
		sum += (uint64_t)thrum_join(fs[i]);
	CHECK(sum == n * (n - 1) / 2);
	thrum_release(gate);
	free(fs);
}

static intptr_t all(void *arg)
{
	(void)arg;
	many_tasks();
	deep_chain();
	deep_forks();
	many_parked();
	return 0;
}

int main(void)
{
	struct thrum_stats stats = run_to_the_end(all);

	CHECK(stats.started == stats.ended);
	return 0;
}
