/* SPDX-License-Identifier: MIT */
/*
 * scen_select.c - flow/select.c over channels, beside another select over the same ones and beside
 * those that send, receive, close and cancel: one branch of it wins, or none, and both sides of an
 * item say the same; the other branches have done nothing and hang nowhere.
 *
 * Thread i has items 2 * i and 2 * i + 1, and sends the first one first.  The moves are the
 * channel's.
 */
#include "sync_world.h"

/* Before <thrum/fork.h>, whose fast ways it makes the explorer's. */
#include "core/lane.h"

/* The whole source: what it calls for descriptors and times is defined here. */
#include "flow/select.c"

enum { CHANS = 2, THREADS = 3, ITEMS = 2 * THREADS, NONE = -1, UNTOUCHED = 77 };

static struct thrum_chan *chans[CHANS];
static struct thrum_future *future;
static int made[ITEMS];      /* before each item is sent */
static unsigned sent[ITEMS]; /* as its sender says */
static unsigned had[ITEMS];  /* as its receivers say */
static unsigned next_of[THREADS];
static unsigned cut, ended, others; /* calls that were cancelled; closed; won by another branch */
static int done_before;             /* the future */

static void start(unsigned calls, size_t capacity)
{
	static const char *const names[CHANS] = {"channel 0", "channel 1"};

	world_start(THREADS, calls);
	for (unsigned i = 0; i < CHANS; i++) {
		chans[i] = thrum_chan_create(sizeof(intptr_t), capacity);
		model_assert(chans[i]);
		model_name(&chans[i]->word, names[i]);
	}
	for (unsigned i = 0; i < ITEMS; i++) {
		plain_write(&made[i], 0);
		sent[i] = had[i] = 0;
	}
	for (unsigned i = 0; i < THREADS; i++)
		next_of[i] = 2 * i;
	plain_write(&done_before, 0);
	cut = ended = others = 0;
}

static intptr_t make_item(unsigned thread)
{
	intptr_t item = next_of[thread]++;

	plain_write(&made[item], 1);
	return item;
}

static void receive(intptr_t item)
{
	model_assert(item >= 0 && item < ITEMS && plain_read(&made[item]) == 1);
	model_assert(had[item]++ == 0);
}

/* Each item that was sent is had, or still in its channel; nobody stands anywhere. */
static void check(void)
{
	const uint32_t looks = THRUM__CHAN_TAKES | THRUM__CHAN_HAS;
	intptr_t item;

	world_check();
	for (unsigned i = 0; i < CHANS; i++) {
		model_assert(!((chans[i]->word.v ^ thrum__chan_flags(chans[i])) & looks));
		while (!thrum_chan_try_recv(chans[i], &item))
			receive(item);
		model_assert(thrum__waitqueue_is_empty(&chans[i]->senders));
		model_assert(thrum__waitqueue_is_empty(&chans[i]->receivers));
		thrum_chan_release(chans[i]);
	}
	for (unsigned i = 0; i < ITEMS; i++)
		model_assert(had[i] == sent[i]);
	world_check_memory();
}

static unsigned sum(const unsigned counts[ITEMS])
{
	unsigned n = 0;

	for (unsigned i = 0; i < ITEMS; i++)
		n += counts[i];
	return n;
}

/* ---- Calls ---- */

int thrum__poll_look(struct thrum__poll_set *s)
{
	model_fail("no descriptor is looked at: %p", (void *)s);
}

int thrum__poll_enter(struct thrum__poll_set *s)
{
	return thrum__poll_look(s);
}

int thrum__poll_watch(struct thrum__poll_set *s)
{
	return thrum__poll_look(s);
}

void thrum__poll_leave(struct thrum__poll_set *s)
{
	thrum__poll_look(s);
}

enum branch { RECV_0, RECV_1, SEND_0, SEND_1, FUTURE, TIME, WHATS };

static struct thrum_branch branch_of(enum branch what, const intptr_t *item, intptr_t *room)
{
	struct thrum_branch b = thrum_on_time(1);

	if (what == FUTURE)
		b = thrum_on_future(future);
	else if (what <= RECV_1)
		b = thrum_on_recv(chans[what - RECV_0], room);
	else if (what <= SEND_1)
		b = thrum_on_send(chans[what - SEND_0], item);
	b.result = UNTOUCHED;
	return b;
}

