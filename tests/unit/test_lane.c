/* SPDX-License-Identifier: MIT */
/*
 * test_lane.c - the lane of forks: each call alone, random calls beside a plain array, an owner
 * with two thieves; tests/model has every interleaving of a few calls.
 *
 * THRUM_SEED chooses the random calls (printed); THRUM_TEST_DIV divides their number.
 */
#include "core/lane.h"

#include "base/clock.h"
#include "base/os.h"
#include "run.h"

#define ITEMS 8

struct item {
	unsigned made, taken, run;
};

static struct thrum__lane l;
static void *slots[ITEMS + 2];
static struct item items[ITEMS];

static void start_with(size_t room, bool locked_only)
{
	thrum__os_membarrier_init();
	memset(items, 0, sizeof(items));
	thrum__lane_init(&l, slots, room, locked_only || !thrum__membarrier_ready);
}

/* Where there is no membarrier, the tests of what the owner has for itself make no sense. */
static bool start(size_t room)
{
	start_with(room, false);
	return !l.locked_only;
}

/* @n of them, for the owner alone. */
static void push(unsigned n)
{
	thrum__lane_heed(&l);
	for (unsigned i = 0; i < n; i++)
		must(thrum_fork_push(&l.front, &items[i]));
}

static struct item *take(bool force)
{
	struct item *item = thrum__lane_take(&l, force);

	if (item)
		thrum__lane_taken(&l);
	return item;
}

static void is_empty(void)
{
	must(!thrum__lane_has(&l) && !thrum__lane_offers(&l));
	must(!thrum__lane_take(&l, true) && !thrum__lane_take(&l, false));
	must(!thrum__lane_newest(&l) && thrum__lane_is_clear(&l));
	must(thrum__lane_height(&l) == slots + 1);
	must(!thrum_fork_pop(&l.front, &items[0]));
	must(thrum__lane_pop(&l, &items[0]) == THRUM__LANE_ABSENT);
}

START_TEST(empty)
{
	start(1);
	is_empty();
	must(!thrum__lane_take_back(&l));
	is_empty();
}
END_TEST

START_TEST(newest_for_the_owner)
{
	if (!start(3))
		return;
	push(3);
	must(!thrum_fork_pop(&l.front, &items[1]));
	must(thrum__lane_pop(&l, &items[1]) == THRUM__LANE_ABSENT);
	for (int i = 2; i >= 0; i--) {
		must(thrum__lane_newest(&l) == &items[i] && thrum__lane_has(&l));
		must(!thrum__lane_is_clear(&l) && !thrum__lane_offers(&l));
		must(thrum_fork_pop(&l.front, &items[i]));
	}
	is_empty();
}
END_TEST

START_TEST(oldest_for_thieves)
{
	if (!start(3))
		return;
	push(3);
	must(!take(false)); /* nothing is offered */
	for (int i = 0; i < 3; i++)
		must(take(true) == &items[i]);
	must(!take(true) && !thrum__lane_is_clear(&l));
	for (int i = 2; i >= 0; i--) {
		enum thrum__lane_pop found = i == 2 ? THRUM__LANE_TAKEN : THRUM__LANE_ABSENT;

		must(!thrum_fork_pop(&l.front, &items[i]));
		must(thrum__lane_pop(&l, &items[i]) == found);
		is_empty();
	}
}
END_TEST

START_TEST(force_opens_half)
{
	if (!start(5))
		return;
	push(5);
	must(take(true) == &items[0]);
	must(take(false) == &items[1] && take(false) == &items[2] && !take(false));
	must(thrum_fork_pop(&l.front, &items[4]));
	must(take(true) == &items[3] && !take(true));
}
END_TEST

