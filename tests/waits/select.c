/* SPDX-License-Identifier: MIT */
/*
 * select.c - waits for the first of several things: channels in both directions, a future, a token,
 * a descriptor, a time; with few branches and with many.
 *
 * Whatever is cut short: at most one branch has won; each item that was sent is received once or
 * is still there, one that was not is still its maker's; nothing stays at a channel, a future, a
 * token, a descriptor.
 */
#include "ledger.h"

#include <poll.h>
#include <unistd.h>

#include <thrum/chan.h>
#include <thrum/select.h>
#include <thrum/token.h>

#define ITEMS 4 /* each way */
#define ROUNDS 24

enum { RECV, SEND, RECV_BARE, FUTURE, TOKEN, FD, TIME, NONE, MANY_MORE = 4 };

/* What is waited for; the selector's turn is over when all but the time has come. */
static struct {
	struct thrum_chan *in, *out, *bare;
	struct thrum_future *future;
	struct thrum_token *token;
	int pipe[2];
	int received, sent;    /* by the selector */
	int given, got, bared; /* by the others */
} s;

/* ---- The others ---- */

static intptr_t sends(void *chan)
{
	int *given = chan == s.in ? &s.given : &s.bared, err = 0;

	for (int i = 0; i < ITEMS && !err; i++) {
		err = thrum_sleep(THRUM_MS(1));
		take();
		if (!err)
			err = thrum_chan_send(chan, &i);
		EXPECT(!err || was_cut(err) || err == -EPIPE);
		if (err)
			give();
		else
			++*given;
	}
	give();
	return err == -EPIPE ? 0 : err;
}

static intptr_t receives(void *unused)
{
	int err = 0, item = 0;

	(void)unused;
	while (!err) {
		err = thrum_sleep(THRUM_MS(2));
		if (!err)
			err = thrum_chan_recv(s.out, &item);
		EXPECT(!err || was_cut(err) || err == -EPIPE);
		if (err)
			break;
		EXPECT(item == s.got);
		s.got++;
		give();
	}
	give();
	return err == -EPIPE ? 0 : err;
}

/* In whatever time is left to it. */
static intptr_t makes_ready(void *unused)
{
	int err = thrum_sleep(THRUM_US(2500));

	(void)unused;
	EXPECT(thrum_future_set(s.future, 7) == 0);
	err = first(err, thrum_sleep(THRUM_MS(1)));
	EXPECT(thrum_token_cancel(s.token, THRUM_SOFT, 0) == 0);
	err = first(err, thrum_sleep(THRUM_MS(1)));
	EXPECT(write(s.pipe[1], "x", 1) == 1);
	give();
	return err;
}

/* ---- Who selects ---- */

struct selector {
	struct thrum_branch branches[NONE + MANY_MORE];
	int in, out, bare; /* items */
	bool has_sent_all;
};

static void begin(struct selector *me)
{
	me->branches[RECV] = thrum_on_recv(s.in, &me->in);
	me->branches[SEND] = thrum_on_send(s.out, &me->out);
	me->branches[RECV_BARE] = thrum_on_recv(s.bare, &me->bare);
	me->branches[FUTURE] = thrum_on_future(s.future);
	me->branches[TOKEN] = thrum_on_token(s.token, THRUM_SOFT);
	me->branches[FD] = thrum_on_fd(s.pipe[0], POLLIN);
	for (int i = NONE; i < NONE + MANY_MORE; i++)
		me->branches[i] = thrum_on_none();
	take(); /* the item to come */
}

/* Branch @i has won. */
static void won(struct selector *me, ssize_t i)
{
	struct thrum_branch *b = &me->branches[i];
	char c;

	if (i == TIME)
		return;
	if (i == FD) {
		EXPECT(b->result == POLLIN && read(s.pipe[0], &c, 1) == 1);
	} else if (i == FUTURE) {
		EXPECT(thrum_result(s.future) == 7);
	} else if (i == TOKEN) {
		EXPECT(thrum_token_level(s.token) >= THRUM_SOFT);
	} else if (b->result == 0 && i == SEND) {
		me->out = ++s.sent;
		if (s.sent < ITEMS) {
			take();
			return;
		}
		me->has_sent_all = true;
	} else if (b->result == 0) {
		EXPECT((i == RECV ? me->in : me->bare) < ITEMS);
		s.received++;
		give();
		return;
	} else {
		EXPECT(b->result == -EPIPE);
	}
	*b = thrum_on_none();
}

static intptr_t selects(void *branches)
{
	struct selector me = {.out = 0};
	ssize_t i = 0;

	begin(&me);
	for (int round = 0; round < ROUNDS && i >= 0; round++) {
		me.branches[TIME] = thrum_on_time(thrum_now() + THRUM_MS(2));
		i = thrum_select(me.branches, (size_t)(intptr_t)branches);
		EXPECT(i >= 0 || was_cut(i));
		if (i >= 0)
			won(&me, i);
	}
	say("received", s.received); /* in which order: at random */
	say("sent", s.sent);
	if (!me.has_sent_all)
		give();
	give();
	return i < 0 ? i : 0;
}

/* ---- All of them ---- */

static void left(void *item)
{
	(void)item;
	give();
}

static int all_around(size_t branches)
{
	struct thrum_future *fs[5];
	int err, more;

	memset(&s, 0, sizeof(s));
	s.in = thrum_chan_create_drop(sizeof(int), 1, left);
	s.out = thrum_chan_create_drop(sizeof(int), 1, left);
	s.bare = thrum_chan_create(sizeof(int), 0);
	s.future = thrum_future_create();
	s.token = thrum_token_create(NULL);
	EXPECT(s.in && s.out && s.bare && s.future && s.token && pipe(s.pipe) == 0);
	fs[0] = spawn_taken(selects, (void *)branches);
	fs[1] = spawn_taken(sends, s.in);
	fs[2] = spawn_taken(sends, s.bare);
	fs[3] = spawn_taken(receives, NULL);
	fs[4] = thrum_spawn(makes_ready, (take(), NULL));
	EXPECT(fs[4]);
	err = thrum_sleep(THRUM_MS(80));
	thrum_chan_close(s.in);
	thrum_chan_close(s.bare);
	thrum_chan_close(s.out);
	more = stop_all(fs, 5, THRUM_MS(80));
	EXPECT(s.received == s.given - (int)thrum_chan_count(s.in) + s.bared);
	EXPECT(s.sent == s.got + (int)thrum_chan_count(s.out));
	thrum_chan_release(s.in);
	thrum_chan_release(s.out);
	thrum_chan_release(s.bare);
	thrum_token_release(s.token);
	thrum_release(s.future);
	EXPECT(taken() == 0);
	EXPECT(thrum_close(s.pipe[0]) == 0 && close(s.pipe[1]) == 0);
	return first(err, more);
}

static intptr_t main_task(void *arg)
{
	int err = all_around(NONE);

	(void)arg;
	return first(err, all_around(NONE + MANY_MORE)); /* they need memory */
}

int main(void)
{
	return ledger_run(main_task);
}
