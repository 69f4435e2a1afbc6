/* SPDX-License-Identifier: MIT */
/*
 * scen_chan.c - sync/chan.c and chan_life.c: no item is lost, none is had twice, they come in the
 * order in which they were sent, and what was done before a send is seen by who has the item; a
 * send or a receive that is cut short has done nothing.
 */
#include "sync_world.h"

#include "sync/chan.h"

#include <errno.h>
#include <thrum/chan.h>
#include <thrum/time.h>

enum { ITEMS = 4 };

static struct thrum_chan *c;
static int made[ITEMS + 1];     /* before each item is sent */
static unsigned sent, received; /* in all */
static unsigned had[ITEMS + 1]; /* how often each item */
static unsigned cut, refused, ended;

static void start(unsigned threads, unsigned calls, size_t capacity)
{
	world_start(threads, calls);
	c = thrum_chan_create(sizeof(intptr_t), capacity);
	model_assert(c);
	for (unsigned i = 0; i <= ITEMS; i++) {
		plain_write(&made[i], 0);
		had[i] = 0;
	}
	sent = received = cut = refused = ended = 0;
	model_name(&c->word, "channel");
}

static bool note_received(int err, intptr_t item)
{
	if (err == -EPIPE)
		ended++;
	else if (err == -ECANCELED || err == -ETIMEDOUT)
		cut++;
	else
		model_assert(!err);
	if (err)
		return false;
	model_assert(item >= 1 && item <= ITEMS && plain_read(&made[item]) == 1);
	model_assert(had[item]++ == 0);
	received++;
	return true;
}

/* What is left is had by check: then all that was sent was had. */
static void check(void)
{
	const uint32_t looks = THRUM__CHAN_TAKES | THRUM__CHAN_HAS;
	intptr_t item;

	world_check();
	model_assert(!((c->word.v ^ thrum__chan_flags(c)) & looks));
	while (!thrum_chan_try_recv(c, &item))
		note_received(0, item);
	model_assert(received == sent);
	thrum_chan_release(c);
	world_check_memory();
}

static intptr_t send_one(intptr_t item)
{
	intptr_t it = item;

	return thrum_chan_send(c, &it);
}

static intptr_t recv_one(intptr_t unused)
{
	intptr_t item = 0;
	int err = thrum_chan_recv(c, &item);

	(void)unused;
	model_assert(!err || !item); /* a receive that fails leaves it alone */
	note_received(err, item);
	return err ? err : item;
}

static void sends(intptr_t item)
{
	intptr_t err;

	plain_write(&made[item], 1);
	err = in_frame(send_one, item);
	if (err)
		model_assert(err == -EPIPE || err == -ECANCELED || err == -ETIMEDOUT);
	else
		sent++;
	refused += err == -EPIPE;
	cut += err == -ECANCELED;
}

static void sends_1(void)
{
	sends(1);
}

static void sends_2(void)
{
	sends(2);
}

static void sends_1_2(void)
{
	sends(1);
	sends(2);
}

static void receives(void)
{
	in_frame(recv_one, 0);
}

/* From one sender they come in its order. */
static void receives_in_order(void)
{
	intptr_t first = in_frame(recv_one, 0);
	intptr_t second = in_frame(recv_one, 0);

	model_assert(first == 1 && second == 2);
}

static void receives_two(void)
{
	receives();
	receives();
}

static void closes(void)
{
	thrum_chan_close(c);
}

static void cancels_0(void)
{
	cancel(0);
}

/* And the other side goes, too. */
static void cancels_0_and_closes(void)
{
	cancel(0);
	closes();
}

static void times_out_0_and_closes(void)
{
	time_out(0, 0);
	closes();
}

static void start_rendezvous(void)
{
	start(3, 2, 0);
}

static void start_for_one(void)
{
	start(3, 2, 1);
}

SCENARIO(chan_order, .setup = start_for_one, .thread = {sends_1_2, receives_in_order},
	 .check = check, .bound = 2, .min_executions = 1000, .covers = "T1 T2 T4");
SCENARIO(chan_meet, .setup = start_rendezvous, .thread = {sends_1_2, receives_in_order},
	 .check = check, .bound = 2, .min_executions = 1000, .covers = "T1 T2 T4");
/* Threads outside begin to wait where they hold nothing. */
static void start_outside(void)
{
	start_rendezvous();
	world_put_outside(0);
	world_put_outside(1);
}

SCENARIO(chan_meet_outside, .setup = start_outside, .thread = {sends_1_2, receives_in_order},
	 .check = check, .bound = 2, .min_executions = 1000, .covers = "T1 T2 T4");

/* There is room for more, and some is left. */
static void start_for_two(void)
{
	start(3, 2, 2);
}

SCENARIO(chan_stored, .setup = start_for_two, .thread = {sends_1_2, receives}, .check = check,
	 .bound = 2, .min_executions = 100, .covers = "T1 T2 T4");

SCENARIO(chan_two_senders, .setup = start_for_one, .thread = {sends_1, sends_2, receives_two},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 5000, .covers = "T1 T2 T4");
SCENARIO(chan_two_meet, .setup = start_rendezvous, .thread = {sends_1, sends_2, receives_two},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 5000, .covers = "T1 T2 T4");

/* One that is cut short has taken, or left, nothing. */
SCENARIO(chan_receive_cancelled, .setup = start_for_one, .thread = {receives, sends_1, cancels_0},
	 .check = check, .stale = 1, .min_executions = 5000, .covers = "T1 T2 T4");