START_TEST(whoever_asks_is_offered_half)
{
	if (!start(5))
		return;
	must(thrum__lane_tells(&l));
	push(4);
	must(!thrum__lane_tells(&l));
	thrum__lane_ask(&l);
	thrum__lane_ask(&l);
	must(thrum__lane_tells(&l) && !thrum__lane_offers(&l));
	must(!thrum_fork_push(&l.front, &items[4]));
	must(!thrum__lane_share(&l));
	must(thrum__lane_offers(&l) && thrum__lane_tells(&l));
	thrum__lane_heed(&l);
	must(!thrum__lane_tells(&l));
	for (int i = 0; i < 3; i++)
		must(take(false) == &items[i]);
	must(!take(false));
	must(thrum_fork_pop(&l.front, &items[4]) && thrum_fork_pop(&l.front, &items[3]));
	must(!thrum_fork_pop(&l.front, &items[2]));
	must(thrum__lane_pop(&l, &items[2]) == THRUM__LANE_TAKEN);
	is_empty();
}
END_TEST

START_TEST(the_owner_takes_half_of_what_it_offered_back)
{
	if (!start(4))
		return;
	push(4);
	must(take(true) == &items[0]);
	must(thrum_fork_pop(&l.front, &items[3]) && thrum_fork_pop(&l.front, &items[2]));
	must(thrum__lane_offers(&l));
	must(!thrum_fork_pop(&l.front, &items[1]));
	must(thrum__lane_newest(&l) == &items[1]); /* undone */
	must(thrum__lane_pop(&l, &items[1]) == THRUM__LANE_OURS);
	must(!thrum__lane_has(&l));
	must(thrum_fork_push(&l.front, &items[1]));
	must(!thrum__lane_offers(&l) && thrum_fork_pop(&l.front, &items[1]));
	must(thrum__lane_pop(&l, &items[0]) == THRUM__LANE_TAKEN);
	is_empty();
}
END_TEST

START_TEST(full)
{
	if (!start(2))
		return;
	push(2);
	for (int i = 0; i < 3; i++) {
		must(!thrum_fork_push(&l.front, &items[2]));
		must(thrum__lane_share(&l));
		must(thrum__lane_newest(&l) == &items[1]);
	}
	must(take(false) == &items[0] && !take(false));
	must(!thrum_fork_push(&l.front, &items[2]));
	must(thrum__lane_share(&l) && thrum__lane_newest(&l) == &items[1]);
	must(thrum__lane_pop(&l, &items[1]) == THRUM__LANE_OURS);
	must(thrum__lane_pop(&l, &items[0]) == THRUM__LANE_TAKEN);
	is_empty();
}
END_TEST

START_TEST(full_of_what_was_taken)
{
	if (!start(2))
		return;
	push(2);
	must(take(true) == &items[0] && take(true) == &items[1]);
	must(!thrum_fork_push(&l.front, &items[2]));
	must(!thrum__lane_share(&l)); /* it has gone to the start */
	must(thrum__lane_newest(&l) == &items[2] && thrum__lane_offers(&l));
	must(thrum_fork_push(&l.front, &items[3]));
	must(take(false) == &items[2]);
	must(thrum_fork_pop(&l.front, &items[3]));
	must(thrum__lane_pop(&l, &items[2]) == THRUM__LANE_TAKEN);
	must(thrum__lane_pop(&l, &items[1]) == THRUM__LANE_ABSENT);
	is_empty();
}
END_TEST

START_TEST(one_at_a_time)
{
	start(3);
	thrum__lane_heed(&l);
	for (int i = 0; i < 3; i++)
		thrum_fork_push(&l.front, &items[i]);
	must(thrum__lane_take(&l, true) == &items[0]);
	must(!thrum__lane_take(&l, true) && !thrum__lane_take(&l, false));
	must(thrum__lane_has(&l));
	thrum__lane_taken(&l);
	must(thrum__lane_take_back(&l) == &items[1]);
	must(!thrum__lane_take(&l, true));
	thrum__lane_taken(&l);
	must(take(true) == &items[2]);
	must(!thrum__lane_take_back(&l));
	is_empty();
}
END_TEST