/* The branch @what has won with @result. */
static void note(enum branch what, intptr_t result, intptr_t item, intptr_t room)
{
	if (result) {
		model_assert(result == -EPIPE && what <= SEND_1);
		ended++;
	} else if (what <= RECV_1) {
		receive(room);
	} else if (what <= SEND_1) {
		sent[item]++;
	} else {
		model_assert(what == TIME || plain_read(&done_before) == 1);
		others++;
	}
}

static intptr_t select_call(intptr_t both)
{
	const enum branch what[2] = {(enum branch)(both / WHATS), (enum branch)(both % WHATS)};
	intptr_t item = make_item((unsigned)model_thread()), room[2] = {NONE, NONE};
	struct thrum_branch b[2] = {
	    branch_of(what[0], &item, &room[0]),
	    branch_of(what[1], &item, &room[1]),
	};
	ssize_t won = thrum_select(b, 2);

	for (ssize_t i = 0; i < 2; i++) {
		bool may_have = won == i && what[i] <= RECV_1 && !b[i].result;

		model_assert(won == i || b[i].result == UNTOUCHED);
		model_assert(may_have || room[i] == NONE);
	}
	if (won < 0) {
		model_assert(won == -ECANCELED);
		cut++;
		return won;
	}
	note(what[won], b[won].result, item, room[won]);
	return what[won];
}

/* The branch that won, or why none did. */
static intptr_t selects(enum branch first, enum branch second)
{
	return in_frame(select_call, first * WHATS + second);
}

static intptr_t send_call(intptr_t to)
{
	intptr_t item = make_item((unsigned)model_thread());
	int err = thrum_chan_send(chans[to], &item);

	note(SEND_0, err, item, NONE);
	return err;
}

static intptr_t recv_call(intptr_t from)
{
	intptr_t item = NONE;
	int err = thrum_chan_recv(chans[from], &item);

	note(RECV_0, err, NONE, item);
	return err;
}

static void sends_0(void)
{
	in_frame(send_call, 0);
}

static void sends_1(void)
{
	in_frame(send_call, 1);
}

static void sends_both(void)
{
	await_waits(2);
	sends_0();
	sends_1();
}

static void receives_0(void)
{
	in_frame(recv_call, 0);
}

/* ---- Two selects: each could send to one and receive from the other ---- */

static void selects_one_way(void)
{
	selects(SEND_0, RECV_1);
}

static void selects_other_way(void)
{
	selects(SEND_1, RECV_0);
}

static void cancels_both(void)
{
	cancel(0);
	cancel(1);
}

static void start_rendezvous(void)
{
	start(2, 0);
}

/* There is room for one in each, and the first one has one. */
static void start_stored(void)
{
	intptr_t item;

	start(2, 1);
	item = make_item(2);
	sent[item]++;
	model_assert(thrum_chan_try_send(chans[0], &item) == 0);
}

/* One is moved. */
static void check_met(void)
{
	check();
	model_assert(sum(sent) == 1);
}

/* Or none. */
static void check_met_or_cut(void)
{
	check();
	model_assert(sum(sent) == (cut ? 0 : 1) && cut != 1);
}

SCENARIO(select_meet, .setup = start_rendezvous, .thread = {selects_one_way, selects_other_way},
	 .check = check_met, .bound = 2, .full_bound = 3, .stale = 1, .min_executions = 40000,
	 .covers = "T1 T2 T4");
SCENARIO(select_stored, .setup = start_stored, .thread = {selects_one_way, selects_other_way},
	 .check = check, .bound = 2, .full_bound = 3, .stale = 1, .min_executions = 7000,
	 .covers = "T1 T2 T4");
SCENARIO(select_meet_cancelled, .setup = start_rendezvous,
	 .thread = {selects_one_way, selects_other_way, cancels_both}, .check = check_met_or_cut,
	 .bound = 1, .full_bound = 2, .stale = 1, .min_executions = 19000, .covers = "T1 T2 T4");

/* ---- Two selects on the same side ---- */

static void selects_receive(void)
{
	selects(RECV_0, RECV_1);
}

static void selects_receive_too(void)
{
	selects(RECV_1, RECV_0);
}

/* Each has one. */
static void check_both_moved(void)
{
	check();
	model_assert(sum(sent) == 2 && sum(had) == 2);
}

