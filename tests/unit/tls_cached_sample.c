/* SPDX-License-Identifier: MIT */
/*
 * tls_cached_sample.c - what a task must not do: keep the address of a thread-local across a wait.
 *
 * A task may come back on another worker; the address is then that of the old worker's variable,
 * which the old worker writes at the same moment.  The address is kept in a variable here; a
 * compiler does the same unasked with that of errno or of any thread-local used before the wait.
 *
 * A program of its own, with public headers alone.  Exit status 1: a wait left the address stale,
 * which the build with THRUM_MIGRATE shows at every wait.  0: no resume was on another worker.
 * 2: it could not be tried.
 */
#include <stdio.h>
#include <thrum/thrum.h>

#define WAITS 1000

static _Thread_local int of_this_thread;

/* The address as it is now: the compiler sees neither into this call nor through its result. */
static __attribute__((noinline)) int *address_now(void)
{
	int *p = &of_this_thread;

	__asm__ volatile("" : "+r"(p)::"memory");
	return p;
}

static intptr_t wait_often(void *arg)
{
	struct thrum_stats stats = {.size = sizeof(stats)};
	unsigned stale = 0;

	(void)arg;
	for (int i = 0; i < WAITS; i++) {
		int *cached = address_now();
		int err = thrum_yield();

		if (err)
			return err;
		stale += cached != address_now();
	}
	if (thrum_runtime_stats(NULL, -1, &stats))
		return -EINVAL;
	printf("migrations %llu of %llu resumes\n", (unsigned long long)stats.migrations,
	       (unsigned long long)stats.resumes);
	if (stale)
		printf("stale thread-local after %u of %d resumes\n", stale, WAITS);
	return stale;
}

int main(void)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	intptr_t stale;

	config.workers = 2;
	stale = thrum_run_with(&config, wait_often, NULL);
	if (thrum_failed(stale)) {
		fprintf(stderr, "tls_cached_sample: thrum_run_with: %d\n", (int)stale);
		return 2;
	}
	return stale != 0;
}
