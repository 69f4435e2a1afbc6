/* SPDX-License-Identifier: MIT */
/*
 * test_monitor.c - what goes on while tasks hold the workers: timers, wakes, spawned tasks, events;
 * what is reported; and that nothing moves when nothing is to be done.
 */
#include "hog.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "sched/monitor.h"
#include "sched/spare.h"
#include "sched/worker.h"

/* ---- All workers are held ---- */

static struct hogs hogs;
static struct atomic64 began_ns, went_on_ns;

static int64_t now_ns(void)
{
	return thrum__clock_monotonic_ns();
}

/* Spins until both hogs hold their workers, and says when that was. */
static void await_hogs(unsigned n)
{
	int64_t end = now_ns() + GIVE_UP_NS;

	while (load_relaxed(&hogs.running) < n) {
		must(now_ns() < end);
		thread_yield();
	}
	store_relaxed(&began_ns, (uint64_t)now_ns());
}

/* What had to go on went on. */
static intptr_t went_on(void)
{
	store_relaxed(&went_on_ns, (uint64_t)now_ns());
	hogs_end(&hogs);
	return 3;
}

#define ROUNDS 10

static int64_t lates_ns[ROUNDS]; /* one for each round */
static int rounds;

static void note_late(int64_t after_ns)
{
	lates_ns[rounds++] =
	    (int64_t)(load_relaxed(&went_on_ns) - load_relaxed(&began_ns)) - after_ns;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* On a busy machine single rounds take what it takes. */
static void mostly_in_time(unsigned workers, thrum_fn fn)
{
	for (rounds = 0; rounds < ROUNDS;)
		is_int(run_real(workers, fn, as_arg((intptr_t)workers)), 0);
	qsort(lates_ns, ROUNDS, sizeof(lates_ns[0]), by_value);
	if (getenv("CK_VERBOSITY"))
		printf("late by %lld, median %lld, %lld us\n", (long long)lates_ns[0] / 1000,
		       (long long)lates_ns[ROUNDS / 2] / 1000,
		       (long long)lates_ns[ROUNDS - 1] / 1000);
	must(lates_ns[ROUNDS / 2] < LATE_NS);
}

static intptr_t task_goes_on(void *unused)
{
	(void)unused;
	return went_on();
}

/* All workers are held, one by this, and the task is behind it. */
static intptr_t main_spawned_behind(void *workers)
{
	unsigned n = (unsigned)(intptr_t)workers;
	struct thrum_future *f;

	hogs_begin(&hogs, n - 1);
	await_hogs(n - 1);
	f = thrum_spawn(task_goes_on, NULL);
	task_hogs(&hogs);
	is_int(thrum_join(f), 3);
	hogs_join(&hogs);
	note_late(0);
	return 0;
}

START_TEST(a_task_behind_hogs_starts)
{
	mostly_in_time(1, main_spawned_behind);
	mostly_in_time(2, main_spawned_behind);
}
END_TEST

static struct thrum_future *gate;

static void *thread_opens_gate(void *unused)
{
	(void)unused;
	await_hogs(2);
	thrum_future_set(gate, 1);
	return NULL;
}

static intptr_t task_awaits_gate(void *unused)
{
	(void)unused;
	is_int(thrum_await(gate), 1);
	return went_on();
}

static intptr_t main_woken(void *unused)
{
	struct thrum_future *f;
	pthread_t t;

	(void)unused;
	gate = future_new();
	f = thrum_spawn(task_awaits_gate, NULL);
	is_int(thrum_sleep(THRUM_MS(1)), 0); /* it waits now, or will at once */
	hogs_begin(&hogs, 2);
	t = thread_of(thread_opens_gate, NULL);
	is_int(thrum_join(f), 3);
	hogs_join(&hogs);
	thread_end(t);
	future_drop(gate);
	note_late(0);
	return 0;
}

START_TEST(a_task_woken_from_outside_goes_on)
{
	mostly_in_time(2, main_woken);
}
END_TEST

static intptr_t task_sleeps(void *unused)
{
	(void)unused;
	store_relaxed(&began_ns, (uint64_t)now_ns());
	is_int(thrum_sleep(THRUM_MS(5)), 0);
	return went_on();
}

static intptr_t main_timer(void *workers)
{
	unsigned n = (unsigned)(intptr_t)workers;
	struct thrum_future *f;

	hogs_clear(&hogs);
	f = thrum_spawn(task_sleeps, NULL);
	is_int(thrum_sleep(THRUM_MS(1)), 0);
	hogs_spawn(&hogs, n);
	is_int(thrum_join(f), 3);
	hogs_join(&hogs);
	note_late(THRUM_MS(5));
	return 0;
}

START_TEST(a_timer_goes_off)
{
	mostly_in_time(1, main_timer);
	mostly_in_time(2, main_timer);
}
END_TEST

static int ends[2];

/* When both workers are held; with @rt: one is, the third to run, and the other sleeps. */
static void *thread_writes(void *rt)
{
	await_hogs(rt ? 3 : 2);
	while (rt && thrum__idle_asleep(&((struct thrum_runtime *)rt)->idle) != 1)
		thread_yield();
	must(write(ends[1], "x", 1) == 1);
	return NULL;
}

static intptr_t task_reads(void *unused)
{
	char c;

	(void)unused;
	is_int(thrum_read(ends[0], &c, 1), 1);
	return went_on();
}

static intptr_t main_reads(void *unused)
{
	struct thrum_future *f;
	pthread_t t;

	(void)unused;
	must(pipe(ends) == 0);
	f = thrum_spawn(task_reads, NULL);
	is_int(thrum_sleep(THRUM_MS(1)), 0);
	hogs_begin(&hogs, 2);
	t = thread_of(thread_writes, NULL);
	is_int(thrum_join(f), 3);
	hogs_join(&hogs);
	thread_end(t);
	note_late(0);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

START_TEST(a_descriptor_is_heard_of)
{
	mostly_in_time(2, main_reads);
}
END_TEST

/* ---- One worker is held, where somebody has begun to wait; others are idle; no spares ---- */

static struct atomic32 home; /* the waiter's: index + 1 */

static intptr_t task_sleeps_at_home(void *unused)
{
	(void)unused;
	store_relaxed(&began_ns, (uint64_t)now_ns());
	store_release(&home, thrum__tls_worker()->index + 1);
	is_int(thrum_sleep(THRUM_MS(20)), 0);
	return went_on();
}

static intptr_t task_reads_at_home(void *unused)
{
	store_release(&home, thrum__tls_worker()->index + 1);
	return task_reads(unused);
}

/* Holds its worker if that is the waiter's. */
static intptr_t task_hogs_home(void *unused)
{
	int64_t end = now_ns() + GIVE_UP_NS;

	(void)unused;
	fetch_add_relaxed(&hogs.running, 1);
	while (load_relaxed(&hogs.running) < 2 || !load_acquire(&home))
		must(now_ns() < end);
	return thrum__tls_worker()->index + 1 == load_relaxed(&home) ? task_hogs(&hogs) : 0;
}

static intptr_t main_one_held(void *reads)
{
	struct thrum_future *waiter, *f[2];
	pthread_t writer = 0;

	store_relaxed(&home, 0);
	hogs_clear(&hogs);
	if (reads)
		writer = thread_of(thread_writes, thrum__tls_worker()->runtime);
	waiter = thrum_spawn(reads ? task_reads_at_home : task_sleeps_at_home, NULL);
	for (int i = 0; i < 2; i++)
		f[i] = thrum_spawn(task_hogs_home, NULL);
	is_int(thrum_join(waiter), 3);
	for (int i = 0; i < 2; i++)
		is_int(thrum_join(f[i]), 0);
	if (reads)
		thread_end(writer);
	else
		note_late(THRUM_MS(20));
	return 0;
}

START_TEST(timers_of_a_held_worker_go_off_elsewhere)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);

	c.stall_ns = THRUM_FOREVER;
	for (rounds = 0; rounds < ROUNDS;)
		is_int(thrum_run_with(&c, main_one_held, NULL), 0);
	qsort(lates_ns, ROUNDS, sizeof(lates_ns[0]), by_value);
	must(lates_ns[ROUNDS / 2] < LATE_NS);
}
END_TEST

