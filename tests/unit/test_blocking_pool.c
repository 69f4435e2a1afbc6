/* SPDX-License-Identifier: MIT */
/*
 * test_blocking_pool.c - the pool of threads for blocking calls: limits, growing and shrinking,
 * withdrawing, stopping, and threads that cannot be made.
 *
 * THRUM_TEST_DIV divides the large counts.
 */
#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/os.h"
#include "sched/blocking_pool.h"
#include "suite.h"

#define PATIENCE_NS THRUM_SEC(60)

/* Yield until @cond holds; fail after a minute. */
#define UNTIL(cond)                                                               \
	do {                                                                      \
		int64_t until_ns_ = thrum__clock_monotonic_ns() + PATIENCE_NS;    \
		while (!(cond)) {                                                 \
			ck_assert_int_lt(thrum__clock_monotonic_ns(), until_ns_); \
			sched_yield();                                            \
		}                                                                 \
	} while (0)

/* A job that counts itself, says it has started, and waits while its gate is shut. */
struct test_job {
	struct thrum__job job;
	struct atomic32 started, ran;
	struct atomic32 *gate; /* NULL or 0: open */
	char thread[16];
	bool mask_right;
};

static void test_job_run(struct thrum__job *job)
{
	struct test_job *t = container_of(job, struct test_job, job);
	sigset_t set;

	prctl(PR_GET_NAME, t->thread);
	pthread_sigmask(SIG_SETMASK, NULL, &set);
	t->mask_right = sigismember(&set, SIGINT) && sigismember(&set, SIGTERM) &&
			sigismember(&set, SIGPIPE) && !sigismember(&set, SIGSEGV) &&
			!sigismember(&set, SIGFPE);
	store_release(&t->started, 1);
	while (t->gate && load_acquire(t->gate))
		sched_yield();
	fetch_add_release(&t->ran, 1);
}

static void test_job_init(struct test_job *t, struct atomic32 *gate, const char *place)
{
	memset(t, 0, sizeof(*t));
	t->job.run = test_job_run;
	t->job.place = place;
	t->gate = gate;
}

static struct thrum__job_pool pool;
static struct atomic32 zeros;

static void count_zero(void *arg)
{
	fetch_add_relaxed((struct atomic32 *)arg, 1);
}

static void pool_start(unsigned threads, size_t queue)
{
	struct thrum__job_pool_limit limits[THRUM__JOBS_CLASSES];
	int i;

	for (i = 0; i < THRUM__JOBS_CLASSES; i++)
		limits[i] = (struct thrum__job_pool_limit){.threads = threads, .queue = queue};
	store_relaxed(&zeros, 0);
	thrum__job_pool_init(&pool, limits, "test", count_zero, &zeros);
}

static void pool_end(void)
{
	ck_assert_int_eq(thrum__job_pool_stop(&pool, INT64_MAX), 0);
	ck_assert_uint_eq(thrum__job_pool_in_flight(&pool), 0);
	thrum__job_pool_fini(&pool);
}

static unsigned pool_alive(unsigned *idle)
{
	struct thrum__job_pool_thread *t = NULL;
	unsigned alive;

	pthread_mutex_lock(&pool.lock);
	alive = pool.alive;
	t = pool.classes[THRUM__JOBS_GENERAL].idle;
	pthread_mutex_unlock(&pool.lock);
	if (idle)
		*idle = t != NULL;
	return alive;
}

static unsigned dir_count(const char *path)
{
	DIR *dir = opendir(path);
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static unsigned maps_count(void)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned n = 0;
	int ch;

	ck_assert_ptr_nonnull(f);
	while ((ch = getc(f)) != EOF)
		n += ch == '\n';
	fclose(f);
	return n;
}

START_TEST(runs_named_and_masked)
{
	struct test_job job[3];
	int i;

	pool_start(4, 4);
	for (i = 0; i < 3; i++) {
		test_job_init(&job[i], NULL, NULL);
		ck_assert_int_eq(
		    thrum__job_pool_submit(&pool, (enum thrum__job_pool_class_id)i, &job[i].job),
		    0);
	}
	for (i = 0; i < 3; i++) {
		UNTIL(load_acquire(&job[i].ran));
		ck_assert_int_eq(strncmp(job[i].thread, "test-b", 6), 0);
		ck_assert_int_lt(job[i].thread[6], '3');
		ck_assert(job[i].mask_right);
	}
	UNTIL(thrum__job_pool_in_flight(&pool) == 0);
	UNTIL(load_relaxed(&zeros) > 0);
	pool_end();
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(load_relaxed(&job[i].ran), 1);
}
END_TEST

