/* SPDX-License-Identifier: MIT */
/*
 * held.c - again and again one worker is stopped by a signal handler, wherever it is, and held
 * there until the others have done a good deal of work: completing, awaiting, cancelling, giving
 * waits up, spawning.  If any of that needed the held worker to go on, the program would not end (a
 * run without progress for ten seconds fails).
 *
 * THRUM_HOLD_MS: hold for this long instead and only ask for progress; THRUM_TEST_DIV divides the
 * rounds.
 */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "support.h"

#include <dirent.h>
#include <linux/futex.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 4
#define GROUPS 64
#define PROGRESS 500

static struct atomic64 progress;
static struct atomic32 over;
/* A futex: 1 while a worker is to be held, 2 once it is, 0 to let it go, 3 once it has gone. */
static struct atomic32 held;
static pid_t worker_threads[WORKERS];

static void on_signal(int sig)
{
	uint32_t one = 1;

	(void)sig;
	if (!cas_acq_rel(&held, &one, 2))
		return;
	while (load_acquire(&held) == 2)
		syscall(SYS_futex, &held.v, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0);
	store_release(&held, 3);
}

static intptr_t setter(void *f)
{
	return thrum_future_set(f, 7);
}

static intptr_t sleeper(void *arg)
{
	(void)arg;
	return thrum_sleep(THRUM_FOREVER);
}

/* One group: all that it does it does with its own futures. */
static intptr_t group(void *arg)
{
	(void)arg;
	while (!load_acquire(&over)) {
		struct thrum_future *f = thrum_future_create();
		struct thrum_future *never = thrum_future_create();
		struct thrum_future *s, *v;

		CHECK(f && never);
		s = thrum_spawn(setter, f);
		v = thrum_spawn(sleeper, NULL);
		CHECK(s && v);
		CHECK(thrum_await(f) == 7);
		CHECK(thrum_join(s) == 0);
		CHECK(thrum_cancel(v) == 0);
		CHECK(thrum_join(v) == -ECANCELED);
		CHECK(thrum_wait_for(never, THRUM_US(20)) == -ETIMEDOUT);
		thrum_release(f);
		thrum_release(never);
		fetch_add_acq_rel(&progress, 1);
	}
	return 0;
}

static intptr_t groups(void *arg)
{
	struct thrum_future *fs[GROUPS];

	(void)arg;
	for (int i = 0; i < GROUPS; i++) {
		fs[i] = thrum_spawn(group, NULL);
		CHECK(fs[i]);
	}
	for (int i = 0; i < GROUPS; i++)
		CHECK(thrum_join(fs[i]) == 0);
	return 0;
}

/* A worker's thread has its name once it runs: true if all have. */
static bool find_workers(uint64_t unused)
{
	DIR *dir = opendir("/proc/self/task");
	int found = 0;
	struct dirent *e;

	(void)unused;
	CHECK(dir);
	while ((e = readdir(dir))) {
		char path[64], name[32] = "";
		FILE *file;

		snprintf(path, sizeof(path), "/proc/self/task/%.20s/comm", e->d_name);
		file = e->d_name[0] == '.' ? NULL : fopen(path, "r");
		if (!file)
			continue;
		if (fgets(name, sizeof(name), file) && !strncmp(name, "thrum-w", 7) &&
		    found < WORKERS)
			worker_threads[found++] = (pid_t)atoi(e->d_name);
		fclose(file);
	}
	closedir(dir);
	return found == WORKERS;
}

/* Waits until @done or ten seconds have gone. */
static bool within_ten_seconds(bool (*done)(uint64_t arg), uint64_t arg)
{
	int64_t end = thrum_now() + THRUM_SEC(10) * (INSTRUMENTED ? 10 : 1);

	while (!done(arg)) {
		if (thrum_now() > end)
			return false;
		syscall(SYS_sched_yield);
	}
	return true;
}

static bool progressed_to(uint64_t n)
{
	return load_acquire(&progress) >= n;
}

static bool held_is(uint64_t state)
{
	return load_acquire(&held) == state;
}

static bool time_is(uint64_t ns)
{
	return (uint64_t)thrum_now() >= ns;
}

static void hold_one(uint64_t *random, int64_t hold_ns)
{
	pid_t thread = worker_threads[random_below(random, WORKERS)];
	uint64_t before;

	/* Let it come to another place than last time. */
	CHECK(within_ten_seconds(progressed_to,
				 load_acquire(&progress) + 1 + random_below(random, 50)));
	store_release(&held, 1);
	CHECK(syscall(SYS_tgkill, getpid(), thread, SIGUSR1) == 0);
	CHECK(within_ten_seconds(held_is, 2));
	before = load_acquire(&progress);
	if (hold_ns)
		CHECK(within_ten_seconds(time_is, (uint64_t)(thrum_now() + hold_ns)));
	CHECK(within_ten_seconds(progressed_to, before + PROGRESS));
	store_release(&held, 0);
	syscall(SYS_futex, &held.v, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	CHECK(within_ten_seconds(held_is, 3));
}

int main(void)
{
#ifdef THRUM_MIGRATE
	printf("with forced migration each woken task waits for one worker: nothing to hold\n");
	return 77;
#endif
	const char *hold_ms = getenv("THRUM_HOLD_MS");
	struct thrum_config config = THRUM_CONFIG_INIT;
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	uint64_t random = seed();
	uint64_t rounds = scaled(500);
	struct thrum_runtime *rt;
	struct thrum_future *f;

	config.workers = WORKERS;
	CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	CHECK(thrum_runtime_create(&rt, &config) == 0);
	f = thrum_runtime_submit(rt, groups, NULL);
	CHECK(f);
	CHECK(within_ten_seconds(progressed_to, PROGRESS));
	CHECK(within_ten_seconds(find_workers, 0));
	for (uint64_t i = 0; i < rounds; i++)
		hold_one(&random, hold_ms ? THRUM_MS(atoll(hold_ms)) : 0);
	store_release(&over, true);
	CHECK(thrum_join(f) == 0);
	CHECK(thrum_runtime_destroy(rt) == 0);
	printf("%llu holds, %llu rounds of work\n", (unsigned long long)rounds,
	       (unsigned long long)load_relaxed(&progress));
	return 0;
}
