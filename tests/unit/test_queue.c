/* SPDX-License-Identifier: MIT */
/*
 * test_queue.c - queues: their three orders, beside a sorted model too; join waits for what was put
 * to be dealt with.  Their ends are in test_queue_end.c; what they share with channels is in
 * test_chan.c and the like.  THRUM_SEED chooses the random operations (printed).
 */
#include "base/os.h"
#include "queue_call.h"
#include "seed.h"

/* ---- Creation ---- */

START_TEST(what_can_be_made)
{
	must(!thrum_queue_create(THRUM_QUEUE_FIFO - 1, 8, 1, NULL));
	must(!thrum_queue_create(THRUM_QUEUE_PRIORITY + 1, 8, 1, by_value));
	must(!thrum_queue_create(THRUM_QUEUE_PRIORITY + 1, 8, 1, NULL));
	must(!thrum_queue_create(THRUM_QUEUE_PRIORITY, 8, 1, NULL));
	must(!thrum_queue_create(THRUM_QUEUE_FIFO, 8, 1, by_value));
	must(!thrum_queue_create(THRUM_QUEUE_LIFO, 8, 1, by_value));
	for (int order = THRUM_QUEUE_FIFO; order <= THRUM_QUEUE_PRIORITY; order++) {
		int (*compare)(const void *, const void *) =
		    order == THRUM_QUEUE_PRIORITY ? by_value : NULL;

		must(!thrum_queue_create(order, 8, 0, compare));
		must(!thrum_queue_create(order, THRUM_CHAN_ITEM_MAX + 1, 1, compare));
		must(!thrum_queue_create(order, 0, (size_t)THRUM_CHAN_CAPACITY_MAX + 1, compare));
		thrum_queue_release(queue_new(order, 3));
	}
	thrum_queue_retain(NULL);
	thrum_queue_release(NULL);
}
END_TEST

START_TEST(the_last_reference_takes_it_along)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_LIFO, 3);

	put(q, 4);
	thrum_queue_retain(q);
	thrum_queue_release(q);
	put(q, 5);
	is_int(thrum_queue_count(q), 2);
	thrum_queue_release(q); /* with what is in it */
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(without_memory_there_is_none)
{
	for (unsigned n = 1; n < 3; n++) {
		struct thrum_queue *q;

		thrum__fault_set(n, false);
		q = thrum_queue_create(THRUM_QUEUE_PRIORITY, 8, 10, by_value);
		thrum__fault_set(0, false);
		must(!q);
	}
}
END_TEST
#endif

/* ---- Orders ---- */

TASK_TEST(each_order_gives_its_first, 1)
{
	static const uint64_t in[] = {5, 2, 9, 2, 7};
	static const uint64_t out[][5] = {{5, 2, 9, 2, 7}, {7, 2, 9, 2, 5}, {2, 2, 5, 7, 9}};
	uint64_t item = 1;

	for (int order = THRUM_QUEUE_FIFO; order <= THRUM_QUEUE_PRIORITY; order++) {
		struct thrum_queue *q = queue_new(order, 5);

		gives_nothing(q, -EAGAIN);
		for (int i = 0; i < 5; i++) {
			is_int(thrum_queue_count(q), i);
			item = in[i];
			is_int(i % 2 ? thrum_queue_put(q, &item)
				     : thrum_queue_put_until(q, &item, 0),
			       0);
		}
		is_int(thrum_queue_try_put(q, &item), -EAGAIN);
		is_int(thrum_queue_put_until(q, &item, 0), -ETIMEDOUT);
		is_int(thrum_queue_count(q), 5);
		for (int i = 0; i < 5; i++) {
			is_int(i % 2 ? thrum_queue_get(q, &item)
				     : thrum_queue_get_until(q, &item, 0),
			       0);
			is_int(item, out[order][i]);
		}
		is_int(thrum_queue_get_until(q, &item, 0), -ETIMEDOUT);
		is_int(item, out[order][4]);
		thrum_queue_release(q);
	}
}