START_TEST(limits_of_a_class)
{
	struct atomic32 gate = {1};
	struct test_job job[7];
	int i;

	for (i = 0; i < 7; i++)
		test_job_init(&job[i], &gate, NULL);
	pool_start(2, 3);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_DNS, &job[i].job), 0);
	ck_assert_uint_eq(pool_alive(NULL), 2);
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_DNS, &job[5].job), -EAGAIN);
	UNTIL(load_acquire(&job[0].started) && load_acquire(&job[1].started));
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_DNS, &job[5].job), -EAGAIN);
	ck_assert_uint_eq(thrum__job_pool_in_flight(&pool), 5);
	/* The others don't notice. */
	job[6].gate = NULL;
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_FILE, &job[6].job), 0);
	UNTIL(load_acquire(&job[6].ran));
	/* One taken back makes room for one. */
	ck_assert(!thrum__job_pool_withdraw(&pool, &job[0].job));
	ck_assert(thrum__job_pool_withdraw(&pool, &job[3].job));
	ck_assert(!thrum__job_pool_withdraw(&pool, &job[3].job));
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_DNS, &job[5].job), 0);
	store_release(&gate, 0);
	pool_end();
	for (i = 0; i < 7; i++)
		ck_assert_uint_eq(load_relaxed(&job[i].ran), i != 3);
}
END_TEST

START_TEST(no_queue_at_all)
{
	struct atomic32 gate = {1};
	struct test_job job[2];

	test_job_init(&job[0], &gate, NULL);
	test_job_init(&job[1], &gate, NULL);
	pool_start(1, 0);
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_GENERAL, &job[0].job), 0);
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_GENERAL, &job[1].job), -EAGAIN);
	store_release(&gate, 0);
	pool_end();
	ck_assert_uint_eq(load_relaxed(&job[0].ran), 1);
	ck_assert_uint_eq(load_relaxed(&job[1].ran), 0);
}
END_TEST

/* One thread serves what comes one after the other, and leaves after a quarter of a second. */
START_TEST(grows_on_demand_and_shrinks)
{
	struct test_job job;
	unsigned threads_before = dir_count("/proc/self/task"), alive, idle, i;
	int64_t submitted_ns = 0;

	pool_start(8, 8);
	ck_assert_uint_eq(pool_alive(NULL), 0);
	for (i = 0; i < 50; i++) {
		test_job_init(&job, NULL, NULL);
		submitted_ns = thrum__clock_monotonic_ns(); /* it cannot be idle earlier */
		ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_GENERAL, &job.job), 0);
		UNTIL(load_acquire(&job.ran));
		/* 1, or 0 where the machine stood still */
		UNTIL((alive = pool_alive(&idle), alive == idle));
	}
	UNTIL(pool_alive(NULL) == 0);
	ck_assert_int_ge(thrum__clock_monotonic_ns() - submitted_ns, THRUM_MS(250));
	/* The last to leave is not joined yet, but it is gone: nothing of the pool wakes up any
	 * more. */
	UNTIL(dir_count("/proc/self/task") <= threads_before);
	test_job_init(&job, NULL, NULL);
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_GENERAL, &job.job), 0);
	pool_end();
	ck_assert_uint_eq(load_relaxed(&job.ran), 1);
}
END_TEST

struct stuck {
	unsigned started, queued;
	bool right;
};

static void stuck_name(void *arg, const char *place, bool started)
{
	struct stuck *s = arg;

	s->started += started;
	s->queued += !started;
	s->right = s->right && strcmp(place, started ? "here:1 first" : "here:2 second") == 0;
}