START_TEST(without_membarrier_all_is_locked)
{
	start_with(2, true);
	for (int turn = 0; turn < 3; turn++) {
		thrum__lane_heed(&l);
		must(thrum__lane_tells(&l));
		for (int i = 0; i < 2; i++) {
			must(!thrum_fork_push(&l.front, &items[i]));
			must(!thrum__lane_share(&l) && thrum__lane_offers(&l));
		}
		must(!thrum_fork_push(&l.front, &items[2]) && thrum__lane_share(&l));
		must(take(false) == &items[0]);
		must(!thrum_fork_pop(&l.front, &items[1]));
		must(thrum__lane_pop(&l, &items[1]) == THRUM__LANE_OURS);
		must(thrum__lane_pop(&l, &items[0]) == THRUM__LANE_TAKEN);
		is_empty();
	}
}
END_TEST

/* ---- Random calls: items[from] to items[to - 1] are there ---- */

static unsigned from, to;

/* A run says how it can be repeated. */
static void seed_random(void)
{
	const char *text = getenv("THRUM_SEED");
	unsigned seed =
	    text ? (unsigned)strtoul(text, NULL, 0) : (unsigned)thrum__clock_monotonic_ns();

	printf("test_lane: THRUM_SEED=%u\n", seed);
	srandom(seed);
}

static void random_push(void)
{
	void *item = &items[to];

	if (thrum_fork_push(&l.front, item)) {
		to++;
		return;
	}
	if (!thrum__lane_share(&l)) {
		thrum__lane_heed(&l);
		to++;
	}
}

static void random_pop(void)
{
	if (!to)
		return;
	if (thrum_fork_pop(&l.front, &items[to - 1])) {
		must(from < to--);
		return;
	}
	if (from < to) {
		must(thrum__lane_pop(&l, &items[to - 1]) == THRUM__LANE_OURS);
		to--;
		return;
	}
	must(thrum__lane_pop(&l, &items[to - 1]) == THRUM__LANE_TAKEN);
	must(thrum__lane_is_clear(&l));
	from = to = 0;
}

static void random_take(bool force)
{
	bool offers = thrum__lane_offers(&l);
	void *item = take(force);

	must(item == (from < to && (force || offers) ? &items[from] : NULL));
	from += item != NULL;
}

static void random_take_back(void)
{
	must(thrum__lane_take_back(&l) == (from < to ? &items[from] : NULL));
	if (from == to) {
		from = to = 0;
		return;
	}
	thrum__lane_taken(&l);
	from++;
}

static int rounds_of(int n)
{
	return (int)scaled((unsigned)n);
}

static void like_an_array(bool locked_only)
{
	seed_random();
	start_with(ITEMS, locked_only);
	from = to = 0;
	for (int i = rounds_of(1000000); i > 0; i--) {
		long what = random() % 16;

		if (what < 6 && to < ITEMS)
			random_push();
		else if (what < 11)
			random_pop();
		else if (what < 14)
			random_take(what == 13);
		else if (what == 14)
			thrum__lane_ask(&l);
		else if (random() % 8 == 0)
			random_take_back();
		must(thrum__lane_has(&l) == (from < to));
		must(thrum__lane_is_clear(&l) == (to == 0));
		must(thrum__lane_height(&l) == slots + 1 + to);
		must(to == 0 || thrum__lane_newest(&l) == &items[to - 1]);
	}
}

START_TEST(like_an_array_with_a_split)
{
	like_an_array(false);
}
END_TEST

START_TEST(like_an_array_locked)
{
	like_an_array(true);
}
END_TEST

/* ---- An owner and two thieves ---- */

static struct atomic32 over;
static uint64_t pushed, popped, taken_back;

static void mark_and_run(struct item *item)
{
	must(item->run == item->made - 1);
	item->taken = item->run = item->made;
	thrum__lane_taken(&l);
}