SCENARIO(chan_receive_too_late, .setup = start_rendezvous,
	 .thread = {receives, sends_1, times_out_0_and_closes}, .check = check, .bound = 2,
	 .stale = 1, .min_executions = 5000, .covers = "T1 T2 T4 T5");
SCENARIO(chan_send_cancelled, .setup = start_rendezvous,
	 .thread = {sends_1, receives, cancels_0_and_closes}, .check = check, .bound = 2,
	 .stale = 1, .min_executions = 5000, .covers = "T1 T2 T4 T5");

/* send, receive, close */
SCENARIO(chan_close_one, .setup = start_for_one, .thread = {sends_1, receives, closes},
	 .check = check, .bound = 1, .full_bound = 3, .stale = 1, .min_executions = 9000,
	 .covers = "T1 T2 T4 T5");
SCENARIO(chan_close_one_meet, .setup = start_rendezvous, .thread = {sends_1, receives, closes},
	 .check = check, .bound = 1, .full_bound = 3, .stale = 1, .min_executions = 13000,
	 .covers = "T1 T2 T4 T5");
SCENARIO(chan_close, .setup = start_for_one, .thread = {sends_1_2, receives_two, closes},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 5000, .covers = "T1 T2 T4 T5");
SCENARIO(chan_close_meet, .setup = start_rendezvous, .thread = {sends_1, receives_two, closes},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 5000, .covers = "T1 T2 T4 T5");

/* ---- Reserving ---- */

/* Room is reserved at first, by thread 0. */
static void start_reserved(void)
{
	start_for_one();
	model_assert(thrum_chan_try_reserve(c) == 0);
}

static void commits(void)
{
	intptr_t item = 1;

	plain_write(&made[item], 1);
	sent++;
	thrum_chan_commit(c, &item);
}

static void commits_or_abandons(void)
{
	if (model_choose(2))
		commits();
	else
		thrum_chan_abandon(c);
}

SCENARIO(chan_commit_close, .setup = start_reserved, .thread = {commits, receives_two, closes},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 5000, .covers = "T2 T3 T4 T5");
SCENARIO(chan_abandon, .setup = start_reserved, .thread = {commits_or_abandons, sends_2, receives},
	 .check = check, .bound = 2, .stale = 1, .min_executions = 5000, .covers = "T1 T2 T3 T4");

/* Who waits for what was reserved is told that nothing comes. */
static void abandons(void)
{
	thrum_chan_abandon(c);
}

/* One of two senders meets the receiver, the other one has the room. */
static void abandons_to_two(void)
{
	await_waits(3);
	abandons();
}

static void start_reserved_crowd(void)
{
	start(4, 1, 1);
	model_assert(thrum_chan_try_reserve(c) == 0);
}

SCENARIO(chan_abandon_to_two, .setup = start_reserved_crowd,
	 .thread = {abandons_to_two, receives, sends_1, sends_2}, .check = check, .bound = 1,
	 .stale = 1, .min_executions = 1000, .covers = "T1 T3 T4");

static void check_ended(void)
{
	check();
	model_assert(ended == 1);
}

SCENARIO(chan_abandon_close, .setup = start_reserved, .thread = {abandons, receives, closes},
	 .check = check_ended, .bound = 2, .stale = 1, .min_executions = 1000,
	 .covers = "T3 T4 T5");

static intptr_t reserve(intptr_t unused)
{
	(void)unused;
	return thrum_chan_reserve(c);
}

static void reserves_and_commits(void)
{
	intptr_t err = in_frame(reserve, 0);

	if (!err)
		commits();
	else
		model_assert(err == -EPIPE || err == -ECANCELED);
}

SCENARIO(chan_reserve, .setup = start_for_one,
	 .thread = {reserves_and_commits, sends_2, receives_two}, .check = check, .bound = 2,
	 .stale = 1, .min_executions = 5000, .covers = "T1 T2 T3 T4");
/* Of what was reserved before the close the one that waits is not told that nothing comes. */
static void reserves_and_ends(void)
{
	intptr_t err = in_frame(reserve, 0);

	if (!err)
		commits_or_abandons();
	else
		model_assert(err == -EPIPE);
}

static void check_all_received(void)
{
	intptr_t item;

	model_assert(thrum_chan_try_recv(c, &item) == -EPIPE);
	model_assert(received + ended == 2);
	check();
}

SCENARIO(chan_reserve_close, .setup = start_for_one,
	 .thread = {reserves_and_ends, receives_two, closes}, .check = check_all_received,
	 .bound = 1, .stale = 1, .min_executions = 5000, .covers = "T1 T2 T3 T4 T5");
SCENARIO(chan_reserve_cancelled, .setup = start_for_one,
	 .thread = {reserves_and_commits, sends_2, receives, cancels_0}, .check = check, .bound = 1,
	 .stale = 1, .min_executions = 1000, .covers = "T1 T2 T3 T4");

/* ---- A look ---- */

static int before_close;

static void closes_after(void)
{
	plain_write(&before_close, 1);
	closes();
}

static void looks(void)
{
	if (thrum_chan_is_closed(c))
		model_assert(plain_read(&before_close) == 1);
}

static void start_look(void)
{
	start_for_one();
	plain_write(&before_close, 0);
}

SCENARIO(chan_look, .setup = start_look, .thread = {closes_after, looks, sends_1}, .check = check,
	 .min_executions = 100, .covers = "T1 T5");
