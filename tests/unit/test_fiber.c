/* SPDX-License-Identifier: MIT */
/* test_fiber.c - unit tests of fiber/fiber.h.  Registers are looked at by fiber_selftest.c. */
#define _GNU_SOURCE

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "base/os.h"
#include "child.h"
#include "fiber/fiber.h"
#include "fiber/stack.h"
#include "suite.h"

#define USABLE ((size_t)64 << 10)

static struct thrum__stacks pool;
static struct thrum__stack_cache cache;
static struct thrum__fiber thread;

static void pool_make(void)
{
	ck_assert_int_eq(thrum__stacks_init(&pool, USABLE, 1000), 0);
	thrum__stack_cache_init(&cache, &pool);
	thrum__fiber_init_thread(&thread);
}

static void pool_remove(void)
{
	thrum__stack_cache_fini(&cache);
	thrum__stacks_fini(&pool);
}

/* ---- One fiber ---- */

struct job {
	struct thrum__fiber *self;
	struct thrum__fiber *back;
	int steps;
	int seen;
};

static void steps(void *arg)
{
	struct job *job = arg;
	volatile int mine = 0;

	while (mine < job->steps) {
		job->seen = ++mine;
		thrum__fiber_switch(job->self, job->back);
	}
	job->seen = -1;
	thrum__fiber_switch_exit(job->self, job->back);
}

START_TEST(runs_when_switched_to)
{
	struct job job = {.back = &thread, .steps = 3};
	int i;

	job.self = thrum__fiber_create(&cache, steps, &job);
	ck_assert_ptr_nonnull(job.self);
	ck_assert_ptr_null(job.self->task);
	ck_assert_ptr_null(job.self->next);
	ck_assert_uint_eq((size_t)(job.self->high - job.self->low), USABLE);
	ck_assert_int_eq(job.seen, 0);
	for (i = 1; i <= 3; i++) {
		thrum__fiber_switch(&thread, job.self);
		ck_assert_int_eq(job.seen, i);
	}
	thrum__fiber_switch(&thread, job.self);
	ck_assert_int_eq(job.seen, -1);
	thrum__fiber_destroy(&cache, job.self);
}
END_TEST

START_TEST(many_take_turns)
{
	static struct job jobs[200];
	int i, round;

	for (i = 0; i < 200; i++) {
		jobs[i] = (struct job){.back = &thread, .steps = 10};
		jobs[i].self = thrum__fiber_create(&cache, steps, &jobs[i]);
		ck_assert_ptr_nonnull(jobs[i].self);
	}
	for (round = 1; round <= 11; round++) {
		for (i = 0; i < 200; i++) {
			thrum__fiber_switch(&thread, jobs[i].self);
			ck_assert_int_eq(jobs[i].seen, round <= 10 ? round : -1);
		}
	}
	for (i = 0; i < 200; i++)
		thrum__fiber_destroy(&cache, jobs[i].self);
}
END_TEST

/* Fibers that switch to each other, and not by way of the thread. */
START_TEST(a_ring)
{
	static struct job jobs[10];
	int i;

	for (i = 0; i < 10; i++) {
		jobs[i] = (struct job){.steps = 5};
		jobs[i].self = thrum__fiber_create(&cache, steps, &jobs[i]);
	}
	for (i = 0; i < 10; i++)
		jobs[i].back = i < 9 ? jobs[i + 1].self : &thread;
	for (i = 1; i <= 5; i++) {
		thrum__fiber_switch(&thread, jobs[0].self);
		ck_assert_int_eq(jobs[0].seen, i);
		ck_assert_int_eq(jobs[9].seen, i);
	}
	thrum__fiber_switch(&thread, jobs[0].self);
	for (i = 0; i < 10; i++) {
		ck_assert_int_eq(jobs[i].seen, -1);
		thrum__fiber_destroy(&cache, jobs[i].self);
	}
}
END_TEST

/* So often that a tool runs out of what it keeps for each fiber, if not told of its end. */
START_TEST(a_stack_is_used_again)
{
	struct job job = {.back = &thread};
	char *low = NULL;
	int i;

	for (i = 0; i < 40000; i++) {
		job.seen = 0;
		job.self = thrum__fiber_create(&cache, steps, &job);
		ck_assert_ptr_nonnull(job.self);
		ck_assert(!low || low == job.self->low);
		low = job.self->low;
		thrum__fiber_switch(&thread, job.self);
		ck_assert_int_eq(job.seen, -1);
		thrum__fiber_destroy(&cache, job.self);
	}
}
END_TEST