static void *thread_steals(void *force)
{
	intptr_t stolen = 0;

	while (!load_relaxed(&over)) {
		struct item *item;

		if (!force)
			thrum__lane_ask(&l);
		item = thrum__lane_take(&l, force != NULL);
		if (!item) {
			thread_yield();
			continue;
		}
		mark_and_run(item);
		stolen++;
	}
	return as_arg(stolen);
}

/* As fork.c does; with no room it runs at once: false. */
static bool fork_one(struct item *item)
{
	item->made++;
	pushed++;
	if (thrum_fork_push(&l.front, item))
		return true;
	if (!thrum__lane_share(&l)) {
		thrum__lane_heed(&l);
		return true;
	}
	item->run++;
	popped++;
	return false;
}

static void join_one(struct item *item)
{
	if (thrum_fork_pop(&l.front, item) || thrum__lane_pop(&l, item) == THRUM__LANE_OURS) {
		must(item->run == item->made - 1);
		item->run++;
		popped++;
		return;
	}
	must(item->taken == item->made && item->run == item->made);
}

static void let_all_go(void)
{
	struct item *item;

	while ((item = thrum__lane_take_back(&l))) {
		mark_and_run(item);
		taken_back++;
	}
	must(thrum__lane_is_clear(&l));
}

static void wait_for_thieves(void)
{
	while (thrum__lane_has(&l))
		thread_yield();
}

static void fork_and_join(unsigned n, int turn)
{
	bool in_lane[ITEMS];

	for (unsigned i = 0; i < n; i++)
		in_lane[i] = fork_one(&items[i]);
	if (turn % 64 == 0)
		let_all_go();
	else if (turn % 64 == 32)
		wait_for_thieves();
	for (unsigned i = n; i-- > 0;)
		if (in_lane[i])
			join_one(&items[i]);
	must(thrum__lane_is_clear(&l));
}

static uint64_t stolen_by(pthread_t t)
{
	void *result;

	must(pthread_join(t, &result) == 0);
	return (uint64_t)(intptr_t)result;
}

static void each_runs_once(size_t room, bool locked_only)
{
	int turns = rounds_of(100000);
	uint64_t stolen = 0;
	pthread_t thieves[2];

	start_with(room, locked_only);
	pushed = popped = taken_back = 0;
	store_relaxed(&over, 0);
	for (int i = 0; i < 2; i++)
		thieves[i] = thread_of(thread_steals, as_arg(i));
	for (int i = 1; i <= turns; i++)
		fork_and_join(1 + (unsigned)i % ITEMS, i);
	store_relaxed(&over, 1);
	for (int i = 0; i < 2; i++)
		stolen += stolen_by(thieves[i]);
	is_int(pushed, popped + taken_back + stolen);
	must(stolen >= (uint64_t)(turns + 32) / 64); /* those that were waited for */
	for (int i = 0; i < ITEMS; i++)
		is_int(items[i].run, items[i].made);
	is_empty();
}

START_TEST(each_runs_once_with_a_split)
{
	each_runs_once(ITEMS, false);
}
END_TEST

START_TEST(each_runs_once_with_little_room)
{
	each_runs_once(2, false);
}
END_TEST

START_TEST(each_runs_once_locked)
{
	each_runs_once(ITEMS, true);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    empty,
	    newest_for_the_owner,
	    oldest_for_thieves,
	    force_opens_half,
	    whoever_asks_is_offered_half,
	    the_owner_takes_half_of_what_it_offered_back,
	    full,
	    full_of_what_was_taken,
	    one_at_a_time,
	    without_membarrier_all_is_locked,
	    like_an_array_with_a_split,
	    like_an_array_locked,
	    each_runs_once_with_a_split,
	    each_runs_once_with_little_room,
	    each_runs_once_locked,
	};

	return RUN_TESTS_FOR("lane", 60, tests);
}
