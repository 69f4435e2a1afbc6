/* SPDX-License-Identifier: MIT */
/*
 * test_select_many.c - many selects at once on two workers and threads: what moves is counted on
 * both sides, nobody is left waiting, and what a select has waited for may go as soon as it
 * returns.
 */
#include "select_test.h"

struct balance {
	struct atomic64 sent, received, sum_sent, sum_received;
};

static void count_sent(struct balance *b, uint64_t item)
{
	fetch_add_relaxed(&b->sent, 1);
	fetch_add_relaxed(&b->sum_sent, item);
}

static void count_received(struct balance *b, uint64_t item)
{
	fetch_add_relaxed(&b->received, 1);
	fetch_add_relaxed(&b->sum_received, item);
}

/* But for what is in the channel yet. */
static void is_balanced(struct balance *b, struct thrum_chan *c)
{
	uint64_t item;

	is_int(senders_of(c) + receivers_of(c), 0);
	while (thrum_chan_try_recv(c, &item) == 0)
		count_received(b, item);
	is_int(load_relaxed(&b->received), load_relaxed(&b->sent));
	is_int(load_relaxed(&b->sum_received), load_relaxed(&b->sum_sent));
	is_at_rest(c, 0);
	chan_end(c);
}

/* ---- Selects among themselves ---- */

struct exchange {
	struct thrum_chan *c[2];
	struct balance b[2];
	struct atomic32 next;
	unsigned most;
	size_t more; /* branches that never win */
};

/* Both channels in both directions, until somebody has closed them. */
static void trade(struct exchange *x)
{
	uint64_t out[2], in[2];
	struct thrum_branch b[12];

	for (size_t i = 0; i < 4 + x->more; i++)
		b[i] = i >= 4  ? thrum_on_none()
		       : i < 2 ? thrum_on_send(x->c[i], &out[i])
			       : thrum_on_recv(x->c[i - 2], &in[i - 2]);
	for (;;) {
		uint32_t item = fetch_add_relaxed(&x->next, 1);
		ssize_t won;

		if (item >= x->most)
			for (int i = 0; i < 2; i++)
				thrum_chan_close(x->c[i]);
		out[0] = out[1] = item;
		won = thrum_select(b, 4 + x->more);
		must(won >= 0 && won < 4);
		if (b[won].result) {
			is_int(b[won].result, -EPIPE);
			return;
		}
		if (won < 2)
			count_sent(&x->b[won], item);
		else
			count_received(&x->b[won - 2], in[won - 2]);
	}
}

static intptr_t task_trades(void *exchange)
{
	trade(exchange);
	return 0;
}

static void *thread_trades(void *exchange)
{
	trade(exchange);
	return NULL;
}

static intptr_t trades(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < 6; i++) {
		struct exchange x = {.c = {words_new(i / 2), words_new(i / 3)},
				     .most = scaled(30000) + 200,
				     .more = i % 2 ? 8 : 0};
		pthread_t thread = thread_of(thread_trades, &x);
		struct thrum_future *fs[5];

		for (int k = 0; k < 5; k++)
			must((fs[k] = thrum_spawn(task_trades, &x)));
		for (int k = 0; k < 5; k++)
			is_int(thrum_join(fs[k]), 0);
		thread_end(thread);
		must(load_relaxed(&x.b[0].sent) + load_relaxed(&x.b[1].sent) > x.most / 4);
		for (int k = 0; k < 2; k++)
			is_balanced(&x.b[k], x.c[k]);
	}
	return 0;
}

START_TEST(selects_meet_each_other)
{
	is_int(run_real(2, trades, NULL), 0);
}
END_TEST

/* One sends to the first and receives from the second, the other the other way round: what they do
 * is even, so none is left over. */
struct partner {
	struct exchange *x;
	size_t sends_to;
};

static intptr_t task_partner(void *partner)
{
	struct partner *p = partner;
	struct exchange *x = p->x;

	for (unsigned i = 0; i < x->most; i++) {
		uint64_t out = i, in = 0;
		struct thrum_branch b[2] = {thrum_on_send(x->c[p->sends_to], &out),
					    thrum_on_recv(x->c[1 - p->sends_to], &in)};
		ssize_t won = thrum_select(b, 2);

		must(won >= 0 && b[won].result == 0);
		if (won)
			count_received(&x->b[1 - p->sends_to], in);
		else
			count_sent(&x->b[p->sends_to], out);
	}
	return 0;
}