/* A fiber that never ran, or was left parked, may be destroyed too. */
START_TEST(destroyed_unfinished)
{
	struct job job = {.back = &thread, .steps = 5};

	job.self = thrum__fiber_create(&cache, steps, &job);
	thrum__fiber_destroy(&cache, job.self);
	job.self = thrum__fiber_create(&cache, steps, &job);
	thrum__fiber_switch(&thread, job.self);
	ck_assert_int_eq(job.seen, 1);
	thrum__fiber_destroy(&cache, job.self);
}
END_TEST

/* ---- The stack ---- */

static __attribute__((noinline)) size_t dive(struct thrum__fiber *self, size_t bytes_left)
{
	volatile char frame[512];

	frame[0] = 1;
	__asm__ volatile("" : : "r"(frame) : "memory"); /* a frame for each level */
	if (thrum__fiber_stack_left(self) <= bytes_left)
		return thrum__fiber_stack_left(self);
	return dive(self, bytes_left) + frame[0] - 1;
}

struct dive {
	struct thrum__fiber *self;
	size_t at_start;
	size_t at_end;
};

static void dives(void *arg)
{
	struct dive *d = arg;

	d->at_start = thrum__fiber_stack_left(d->self);
	d->at_end = dive(d->self, 8 << 10);
	thrum__fiber_switch_exit(d->self, &thread);
}

START_TEST(stack_left_is_what_is_left)
{
	struct dive d;

	d.self = thrum__fiber_create(&cache, dives, &d);
	thrum__fiber_switch(&thread, d.self);
	ck_assert_uint_le(d.at_start, USABLE);
	ck_assert_uint_ge(d.at_start, USABLE - 4096);
	ck_assert_uint_le(d.at_end, 8 << 10);
	ck_assert_uint_ge(d.at_end, 4 << 10);
	thrum__fiber_destroy(&cache, d.self);
}
END_TEST

START_TEST(a_stack_of_its_own_size)
{
	struct dive d;

	d.self = thrum__fiber_create_sized(&cache, ((size_t)1 << 20) - 1, dives, &d);
	ck_assert_ptr_nonnull(d.self);
	ck_assert_uint_eq((size_t)(d.self->high - d.self->low), 1 << 20);
	ck_assert_int_eq(thrum__os_probe_write(d.self->low), 0);
	ck_assert_int_eq(thrum__os_probe_write(d.self->low - 16), -EFAULT);
	ck_assert_int_eq(thrum__os_probe_write(d.self->low - pool.guard_bytes), -EFAULT);
	thrum__fiber_switch(&thread, d.self);
	ck_assert_uint_ge(d.at_start, ((size_t)1 << 20) - 4096);
	ck_assert_uint_le(d.at_end, 8 << 10);
	thrum__fiber_destroy(&cache, d.self);
	ck_assert_uint_eq(pool.carved, 0);
}
END_TEST

static __attribute__((noinline)) void parks_below(struct thrum__fiber *self, int levels)
{
	volatile char frame[200];

	frame[levels] = 1;
	__asm__ volatile("" : : "r"(frame) : "memory"); /* a frame for each level */
	if (levels)
		parks_below(self, levels - 1);
	else
		thrum__fiber_switch(self, &thread);
	frame[levels] = 2;
}

static void parks_in_the_middle(void *arg)
{
	parks_below(*(struct thrum__fiber **)arg, 50);
}

/* The frames of a fiber destroyed while parked leave nothing for AddressSanitizer to trip over. */
START_TEST(a_stack_comes_back_clean)
{
	struct thrum__fiber *f;
	char *low, *again;

	f = thrum__fiber_create(&cache, parks_in_the_middle, &f);
	low = f->low;
	thrum__fiber_switch(&thread, f);
	thrum__fiber_destroy(&cache, f);
	again = thrum__stack_get(&cache);
	ck_assert_ptr_eq(again, low);
	memset(again, 1, USABLE);
	thrum__stack_put(&cache, again);
}
END_TEST

