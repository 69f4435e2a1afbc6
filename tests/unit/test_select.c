/* SPDX-License-Identifier: MIT */
/*
 * test_select.c - select: each kind of branch, alone and among the others, ready at once or waited
 * for; exactly one wins, and the others leave no trace; closed channels; one channel in several
 * branches.  That each of those that are ready wins as often is in test_select_fair.c, what ends a
 * select otherwise in test_select_cut.c, descriptors are in test_select_fd.c.
 */
#include "select_test.h"

/* A world in which @kind can happen. */
static void world_for(struct world *w, size_t capacity, size_t more, int kind)
{
	world_init(w, capacity, more);
	if (kind == TIME)
		w->b[TIME] = thrum_on_time(thrum_now() + SOON_NS);
	mark_results(w->b, w->n);
}

/* ---- What is asked for ---- */

TASK_TEST(bad_branches_are_refused, 1)
{
	struct thrum_chan *c = words_new(1);
	struct thrum_token *t = thrum_token_create(NULL);
	uint64_t item = 1;
	struct thrum_branch b[2];

	is_int(thrum_select(NULL, 0), -EINVAL);
	is_int(thrum_try_select(NULL, 0), -EINVAL);
	for (int i = 0; i < 6; i++) {
		b[0] = thrum_on_send(c, &item); /* that one could be */
		b[1] = thrum_on_token(i % 2 ? t : NULL, i < 2 ? 0 : i < 4 ? 3 : -1);
		mark_results(b, 2);
		is_int(thrum_select(b, 2), -EINVAL);
		is_int(thrum_try_select(b, 2), -EINVAL);
		b[1] = thrum_on_none();
		b[1].what = i < 2 ? -1 : THRUM_ON_FD + 1;
		is_int(thrum_select(b, 2), -EINVAL);
		is_int(thrum_try_select(b, 2), -EINVAL);
		is_int(b[0].result, UNTOUCHED);
	}
	is_at_rest(c, 0);
	thrum_token_release(t);
	chan_end(c);
}

/* Alone: the branch and nothing else. */
static void alone(size_t capacity, int kind, bool waits)
{
	struct thrum_future *f;
	struct world w;

	world_for(&w, capacity, 0, kind);
	w.b[0] = w.b[kind];
	w.n = 1;
	is_int(thrum_try_select(w.b, 1), -EAGAIN);
	if (!waits && (kind > SEND || capacity)) {
		happen(&w, kind);
		is_int(kind % 2 ? world_select(&w) : thrum_try_select(w.b, 1), 0);
	} else {
		f = stands(task_selects, &w);
		happen(&w, kind);
		is_int(thrum_join(f), 0);
	}
	is_int(w.b[0].result, 0);
	check_effect(&w, kind);
	world_end(&w);
}

TASK_TEST(each_kind_of_branch_alone, 1)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (int waits = 0; waits < 2; waits++) {
			alone(0, kind, waits);
			alone(2, kind, waits);
		}
}

/* More than eight need memory, and are found all the same. */
static const size_t mores[] = {0, 2, 3, 94};

TASK_TEST(the_one_that_is_ready_wins, 1)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (int i = 0; i < 4; i++) {
			struct world w;

			world_for(&w, 1, mores[i], kind);
			is_int(thrum_try_select(w.b, w.n), -EAGAIN);
			has_one_result(w.b, w.n, -1, 0);
			happen(&w, kind);
			is_int(i % 2 ? world_select(&w) : thrum_try_select(w.b, w.n), kind);
			has_one_result(w.b, w.n, kind, 0);
			check_effect(&w, kind);
			world_end(&w);
		}
}

TASK_TEST(the_one_that_comes_first_wins, 1)
{
	for (int kind = 0; kind < KINDS; kind++)
		for (int i = 0; i < 8; i++) {
			struct thrum_future *f;
			struct world w;

			world_for(&w, i % 2, mores[i / 2], kind);
			f = stands(task_selects, &w);
			happen(&w, kind);
			is_int(thrum_join(f), kind);
			has_one_result(w.b, w.n, kind, 0);
			check_effect(&w, kind);
			world_end(&w);
		}
}

/* Of two that come about before it runs: a channel's, which was done by another one, has won;
 * else any. */
TASK_TEST(exactly_one_of_two_wins, 1)
{
	for (int first = 0; first < TIME; first++)
		for (int second = 0; second < TIME; second++) {
			struct thrum_future *f;
			struct world w;
			ssize_t won;

			if (first == second)
				continue;
			world_for(&w, 1, 0, first);
			f = stands(task_selects, &w);
			happen(&w, first);
			happen(&w, second);
			won = thrum_join(f);
			must(won == first || (won == second && first > SEND));
			has_one_result(w.b, w.n, won, 0);
			is_int(thrum_chan_count(w.in),
			       (first == RECV || second == RECV) && won != RECV);
			if (thrum_chan_count(w.in))
				is_next(w.in, GIVEN);
			if ((first == SEND || second == SEND) && won != SEND)
				is_int(try_send(w.out, 0), 0); /* its room is there */
			check_effect(&w, won);
			world_end(&w);
		}
}