/* The first of those that are in it: who waits to put is not. */
TASK_TEST(who_waits_to_put_comes_in_when_there_is_room, 1)
{
	static const uint64_t out[][4] = {{5, 8, 1, 3}, {8, 1, 3, 5}, {5, 1, 3, 8}};

	for (int order = THRUM_QUEUE_FIFO; order <= THRUM_QUEUE_PRIORITY; order++) {
		struct thrum_queue *q = queue_new(order, 2);
		struct queue_call k[2] = {queue_call(q, 1), queue_call(q, 3)};
		struct thrum_future *f[2];

		put(q, 5);
		put(q, 8);
		for (int i = 0; i < 2; i++)
			f[i] = stands(task_put_for_ever, &k[i]);
		is_int(thrum_queue_count(q), 2);
		for (int i = 0; i < 4; i++)
			is_got(q, out[order][i]);
		is_int(thrum_join(f[0]) | thrum_join(f[1]), 0);
		thrum_queue_release(q);
	}
}

TASK_TEST(who_waits_to_get_is_handed_the_next, 1)
{
	for (int order = THRUM_QUEUE_FIFO; order <= THRUM_QUEUE_PRIORITY; order++) {
		struct thrum_queue *q = queue_new(order, 2);
		struct queue_call k[3];
		struct thrum_future *f[3];

		for (int i = 0; i < 3; i++) {
			k[i] = queue_call(q, 0);
			f[i] = stands(task_get_for_ever, &k[i]);
		}
		for (uint64_t i = 0; i < 3; i++)
			put(q, 9 - i);
		is_int(thrum_queue_count(q), 0);
		for (uint64_t i = 0; i < 3; i++) {
			is_int(thrum_join(f[i]), 0);
			is_int(k[i].item, 9 - i);
		}
		thrum_queue_release(q);
	}
}

#define MOST 40

struct model {
	uint64_t items[MOST];
	size_t count;
};

static uint64_t model_take(struct model *m, int order)
{
	size_t at = order == THRUM_QUEUE_LIFO ? m->count - 1 : 0;
	uint64_t item;

	for (size_t i = 1; order == THRUM_QUEUE_PRIORITY && i < m->count; i++)
		if (m->items[i] < m->items[at])
			at = i;
	item = m->items[at];
	memmove(&m->items[at], &m->items[at + 1], (--m->count - at) * sizeof(item));
	return item;
}

TASK_TEST(random_sequences_are_those_of_a_model, 1)
{
	uint64_t random = seed_of("test_queue");

	for (unsigned round = 0; round < 30; round++) {
		int order = (int)(round % 3);
		struct thrum_queue *q = queue_new(order, 1 + round);
		struct model m = {.count = 0};

		for (unsigned i = 0; i < scaled(3000) + 300; i++) {
			random = random * 6364136223846793005u + 1442695040888963407u;
			if ((random >> 40) % 100 < (i / 200 % 2 ? 30 : 70)) {
				uint64_t item = (random >> 33) % 50;
				bool full = m.count == 1 + round;

				is_int(thrum_queue_try_put(q, &item), full ? -EAGAIN : 0);
				if (!full)
					m.items[m.count++] = item;
			} else if (m.count) {
				is_got(q, model_take(&m, order));
			} else {
				gives_nothing(q, -EAGAIN);
			}
			is_int(thrum_queue_count(q), m.count);
		}
		thrum_queue_release(q);
	}
}

/* ---- Join ---- */