/* The other worker hears of it: else the one that is held gives up. */
START_TEST(descriptors_of_a_held_worker_are_heard_of_elsewhere)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);

	c.stall_ns = THRUM_FOREVER;
	must(pipe(ends) == 0);
	for (int i = 0; i < ROUNDS; i++)
		is_int(thrum_run_with(&c, main_one_held, as_arg(true)), 0);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

/* ---- Slices of CPU time ---- */

/* As sched(7) has it: this thread's, 0 where the kernel has none. */
static uint64_t slice_ns(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime_ns, deadline_ns, period_ns;
	} attr = {.size = sizeof(attr)};

	return syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) ? 0 : attr.runtime_ns;
}

static intptr_t main_slices(void *unused)
{
	uint64_t first_ns = slice_ns();
	int64_t end = now_ns() + GIVE_UP_NS;

	(void)unused;
	if (!first_ns || first_ns > THRUM_US(100))
		return 77;
	while (slice_ns() == first_ns)
		must(now_ns() < end);
	must(slice_ns() == THRUM_MS(10));
	while (slice_ns() != first_ns) {
		must(now_ns() < end);
		is_int(thrum_yield(), 0);
	}
	return 0;
}

START_TEST(who_is_held_gets_long_slices_until_it_goes_on)
{
	intptr_t result = run_real(1, main_slices, NULL);

	if (result == 77)
		printf("no slices here\n");
	else
		is_int(result, 0);
}
END_TEST