SCENARIO(select_same_side, .setup = start_rendezvous,
	 .thread = {selects_receive, selects_receive_too, sends_both}, .check = check_both_moved,
	 .bound = 1, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T4");

/* ---- One select, and one for each of its branches: the other one is told by a close ---- */

static void selects_and_closes(void)
{
	thrum_chan_close(chans[selects(SEND_0, RECV_1) == SEND_0]);
}

static void check_one_ended(void)
{
	check();
	model_assert(sum(sent) == 1 && ended == 1);
}

SCENARIO(select_two_come, .setup = start_rendezvous,
	 .thread = {selects_and_closes, receives_0, sends_1}, .check = check_one_ended, .bound = 1,
	 .full_bound = 2, .stale = 1, .min_executions = 30000, .covers = "T1 T2 T4 T5");

/* ---- Without waiting: what is there is found by who has seen that it came ---- */

/* Of @what, and of nothing else: true: it won, with @result. */
static bool tries(enum branch what, intptr_t result)
{
	intptr_t item = NONE, room = NONE;
	struct thrum_branch b;

	if (what == SEND_0 && !result)
		item = make_item((unsigned)model_thread());
	b = branch_of(what, &item, &room);
	if (thrum_try_select(&b, 1))
		return false;
	model_assert(b.result == result);
	if (!result)
		note(what, result, item, room);
	return true;
}

static void tries_when_awaited(enum branch what)
{
	await_waits(1);
	thrum_chan_count(chans[0]); /* holds it: its look is not an old one */
	model_assert(!tries(RECV_1, 0) && !tries(SEND_1, 0));
	model_assert(tries(what, 0));
	thrum_chan_close(chans[1]);
	model_assert(tries(RECV_1, -EPIPE) && tries(SEND_1, -EPIPE));
}

static void tries_to_receive(void)
{
	tries_when_awaited(RECV_0);
}

static void tries_to_send(void)
{
	tries_when_awaited(SEND_0);
}

SCENARIO(select_try_receive, .setup = start_rendezvous, .thread = {sends_0, tries_to_receive},
	 .check = check_met, .min_executions = 10, .covers = "T1 T2 T4");
SCENARIO(select_try_send, .setup = start_rendezvous, .thread = {receives_0, tries_to_send},
	 .check = check_met, .min_executions = 10, .covers = "T1 T2 T4");

/* ---- A close tells it beside another one that waits ---- */

static void closes_0(void)
{
	await_waits(2);
	thrum_chan_close(chans[0]);
}

static void check_both_ended(void)
{
	check();
	model_assert(ended == 2);
}

SCENARIO(select_close, .setup = start_rendezvous, .thread = {selects_receive, receives_0, closes_0},
	 .check = check_both_ended, .bound = 1, .stale = 1, .min_executions = 1000,
	 .covers = "T4 T5");

/* ---- A future, a time: whichever of them is first ---- */

static void start_future(void)
{
	start_rendezvous();
	future = model_alloc(sizeof(*future));
	thrum__future_prepare(future, THRUM__BARE, NULL);
}

static void completes(void)
{
	plain_write(&done_before, 1);
	model_assert(thrum__future_claim(future));
	thrum__future_complete(future, 0);
}

static void selects_future(void)
{
	if (selects(RECV_0, FUTURE) == FUTURE)
		thrum_chan_close(chans[0]);
}

/* It is told by a close, too. */
static void check_first(void)
{
	check();
	model_assert(sum(sent) + others == 1 && ended == others);
}

static void check_future(void)
{
	model_free(future);
	check_first();
}

SCENARIO(select_future, .setup = start_future, .thread = {selects_future, sends_0, completes},
	 .check = check_future, .bound = 1, .full_bound = 3, .stale = 1, .min_executions = 5500,
	 .covers = "T1 T2 T4 T5");

static void selects_in_time(void)
{
	if (selects(RECV_0, TIME) == TIME)
		thrum_chan_close(chans[0]);
}

static void start_outside(void)
{
	start_rendezvous();
	world_put_outside(0);
}

SCENARIO(select_time, .setup = start_outside, .thread = {selects_in_time, sends_0},
	 .check = check_first, .bound = 2, .full_bound = 3, .stale = 1, .min_executions = 20000,
	 .covers = "T1 T2 T4 T5");