static intptr_t partners(void *unused)
{
	struct exchange x = {.c = {words_new(0), words_new(0)}, .most = scaled(50000) + 200};
	struct partner p[2] = {{&x, 0}, {&x, 1}};
	struct thrum_future *fs[4];

	(void)unused;
	for (int i = 0; i < 4; i++)
		must((fs[i] = thrum_spawn(task_partner, &p[i % 2])));
	for (int i = 0; i < 4; i++)
		is_int(thrum_join(fs[i]), 0);
	for (int i = 0; i < 2; i++)
		is_balanced(&x.b[i], x.c[i]);
	return 0;
}

START_TEST(two_that_wait_for_each_other_meet)
{
	is_int(run_real(2, partners, NULL), 0);
}
END_TEST

/* ---- Cancels, deadlines and others meanwhile ---- */

#define AT_ONCE 24

struct storm {
	struct thrum_chan *c[2];
	struct balance b[2];
	struct thrum_future *f;
	struct atomic32 next;
	struct atomic64 cut, others;
};

/* One of many kinds: a plain call or a select, with or without a time. */
static intptr_t task_in_storm(void *storm)
{
	struct storm *s = storm;
	uint32_t k = fetch_add_relaxed(&s->next, 1);
	uint64_t out = k, in[2] = {0};
	int64_t at_ns = k % 5 ? THRUM_FOREVER : thrum_now() + THRUM_US(k % 40);
	struct thrum_branch b[] = {
	    thrum_on_send(s->c[0], &out),   thrum_on_send(s->c[1], &out),
	    thrum_on_recv(s->c[0], &in[0]), thrum_on_recv(s->c[1], &in[1]),
	    thrum_on_future(s->f),          thrum_on_time(at_ns),
	};
	ssize_t won;

	b[(k / 2) % 4] = thrum_on_none();
	if (k % 3) { /* a plain call */
		size_t to = k % 2;

		won = k % 4 < 2 ? thrum_chan_send_until(s->c[to], &out, at_ns)
				: thrum_chan_recv_until(s->c[to], &in[to], at_ns);
		if (!won) {
			won = (ssize_t)(k % 4 < 2 ? to : 2 + to);
			b[won].result = 0;
		}
	} else {
		won = thrum_select(b, 6);
	}
	if (won < 0) {
		must(won == -ECANCELED || (k % 5 == 0 && won == -ETIMEDOUT));
		must(!in[0] && !in[1]);
		fetch_add_relaxed(&s->cut, 1);
		return 0;
	}
	is_int(b[won].result, 0);
	if (won < 2)
		count_sent(&s->b[won], out);
	else if (won < 4)
		count_received(&s->b[won - 2], in[won - 2]);
	else
		fetch_add_relaxed(&s->others, 1);
	return 0;
}

static void storm_round(struct storm *s, unsigned round)
{
	struct thrum_future *fs[AT_ONCE];

	s->f = future_new();
	for (unsigned i = 0; i < AT_ONCE; i++)
		must((fs[i] = thrum_spawn(task_in_storm, s)));
	for (unsigned i = 0; i < round % 4; i++)
		is_int(thrum_yield(), 0);
	if (round % 2)
		is_int(thrum_future_set(s->f, 0), 0);
	for (unsigned i = 0; i < AT_ONCE; i++)
		(void)thrum_cancel(fs[(i * 5 + round) % AT_ONCE]);
	for (unsigned i = 0; i < AT_ONCE; i++)
		is_int(thrum_join(fs[i]), 0);
	no_waiter(s->f);
	future_drop(s->f);
}

static intptr_t storms(void *unused)
{
	(void)unused;
	for (size_t capacity = 0; capacity < 3; capacity++) {
		struct storm s = {.c = {words_new(capacity), words_new(0)}};
		unsigned rounds = scaled(1500) + 20;

		store_relaxed(&s.next, 1);
		for (unsigned i = 0; i < rounds; i++)
			storm_round(&s, i);
		must(load_relaxed(&s.cut) + load_relaxed(&s.others) > 0);
		for (int i = 0; i < 2; i++) {
			must(load_relaxed(&s.b[i].sent) > 0);
			is_balanced(&s.b[i], s.c[i]);
		}
	}
	return 0;
}

START_TEST(nothing_is_lost_or_doubled_in_a_storm_of_cancels)
{
	is_int(run_real(2, storms, NULL), 0);
}
END_TEST

/* ---- At the moment at which it begins ---- */

/* A thread beside makes one thing happen as soon as it sees that there is one, or some turns of a
 * loop later: while the select looks, while it hangs its nodes, when it waits. */
