/* SPDX-License-Identifier: MIT */
/* test_history_chan.c - histories of channels, selects over two of them, a future and a token, and
 * queues, beside their serial model. */
#include "linear_select.h"
#include "rounds.h"

#include <thrum/chan.h>
#include <thrum/queue.h>
#include <thrum/select.h>
#include <thrum/token.h>

static struct thrum_chan *chans[CHANS];

static struct chans_model *model_of(struct round *r)
{
	return (struct chans_model *)r->history.first;
}

static void make_chan(struct round *r, unsigned k)
{
	unsigned capacity = draw(&r->random, 3);

	chans[k] = thrum_chan_create(sizeof(int), capacity);
	must(chans[k]);
	model_of(r)->chans[k].capacity = (uint8_t)capacity;
}

static void make_one(struct round *r)
{
	make_chan(r, 0);
}

static void unmake_one(struct round *r)
{
	(void)r;
	thrum_chan_release(chans[0]);
}

/* An operation with one branch. */
static struct operation *begin_on(struct party *p, unsigned what, unsigned does, unsigned on)
{
	struct operation *o = begin(p, what);

	o->branches = 1;
	o->branch[0].does = (uint8_t)does;
	o->branch[0].on = (uint8_t)on;
	return o;
}

/* ---- Calls of one channel ---- */

#define UNTOUCHED (-7)

static void received(struct operation *o, unsigned branch, int item)
{
	must((o->result == 0) == (item != UNTOUCHED));
	o->branch[branch].item = (uint8_t)(o->result == 0 ? item : 0);
}

static void call_send(struct party *p, unsigned k)
{
	struct operation *o = begin_on(p, CHAN_SELECT, CHAN_SEND, k);
	int item = o->branch[0].item = new_item(p);
	struct limit l;

	limit_begin(p, &l);
	if (l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_chan_send(chans[k], &item));
	else
		end(p, o, thrum_chan_send_until(chans[k], &item, l.until_ns));
	limit_end(p, &l, o->result);
}

static void call_recv(struct party *p, unsigned k)
{
	struct operation *o = begin_on(p, CHAN_SELECT, CHAN_RECV, k);
	int item = UNTOUCHED;
	struct limit l;

	limit_begin(p, &l);
	if (l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_chan_recv(chans[k], &item));
	else
		end(p, o, thrum_chan_recv_until(chans[k], &item, l.until_ns));
	limit_end(p, &l, o->result);
	received(o, 0, item);
}

static void try_send(struct party *p, unsigned k)
{
	struct operation *o = begin_on(p, CHAN_TRY, CHAN_SEND, k);
	int item = o->branch[0].item = new_item(p);

	end(p, o, thrum_chan_try_send(chans[k], &item));
}

static void try_recv(struct party *p, unsigned k)
{
	struct operation *o = begin_on(p, CHAN_TRY, CHAN_RECV, k);
	int item = UNTOUCHED;

	end(p, o, thrum_chan_try_recv(chans[k], &item));
	received(o, 0, item);
}