#ifndef THRUM_SANITIZED
/* What a parked fiber touches is one page, whatever its colour. */
START_TEST(struct_and_first_frames_share_a_page)
{
	static struct job jobs[256];
	uintptr_t page = ~(uintptr_t)4095;
	int i;

	for (i = 0; i < 256; i++) {
		struct thrum__fiber *f;

		jobs[i] = (struct job){.back = &thread, .steps = 1};
		f = jobs[i].self = thrum__fiber_create(&cache, steps, &jobs[i]);
		thrum__fiber_switch(&thread, f);
		ck_assert_uint_eq((uintptr_t)f & page, (uintptr_t)(f->high - 1) & page);
		ck_assert_uint_eq((uintptr_t)f & page, ((uintptr_t)f->sp - 1024) & page);
		ck_assert_uint_eq((uintptr_t)f % CACHE_LINE, 0);
	}
	for (i = 0; i < 256; i++)
		thrum__fiber_destroy(&cache, jobs[i].self);
}
END_TEST
#endif

START_TEST(no_stack_is_no_fiber)
{
	struct thrum__stacks small;
	struct thrum__stack_cache c;
	struct thrum__fiber *f[3];
	int i;

	ck_assert_int_eq(thrum__stacks_init(&small, USABLE, 2), 0);
	thrum__stack_cache_init(&c, &small);
	for (i = 0; i < 3; i++)
		f[i] = thrum__fiber_create(&c, steps, NULL);
	ck_assert_ptr_nonnull(f[0]);
	ck_assert_ptr_nonnull(f[1]);
	ck_assert_ptr_null(f[2]);
	thrum__fiber_destroy(&c, f[0]);
	f[2] = thrum__fiber_create(&c, steps, NULL);
	ck_assert_ptr_eq(f[2], f[0]);
	thrum__fiber_destroy(&c, f[1]);
	thrum__fiber_destroy(&c, f[2]);
	thrum__stack_cache_fini(&c);
	thrum__stacks_fini(&small);
}
END_TEST

/* ---- Threads ---- */

static struct thrum__fiber *wanderer;
static struct thrum__fiber *way_back;
static pthread_t seen_on[20];
static int stops;

/* Asked afresh each time: pthread_self is declared const, and a compiler keeps its result across
 * the switch. */
static __attribute__((noinline)) pthread_t this_thread(void)
{
	__asm__ volatile("" : : : "memory");
	return pthread_self();
}

static void wanders(void *arg)
{
	(void)arg;
	while (stops < 20) {
		seen_on[stops++] = this_thread();
		thrum__fiber_switch(wanderer, way_back);
	}
	thrum__fiber_switch_exit(wanderer, way_back);
}

static void *takes_it_on(void *arg)
{
	struct thrum__fiber here;

	thrum__fiber_init_thread(&here);
	way_back = &here;
	thrum__fiber_switch(&here, wanderer);
	return arg;
}

START_TEST(goes_on_on_other_threads)
{
	int i;

	stops = 0;
	wanderer = thrum__fiber_create(&cache, wanders, NULL);
	for (i = 0; i < 20; i++) {
		pthread_t t;

		if (i % 4 == 0) {
			takes_it_on(NULL);
			ck_assert(pthread_equal(seen_on[i], pthread_self()));
			continue;
		}
		ck_assert_int_eq(thrum__os_thread_create(&t, takes_it_on, NULL, 0), 0);
		thrum__os_thread_join(t);
		ck_assert(pthread_equal(seen_on[i], t));
	}
	ck_assert_int_eq(stops, 20);
	takes_it_on(NULL);
	thrum__fiber_destroy(&cache, wanderer);
}
END_TEST

/* Two threads hand one fiber to and fro, each publishing it after the switch away. */
static struct atomic32 baton;
static int hops;

static void hops_on(void *arg)
{
	int *most = arg;

	while (++hops < *most)
		thrum__fiber_switch(wanderer, way_back);
	thrum__fiber_switch_exit(wanderer, way_back);
}

static void *passes_it_on(void *arg)
{
	uint32_t me = *(uint32_t *)arg;
	struct thrum__fiber here;
	uint32_t turn;

	thrum__fiber_init_thread(&here);
	while ((turn = load_acquire(&baton)) < 2000) {
		if (turn % 2 != me) {
			spin_hint();
			continue;
		}
		way_back = &here;
		thrum__fiber_switch(&here, wanderer);
		store_release(&baton, turn + 1);
	}
	return NULL;
}