TASK_TEST(join_waits_until_all_was_dealt_with, 1)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 3);
	struct queue_call k = queue_call(q, 0), getter = queue_call(q, 0);
	struct thrum_future *joiners[THRUM__AT_A_TIME + 2], *f;

	is_int(thrum_queue_join(q), 0); /* nothing was put */
	is_int(thrum_queue_join_until(q, 0), 0);
	put(q, 1);
	put(q, 2);
	for (int i = 0; i < THRUM__AT_A_TIME + 2; i++)
		joiners[i] = stands(i % 2 ? task_join : task_join_for_ever, &k);
	is_got(q, 1);
	thrum_queue_task_done(q);
	is_got(q, 2);
	f = stands(task_get, &getter);
	put(q, 3); /* handed over, and put as well */
	is_int(thrum_join(f), 0);
	thrum_queue_task_done(q);
	settle();
	for (int i = 0; i < THRUM__AT_A_TIME + 2; i++)
		must(!thrum_done(joiners[i]));
	is_int(thrum_queue_join_until(q, 0), -ETIMEDOUT);
	thrum_queue_task_done(q);
	for (int i = 0; i < THRUM__AT_A_TIME + 2; i++)
		is_int(thrum_join(joiners[i]), 0);
	is_int(thrum_queue_join(q), 0);
	put(q, 4); /* another time */
	f = stands(task_join, &k);
	is_got(q, 4);
	thrum_queue_task_done(q);
	is_int(thrum_join(f), 0);
	thrum_queue_release(q);
}

/* Who waits to put has not put: it counts when there is room. */
TASK_TEST(join_counts_what_came_in, 1)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_LIFO, 1);
	struct queue_call putter = queue_call(q, 7), k = queue_call(q, 0);
	struct thrum_future *p, *j;

	put(q, 6);
	p = stands(task_put, &putter);
	is_int(thrum_cancel(p), 0);
	is_int(thrum_join(p), -ECANCELED);
	p = stands(task_put, &putter);
	j = stands(task_join, &k);
	is_got(q, 6);
	thrum_queue_task_done(q);
	is_int(thrum_join(p), 0);
	settle();
	must(!thrum_done(j));
	is_got(q, 7);
	thrum_queue_task_done(q);
	is_int(thrum_join(j), 0);
	thrum_queue_release(q);
}

/* ---- Two workers ---- */

struct crew {
	struct thrum_queue *q;
	struct atomic64 sum, done;
	unsigned n;
};

static intptr_t task_works(void *crew)
{
	struct crew *c = crew;
	uint64_t item;

	while (thrum_queue_get(c->q, &item) == 0) {
		fetch_add_relaxed(&c->sum, item);
		if (item % 4 == 1) /* work that makes work */
			put(c->q, item + 1);
		fetch_add_relaxed(&c->done, 1);
		thrum_queue_task_done(c->q);
	}
	return 0;
}

static intptr_t crews(void *unused)
{
	(void)unused;
	for (int order = THRUM_QUEUE_FIFO; order <= THRUM_QUEUE_PRIORITY; order++) {
		struct crew c = {.q = queue_new(order, 5), .n = scaled(20000) + 100};
		struct thrum_future *fs[3];

		for (int i = 0; i < 3; i++)
			must((fs[i] = thrum_spawn(task_works, &c)));
		for (uint64_t i = 1; i <= c.n; i++) {
			is_int(thrum_queue_put(c.q, &(uint64_t){4 * i}), 0);
			if (i % 100)
				continue;
			is_int(thrum_queue_join(c.q), 0);
			is_int(load_relaxed(&c.done), i);
			is_int(load_relaxed(&c.sum), 2 * i * (i + 1));
		}
		is_int(thrum_queue_put(c.q, &(uint64_t){1}), 0);
		is_int(thrum_queue_join(c.q), 0);
		is_int(load_relaxed(&c.done), c.n + 2);
		thrum_queue_shutdown(c.q, false);
		for (int i = 0; i < 3; i++)
			is_int(thrum_join(fs[i]), 0);
		thrum_queue_release(c.q);
	}
	return 0;
}

START_TEST(a_crew_deals_with_all)
{
	is_int(run_real(2, crews, NULL), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    what_can_be_made,
	    the_last_reference_takes_it_along,
#ifdef THRUM_FAULTS
	    without_memory_there_is_none,
#endif
	    each_order_gives_its_first,
	    who_waits_to_put_comes_in_when_there_is_room,
	    who_waits_to_get_is_handed_the_next,
	    random_sequences_are_those_of_a_model,
	    join_waits_until_all_was_dealt_with,
	    join_counts_what_came_in,
	    a_crew_deals_with_all,
	};

	return RUN_TESTS_FOR("queue", 60, tests);
}
