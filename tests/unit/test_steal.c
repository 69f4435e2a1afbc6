/* SPDX-License-Identifier: MIT */
/*
 * test_steal.c - what a thief takes, and that it leaves small tasks to others where they make more
 * of them, but none to one that stands.  One thread is all workers, but where one of them must go
 * on; the time that has passed is written into the thief's notes.
 */
#include "sched/steal.h"

#include "base/clock.h"
#include "run.h"
#include "sched/spare.h"

#define TASKS 64
#define WORKERS 3

static struct thrum_runtime *rt;
static struct thrum__worker *owner, *thief, *third;
static struct thrum__task tasks[TASKS];

static void *zeroed(size_t size)
{
	void *p = aligned_alloc(CACHE_LINE, (size + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);

	must(p);
	return memset(p, 0, size);
}

static void begin(void)
{
	static struct thrum__worker *workers[WORKERS];

	rt = zeroed(sizeof(*rt));
	rt->workers = workers;
	rt->workers_count = rt->workers_max = WORKERS;
	rt->limits.spin_ns = THRUM_US(50);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct thrum__worker *w = zeroed(sizeof(*w));

		is_int(thrum__worker_init(w, rt, i), 0);
		workers[i] = w;
		thrum__roll_add(&rt->roll);
	}
	owner = workers[0];
	thief = workers[1];
	third = workers[2];
}

static void end(void)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		thrum__worker_fini(rt->workers[i]);
		free(rt->workers[i]);
	}
	free(rt);
}

static void fill(int n)
{
	while (thrum__deque_pop(&owner->spawned))
		;
	for (int i = 0; i < n; i++)
		is_int(thrum__deque_push(&owner->spawned, &tasks[i]), 0);
}

/* What the thief has beside the one that it runs. */
static int more(void)
{
	int n = 0;

	while (thrum__deque_pop(&thief->spawned))
		n++;
	return n;
}

START_TEST(of_a_long_queue_it_takes_sixteen_of_a_short_one_half)
{
	begin();
	fill(TASKS);
	ck_assert_ptr_eq(thrum__steal(thief, THRUM__POLITE), &tasks[0]);
	is_int(more(), 15);
	fill(9);
	ck_assert_ptr_eq(thrum__steal(thief, THRUM__POLITE), &tasks[0]);
	is_int(more(), 4);
	is_int(load_relaxed(&thief->counters.stolen), 16 + 5);
	end();
}
END_TEST

START_TEST(a_single_task_is_taken_when_its_owner_leaves_it)
{
	begin();
	fill(1);
	for (int i = 0; i < 10; i++)
		ck_assert_ptr_null(thrum__steal(thief, THRUM__POLITE));
	ck_assert_ptr_null(thrum__steal(thief, THRUM__EAGER));
	thrum__count(&owner->counters.switches);
	for (int i = 0; i < 2; i++)
		ck_assert_ptr_null(thrum__steal(thief, THRUM__EAGER));
	ck_assert_ptr_eq(thrum__steal(thief, THRUM__EAGER), &tasks[0]);
	fill(1);
	ck_assert_ptr_eq(thrum__steal(thief, THRUM__LAST), &tasks[0]);
	end();
}
END_TEST

static void haul(int times)
{
	for (int i = 0; i < times; i++) {
		fill(TASKS);
		must(thrum__steal(thief, THRUM__POLITE));
		is_int(more(), 15);
	}
	fill(0);
}

/* Four hauls, over a second in which so many tasks were nothing each, and nobody made any. */
static bool rests_after_small_hauls(void)
{
	haul(4);
	thief->hauls.since_ns -= THRUM_SEC(1);
	thief->hauls.tasks = UINT32_MAX;
	return thrum__steal_rests(thief);
}

#ifndef THRUM_MIGRATE
static struct atomic32 stop;

static void *thread_goes_on(void *worker)
{
	struct thrum__worker *w = worker;

	while (!load_relaxed(&stop))
		thrum__count(&w->counters.started);
	return NULL;
}

static void be_inside(struct thrum__worker *w, struct thrum__task *t)
{
	store_relaxed(&w->current_seen, t);
}

/* @other goes on with small tasks meanwhile: the thief stays away so many times, then it takes
 * again.  To one who looks for two microseconds @other may seem to stand: then all from the start.
 */
static void check_away(struct thrum__worker *other)
{
	pthread_t t;
	int times;

	store_relaxed(&stop, 0);
	t = thread_of(thread_goes_on, other);
	do {
		thief->hauls.worth = 0;
		must(rests_after_small_hauls());
		for (times = 1; thrum__steal_rests(thief); times++)
			;
	} while (times < 16);
	is_int(times, 16);
	store_relaxed(&stop, 1);
	pthread_join(t, NULL);
}

