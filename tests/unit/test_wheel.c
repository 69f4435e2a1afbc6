/* SPDX-License-Identifier: MIT */
/*
 * test_wheel.c - the timing wheel against a list that is searched in full, and its memory.
 *
 * THRUM_SEED chooses the random operations (printed); THRUM_TEST_DIV divides the large counts.
 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/os.h"
#include "core/wheel.h"
#include "suite.h"

#define YEAR_NS (365ll * 86400 * 1000000000)
#define KEPT_MAX 45 /* chunks that an empty wheel may keep */

static struct thrum__wheel wheel;
static uint64_t random_state;

static uint64_t random_next(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static uint64_t seed_get(void)
{
	const char *text = getenv("THRUM_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : (uint64_t)thrum__clock_monotonic_ns();

	printf("test_wheel: THRUM_SEED=%llu\n", (unsigned long long)seed);
	return seed;
}

/* The model: every entry in a list; stale ones are marked in it, as a real party would be. */

struct model_entry {
	int64_t deadline_ns;
	uint64_t seq; /* in the order of insertion */
	bool held;
	bool stale;
};

#define MODEL_MAX 200000

static struct model_entry model[MODEL_MAX]; /* by seq */
static uint64_t model_seq, model_oldest;
static size_t model_held;
static int64_t model_now_ns;
static unsigned model_reinsert; /* in 16 of the calls */

static void model_reset(void)
{
	model_seq = 0;
	model_oldest = 0;
	model_held = 0;
	model_now_ns = 0;
	model_reinsert = 0;
}

/* The entry that fires next; NULL: none. */
static struct model_entry *model_first(bool live_only)
{
	struct model_entry *first = NULL;
	uint64_t i;

	while (model_oldest < model_seq && !model[model_oldest].held)
		model_oldest++;
	for (i = model_oldest; i < model_seq; i++) {
		if (!model[i].held || (live_only && model[i].stale))
			continue;
		if (!first || model[i].deadline_ns < first->deadline_ns)
			first = &model[i];
	}
	return first;
}

static int64_t model_next_ns(bool live_only)
{
	struct model_entry *first = model_first(live_only);

	return first ? first->deadline_ns : INT64_MAX;
}

static void model_insert(int64_t deadline_ns)
{
	struct model_entry *e = &model[model_seq];

	ck_assert_uint_lt(model_seq, MODEL_MAX);
	ck_assert_int_eq(thrum__wheel_insert(&wheel, deadline_ns, e, model_seq), 0);
	e->deadline_ns = deadline_ns;
	e->seq = model_seq++;
	e->stale = false;
	e->held = deadline_ns != INT64_MAX;
	model_held += e->held;
}

static bool model_is_stale(void *party, uint64_t seq)
{
	struct model_entry *e = party;

	ck_assert_uint_eq(e->seq, seq);
	return e->stale;
}

static int64_t saturated(int64_t a, int64_t b)
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

/* A deadline that is near, equal to others, far or past. */
static int64_t random_deadline_ns(void)
{
	uint64_t r = random_next();
	int64_t spread_ns = (int64_t)(random_next() >> (1 + r % 63));

	switch (r >> 8 & 7) {
	case 0: /* many equal ones */
		return (saturated(model_now_ns, 1000) | 1023) + (int64_t)(r >> 16 & 1);
	case 1: /* the past */
		return saturated(model_now_ns, -(int64_t)(r >> 16 & 4095));
	case 2: /* equal ones again, inserted while others of theirs have gone down a level */
		return (int64_t)((uint64_t)saturated(model_now_ns, 1 << 20) | 0xffff) & INT64_MAX;
	default:
		return saturated(model_now_ns, spread_ns);
	}
}

static void model_fire(void *arg, void *party, uint64_t seq)
{
	struct model_entry *e = model_first(false);

	ck_assert_ptr_eq(arg, &wheel);
	ck_assert_ptr_nonnull(e);
	ck_assert_uint_eq(e->seq, seq);
	ck_assert_ptr_eq(e, party);
	ck_assert_int_le(e->deadline_ns, model_now_ns);
	e->held = false;
	model_held--;
	if (random_next() % 16 < model_reinsert)
		model_insert(random_next() & 1 ? random_deadline_ns() : e->deadline_ns);
}

static void model_advance(int64_t now_ns)
{
	model_now_ns = now_ns;
	thrum__wheel_advance(&wheel, now_ns);
	ck_assert(model_next_ns(false) > now_ns || now_ns == INT64_MAX); /* the end of time */
}

/* Make some of the held stale; returns how many. */
static void model_cancel_some(unsigned one_in)
{
	uint64_t i;

	for (i = model_oldest; i < model_seq; i++)
		if (model[i].held && !model[i].stale && random_next() % one_in == 0) {
			model[i].stale = true;
			thrum__wheel_note_stale(&wheel);
		}
}

static void model_compact(void)
{
	uint64_t i;

	thrum__wheel_compact(&wheel, model_is_stale);
	for (i = model_oldest; i < model_seq; i++)
		if (model[i].held && model[i].stale) {
			model[i].held = false;
			model_held--;
		}
}

/* The wheel drops the stale that stand before its first live one: those up to its new first are
 * gone. */
static void model_next_live(void)
{
	int64_t next_ns = thrum__wheel_next_live_ns(&wheel, model_is_stale);

	ck_assert_int_eq(next_ns, model_next_ns(true));
	model_compact();
}

static void model_next_bound(void)
{
	int64_t next_ns = thrum__wheel_next_bound_ns(&wheel, model_is_stale);

	ck_assert_int_ge(next_ns, model_next_ns(false));
	ck_assert_int_le(next_ns, model_next_ns(true));
	model_compact();
}

static void random_step(void)
{
	uint64_t r = random_next();
	unsigned n;

	switch (r % 16) {
	case 0: /* to the next deadline exactly, as the virtual clock does */
		if (model_next_ns(false) != INT64_MAX)
			model_advance(model_next_ns(false) > model_now_ns ? model_next_ns(false)
									  : model_now_ns);
		break;
	case 1: /* one nanosecond before it: nothing may fire */
		if (model_next_ns(false) > saturated(model_now_ns, 1) &&
		    model_next_ns(false) != INT64_MAX) {
			model_now_ns = model_next_ns(false) - 1;
			ck_assert_uint_eq(thrum__wheel_advance(&wheel, model_now_ns), 0);
		}
		break;
	case 2:
		model_advance(model_now_ns);
		break;
	case 3: /* the clock steps back */
		model_advance(saturated(model_now_ns, -(int64_t)(r >> 16 & 0xfffff)));
		break;
	case 4:
		model_cancel_some(4);
		model_compact();
		break;
	case 5:
		model_cancel_some(8);
		if (r >> 8 & 1)
			model_next_live();
		else
			model_next_bound();
		break;
	case 6: /* a burst */
		for (n = (unsigned)(r >> 8 & 127); n > 0; n--)
			model_insert(random_deadline_ns());
		break;
	case 7:
	case 8:
		model_advance(
		    saturated(model_now_ns, (int64_t)(random_next() >> (20 + (r >> 8) % 43))));
		break;
	default:
		model_insert(random_deadline_ns());
	}
}

START_TEST(random_operations)
{
	unsigned round, step, rounds = scaled(200), steps;

	random_state = seed_get() | 1;
	for (round = 0; round < (rounds ? rounds : 1); round++) {
		model_reset();
		model_now_ns = round % 3 ? (int64_t)(random_next() >> (2 + random_next() % 60)) : 0;
		model_reinsert = round % 5;
		thrum__wheel_init(&wheel, model_now_ns, model_fire, &wheel);
		steps = 300 + (unsigned)(random_next() % 300);
		for (step = 0; step < steps; step++) {
			random_step();
			ck_assert_int_eq(thrum__wheel_next_ns(&wheel), model_next_ns(false));
			ck_assert_uint_eq(thrum__wheel_count(&wheel), model_held);
		}
		model_reinsert = 0;
		model_advance(INT64_MAX - 1);
		ck_assert_uint_eq(thrum__wheel_count(&wheel), 0);
		ck_assert_uint_le(wheel.chunks.owned, KEPT_MAX);
		thrum__wheel_fini(&wheel);
	}
}
END_TEST

START_TEST(clock_jumps)
{
	model_reset();
	thrum__wheel_init(&wheel, 0, model_fire, &wheel);
	model_insert(0);
	model_insert(-5);
	model_insert(INT64_MIN);
	model_insert(1);
	model_insert(YEAR_NS);
	model_insert(INT64_MAX - 1);
	model_insert(INT64_MAX); /* never: not stored */
	ck_assert_uint_eq(thrum__wheel_count(&wheel), 6);
	ck_assert_int_eq(thrum__wheel_next_ns(&wheel), model_next_ns(false));
	model_advance(0);
	ck_assert_uint_eq(thrum__wheel_count(&wheel), 3);
	ck_assert_uint_eq(thrum__wheel_advance(&wheel, -1), 0);
	ck_assert_uint_eq(thrum__wheel_advance(&wheel, INT64_MIN), 0);
	model_advance(100 * YEAR_NS);
	ck_assert_uint_eq(thrum__wheel_count(&wheel), 1);
	model_insert(5); /* a hundred years late */
	ck_assert_int_eq(thrum__wheel_next_ns(&wheel), 5);
	model_advance(100 * YEAR_NS);
	model_now_ns = INT64_MAX - 1;
	ck_assert_uint_eq(thrum__wheel_advance(&wheel, INT64_MAX), 1);
	ck_assert_int_eq(thrum__wheel_next_ns(&wheel), INT64_MAX);
	thrum__wheel_fini(&wheel);
}
END_TEST

/* Without a model: large counts. */

static uint64_t fired, fired_last_seq;
static int64_t fired_last_ns;

static void count_fire(void *arg, void *party, uint64_t seq)
{
	int64_t deadline_ns = (int64_t)(intptr_t)party;

	(void)arg;
	ck_assert(deadline_ns > fired_last_ns ||
		  (deadline_ns == fired_last_ns && seq > fired_last_seq) || !fired);
	fired_last_ns = deadline_ns;
	fired_last_seq = seq;
	fired++;
}

START_TEST(burst_gives_memory_back)
{
	unsigned i, n = scaled(1000000);
	int64_t deadline_ns, now_ns;

	random_state = seed_get() | 1;
	fired = 0;
	thrum__wheel_init(&wheel, 0, count_fire, NULL);
	for (i = 0; i < n; i++) {
		deadline_ns = (int64_t)(random_next() % 1000000000);
		ck_assert_int_eq(
		    thrum__wheel_insert(&wheel, deadline_ns, (void *)(intptr_t)deadline_ns, i), 0);
	}
	ck_assert_uint_le(wheel.chunks.owned, n / 10 + 800);
	for (now_ns = 0; now_ns <= 1000000000; now_ns += 100000) {
		thrum__wheel_advance(&wheel, now_ns);
		ck_assert_int_le(fired_last_ns, now_ns);
		ck_assert_int_gt(thrum__wheel_next_ns(&wheel), now_ns);
	}
	ck_assert_uint_eq(fired, n);
	ck_assert_uint_le(wheel.chunks.owned, KEPT_MAX);
	thrum__wheel_fini(&wheel);
}
END_TEST

START_TEST(equal_deadlines_in_order)
{
	unsigned i, n = scaled(1000000);

	fired = 0;
	thrum__wheel_init(&wheel, 0, count_fire, NULL);
	for (i = 0; i < n; i++)
		ck_assert_int_eq(
		    thrum__wheel_insert(&wheel, 123456789, (void *)(intptr_t)123456789, i), 0);
	ck_assert_int_eq(thrum__wheel_next_ns(&wheel), 123456789);
	ck_assert_uint_eq(thrum__wheel_advance(&wheel, 123456788), 0);
	ck_assert_uint_eq(thrum__wheel_advance(&wheel, 123456789), n);
	ck_assert_uint_eq(fired, n);
	for (i = 0; i < n; i++) /* late by now, all of them */
		ck_assert_int_eq(
		    thrum__wheel_insert(&wheel, 123456780, (void *)(intptr_t)123456789, n + i), 0);
	ck_assert_uint_eq(thrum__wheel_advance(&wheel, 123456789), n);
	ck_assert_uint_le(wheel.chunks.owned, KEPT_MAX);
	ck_assert_uint_le(wheel.late_cap, 64);
	thrum__wheel_fini(&wheel);
}
END_TEST

static bool all_but_first_stale(void *party, uint64_t seq)
{
	(void)party;
	return seq != 0;
}

START_TEST(abandoned_timers_cost_no_memory)
{
	unsigned i, compacted = 0, n = scaled(1000000);
	size_t owned_max = 0;

	fired = 0;
	thrum__wheel_init(&wheel, 0, count_fire, NULL);
	ck_assert_int_eq(thrum__wheel_insert(&wheel, 5000000000000, NULL, 0), 0);
	for (i = 1; i <= n; i++) {
		ck_assert_int_eq(
		    thrum__wheel_insert(&wheel, 30000000000 + (int64_t)i * 1000, NULL, i), 0);
		thrum__wheel_note_stale(&wheel);
		if (wheel.chunks.owned > owned_max)
			owned_max = wheel.chunks.owned;
		if (thrum__wheel_compact_due(&wheel, i % 2)) {
			thrum__wheel_compact(&wheel, all_but_first_stale);
			ck_assert_uint_eq(thrum__wheel_count(&wheel), 1);
			ck_assert_uint_le(wheel.chunks.owned, KEPT_MAX);
			compacted++;
		}
	}
	ck_assert_uint_le(owned_max, 1024); /* 256 KiB */
	ck_assert_uint_ge(compacted, n / 1100);
	ck_assert_uint_le(compacted, n / 1000 + 1);
	thrum__wheel_fini(&wheel);
}
END_TEST

START_TEST(compaction_is_due_by_share)
{
	unsigned i;

	thrum__wheel_init(&wheel, 0, count_fire, NULL);
	for (i = 0; i < 30000; i++)
		ck_assert_int_eq(thrum__wheel_insert(&wheel, 1000 + i, NULL, i), 0);
	ck_assert(!thrum__wheel_compact_due(&wheel, 0));
	ck_assert(!thrum__wheel_compact_due(&wheel, 10000));
	ck_assert(thrum__wheel_compact_due(&wheel, 11000));
	ck_assert(thrum__wheel_compact_due(&wheel, 1000000));
	thrum__wheel_fini(&wheel);
}
END_TEST

static unsigned asked;

static bool is_stale_by_seq(void *unused, uint64_t seq)
{
	(void)unused;
	asked++;
	return seq % 2 == 0;
}

/* Of few it finds the first live one, and of many it asks about none. */
START_TEST(a_bound_costs_little)
{
	for (unsigned n = 10; n <= 100000; n *= 100) {
		thrum__wheel_init(&wheel, 0, count_fire, NULL);
		for (unsigned i = 0; i < n; i++)
			ck_assert_int_eq(thrum__wheel_insert(&wheel, 10000000 + i, NULL, i), 0);
		asked = 0;
		ck_assert_int_eq(thrum__wheel_next_bound_ns(&wheel, is_stale_by_seq),
				 n == 10 ? 10000001 : 10000000);
		ck_assert_uint_eq(asked, n == 10 ? n : 0);
		ck_assert_int_eq(thrum__wheel_next_live_ns(&wheel, is_stale_by_seq), 10000001);
		ck_assert_int_eq(thrum__wheel_next_bound_ns(&wheel, is_stale_by_seq), 10000001);
		thrum__wheel_fini(&wheel);
	}
}
END_TEST

#ifdef THRUM_FAULTS
/* Whatever insertion fails for want of memory, nothing is lost and advance needs none. */
START_TEST(no_memory)
{
	uint64_t n, failed;
	unsigned i, stored;
	int64_t deadline_ns;
	bool more = true;

	random_state = seed_get() | 1;
	for (n = 1; more; n++) {
		fired = 0;
		failed = 0;
		stored = 0;
		thrum__wheel_init(&wheel, 1000, count_fire, NULL);
		thrum__fault_set(n, n % 2);
		for (i = 0; i < 3000; i++) {
			deadline_ns = 1000 + (int64_t)(random_next() >> (2 + random_next() % 61)) -
				      (i % 7 ? 0 : 1000);
			if (thrum__wheel_insert(&wheel, deadline_ns, (void *)(intptr_t)deadline_ns,
						i) == 0)
				stored++;
			else
				failed++;
			ck_assert_uint_eq(thrum__wheel_count(&wheel), stored);
		}
		more = thrum__fault_fired();
		ck_assert(more == (failed > 0));
		thrum__fault_set(1, true); /* none from here on */
		while (thrum__wheel_next_ns(&wheel) != INT64_MAX)
			thrum__wheel_advance(&wheel, thrum__wheel_next_ns(&wheel));
		ck_assert(!thrum__fault_fired());
		thrum__fault_set(0, false);
		ck_assert_uint_eq(fired, stored);
		thrum__wheel_fini(&wheel);
	}
	printf("test_wheel: no fault at n = %llu\n", (unsigned long long)n);
	ck_assert_uint_gt(n, 50);
}
END_TEST
#endif

int main(void)
{
	const TTest *const tests[] = {
	    random_operations,
	    clock_jumps,
	    burst_gives_memory_back,
	    equal_deadlines_in_order,
	    abandoned_timers_cost_no_memory,
	    compaction_is_due_by_share,
	    a_bound_costs_little,
#ifdef THRUM_FAULTS
	    no_memory,
#endif
	};

	return RUN_TESTS_FOR("wheel", 300, tests);
}
