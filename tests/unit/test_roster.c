/* SPDX-License-Identifier: MIT */
/*
 * test_roster.c - core/roster.h: each call by one thread, and children on real threads who come,
 * are listed and go while one cancels.
 */
#include "core/roster.h"

#include "base/assert.h"
#include "run.h"

static struct thrum__roster roster;
static struct thrum__roster *const R = &roster;
static unsigned held;

static void hold(struct thrum__member *m)
{
	must(m->next == m); /* off the list */
	held++;
}

static void begin(unsigned inside)
{
	thrum__roster_init(R);
	for (unsigned i = 0; i < inside; i++)
		must(thrum__roster_enter(R));
	held = 0;
}

START_TEST(nobody_inside)
{
	begin(0);
	is_int(thrum__roster_count(R), 0);
	must(!thrum__roster_is_cancelled(R));
	must(thrum__roster_close(R));
	must(!thrum__roster_visit(R));
	is_int(thrum__roster_count(R), 0);
}
END_TEST

START_TEST(the_last_to_leave_is_told_after_close)
{
	begin(3);
	is_int(thrum__roster_count(R), 3);
	must(!thrum__roster_leave(R));
	must(!thrum__roster_close(R));
	must(thrum__roster_enter(R)); /* one inside spawns while the opener waits */
	must(!thrum__roster_leave(R));
	must(!thrum__roster_leave(R));
	is_int(thrum__roster_count(R), 1);
	must(thrum__roster_leave(R));
	is_int(thrum__roster_count(R), 0);
}
END_TEST

START_TEST(all_may_go_before_close)
{
	begin(2);
	must(!thrum__roster_leave(R));
	must(!thrum__roster_leave(R));
	must(thrum__roster_enter(R));
	must(!thrum__roster_leave(R));
	must(thrum__roster_close(R));
}
END_TEST

START_TEST(a_cancelled_scope_takes_no_child)
{
	begin(1);
	must(thrum__roster_cancel(R));
	must(thrum__roster_is_cancelled(R));
	must(!thrum__roster_cancel(R));
	must(!thrum__roster_enter(R));
	is_int(thrum__roster_count(R), 1);
	must(thrum__roster_visit(R));
	is_int(thrum__roster_count(R), 2);
	must(!thrum__roster_close(R));
	must(!thrum__roster_leave(R));
	must(thrum__roster_leave(R));
	must(thrum__roster_is_cancelled(R));
	must(!thrum__roster_visit(R));
}
END_TEST

START_TEST(a_visit_puts_the_end_off)
{
	begin(0);
	must(thrum__roster_visit(R));
	must(!thrum__roster_close(R));
	must(thrum__roster_visit(R));
	must(!thrum__roster_leave(R));
	must(thrum__roster_leave(R));
	must(!thrum__roster_visit(R));
}
END_TEST

START_TEST(a_cancelled_scope_lists_nobody)
{
	struct thrum__member m;

	begin(1);
	must(thrum__roster_cancel(R));
	must(!thrum__roster_enlist(R, &m));
	must(!thrum__roster_take(R, hold));
	is_int(held, 0);
	is_int(thrum__roster_count(R), 1);
}
END_TEST

/* All orders in which three may be struck. */
START_TEST(members_are_struck_in_any_order)
{
	static const int orders[6][3] = {
	    {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0},
	};
	struct thrum__member m[3];

	begin(3);
	for (unsigned left = 0; left <= 3; left++) {
		for (int i = 0; i < 3; i++)
			must(thrum__roster_enlist(R, &m[i]));
		for (unsigned i = left; i < 3; i++) {
			struct thrum__member *gone = &m[orders[_i][i]];

			thrum__roster_strike(R, gone);
			memset(gone, 0xA5, sizeof(*gone)); /* nobody looks at it any more */
		}
		held = 0;
		for (unsigned i = 0; i < left; i++)
			must(thrum__roster_take(R, hold));
		must(!thrum__roster_take(R, hold));
		is_int(held, left);
	}
	is_int(thrum__roster_count(R), 3);
}
END_TEST

START_TEST(each_is_taken_once)
{
	struct thrum__member m[4];
	bool was_taken[4] = {false};

	begin(4);
	for (int i = 0; i < 4; i++)
		must(thrum__roster_enlist(R, &m[i]));
	thrum__roster_strike(R, &m[2]);
	must(thrum__roster_cancel(R));
	for (int i = 0; i < 3; i++) {
		struct thrum__member *taken = thrum__roster_take(R, hold);

		must(taken && !was_taken[taken - m]);
		was_taken[taken - m] = true;
	}
	must(!thrum__roster_take(R, hold));
	must(!was_taken[2]);
	is_int(held, 3);
	/* The taken are struck as if they were still listed. */
	for (int i = 0; i < 4; i++)
		if (i != 2)
			thrum__roster_strike(R, &m[i]);
	must(!thrum__roster_take(R, hold));
	is_int(thrum__roster_count(R), 4);
}
END_TEST

/* Children on threads. */