struct starter {
	struct thrum_future *f;
	struct thrum_token *t;
	struct thrum_chan *c;
	struct atomic32 begun, ended; /* the round, on both sides */
	uint32_t rounds;
};

static void await_round(struct atomic32 *side, uint32_t round)
{
	unsigned tries = 0;

	while (load_acquire(side) != round)
		spin_or_yield(&tries);
}

static void *thread_starts(void *starter)
{
	struct starter *s = starter;

	for (uint32_t round = 1; round <= s->rounds; round++) {
		await_round(&s->begun, round);
		for (uint32_t i = 0; i < round % 64; i++)
			spin_hint();
		if (round % 3 == 0)
			is_int(thrum_future_set(s->f, 0), 0);
		else if (round % 3 == 1)
			is_int(thrum_token_cancel(s->t, THRUM_HARD, 0), 0);
		else
			while (try_send(s->c, round) != 0)
				thread_yield();
		store_release(&s->ended, round);
	}
	return NULL;
}

static intptr_t begin_often(void *unused)
{
	struct starter s = {.rounds = scaled(60000) + 300};
	pthread_t thread = thread_of(thread_starts, &s);

	(void)unused;
	for (uint32_t round = 1; round <= s.rounds; round++) {
		uint64_t item = 0;
		struct thrum_branch b[3];

		s.f = future_new();
		s.t = thrum_token_create(NULL);
		s.c = words_new(round % 2);
		b[0] = thrum_on_future(s.f);
		b[1] = thrum_on_token(s.t, round % 4 < 2 ? THRUM_SOFT : THRUM_HARD);
		b[2] = thrum_on_recv(s.c, &item);
		store_release(&s.begun, round);
		is_int(thrum_select(b, 3), round % 3);
		is_int(item, round % 3 == 2 ? round : 0);
		await_round(&s.ended, round);
		no_waiter(s.f);
		future_drop(s.f);
		thrum_token_release(s.t);
		chan_end(s.c);
	}
	thread_end(thread);
	return 0;
}

START_TEST(something_happens_as_a_select_begins)
{
	is_int(run_real(2, begin_often, NULL), 0);
}
END_TEST

/* ---- What was waited for may go ---- */

/* Made and released by the task that selects; touched by the other one, for a last time, at about
 * the time when that wins by something else. */
struct passing {
	struct thrum_future *f;
	struct thrum_token *t;
	struct thrum_chan *c;
	unsigned how;
};

static intptr_t task_touches(void *passing)
{
	struct passing p = *(struct passing *)passing;

	for (unsigned i = 0; i < 3; i++)
		switch ((p.how + i) % 3) {
		case 0:
			is_int(try_send(p.c, 1), 0);
			break;
		case 1:
			is_int(thrum_future_set(p.f, 0), 0);
			break;
		default:
			is_int(thrum_token_cancel(p.t, THRUM_HARD, 0), 0);
		}
	thrum_release(p.f);
	thrum_token_release(p.t);
	thrum_chan_release(p.c);
	return 0;
}

static void select_and_let_go(unsigned round)
{
	struct passing p = {future_new(), thrum_token_create(NULL), words_new(1), round / 4};
	uint64_t item;
	struct thrum_branch b[] = {
	    thrum_on_recv(p.c, &item),
	    thrum_on_future(p.f),
	    thrum_on_token(p.t, THRUM_SOFT),
	    thrum_on_token(p.t, THRUM_HARD),
	    thrum_on_time(round % 4 ? THRUM_FOREVER : thrum_now() + THRUM_US(round % 30)),
	};
	struct thrum_future *f;

	thrum_retain(p.f);
	thrum_token_retain(p.t);
	thrum_chan_retain(p.c);
	must((f = thrum_spawn_copy(task_touches, &p, sizeof(p))));
	must(thrum_select(b, 5) >= 0);
	thrum_release(p.f);
	thrum_token_release(p.t);
	thrum_chan_release(p.c);
	is_int(thrum_join(f), 0);
}

static intptr_t let_go(void *unused)
{
	unsigned rounds = scaled(40000) + 100;

	(void)unused;
	for (unsigned i = 0; i < rounds; i++)
		select_and_let_go(i);
	return 0;
}

START_TEST(what_was_waited_for_may_go_at_once)
{
	is_int(run_real(2, let_go, NULL), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    selects_meet_each_other,
	    two_that_wait_for_each_other_meet,
	    nothing_is_lost_or_doubled_in_a_storm_of_cancels,
	    something_happens_as_a_select_begins,
	    what_was_waited_for_may_go_at_once,
	};

	return RUN_TESTS_FOR("select_many", 60, tests);
}