START_TEST(handed_over_between_threads)
{
	uint32_t me[2] = {0, 1};
	int most = 2000;
	pthread_t t;

	hops = 0;
	store_relaxed(&baton, 0);
	wanderer = thrum__fiber_create(&cache, hops_on, &most);
	ck_assert_int_eq(thrum__os_thread_create(&t, passes_it_on, &me[1], 0), 0);
	passes_it_on(&me[0]);
	thrum__os_thread_join(t);
	ck_assert_int_eq(hops, 2000);
	thrum__fiber_destroy(&cache, wanderer);
}
END_TEST

/* ---- Wrong ends ---- */

static void returns(void *arg)
{
	(void)arg;
}

static void child_returns(void)
{
	struct thrum__fiber *f = thrum__fiber_create(&cache, returns, NULL);

	thrum__fiber_switch(&thread, f);
}

START_TEST(returning_out_of_it_aborts_with_a_word)
{
	char err[8192];
	int status = child_run(child_returns, err, sizeof(err));

	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), SIGABRT);
	ck_assert_msg(strstr(err, "a task left its frame by other means than return"), "%s", err);
}
END_TEST

#ifdef THRUM_FAULTS
/* Every system call that can fail on the way to a fiber, at every place: no fiber and no leak, or a
 * fiber. */
START_TEST(faults_on_the_way_to_a_fiber)
{
	bool onwards = _i;
	uint64_t n, failed = 0;

	for (n = 1;; n++) {
		struct thrum__stacks p;
		struct thrum__stack_cache c;
		struct thrum__fiber *f = NULL, *sized = NULL;
		bool fired;

		thrum__fault_set(n, onwards);
		if (!thrum__stacks_init(&p, USABLE, 10)) {
			p.reported = true; /* not on the terminal */
			thrum__stack_cache_init(&c, &p);
			f = thrum__fiber_create(&c, steps, NULL);
			sized = thrum__fiber_create_sized(&c, 2 * USABLE, steps, NULL);
			if (f)
				thrum__fiber_destroy(&c, f);
			if (sized)
				thrum__fiber_destroy(&c, sized);
			thrum__stack_cache_fini(&c);
			thrum__stacks_fini(&p);
		}
		fired = thrum__fault_fired();
		failed += !f || !sized;
		ck_assert(fired || (f && sized));
		if (!fired)
			break;
	}
	thrum__fault_set(0, false);
	ck_assert_uint_ge(n, 8);
	ck_assert_uint_ge(failed, 4);
}
END_TEST

#ifndef THRUM_SANITIZED
static size_t mapped_bytes(void)
{
	size_t pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%zu", &pages), 1);
	fclose(f);
	return pages * thrum__os_page_size();
}

/* A stack of its own size whose guard fails is unmapped. */
START_TEST(a_failed_guard_leaves_no_map)
{
	size_t before = mapped_bytes(), after;
	int i;

	for (i = 0; i < 100; i++) {
		thrum__fault_set(3, false);
		ck_assert_ptr_null(thrum__fiber_create_sized(&cache, USABLE, steps, NULL));
		ck_assert(thrum__fault_fired());
	}
	thrum__fault_set(0, false);
	after = mapped_bytes();
	ck_assert_uint_lt(after, before + 20 * USABLE);
}
END_TEST
#endif
#endif

int main(void)
{
	TCase *tc = tcase_create("fiber");

	tcase_add_checked_fixture(tc, pool_make, pool_remove);
	tcase_add_test(tc, runs_when_switched_to);
	tcase_add_test(tc, many_take_turns);
	tcase_add_test(tc, a_ring);
	tcase_add_test(tc, a_stack_is_used_again);
	tcase_add_test(tc, destroyed_unfinished);
	tcase_add_test(tc, stack_left_is_what_is_left);
	tcase_add_test(tc, a_stack_of_its_own_size);
	tcase_add_test(tc, a_stack_comes_back_clean);
#ifndef THRUM_SANITIZED
	tcase_add_test(tc, struct_and_first_frames_share_a_page);
#endif
	tcase_add_test(tc, no_stack_is_no_fiber);
	tcase_add_test(tc, goes_on_on_other_threads);
	tcase_add_test(tc, handed_over_between_threads);
	tcase_add_test(tc, returning_out_of_it_aborts_with_a_word);
#ifdef THRUM_FAULTS
	tcase_add_loop_test(tc, faults_on_the_way_to_a_fiber, 0, 2);
#ifndef THRUM_SANITIZED
	tcase_add_test(tc, a_failed_guard_leaves_no_map);
#endif
#endif
	return run_case("fiber", tc);
}