#define THREADS 4
#define BATCH 8 /* children that a thread has at a time */
#define TURNS 400
#define ROUNDS 40

struct kid {
	struct thrum__member member;
	int taken; /* by hold, under the lock; its own after its strike */
};

struct parent {
	struct kid kids[BATCH];
	unsigned left; /* kids that are listed still, when it was refused */
	uint64_t came, listed, refused, struck, taken;
};

static struct parent parents[THREADS];
static struct atomic64 turns; /* of all threads */
static struct atomic32 ends;  /* how often the scope was over */
static uint64_t cancel_at, took;

static void leave(void)
{
	if (thrum__roster_leave(R))
		fetch_add_relaxed(&ends, 1);
}

static void kid_hold(struct thrum__member *m)
{
	container_of(m, struct kid, member)->taken++;
}

static void kid_end(struct parent *p, struct kid *k)
{
	thrum__roster_strike(R, &k->member);
	is_int(k->taken, k->taken != 0);
	if (k->taken)
		p->taken++;
	else
		p->struck++;
	k->taken = 100; /* no hold comes now */
	leave();
}

/* False: the scope has been cancelled; p->left kids are listed. */
static bool batch_begin(struct parent *p)
{
	for (p->left = 0; p->left < BATCH; p->left++) {
		struct kid *k = &p->kids[p->left];

		if (!thrum__roster_enter(R))
			return false;
		p->came++;
		k->taken = 0;
		if (!thrum__roster_enlist(R, &k->member)) {
			must(thrum__roster_is_cancelled(R));
			p->refused++;
			leave();
			return false;
		}
		p->listed++;
	}
	return true;
}

/* Forwards, backwards, or from the inside out. */
static void batch_end(struct parent *p, unsigned turn)
{
	for (unsigned i = 0; i < BATCH; i++) {
		unsigned at[] = {i, BATCH - 1 - i, (i * 3 + turn) % BATCH};

		kid_end(p, &p->kids[at[turn % 3]]);
	}
	p->left = 0;
}

static void *thread_parent(void *parent)
{
	struct parent *p = parent;

	for (unsigned turn = 0; turn < TURNS && batch_begin(p); turn++) {
		batch_end(p, turn);
		fetch_add_relaxed(&turns, 1);
	}
	leave();
	return NULL;
}

/* The turns come to cancel_at, as every thread makes TURNS before it is refused. */
static void *thread_cancels(void *unused)
{
	(void)unused;
	while (load_relaxed(&turns) < cancel_at)
		thread_yield();
	must(thrum__roster_cancel(R));
	while (thrum__roster_take(R, kid_hold))
		took++;
	leave();
	return NULL;
}

static void round_begin(unsigned round)
{
	begin(THREADS + 1);
	memset(parents, 0, sizeof(parents));
	store_relaxed(&turns, 0);
	store_relaxed(&ends, 0);
	took = 0;
	cancel_at = 1 + (uint64_t)round * (THREADS * TURNS / 2) / ROUNDS;
}

/* Those whose parent was refused were found by the cancel, and go now. */
static void round_end(void)
{
	uint64_t came = 0, listed = 0, refused = 0, struck = 0, taken = 0;

	for (unsigned t = 0; t < THREADS; t++) {
		struct parent *p = &parents[t];

		for (unsigned i = 0; i < p->left; i++) {
			is_int(p->kids[i].taken, 1);
			kid_end(p, &p->kids[i]);
		}
		came += p->came;
		listed += p->listed;
		refused += p->refused;
		struck += p->struck;
		taken += p->taken;
	}
	is_int(came, listed + refused);
	is_int(listed, struck + taken);
	is_int(taken, took);
}

START_TEST(none_is_lost_and_it_is_over_once)
{
	for (unsigned round = 0; round < ROUNDS; round++) {
		pthread_t threads[THREADS], canceller;

		round_begin(round);
		canceller = thread_of(thread_cancels, NULL);
		for (unsigned t = 0; t < THREADS; t++)
			threads[t] = thread_of(thread_parent, &parents[t]);
		if (thrum__roster_close(R))
			fetch_add_relaxed(&ends, 1);
		for (unsigned t = 0; t < THREADS; t++)
			thread_end(threads[t]);
		thread_end(canceller);
		round_end();
		is_int(load_relaxed(&ends), 1);
		is_int(thrum__roster_count(R), 0);
		must(!thrum__roster_visit(R) && !roster.first);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("roster");

	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, nobody_inside);
	tcase_add_test(tc, the_last_to_leave_is_told_after_close);
	tcase_add_test(tc, all_may_go_before_close);
	tcase_add_test(tc, a_cancelled_scope_takes_no_child);
	tcase_add_test(tc, a_visit_puts_the_end_off);
	tcase_add_test(tc, a_cancelled_scope_lists_nobody);
	tcase_add_loop_test(tc, members_are_struck_in_any_order, 0, 6);
	tcase_add_test(tc, each_is_taken_once);
	tcase_add_test(tc, none_is_lost_and_it_is_over_once);
	return run_case("roster", tc);
}