START_TEST(stop_has_a_deadline_and_names)
{
	struct atomic32 gate = {1};
	struct stuck stuck = {.right = true};
	struct test_job job[3];
	int64_t from_ns;

	test_job_init(&job[0], &gate, "here:1 first");
	test_job_init(&job[1], &gate, "here:2 second");
	test_job_init(&job[2], &gate, "here:3 third");
	pool_start(1, 4);
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_FILE, &job[0].job), 0);
	UNTIL(load_acquire(&job[0].started));
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_FILE, &job[1].job), 0);
	from_ns = thrum__clock_monotonic_ns();
	ck_assert_int_eq(thrum__job_pool_stop(&pool, from_ns + THRUM_MS(30)), -EBUSY);
	ck_assert_int_ge(thrum__clock_monotonic_ns() - from_ns, THRUM_MS(30));
	ck_assert_int_eq(thrum__job_pool_stop(&pool, -1), -EBUSY);
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_FILE, &job[2].job), -ESHUTDOWN);
	thrum__job_pool_for_each(&pool, stuck_name, &stuck);
	ck_assert_uint_eq(stuck.started, 1);
	ck_assert_uint_eq(stuck.queued, 1);
	ck_assert(stuck.right);
	ck_assert(thrum__job_pool_withdraw(&pool, &job[1].job));
	store_release(&gate, 0);
	pool_end();
	ck_assert_uint_eq(load_relaxed(&job[0].ran), 1);
	ck_assert_uint_eq(load_relaxed(&job[1].ran), 0);
}
END_TEST

/* Idle threads alone don't make stop late, whatever the deadline. */
START_TEST(stop_of_an_idle_pool)
{
	struct test_job job;
	unsigned idle;

	test_job_init(&job, NULL, NULL);
	pool_start(2, 2);
	ck_assert_int_eq(thrum__job_pool_submit(&pool, THRUM__JOBS_GENERAL, &job.job), 0);
	UNTIL((pool_alive(&idle), idle));
	ck_assert_int_eq(thrum__job_pool_stop(&pool, 0), 0);
	pool_end();
}
END_TEST

static void free_self(struct thrum__job *job)
{
	fetch_add_relaxed(&zeros, 1);
	free(job);
}

START_TEST(a_job_may_free_itself)
{
	struct thrum__job *job;
	unsigned i, n = scaled(20000) + 100;

	pool_start(4, n);
	pool.on_zero = NULL;
	for (i = 0; i < n; i++) {
		job = calloc(1, sizeof(*job));
		ck_assert_ptr_nonnull(job);
		job->run = free_self;
		ck_assert_int_eq(
		    thrum__job_pool_submit(&pool, (enum thrum__job_pool_class_id)(i % 3), job), 0);
	}
	pool_end();
	ck_assert_uint_eq(load_relaxed(&zeros), n);
}
END_TEST

START_TEST(a_thousand_pools)
{
	struct test_job job[6];
	unsigned i, k, maps = 0, threads = 0, fds = 0, n = scaled(1000) + 100;

	for (i = 0; i < n; i++) {
		if (i == 20) {
			maps = maps_count();
			threads = dir_count("/proc/self/task");
			fds = dir_count("/proc/self/fd");
		}
		pool_start(2, 4);
		for (k = 0; k < 6; k++) {
			test_job_init(&job[k], NULL, NULL);
			ck_assert_int_eq(
			    thrum__job_pool_submit(&pool, (enum thrum__job_pool_class_id)(k % 3),
						   &job[k].job),
			    0);
		}
		pool_end();
		for (k = 0; k < 6; k++)
			ck_assert_uint_eq(load_relaxed(&job[k].ran), 1);
	}
	ck_assert_uint_le(maps_count(), maps + 16);
	ck_assert_uint_eq(dir_count("/proc/self/task"), threads);
	ck_assert_uint_eq(dir_count("/proc/self/fd"), fds);
}
END_TEST

#define SUBMITTERS 4

static struct {
	struct atomic32 submitted, refused, withdrawn, ran;
} flow;

static void flow_run(struct thrum__job *job)
{
	(void)job;
	fetch_add_relaxed(&flow.ran, 1);
}