/* The same branches again and again. */
TASK_TEST(branches_may_be_used_again, 1)
{
	struct thrum_future *f;
	struct world w;

	world_init(&w, 0, 5);
	for (int i = 0; i < 20; i++) {
		f = stands(task_selects, &w);
		happen(&w, i % 2);
		is_int(thrum_join(f), i % 2);
		has_one_result(w.b, w.n, i % 2, 0);
		is_int(w.got, i % 2 ? OWN : GIVEN);
		w.got = OWN;
		mark_results(w.b, w.n);
	}
	check_effect(&w, -1);
	world_end(&w);
}

TASK_TEST(what_is_not_there_is_at_once_or_never, 1)
{
	struct thrum_branch b[] = {
	    thrum_on_none(),
	    thrum_on_send(NULL, NULL),
	    thrum_on_recv(NULL, NULL),
	    thrum_on_token(NULL, THRUM_SOFT),
	    thrum_on_token(NULL, THRUM_HARD),
	    thrum_on_time(thrum_now() + 10),
	    thrum_on_future(NULL),
	};

	is_int(thrum_try_select(b, 6), -EAGAIN);
	is_int(thrum_try_select(b, 7), 6);
	is_int(thrum_select(b, 7), 6);
	is_int(b[6].result, 0);
	is_int(thrum_now(), b[5].at_ns - 10);
	is_int(thrum_select(b, 6), 5);
	is_int(thrum_now(), b[5].at_ns);
	is_int(thrum_select(b, 6), 5);
}

/* ---- Closed channels ---- */

TASK_TEST(a_closed_channel_wins, 1)
{
	for (int kind = RECV; kind <= SEND; kind++)
		for (int i = 0; i < 4; i++) {
			struct thrum_future *f;
			struct world w;

			world_init(&w, i % 2, 3);
			if (i < 2) {
				f = stands(task_selects, &w);
				thrum_chan_close(kind == RECV ? w.in : w.out);
				is_int(thrum_join(f), kind);
			} else {
				thrum_chan_close(kind == RECV ? w.in : w.out);
				is_int(thrum_try_select(w.b, w.n), kind);
				has_one_result(w.b, w.n, kind, -EPIPE);
				is_int(world_select(&w), kind);
			}
			has_one_result(w.b, w.n, kind, -EPIPE);
			is_int(w.got, OWN);
			is_int(thrum_chan_count(w.out), w.capacity);
			world_end(&w);
		}
}

/* First what is in it; what room was kept for is waited for. */
TASK_TEST(a_closed_channel_s_items_are_received, 1)
{
	struct thrum_future *f;
	struct world w;

	world_init(&w, 2, 0);
	is_int(try_send(w.in, 5), 0);
	is_int(thrum_chan_reserve(w.in), 0);
	thrum_chan_close(w.in);
	is_int(world_select(&w), RECV);
	has_one_result(w.b, w.n, RECV, 0);
	is_int(w.got, 5);
	is_int(thrum_try_select(w.b, w.n), -EAGAIN);
	f = stands(task_selects, &w);
	thrum_chan_commit(w.in, &(uint64_t){6});
	is_int(thrum_join(f), RECV);
	has_one_result(w.b, w.n, RECV, 0);
	is_int(w.got, 6);
	is_int(world_select(&w), RECV);
	has_one_result(w.b, w.n, RECV, -EPIPE);
	world_end(&w);
}

/* ---- One channel in several branches, several selects ---- */

TASK_TEST(one_channel_in_both_directions_does_not_meet_itself, 1)
{
	struct thrum_chan *c = words_new(0);
	uint64_t sent = 7, got = OWN;
	struct thrum_branch b[] = {thrum_on_send(c, &sent), thrum_on_recv(c, &got),
				   thrum_on_recv(c, &got), thrum_on_time(thrum_now() + 10)};

	is_int(thrum_try_select(b, 3), -EAGAIN);
	is_int(thrum_select(b, 4), 3);
	is_int(got, OWN);
	is_at_rest(c, 0);
	chan_end(c);
	c = words_new(1); /* sent to the channel, and then received */
	b[0].on = b[1].on = b[2].on = c;
	is_int(thrum_select(b, 3), 0);
	must(thrum_select(b, 3) > 0);
	is_int(got, 7);
	is_at_rest(c, 0);
	chan_end(c);
}

