/* SPDX-License-Identifier: MIT */
/* test_many.c - wait_any and gather over several futures, and waits for several edges. */
#include "base/assert.h"
#include "base/os.h"
#include "meanwhile.h"
#include "sched/await.h"

#define MANY 100

static void make(struct thrum_future *fs[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		fs[i] = future_new();
}

static void drop(struct thrum_future *fs[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		future_drop(fs[i]);
}

static void no_waiters(struct thrum_future *fs[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!thrum_done(fs[i]))
			is_int(load_relaxed(&fs[i]->word), 0);
}

TASK_TEST(wait_any_takes_the_lowest_done, 1)
{
	struct thrum_future *fs[4];

	is_int(thrum_wait_any(NULL, 0), -EINVAL);
	make(fs, 4);
	is_int(thrum_wait_any(fs, 0), -EINVAL);
	thrum_future_set(fs[3], -EIO);
	is_int(thrum_wait_any(fs, 4), 3);
	thrum_future_set(fs[2], 0);
	is_int(thrum_wait_any(fs, 4), 2);
	thrum_cancel(fs[1]);
	is_int(thrum_wait_any(fs, 4), 1);
	drop(fs, 4);
	fs[0] = future_new();
	fs[1] = NULL;
	is_int(thrum_wait_any(fs, 2), 1); /* nothing is done */
	future_drop(fs[0]);
}

static void wait_any_of(size_t n)
{
	struct thrum_future *fs[MANY];

	for (size_t winner = 0; winner<n; winner += n> 10 ? 7 : 1) {
		make(fs, n);
		set_later(fs[winner], 5, (intptr_t)winner);
		is_int(thrum_wait_any(fs, n), winner);
		is_int(thrum_result(fs[winner]), winner);
		no_waiters(fs, n);
		drop(fs, n);
	}
}

TASK_TEST(wait_any_wakes_for_each, 1)
{
	wait_any_of(1);
	wait_any_of(2);
	wait_any_of(8);
	wait_any_of(9);
	wait_any_of(MANY);
}

TASK_TEST(wait_any_wakes_for_each_on_three_workers, 3)
{
	wait_any_of(8);
	wait_any_of(MANY);
}

TASK_TEST(wait_any_names_the_lowest_of_two_at_once, 1)
{
	struct thrum_future *fs[3];

	make(fs, 3);
	set_later(fs[2], 5, 1);
	set_later(fs[1], 5, 1);
	is_int(thrum_wait_any(fs, 3), 1);
	must(thrum_done(fs[2]));
	drop(fs, 3);
}

TASK_TEST(wait_any_of_one_future_twice, 1)
{
	struct thrum_future *fs[3];

	make(fs, 2);
	fs[2] = fs[0];
	set_later(fs[0], 5, 1);
	is_int(thrum_wait_any(fs, 3), 0);
	no_waiters(fs, 2);
	drop(fs, 2);
}

struct several {
	struct thrum_future **fs;
	size_t n;
	intptr_t *results;
};

static intptr_t task_wait_any(void *several)
{
	struct several *s = several;

	return thrum_wait_any(s->fs, s->n);
}

TASK_TEST(wait_any_is_cut_short, 1)
{
	struct thrum_future *fs[20];
	struct several s = {fs, 8, NULL};

	make(fs, 20);
	for (; s.n <= 20; s.n += 12) {
		struct thrum_future *f = thrum_spawn(task_wait_any, &s);

		settle();
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		no_waiters(fs, 20);
		deadline_set(thrum_now() + 9);
		is_int(thrum_wait_any(fs, s.n), -ETIMEDOUT);
		no_waiters(fs, 20);
		deadline_set(THRUM_FOREVER);
	}
	drop(fs, 20);
}

#ifdef THRUM_FAULTS
TASK_TEST(wait_any_without_memory, 1)
{
	struct thrum_future *fs[9];
	ssize_t r;

	make(fs, 9);
	thrum__fault_set(1, true);
	r = thrum_wait_any(fs, 9);
	thrum__fault_set(0, false);
	is_int(r, -ENOMEM);
	no_waiters(fs, 9);
	set_later(fs[7], 5, 0);
	settle();
	thrum__fault_set(1, true);
	r = thrum_wait_any(fs, 8); /* eight need none */
	thrum__fault_set(0, false);
	is_int(r, 7);
	drop(fs, 9);
}
#endif

TASK_TEST(gather_waits_for_all, 1)
{
	struct thrum_future *fs[5];
	intptr_t results[5] = {0};

	is_int(thrum_gather(NULL, 0, NULL), 0);
	make(fs, 5);
	for (int i = 0; i < 5; i++)
		set_later(fs[i], 50 - 10 * i,
			  i == 3   ? -EIO
			  : i == 1 ? -ENOENT
			  : i == 4 ? -5000
				   : i);
	is_int(thrum_gather(fs, 5, results), -ENOENT);
	is_int(thrum_now(), 50);
	is_int(results[0], 0);
	is_int(results[1], -ENOENT);
	is_int(results[2], 2);
	is_int(results[3], -EIO);
	is_int(results[4], -5000); /* no failure */
	is_int(thrum_gather(fs, 5, NULL), -ENOENT);
	is_int(thrum_gather(fs + 2, 1, results), 0);
	is_int(thrum_gather(fs + 4, 1, results), 0);
	drop(fs, 5);
}

TASK_TEST(gather_takes_a_missing_future_for_no_memory, 1)
{
	struct thrum_future *fs[3] = {NULL, NULL, future_new()};
	intptr_t results[3] = {0};

	thrum_future_set(fs[2], 6);
	is_int(thrum_gather(fs, 3, results), -ENOMEM);
	is_int(results[0], -ENOMEM);
	is_int(results[2], 6);
	fs[1] = fs[2];
	fs[0] = future_new();
	thrum_future_set(fs[0], -EIO);
	is_int(thrum_gather(fs, 3, results), -EIO);
	thrum_release(fs[0]);
	thrum_release(fs[2]);
}

static intptr_t task_gather(void *several)
{
	struct several *s = several;

	return thrum_gather(s->fs, s->n, s->results);
}

TASK_TEST(gather_is_cut_short_and_cancels_none, 1)
{
	struct thrum_future *fs[3] = {spawn_sleeper(5), spawn_sleeper(1000), future_new()};
	intptr_t results[3] = {99, 99, 99};
	struct several s = {fs, 3, results};
	struct thrum_future *f = thrum_spawn(task_gather, &s);

	thrum_future_set(fs[2], -EIO);
	is_int(thrum_sleep(50), 0);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	is_int(results[0], 0);
	is_int(results[1], -EINPROGRESS);
	is_int(results[2], -EIO);
	results[1] = 99;
	deadline_set(60);
	is_int(thrum_gather(fs, 3, results), -ETIMEDOUT);
	is_int(results[1], -EINPROGRESS);
	deadline_set(THRUM_FOREVER);
	is_int(thrum_gather(fs, 2, results), 0);
	is_int(thrum_now(), 1000);
	is_int(results[1], 0);
	for (int i = 0; i < 3; i++)
		thrum_release(fs[i]);
}

/* Edges: */

#define EDGES 20

static int wait_edges(struct thrum__edge *e, size_t n, int64_t deadline_ns)
{
	struct thrum__edge *es[EDGES];
	uint64_t ticks[EDGES];

	for (size_t i = 0; i < n; i++) {
		es[i] = &e[i / 2]; /* each twice */
		ticks[i] = thrum__edge_tick(es[i]);
	}
	return thrum__wait_edges(es, ticks, n, deadline_ns);
}

static void no_edge_is_awaited(const struct thrum__edge *e)
{
	for (size_t i = 0; i < EDGES / 2; i++)
		must(!thrum__edge_is_awaited(&e[i]));
}

TASK_TEST(any_of_several_edges_ends_a_wait, 1)
{
	struct thrum__edge e[EDGES / 2] = {0};
	struct thrum__edge *es[2] = {&e[0], &e[1]};
	uint64_t ticks[2] = {0, 0};
	int64_t now = 0;

	for (size_t n = 1; n <= EDGES; n++) {
		raise_later(&e[(n - 1) / 2]);
		is_int(wait_edges(e, n, THRUM_FOREVER), 0);
		is_int(thrum_now(), now += 10);
		no_edge_is_awaited(e);
	}
	ticks[0] = thrum__edge_tick(es[0]); /* the other has been raised since 0 */
	is_int(thrum__wait_edges(es, ticks, 2, THRUM_FOREVER), 0);
	is_int(thrum_now(), now);
	is_int(wait_edges(e, EDGES, now + 3), -ETIMEDOUT);
	is_int(wait_edges(e, 0, now + 6), -ETIMEDOUT);
	is_int(thrum_now(), now + 6);
	deadline_set(now + 7);
	is_int(wait_edges(e, 3, THRUM_FOREVER), -ETIMEDOUT);
	deadline_set(THRUM_FOREVER);
	thrum_cancel(thrum_self());
	is_int(wait_edges(e, 3, THRUM_FOREVER), -ECANCELED);
	no_edge_is_awaited(e);
}

#ifdef THRUM_FAULTS
TASK_TEST(without_memory_no_edge_is_waited_for, 1)
{
	struct thrum__edge e[EDGES / 2] = {0};
	int one, many;

	thrum__fault_set(1, true); /* the first timer of a worker needs memory */
	one = thrum__wait_edge(e, thrum__edge_tick(e), 10, false);
	many = wait_edges(e, EDGES, THRUM_FOREVER);
	thrum__fault_set(0, false);
	is_int(one, -ENOMEM);
	is_int(many, -ENOMEM);
	no_edge_is_awaited(e);
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    wait_any_takes_the_lowest_done,
	    wait_any_wakes_for_each,
	    wait_any_wakes_for_each_on_three_workers,
	    wait_any_names_the_lowest_of_two_at_once,
	    wait_any_of_one_future_twice,
	    wait_any_is_cut_short,
#ifdef THRUM_FAULTS
	    wait_any_without_memory,
#endif
	    gather_waits_for_all,
	    gather_takes_a_missing_future_for_no_memory,
	    gather_is_cut_short_and_cancels_none,
	    any_of_several_edges_ends_a_wait,
#ifdef THRUM_FAULTS
	    without_memory_no_edge_is_waited_for,
#endif
	};

	return RUN_TESTS("many", tests);
}