/* ---- Reports ---- */

static struct reports reports = REPORTS_INIT;

static int report_count(void)
{
	int n;

	pthread_mutex_lock(&reports.lock);
	n = reports.count;
	pthread_mutex_unlock(&reports.lock);
	return n;
}

/* Until it is reported, and much longer.  It is the main task, so that no spare has it if the
 * machine stands still for a moment before. */
static intptr_t main_is_reported(void *unused)
{
	int64_t end = now_ns() + GIVE_UP_NS;

	(void)unused;
	is_int(thrum_go(task_return, NULL), 0); /* waits behind this */
	while (!report_count())
		must(now_ns() < end);
	end = now_ns() + THRUM_MS(60);
	while (now_ns() < end)
		;
	return 0;
}

START_TEST(a_stall_is_reported_once_with_name_and_place)
{
	struct thrum_config c = reporting(&reports, 1);

	c.clock = THRUM_CLOCK_REAL;
	is_int(thrum_run_with(&c, main_is_reported, NULL), 0);
	is_int(reports.count, 1);
	is_int(reports.what, THRUM_REPORT_STALL);
	has_text(reports.text, "main_is_reported has held its worker for ");
	has_text(reports.text, "test_monitor.c:");
}
END_TEST

static intptr_t main_computes_alone(void *unused)
{
	int64_t end = now_ns() + THRUM_MS(60);

	(void)unused;
	while (now_ns() < end)
		;
	return 0;
}

START_TEST(who_keeps_nobody_waiting_is_not_reported)
{
	struct thrum_config c = reporting(&reports, 1);

	c.clock = THRUM_CLOCK_REAL;
	is_int(thrum_run_with(&c, main_computes_alone, NULL), 0);
	is_int(reports.count, 0);
}
END_TEST

static intptr_t main_computes_before_others(void *unused)
{
	struct thrum_future *f = thrum_spawn(task_return, as_arg(1));

	is_int(main_computes_alone(unused), 0);
	is_int(thrum_join(f), 1);
	return 0;
}

/* Another worker takes what waits: no stall. */
START_TEST(who_is_helped_is_not_reported)
{
	struct thrum_config c = reporting(&reports, 2);

	c.clock = THRUM_CLOCK_REAL;
	is_int(thrum_run_with(&c, main_computes_before_others, NULL), 0);
	is_int(reports.count, 0);
}
END_TEST

/* ---- Quiet ---- */

/* How often threads of the process gave their CPU up by themselves. */
static long long switches(void)
{
	DIR *d = opendir("/proc/self/task");
	long long sum = 0, n;
	struct dirent *e;
	char path[64], line[128];
	FILE *f;

	must(d);
	while ((e = readdir(d))) {
		if (e->d_name[0] == '.' || atoi(e->d_name) == getpid())
			continue; /* the one that watches */
		snprintf(path, sizeof(path), "/proc/self/task/%.16s/status", e->d_name);
		f = fopen(path, "r");
		while (f && fgets(line, sizeof(line), f))
			if (sscanf(line, "voluntary_ctxt_switches: %lld", &n) == 1)
				sum += n;
		if (f)
			fclose(f);
	}
	closedir(d);
	return sum;
}

static intptr_t main_works(void *unused)
{
	(void)unused;
	rounds = 0;
	return main_spawned_behind(as_arg(2)); /* so that there is a spare, too */
}

