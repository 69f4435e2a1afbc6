/* SPDX-License-Identifier: MIT */
/*
 * test_select_fair.c - of several branches that are ready each wins as often: of all kinds, at once
 * and after a wait; if they become ready while the select is about to wait; if the one that was
 * picked is gone.
 */
#include "io_test.h"
#include "select_test.h"

/* Six standard deviations and more. */
static void won_as_often(const unsigned wins[], size_t n, unsigned all)
{
	for (size_t i = 0; i < n; i++) {
		if (wins[i] > all / n * 7 / 10 && wins[i] < all / n * 13 / 10)
			continue;
		fprintf(stderr, "%zu of %zu won %u times of %u\n", i, n, wins[i], all);
		abort();
	}
}

/* ---- At once ---- */

#define DRAWS 6000

/* What is ready whenever it is looked at. */
struct ready {
	struct thrum_chan *room, *items;
	struct thrum_token *token;
	int pipe[2];
	uint64_t item;
};

static void ready_init(struct ready *r)
{
	r->room = words_new(DRAWS);
	r->items = words_new(DRAWS);
	for (unsigned i = 0; i < DRAWS; i++)
		is_int(try_send(r->items, i), 0);
	r->token = thrum_token_create(NULL);
	is_int(thrum_token_cancel(r->token, THRUM_HARD, 0), 0);
	must(pipe(r->pipe) == 0 && write(r->pipe[1], "x", 1) == 1);
}

static void ready_end(struct ready *r)
{
	thrum_token_release(r->token);
	chan_end(r->room);
	chan_end(r->items);
	must(close(r->pipe[0]) == 0 && close(r->pipe[1]) == 0);
}

static struct thrum_branch ready_branch(struct ready *r, size_t kind)
{
	switch (kind) {
	case 0:
		return thrum_on_send(r->room, &r->item);
	case 1:
		return thrum_on_future(NULL);
	case 2:
		return thrum_on_token(r->token, THRUM_SOFT);
	case 3:
		return thrum_on_recv(r->items, &r->item);
	case 4:
		return thrum_on_time(0);
	default:
		return thrum_on_fd(r->pipe[0], POLLIN);
	}
}

/* @ready of @n, of so many kinds. */
static void draw(size_t n, size_t ready, size_t kinds, bool tries)
{
	struct thrum_branch b[20];
	unsigned wins[20] = {0};
	struct ready r;

	ready_init(&r);
	for (size_t i = 0; i < n; i++)
		b[i] = i < ready ? ready_branch(&r, i % kinds) : thrum_on_recv(NULL, &r.item);
	for (unsigned i = 0; i < DRAWS; i++) {
		ssize_t won = tries ? thrum_try_select(b, n) : thrum_select(b, n);

		must(won >= 0 && won < (ssize_t)ready);
		wins[won]++;
	}
	won_as_often(wins, ready, DRAWS);
	ready_end(&r);
}

static void draws(size_t kinds)
{
	draw(2, 2, kinds, false);
	draw(4, 4, kinds, true);
	draw(8, 6, kinds, false);
	draw(20, 10, kinds, true);
}

TASK_TEST(each_that_is_ready_wins_as_often, 1)
{
	draws(6);
}

/* A descriptor is for tasks. */
START_TEST(each_that_is_ready_wins_as_often_outside)
{
	draws(5);
}
END_TEST

/* ---- After a wait ---- */

#define WAITS 3000
#define FD TIME /* in its place */

/* It is told of the first one, and runs when all are ready.  A channel that came first would have
 * been done. */