static void many_items(struct operation *o, const int items[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		o->branch[i].item = (uint8_t)items[i];
	o->branches = (uint8_t)(n ? n : 1);
}

/* One, after a wait if need be; then what is there. */
static void recv_many(struct party *p, unsigned k)
{
	unsigned max = 1 + draw(&p->random, BRANCHES);
	struct operation *o = begin_on(p, CHAN_SELECT, CHAN_RECV, k), *more;
	int items[BRANCHES] = {UNTOUCHED};
	struct limit l;
	ssize_t n;

	limit_begin(p, &l);
	n = thrum_chan_recv_many(chans[k], items, max, l.until_ns);
	end(p, o, n > 0 ? 0 : (int)n);
	limit_end(p, &l, o->result);
	must(n != 0 && n <= (ssize_t)max);
	received(o, 0, items[0]);
	if (n < 0)
		return;
	more = then(p, CHAN_MANY, true);
	more->arg = (int)max - 1;
	more->result = (int)n - 1;
	more->branch[0].on = (uint8_t)k;
	many_items(more, &items[1], (unsigned)n - 1);
}

static void try_recv_many(struct party *p, unsigned k)
{
	struct operation *o = begin_on(p, CHAN_MANY, CHAN_RECV, k);
	int items[BRANCHES] = {UNTOUCHED};
	ssize_t n;

	o->arg = 1 + (int)draw(&p->random, BRANCHES);
	n = thrum_chan_try_recv_many(chans[k], items, (size_t)o->arg);
	end(p, o, n > 0 ? (int)n : 0);
	must(n > 0 || n == -EAGAIN || n == -EPIPE);
	many_items(o, items, n > 0 ? (unsigned)n : 0);
}

static void reserve(struct party *p)
{
	bool tries = chance(p, 3);
	struct operation *o = begin_on(p, tries ? CHAN_TRY : CHAN_SELECT, CHAN_RESERVE, 0);
	struct limit l;

	if (tries) {
		end(p, o, thrum_chan_try_reserve(chans[0]));
	} else {
		limit_begin(p, &l);
		if (l.until_ns == THRUM_FOREVER)
			end(p, o, thrum_chan_reserve(chans[0]));
		else
			end(p, o, thrum_chan_reserve_until(chans[0], l.until_ns));
		limit_end(p, &l, o->result);
	}
	p->held = !o->result;
}

static void commit_or_abandon(struct party *p)
{
	bool commits = !chance(p, 3);
	struct operation *o = begin_on(p, commits ? CHAN_COMMIT : CHAN_ABANDON, CHAN_SEND, 0);
	int item = o->branch[0].item = new_item(p);

	if (commits)
		thrum_chan_commit(chans[0], &item);
	else
		thrum_chan_abandon(chans[0]);
	end(p, o, 0);
	p->held = 0;
}

static void close_or_look(struct party *p, unsigned k)
{
	static const unsigned whats[] = {CHAN_COUNT, CHAN_IS_CLOSED, CHAN_COUNT, CHAN_CLOSE};
	unsigned what = whats[draw(&p->random, 4)];
	struct operation *o = begin_on(p, what, 0, k);

	if (what == CHAN_CLOSE) {
		thrum_chan_close(chans[k]);
		end(p, o, 0);
	} else if (what == CHAN_IS_CLOSED) {
		end(p, o, thrum_chan_is_closed(chans[k]));
	} else {
		end(p, o, (int)thrum_chan_count(chans[k]));
	}
}

static void give_back_room(struct party *p)
{
	if (p->held)
		commit_or_abandon(p);
}

/* A send or a receive, in one of the ways that there are. */
static void send_or_recv(struct party *p, unsigned k)
{
	static void (*const calls[])(struct party *, unsigned) = {
	    call_send, call_send, call_send, try_send,      call_recv,
	    call_recv, try_recv,  recv_many, try_recv_many,
	};

	calls[draw(&p->random, 9)](p, k);
}

static void call_one(struct party *p)
{
	unsigned what = draw(&p->random, 12);

	if (what == 0)
		close_or_look(p, 0);
	else if (what < 5 && p->held)
		commit_or_abandon(p);
	else if (what < 5 && model_of(p->round)->chans[0].capacity)
		reserve(p);
	else
		send_or_recv(p, 0);
}

START_TEST(channels_are_linear)
{
	static const struct subject one = {
	    .name = "channel",
	    .model = &chan_linear,
	    .cost = 2,
	    .make = make_one,
	    .call = call_one,
	    .give_back = give_back_room,
	    .unmake = unmake_one,
	};

	play(&one, 1200);
}
END_TEST

/* ---- Selects ---- */

static struct thrum_future *future;
static struct thrum_token *token;

static void make_two(struct round *r)
{
	make_chan(r, 0);
	make_chan(r, 1);
	future = future_new();
	token = thrum_token_create(NULL);
	must(token);
}

static void unmake_two(struct round *r)
{
	(void)r;
	thrum_chan_release(chans[0]);
	thrum_chan_release(chans[1]);
	future_drop(future);
	thrum_token_release(token);
}

/* Branch @b of @o, of any kind. */
static struct thrum_branch branch_of(struct party *p, struct operation *o, unsigned b, int *item)
{
	static const uint8_t kinds[] = {CHAN_SEND, CHAN_SEND,  CHAN_RECV,
					CHAN_RECV, FUTURE_SET, TOKEN_CANCEL};
	unsigned does = kinds[draw(&p->random, 6)], on = draw(&p->random, CHANS);

	if (does == TOKEN_CANCEL)
		on += THRUM_SOFT;
	*item = does == CHAN_SEND ? new_item(p) : UNTOUCHED;
	o->branch[b].does = (uint8_t)does;
	o->branch[b].on = (uint8_t)on;
	o->branch[b].item = (uint8_t)(does == CHAN_SEND ? *item : 0);
	switch (does) {
	case CHAN_SEND:
		return thrum_on_send(chans[on], item);
	case CHAN_RECV:
		return thrum_on_recv(chans[on], item);
	case FUTURE_SET:
		return thrum_on_future(future);
	default:
		return thrum_on_token(token, (int)on);
	}
}

/* Some branches, and a time if there is a limit. */
static void call_select(struct party *p)
{
	unsigned n = 1 + draw(&p->random, BRANCHES);
	bool tries = chance(p, 4);
	struct operation *o = begin(p, tries ? CHAN_TRY : CHAN_SELECT);
	struct thrum_branch branches[BRANCHES + 1];
	int items[BRANCHES];
	struct limit l;
	ssize_t won;

	limit_begin(p, &l);
	o->branches = (uint8_t)n;
	for (unsigned b = 0; b < n; b++)
		branches[b] = branch_of(p, o, b, &items[b]);
	branches[n] = l.until_ns == THRUM_FOREVER ? thrum_on_none() : thrum_on_time(l.until_ns);
	won = tries ? thrum_try_select(branches, n) : thrum_select(branches, n + 1);
	o->won = (uint8_t)(won >= 0 && won < (ssize_t)n ? won : 0);
	end(p, o, won < 0 ? (int)won : won == (ssize_t)n ? -ETIMEDOUT : (int)branches[won].result);
	limit_end(p, &l, o->result);
	for (unsigned b = 0; b < n; b++) {
		bool has = won == (ssize_t)b && o->result == 0;

		if (o->branch[b].does != CHAN_RECV)
			continue;
		must(has == (items[b] != UNTOUCHED));
		o->branch[b].item = (uint8_t)(has ? items[b] : 0);
	}
}

/* What those that wait for them look again for. */
static void set_or_request(struct party *p)
{
	bool sets = draw(&p->random, 2);
	struct operation *o = begin(p, sets ? FUTURE_SET : TOKEN_CANCEL);

	if (sets) {
		end(p, o, thrum_future_set(future, 0));
	} else {
		o->arg = THRUM_SOFT + (int)draw(&p->random, 2);
		end(p, o, thrum_token_cancel(token, o->arg, 0));
	}
}

static void call_two(struct party *p)
{
	unsigned what = draw(&p->random, 12);

	if (what == 0 && chance(p, 2))
		set_or_request(p);
	else if (what == 0)
		close_or_look(p, draw(&p->random, CHANS));
	else if (what < 7)
		call_select(p);
	else
		send_or_recv(p, draw(&p->random, CHANS));
}

START_TEST(selects_are_linear)
{
	static const struct subject two = {
	    .name = "select",
	    .model = &chan_linear,
	    .cost = 2,
	    .make = make_two,
	    .call = call_two,
	    .unmake = unmake_two,
	};

	play(&two, 1200);
}
END_TEST

/* ---- Queues ---- */

static struct thrum_queue *queue;

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void make_queue(struct round *r)
{
	int order = (int)draw(&r->random, 3);
	unsigned capacity = 1 + draw(&r->random, 3);

	queue = thrum_queue_create(order, sizeof(int), capacity,
				   order == THRUM_QUEUE_PRIORITY ? compare : NULL);
	must(queue);
	model_of(r)->order = (uint8_t)order;
	model_of(r)->chans[0].capacity = (uint8_t)capacity;
}

static void unmake_queue(struct round *r)
{
	(void)r;
	thrum_queue_release(queue);
}

static void put(struct party *p)
{
	bool tries = chance(p, 4);
	struct operation *o = begin_on(p, tries ? CHAN_TRY : CHAN_SELECT, CHAN_SEND, 0);
	int item = o->branch[0].item = new_item(p);
	struct limit l;

	limit_begin(p, &l);
	if (tries)
		end(p, o, thrum_queue_try_put(queue, &item));
	else
		end(p, o, thrum_queue_put_until(queue, &item, l.until_ns));
	limit_end(p, &l, o->result);
}

static void get(struct party *p)
{
	bool tries = chance(p, 4);
	struct operation *o = begin_on(p, tries ? CHAN_TRY : CHAN_SELECT, CHAN_RECV, 0);
	int item = UNTOUCHED;
	struct limit l;

	limit_begin(p, &l);
	if (tries)
		end(p, o, thrum_queue_try_get(queue, &item));
	else
		end(p, o, thrum_queue_get_until(queue, &item, l.until_ns));
	limit_end(p, &l, o->result);
	received(o, 0, item);
	p->held += !o->result;
}

static void deal_with_one(struct party *p)
{
	struct operation *o = begin_on(p, QUEUE_DONE, 0, 0);

	thrum_queue_task_done(queue);
	end(p, o, 0);
	p->held--;
}

static void join(struct party *p)
{
	struct operation *o = begin_on(p, QUEUE_JOIN, 0, 0);
	struct limit l;

	limit_begin(p, &l);
	end(p, o, thrum_queue_join_until(queue, l.until_ns));
	limit_end(p, &l, o->result);
}

/* First nothing more is put, then what is there goes. */
static void shut_down_or_look(struct party *p)
{
	bool looks = draw(&p->random, 2), now = draw(&p->random, 2);
	struct operation *o = begin_on(p, looks ? CHAN_COUNT : CHAN_CLOSE, 0, 0);

	if (looks) {
		end(p, o, (int)thrum_queue_count(queue));
		return;
	}
	thrum_queue_shutdown(queue, now);
	end(p, o, 0);
	if (now)
		then(p, QUEUE_CLEAR, true);
}

static void call_queue(struct party *p)
{
	unsigned what = draw(&p->random, 14);

	if (what == 0)
		shut_down_or_look(p);
	else if (what < 3)
		join(p);
	else if (what < 6 && p->held)
		deal_with_one(p);
	else if (what < 10)
		put(p);
	else
		get(p);
}

static void deal_with_some(struct party *p)
{
	while (p->held && p->n < PARTY_OPS)
		deal_with_one(p);
}

START_TEST(queues_are_linear)
{
	static const struct subject any = {
	    .name = "queue",
	    .model = &chan_linear,
	    .cost = 2,
	    .make = make_queue,
	    .call = call_queue,
	    .give_back = deal_with_some,
	    .unmake = unmake_queue,
	};

	play(&any, 1200);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    channels_are_linear,
	    selects_are_linear,
	    queues_are_linear,
	};

	return RUN_TESTS_FOR("history_chan", 60, tests);
}