START_TEST(what_it_takes_is_noted)
{
	begin();
	fetch_add_relaxed(&owner->counters.tasks.spawned, 3);
	fetch_add_relaxed(&third->counters.started, 4);
	haul(1);
	is_int(thief->hauls.made, 7);
	must(thief->hauls.since_ns);
	thief->hauls.made = 8;
	haul(3);
	is_int(thief->hauls.made, 8); /* of the first */
	is_int(thief->hauls.count, 4);
	is_int(thief->hauls.tasks, 4 * 16);
	thief->hauls = (struct thrum__hauls){.worth = 1};
	haul(1);
	is_int(thief->hauls.made, 0); /* it does not ask */
	is_int(thief->hauls.count, 1);
	end();
}
END_TEST

START_TEST(it_is_away_while_others_make_small_tasks)
{
	begin();
	be_inside(owner, &tasks[0]);
	check_away(owner);
	be_inside(owner, NULL); /* it sleeps */
	be_inside(third, &tasks[0]);
	check_away(third);
	be_inside(third, NULL); /* it is between two tasks */
	is_int(thrum__ready_push(&third->ready, &tasks[0]), 0);
	check_away(third);
	must(thrum__ready_take(&third->ready));
	end();
}
END_TEST

/* It was away, and the others came to more in that time. */
static bool is_back(void)
{
	thief->hauls.worth = 0;
	must(rests_after_small_hauls());
	store_relaxed(&owner->counters.started, load_relaxed(&owner->counters.started) + (1 << 30));
	must(!thrum__steal_rests(thief));
	is_int(thief->hauls.worth, 0);
	return !thief->hauls.away && !thief->hauls.count;
}

START_TEST(it_is_back_as_soon_as_one_stands)
{
	begin();
	must(is_back()); /* all sleep */
	be_inside(owner, &tasks[0]);
	must(is_back()); /* it computes */
	be_inside(owner, NULL);
	end();
}
END_TEST

/* The owner goes on, but the third does not: that is enough, as often as one looks. */
static void check_third_stands(void)
{
	pthread_t t;

	store_relaxed(&stop, 0);
	t = thread_of(thread_goes_on, owner);
	for (int i = 0; i < 20;) {
		uint64_t before = load_relaxed(&owner->counters.started);

		thief->hauls.worth = 0;
		must(rests_after_small_hauls());
		must(!thrum__steal_rests(thief));
		i += load_relaxed(&owner->counters.started) != before;
	}
	store_relaxed(&stop, 1);
	pthread_join(t, NULL);
}

START_TEST(it_is_back_if_another_stands)
{
	begin();
	be_inside(owner, &tasks[0]);
	be_inside(third, &tasks[1]);
	check_third_stands();
	be_inside(third, NULL); /* at home, with a task */
	is_int(thrum__deque_push(&third->spawned, &tasks[1]), 0);
	check_third_stands();
	must(thrum__deque_pop(&third->spawned));
	is_int(thrum__ready_push(&third->ready, &tasks[1]), 0);
	check_third_stands();
	must(thrum__ready_take(&third->ready));
	end();
}
END_TEST

START_TEST(notes_end_where_events_come)
{
	begin();
	haul(4);
	store_relaxed(&rt->descriptors.watching, 1);
	must(!thrum__steal_rests(thief));
	is_int(thief->hauls.count, 0);
	store_relaxed(&rt->descriptors.watching, 0);
	must(rests_after_small_hauls());
	store_relaxed(&rt->descriptors.watching, 1);
	must(!thrum__steal_rests(thief));
	is_int(thief->hauls.away, 0);
	end();
}
END_TEST
#endif

/* Nothing is noted, nor is the clock read. */
static void check_never_away(void)
{
	thief->hauls = (struct thrum__hauls){0};
	haul(8);
	is_int(thief->hauls.count, 0);
	is_int(thief->hauls.since_ns, 0);
	must(!thrum__steal_rests(thief));
}

START_TEST(who_minds_events_stays)
{
	begin();
	store_relaxed(&rt->descriptors.watching, 1);
	check_never_away();
	end();
}
END_TEST

/* On a virtual clock, and with one CPU, nobody spins. */
START_TEST(where_nobody_spins_none_is_away)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_VIRTUAL);
	struct thrum_runtime *virtual;

	c.spin_ns = THRUM_US(50);
	is_int(thrum_runtime_create(&virtual, &c), 0);
	must(!thrum__may_doze(virtual));
	is_int(thrum_runtime_destroy(virtual), 0);
	begin();
	rt->limits.spin_ns = 0;
	check_never_away();
	rt->limits.spin_ns = THRUM_US(50);
	if (THRUM__MIGRATES)
		check_never_away();
	else
		must(rests_after_small_hauls());
	end();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    of_a_long_queue_it_takes_sixteen_of_a_short_one_half,
	    a_single_task_is_taken_when_its_owner_leaves_it,
#ifndef THRUM_MIGRATE
	    what_it_takes_is_noted,
	    it_is_away_while_others_make_small_tasks,
	    it_is_back_as_soon_as_one_stands,
	    it_is_back_if_another_stands,
	    notes_end_where_events_come,
#endif
	    who_minds_events_stays,
	    where_nobody_spins_none_is_away,
	};

	return RUN_TESTS("steal", tests);
}
