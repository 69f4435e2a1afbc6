/* SPDX-License-Identifier: MIT */
/*
 * select_test.h - what the tests of select share: a world with one branch of each kind, none of
 * which is ready, what makes each ready, and a look at whether a select has left anything.
 */
#ifndef TESTS_UNIT_SELECT_TEST_H
#define TESTS_UNIT_SELECT_TEST_H

#include "chan_test.h"
#include "sched/token.h"

enum { RECV, SEND, FUTURE, SOFT, HARD, TIME, KINDS };

#define SENT 11  /* by the select's own branch */
#define GIVEN 22 /* to it */
#define OWN 33   /* in its place before */
/* Until the time of a branch comes. */
#define SOON_NS 5
/* A result that nobody has written. */
#define UNTOUCHED 4711

struct world {
	struct thrum_chan *in, *out;
	size_t capacity;
	struct thrum_future *future;
	struct thrum_token *above[2], *token[2]; /* for SOFT, for HARD: below the former */
	uint64_t sent, got;
	struct thrum_branch b[100];
	size_t n;
};

static inline void mark_results(struct thrum_branch *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		b[i].result = UNTOUCHED;
}

/* Of the winner alone it was written. */
static inline void has_one_result(const struct thrum_branch *b, size_t n, ssize_t winner,
				  intptr_t result)
{
	for (size_t i = 0; i < n; i++)
		is_int(b[i].result, (ssize_t)i == winner ? result : UNTOUCHED);
}

/* With all kinds, and then @more that never win.  Its time never comes. */
static inline void world_init(struct world *w, size_t capacity, size_t more)
{
	*w = (struct world){.capacity = capacity, .sent = SENT, .got = OWN, .n = KINDS + more};
	w->in = words_new(capacity);
	w->out = words_new(capacity);
	w->future = future_new();
	for (int i = 0; i < 2; i++) {
		must((w->above[i] = thrum_token_create(NULL)));
		must((w->token[i] = thrum_token_create(w->above[i])));
	}
	for (size_t i = 0; i < capacity; i++)
		is_int(try_send(w->out, 0), 0);
	w->b[RECV] = thrum_on_recv(w->in, &w->got);
	w->b[SEND] = thrum_on_send(w->out, &w->sent);
	w->b[FUTURE] = thrum_on_future(w->future);
	w->b[SOFT] = thrum_on_token(w->token[0], THRUM_SOFT);
	w->b[HARD] = thrum_on_token(w->token[1], THRUM_HARD);
	w->b[TIME] = thrum_on_time(THRUM_FOREVER);
	for (size_t i = KINDS; i < w->n; i++)
		w->b[i] = i % 4 == 0   ? thrum_on_none()
			  : i % 4 == 1 ? thrum_on_recv(NULL, &w->got)
			  : i % 4 == 2 ? thrum_on_send(NULL, &w->sent)
				       : thrum_on_token(NULL, THRUM_SOFT);
	mark_results(w->b, w->n);
}

/* Branch @kind can go ahead from now on; of a channel: once. */
static inline void happen(struct world *w, int kind)
{
	uint64_t item = GIVEN;

	switch (kind) {
	case RECV:
		is_int(thrum_chan_try_send(w->in, &item), 0);
		break;
	case SEND:
		is_int(thrum_chan_try_recv(w->out, &item), 0);
		is_int(item, w->capacity ? 0 : SENT);
		break;
	case FUTURE:
		is_int(thrum_future_set(w->future, 0), 0);
		break;
	case SOFT:
		is_int(thrum_token_cancel(w->above[0], THRUM_SOFT, 1), 0);
		break;
	case HARD:
		is_int(thrum_token_cancel(w->above[1], THRUM_HARD, 1), 0);
		break;
	case TIME:
		is_int(thrum_sleep(SOON_NS), 0);
		break;
	default:
		break;
	}
}

static inline void no_waiter(struct thrum_future *f)
{
	if (!thrum_done(f))
		is_int(load_relaxed(&f->word), 0);
}

/* What its channels did for branch @winner of a select; none: they did nothing. */
static inline void check_effect(struct world *w, ssize_t winner)
{
	is_int(w->sent, SENT);
	is_int(w->got, winner == RECV ? GIVEN : OWN);
	is_at_rest(w->in, 0);
	if (w->capacity == 0)
		is_at_rest(w->out, 0);
	for (size_t i = 0; i < w->capacity; i++)
		is_next(w->out, winner == SEND && i == w->capacity - 1 ? SENT : 0);
	has_nothing(w->in, -EAGAIN);
	has_nothing(w->out, -EAGAIN);
}

/* No select waits any more: nothing of one hangs anywhere, and all can go. */
static inline void world_end(struct world *w)
{
	is_int(senders_of(w->in) + receivers_of(w->in), 0);
	is_int(senders_of(w->out) + receivers_of(w->out), 0);
	if (!w->capacity && !thrum_chan_is_closed(w->in)) /* a select takes nothing any more */
		is_int(try_send(w->in, 1), -EAGAIN);
	no_waiter(w->future);
	for (int i = 0; i < 2; i++) {
		for (unsigned k = 0; k < THRUM__TOKEN_LEVELS; k++)
			no_waiter(&thrum__token_of(w->token[i])->level[k]);
		thrum_token_release(w->token[i]);
		thrum_token_release(w->above[i]);
	}
	is_int(load_relaxed(&w->future->refs), 1);
	chan_end(w->in);
	chan_end(w->out);
	future_drop(w->future);
}

static inline ssize_t world_select(struct world *w)
{
	return thrum_select(w->b, w->n);
}

static inline intptr_t task_selects(void *world)
{
	return world_select(world);
}

#endif