TASK_TEST(one_channel_in_both_directions_meets_others, 1)
{
	for (int sends = 0; sends < 2; sends++) {
		struct thrum_chan *c = words_new(0);
		struct world w = {.n = 4, .sent = SENT, .got = OWN};
		struct word_call k = call_at(c, GIVEN);
		struct thrum_future *f;

		w.b[0] = w.b[1] = thrum_on_send(c, &w.sent);
		w.b[2] = w.b[3] = thrum_on_recv(c, &w.got);
		f = stands(task_selects, &w);
		is_int(senders_of(c), 2);
		is_int(receivers_of(c), 2);
		is_int(sends ? task_send(&k) : task_recv(&k), 0);
		must(thrum_join(f) / 2 == sends);
		is_int(w.got, sends ? GIVEN : OWN);
		is_int(k.item, sends ? GIVEN : SENT);
		has_nothing(c, -EAGAIN);
		is_int(try_send(c, 1), -EAGAIN);
		is_at_rest(c, 0);
		chan_end(c);
	}
}

/* Two selects that wait for each other over two channels: one of the two items moves. */
TASK_TEST(a_select_meets_another, 1)
{
	for (size_t more = 0; more < 20; more += 19) {
		struct thrum_chan *c[2] = {words_new(0), words_new(0)};
		struct world a = {.n = 2 + more, .sent = 1, .got = OWN};
		struct world b = {.n = 2 + more, .sent = 2, .got = OWN};
		struct thrum_future *f;
		ssize_t won;

		for (size_t i = 2; i < 2 + more; i++)
			a.b[i] = b.b[i] = thrum_on_none();
		a.b[0] = thrum_on_send(c[0], &a.sent);
		a.b[1] = thrum_on_recv(c[1], &a.got);
		b.b[0] = thrum_on_recv(c[0], &b.got);
		b.b[1] = thrum_on_send(c[1], &b.sent);
		f = stands(task_selects, &a);
		won = world_select(&b);
		is_int(thrum_join(f), won);
		is_int(a.b[won].result | b.b[won].result, 0);
		is_int(a.got, won == 1 ? 2 : OWN);
		is_int(b.got, won == 0 ? 1 : OWN);
		for (int i = 0; i < 2; i++) {
			is_at_rest(c[i], 0);
			has_nothing(c[i], -EAGAIN);
			chan_end(c[i]);
		}
	}
}

/* ---- What seems to be ready ---- */

/* A channel that seems to be ready and is not keeps none that is ready from winning. */
TASK_TEST(room_that_is_kept_is_no_room, 1)
{
	struct thrum_chan *c = words_new(1);
	struct word_call k = call_at(c, 0);
	struct thrum_branch b[2] = {thrum_on_send(c, &k.item), thrum_on_future(NULL)};
	struct thrum_future *f;

	is_int(thrum_chan_reserve(c), 0);
	f = stands(task_recv, &k);
	is_int(load_relaxed(&c->word) & THRUM__CHAN_TAKES, 0);
	for (int i = 0; i < 6000; i++)
		is_int(thrum_try_select(b, 2), 1);
	thrum_chan_close(c);
	thrum_chan_abandon(c);
	is_int(thrum_join(f), -EPIPE);
	chan_end(c);
}

/* A channel says that somebody waits, who was cancelled and has not left yet: what is ready beside
 * it wins all the same. */
TASK_TEST(who_was_cancelled_is_nobody, 1)
{
	for (int i = 0; i < 40; i++) {
		struct thrum_chan *c = words_new(0);
		struct word_call k = call_at(c, OWN);
		struct thrum_branch b[2] = {i % 2 ? thrum_on_send(c, &k.item)
						  : thrum_on_recv(c, &k.item),
					    thrum_on_future(NULL)};
		struct thrum_future *f = stands(i % 2 ? task_recv : task_send, &k);

		is_int(thrum_cancel(f), 0);
		must(load_relaxed(&c->word) & (i % 2 ? THRUM__CHAN_TAKES : THRUM__CHAN_HAS));
		is_int(i % 4 < 2 ? thrum_try_select(b, 2) : thrum_select(b, 2), 1);
		is_int(thrum_join(f), -ECANCELED);
		is_int(k.item, OWN);
		is_at_rest(c, 0);
		chan_end(c);
	}
}

int main(void)
{
	const TTest *const tests[] = {
	    bad_branches_are_refused,
	    each_kind_of_branch_alone,
	    the_one_that_is_ready_wins,
	    the_one_that_comes_first_wins,
	    exactly_one_of_two_wins,
	    branches_may_be_used_again,
	    what_is_not_there_is_at_once_or_never,
	    a_closed_channel_wins,
	    a_closed_channel_s_items_are_received,
	    one_channel_in_both_directions_does_not_meet_itself,
	    one_channel_in_both_directions_meets_others,
	    a_select_meets_another,
	    room_that_is_kept_is_no_room,
	    who_was_cancelled_is_nobody,
	};

	return RUN_TESTS("select", tests);
}