START_TEST(nothing_moves_a_second_after_the_last_work)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);
	long long before;

	is_int(thrum_runtime_block_on(rt, main_works, NULL), 0);
	let_pass(THRUM_SEC(1));
	before = switches();
	let_pass(THRUM_MS(700));
	must(SLOWED || switches() == before); /* a sanitizer has threads of its own */
	is_int(thrum_runtime_block_on(rt, main_works, NULL), 0); /* and all goes on then */
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

static intptr_t task_waits_long(void *future)
{
	return thrum_wait_for(future, THRUM_MS(1500));
}

/* A wait begins on the other worker, which sleeps then, and ends on this one, without a wake for
 * the other: as if a third were just searching. */
static intptr_t main_forgets_timer(void *unused)
{
	struct thrum__idle *idle = &thrum__tls_worker()->runtime->idle;
	int64_t end = now_ns() + GIVE_UP_NS;
	struct thrum_future *f;

	(void)unused;
	gate = future_new();
	f = thrum_spawn(task_waits_long, gate);
	while (thrum__idle_asleep(idle) < 1 || !thrum__idle_search_begin(idle))
		must(now_ns() < end);
	thrum_future_set(gate, 5);
	is_int(thrum_join(f), 5);
	thrum__idle_search_found(idle);
	thrum_release(gate);
	return 0;
}

/* More than a worker looks at before it sleeps. */
static intptr_t main_forgets_many(void *unused)
{
	struct thrum_future *f[100];

	(void)unused;
	gate = future_new();
	for (unsigned i = 0; i < 100; i++)
		f[i] = thrum_spawn(task_waits_long, gate);
	is_int(thrum_sleep(THRUM_MS(1)), 0);
	thrum_future_set(gate, 5);
	for (unsigned i = 0; i < 100; i++)
		is_int(thrum_join(f[i]), 5);
	thrum_release(gate);
	return 0;
}

static void is_quiet_after(thrum_fn fn, unsigned workers)
{
	struct thrum_runtime *rt = runtime_of(workers, THRUM_CLOCK_REAL);
	long long before;

	is_int(thrum_runtime_block_on(rt, fn, NULL), 0);
	let_pass(THRUM_SEC(1));
	before = switches();
	let_pass(THRUM_SEC(1));
	must(SLOWED || switches() == before);
	is_int(thrum_runtime_destroy(rt), 0);
}

START_TEST(nobody_wakes_for_a_forgotten_timer)
{
	is_quiet_after(main_forgets_timer, 2);
}
END_TEST

START_TEST(nobody_wakes_for_one_of_many_forgotten_timers)
{
	is_quiet_after(main_forgets_many, 1);
}
END_TEST

START_TEST(there_is_room_for_spares)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);

	c.stall_ns = THRUM_MS(1);
#ifdef THRUM_MIGRATE
	is_int(thrum__spares_workers_max(&c), 1);
#else
	is_int(thrum__spares_workers_max(&c), 5);
	c.workers = 8;
	is_int(thrum__spares_workers_max(&c), 16);
	c.workers = 200;
	is_int(thrum__spares_workers_max(&c), THRUM__WORKERS_MAX);
	c.workers = THRUM__WORKERS_MAX;
	is_int(thrum__spares_workers_max(&c), THRUM__WORKERS_MAX);
	c.workers = 8;
	c.clock = THRUM_CLOCK_VIRTUAL;
	is_int(thrum__spares_workers_max(&c), 8);
	c.clock = THRUM_CLOCK_REAL;
	c.stall_ns = THRUM_FOREVER;
	is_int(thrum__spares_workers_max(&c), 8);
#endif
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    there_is_room_for_spares,
	    timers_of_a_held_worker_go_off_elsewhere,
	    descriptors_of_a_held_worker_are_heard_of_elsewhere,
	    who_keeps_nobody_waiting_is_not_reported,
	    who_is_helped_is_not_reported,
	    nobody_wakes_for_a_forgotten_timer,
	    nobody_wakes_for_one_of_many_forgotten_timers,
	    who_is_held_gets_long_slices_until_it_goes_on,
	    /* With spares: */
	    a_task_behind_hogs_starts,
	    a_task_woken_from_outside_goes_on,
	    a_timer_goes_off,
	    a_descriptor_is_heard_of,
	    a_stall_is_reported_once_with_name_and_place,
	    nothing_moves_a_second_after_the_last_work,
	};
	size_t n = sizeof(tests) / sizeof(tests[0]);

#ifdef THRUM_MIGRATE
	n -= 6; /* there are none */
#endif
	return run_tests("monitor", 30, tests, n);
}