static void *flow_submit(void *arg)
{
	struct thrum__job job[16] = {{0}};
	unsigned i, n = scaled(40000) + 200, seed = (unsigned)(uintptr_t)arg * 7919 + 1;

	for (i = 0; i < n; i++) {
		struct thrum__job *j = &job[i % 16];

		seed = seed * 1664525 + 1013904223;
		if (j->run && thrum__job_pool_withdraw(&pool, j))
			fetch_add_relaxed(&flow.withdrawn, 1);
		j->run = flow_run;
		if (thrum__job_pool_submit(&pool, (enum thrum__job_pool_class_id)((seed >> 16) % 3),
					   j) == 0)
			fetch_add_relaxed(&flow.submitted, 1);
		else
			fetch_add_relaxed(&flow.refused, 1);
		if (seed >> 28 == 0)
			sched_yield();
	}
	for (i = 0; i < 16; i++)
		if (thrum__job_pool_withdraw(&pool, &job[i]))
			fetch_add_relaxed(&flow.withdrawn, 1);
	return NULL;
}

START_TEST(jobs_are_conserved)
{
	pthread_t thread[SUBMITTERS];
	size_t i;

	memset(&flow, 0, sizeof(flow));
	pool_start(3, 8);
	for (i = 0; i < SUBMITTERS; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, flow_submit, (void *)i), 0);
	for (i = 0; i < SUBMITTERS; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	pool_end();
	printf("test_blocking_pool: %u submitted, %u ran, %u withdrawn, %u refused, %u times none "
	       "in flight\n",
	       load_relaxed(&flow.submitted), load_relaxed(&flow.ran),
	       load_relaxed(&flow.withdrawn), load_relaxed(&flow.refused), load_relaxed(&zeros));
	ck_assert_uint_eq(load_relaxed(&flow.submitted),
			  load_relaxed(&flow.ran) + load_relaxed(&flow.withdrawn));
	ck_assert_uint_gt(load_relaxed(&flow.withdrawn), 0);
	ck_assert_uint_gt(load_relaxed(&flow.ran), 0);
	ck_assert_uint_gt(load_relaxed(&zeros), 0);
}
END_TEST

#ifdef THRUM_FAULTS
/* A job is accepted and runs, or is refused and does not, whichever thread cannot be made. */
static bool creation_fails(uint64_t n, bool from_then_on)
{
	struct atomic32 gate = {1};
	struct test_job job[18];
	int err[18];
	unsigned i, refused = 0;
	bool fired;

	pool_start(4, 8);
	thrum__fault_set(n, from_then_on);
	for (i = 0; i < 18; i++) {
		test_job_init(&job[i], &gate, NULL);
		err[i] = thrum__job_pool_submit(&pool, (enum thrum__job_pool_class_id)(i % 3),
						&job[i].job);
		ck_assert(err[i] == 0 || err[i] == -EAGAIN);
		refused += err[i] != 0;
	}
	fired = thrum__fault_fired();
	ck_assert(fired || refused == 0);
	if (from_then_on && n == 1)
		ck_assert_uint_eq(refused, 18);
	if (!from_then_on)
		ck_assert_uint_eq(refused, fired && n <= 3);
	thrum__fault_set(0, false);
	store_release(&gate, 0);
	pool_end();
	for (i = 0; i < 18; i++)
		ck_assert_uint_eq(load_relaxed(&job[i].ran), err[i] == 0);
	return fired;
}

START_TEST(threads_cannot_be_made)
{
	uint64_t n;

	for (n = 1; creation_fails(n, false); n++)
		;
	printf("test_blocking_pool: no fault at n = %llu\n", (unsigned long long)n);
	ck_assert_uint_gt(n, 12);
	for (n = 1; creation_fails(n, true); n++)
		;
}
END_TEST
#endif

int main(void)
{
	const TTest *const tests[] = {
	    runs_named_and_masked,
	    limits_of_a_class,
	    no_queue_at_all,
	    grows_on_demand_and_shrinks,
	    stop_has_a_deadline_and_names,
	    stop_of_an_idle_pool,
	    a_job_may_free_itself,
	    a_thousand_pools,
	    jobs_are_conserved,
#ifdef THRUM_FAULTS
	    threads_cannot_be_made,
#endif
	};

	return RUN_TESTS_FOR("blocking_pool", 300, tests);
}