static ssize_t wait_for_all(int ends[2])
{
	static const int in_order[] = {FUTURE, SEND, HARD, RECV, SOFT};
	struct thrum_future *f;
	struct world w;
	ssize_t won;
	char c;

	world_init(&w, 1, 0);
	w.b[FD] = thrum_on_fd(ends[0], POLLIN);
	mark_results(w.b, w.n);
	f = stands(task_selects, &w);
	for (size_t i = 0; i < sizeof(in_order) / sizeof(in_order[0]); i++)
		happen(&w, in_order[i]);
	must(write(ends[1], "x", 1) == 1);
	won = thrum_join(f);
	has_one_result(w.b, w.n, won, won == FD ? POLLIN : 0);
	if (won != RECV)
		is_next(w.in, GIVEN);
	if (won != SEND)
		is_int(try_send(w.out, 0), 0);
	check_effect(&w, won);
	must(read(ends[0], &c, 1) == 1);
	world_end(&w);
	return won;
}

TASK_TEST(after_a_wait_each_wins_as_often, 1)
{
	unsigned wins[KINDS] = {0};
	int ends[2];

	must(pipe(ends) == 0);
	for (unsigned i = 0; i < WAITS; i++)
		wins[wait_for_all(ends)]++;
	won_as_often(wins, KINDS, WAITS);
	is_int(thrum_close(ends[0]) | thrum_close(ends[1]), 0);
}

/* ---- Between the look and the wait ---- */

static void (*meanwhile)(struct world *w);
static struct world *meanwhile_in;

/* What the linker puts before the library's own; the build file says so. */
int __real_thrum__stand_begin(struct thrum__stander *s);
int __wrap_thrum__stand_begin(struct thrum__stander *s);
int __wrap_thrum__stand_begin(struct thrum__stander *s)
{
	void (*fn)(struct world *) = meanwhile;

	meanwhile = NULL;
	if (fn)
		fn(meanwhile_in);
	return __real_thrum__stand_begin(s);
}

static void all_come(struct world *w)
{
	happen(w, RECV);
	happen(w, SEND);
	happen(w, FUTURE); /* it is a channel's turn first */
}

TASK_TEST(of_channels_that_become_ready_each_wins_as_often, 1)
{
	unsigned wins[KINDS] = {0};

	for (unsigned i = 0; i < WAITS; i++) {
		struct world w;
		ssize_t won;

		world_init(&w, 1, 0);
		meanwhile_in = &w;
		meanwhile = all_come;
		won = world_select(&w);
		must(!meanwhile && (won == RECV || won == SEND));
		wins[won]++;
		if (won != RECV)
			is_next(w.in, GIVEN);
		else
			is_int(try_send(w.out, 0), 0);
		check_effect(&w, won);
		world_end(&w);
	}
	won_as_often(wins, SEND + 1, WAITS);
}

/* ---- One that is gone ---- */

/* The channel says that somebody waits, who has been cancelled. */
static ssize_t beside_nobody(size_t at)
{
	struct thrum_chan *c = words_new(0);
	struct word_call k = call_at(c, OWN);
	struct thrum_branch b[4];
	struct thrum_future *f = stands(task_recv, &k);
	ssize_t won;

	for (size_t i = 0; i < 4; i++)
		b[i] = i == at ? thrum_on_send(c, &k.item) : thrum_on_future(NULL);
	is_int(thrum_cancel(f), 0);
	won = thrum_try_select(b, 4);
	is_int(thrum_join(f), -ECANCELED);
	chan_end(c);
	return won;
}

TASK_TEST(for_one_that_is_gone_each_wins_as_often, 1)
{
	for (size_t at = 0; at < 4; at++) {
		unsigned wins[4] = {0}, others[3], n = 0;

		for (unsigned i = 0; i < WAITS; i++)
			wins[beside_nobody(at)]++;
		is_int(wins[at], 0);
		for (size_t i = 0; i < 4; i++)
			if (i != at)
				others[n++] = wins[i];
		won_as_often(others, 3, WAITS);
	}
}

int main(void)
{
	const TTest *const tests[] = {
	    each_that_is_ready_wins_as_often,
	    each_that_is_ready_wins_as_often_outside,
	    after_a_wait_each_wins_as_often,
	    of_channels_that_become_ready_each_wins_as_often,
	    for_one_that_is_gone_each_wins_as_often,
	};

	return RUN_TESTS("select_fair", tests);
}
