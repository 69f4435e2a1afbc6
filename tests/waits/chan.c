/* SPDX-License-Identifier: MIT */
/*
 * chan.c - waits at channels: to send, to receive, to reserve, with a store and without.
 *
 * Whatever is cut short: each item that was sent is received once, in its order, or left in the
 * channel; one whose send failed is still its maker's; rooms that were reserved are used or given
 * back.  After the close everybody ends.
 */
#include "ledger.h"

#include <thrum/chan.h>

#define FAR THRUM_SEC(1000)
#define ITEMS 8 /* of a sender */
#define MANY 3

struct course {
	struct thrum_chan *chan;
	size_t capacity;
	struct atomic32 sent, received, left;
};

/* ---- Senders ---- */

struct item {
	int from, number;
};

/* One in its place. */
static int commit(struct course *c, const struct item *item, int reserved)
{
	int err;

	if (reserved)
		return reserved;
	err = thrum_sleep(THRUM_MS(1));
	if (err)
		thrum_chan_abandon(c->chan);
	else
		thrum_chan_commit(c->chan, item);
	return err;
}

/* In each of the ways, one after the other. */
static int send_item(struct course *c, const struct item *item)
{
	switch (item->number % 4) {
	case 1:
		return thrum_chan_send_until(c->chan, item, thrum_now() + FAR);
	case 2:
		if (c->capacity)
			return commit(c, item, thrum_chan_reserve(c->chan));
		break;
	case 3:
		if (c->capacity)
			return commit(c, item,
				      thrum_chan_reserve_until(c->chan, thrum_now() + FAR));
		return thrum_chan_send_until(c->chan, item, thrum_now() + THRUM_US(500));
	default:
		break;
	}
	return thrum_chan_send(c->chan, item);
}

static intptr_t sends(struct course *c, int from)
{
	struct item item = {from, 0};
	int err = 0, late = 0;

	while (item.number < ITEMS && (!err || err == late)) {
		item.number++;
		take();
		err = send_item(c, &item);
		EXPECT(!err || was_cut(err) || err == -EPIPE);
		late = item.number % 4 == 3 ? -ETIMEDOUT : 0; /* it has not much patience */
		if (err)
			give();
		else
			fetch_add_relaxed(&c->sent, 1);
	}
	say("sent", err);
	give();
	return was_cut(err) && err != late ? err : 0;
}

static intptr_t sends_ones(void *course)
{
	return sends(course, 1);
}

static intptr_t sends_twos(void *course)
{
	return sends(course, 2);
}

/* ---- Receivers ---- */

static void check(struct course *c, const struct item *item, int last[3])
{
	EXPECT(item->from == 1 || item->from == 2);
	EXPECT(item->number > last[item->from]);
	last[item->from] = item->number;
	fetch_add_relaxed(&c->received, 1);
	give();
}

/* So many; or -errno. */
static ssize_t receive(struct course *c, struct item items[MANY], int way)
{
	int err;

	if (way % 4 == 3)
		return thrum_chan_recv_many(c->chan, items, MANY, THRUM_FOREVER);
	if (way % 4 == 2)
		err = thrum_chan_recv_until(c->chan, items, thrum_now() + THRUM_US(500));
	else if (way % 4 == 1)
		err = thrum_chan_recv_until(c->chan, items, thrum_now() + FAR);
	else
		err = thrum_chan_recv(c->chan, items);
	return err ? err : 1;
}

static intptr_t receives(void *course)
{
	struct course *c = course;
	struct item items[MANY];
	int last[3] = {0};
	ssize_t n = 0;
	bool late = false;

	for (int way = 0; n >= 0 || late; way++) {
		int err = way % 5 ? 0 : thrum_sleep(THRUM_MS(2));

		n = receive(c, items, way);
		EXPECT(n > 0 || was_cut(n) || n == -EPIPE);
		EXPECT(!err || n == err || n == -ECANCELED); /* it stays cut short */
		late = n == -ETIMEDOUT && way % 4 == 2 && !err;
		for (ssize_t i = 0; i < n; i++)
			check(c, &items[i], last);
	}
	say("received", n);
	give();
	return n == -EPIPE ? 0 : n;
}

/* ---- All of them ---- */

static struct course *current; /* for what is left when a channel goes */

static void leave(void *item)
{
	(void)item;
	fetch_add_relaxed(&current->left, 1);
	give();
}

static void begin(struct course *c, size_t capacity)
{
	*c = (struct course){.capacity = capacity};
	current = c;
	c->chan = thrum_chan_create_drop(sizeof(struct item), capacity, leave);
	EXPECT(c->chan);
}

static int end(struct course *c, struct thrum_future *fs[], size_t n)
{
	int err = stop_all(fs, n, THRUM_MS(60));

	say("left", (intptr_t)thrum_chan_count(c->chan));
	thrum_chan_release(c->chan);
	EXPECT(load_relaxed(&c->sent) == load_relaxed(&c->received) + load_relaxed(&c->left));
	EXPECT(taken() == 0);
	return err;
}

static int pass(size_t capacity, thrum_fn *fns, size_t n)
{
	struct thrum_future *fs[4];
	struct course c;
	int err;

	begin(&c, capacity);
	for (size_t i = 0; i < n; i++)
		fs[i] = spawn_taken(fns[i], &c);
	err = thrum_sleep(THRUM_MS(60));
	thrum_chan_close(c.chan);
	return first(err, end(&c, fs, n));
}

static intptr_t sends_one(void *course)
{
	struct course *c = course;
	struct item item = {1, 1};
	int err;

	take();
	err = thrum_chan_send(c->chan, &item);
	if (err)
		give();
	else
		fetch_add_relaxed(&c->sent, 1);
	EXPECT(!err || was_cut(err));
	give();
	return err;
}

static intptr_t receives_one(void *course)
{
	struct course *c = course;
	struct item item;
	int err = thrum_chan_recv(c->chan, &item);

	EXPECT(!err || was_cut(err));
	if (!err) {
		fetch_add_relaxed(&c->received, 1);
		give();
	}
	give();
	return err;
}

/* All room is reserved, so they wait side by side; then it is given back. */
static int beside_reserved(void)
{
	struct thrum_future *fs[2];
	struct course c;
	int err;

	begin(&c, 1);
	EXPECT(thrum_chan_try_reserve(c.chan) == 0);
	fs[0] = spawn_taken(receives_one, &c);
	fs[1] = spawn_taken(sends_one, &c);
	err = thrum_sleep(THRUM_MS(1));
	thrum_chan_abandon(c.chan);
	return first(err, end(&c, fs, 2));
}

/* Two wait for what is still to come after the close: one gets it, the other hears that it was the
 * last. */
static int reserved_over_close(void)
{
	struct item item = {2, ITEMS};
	struct thrum_future *fs[2];
	struct course c;
	int err;

	begin(&c, 1);
	EXPECT(thrum_chan_try_reserve(c.chan) == 0);
	fs[0] = spawn_taken(receives, &c);
	fs[1] = spawn_taken(receives, &c);
	err = thrum_sleep(THRUM_MS(5));
	thrum_chan_close(c.chan);
	err = first(err, thrum_sleep(THRUM_MS(1)));
	take();
	thrum_chan_commit(c.chan, &item);
	fetch_add_relaxed(&c.sent, 1);
	return first(err, end(&c, fs, 2));
}

static intptr_t main_task(void *arg)
{
	thrum_fn both[] = {receives, sends_ones, sends_twos, receives};
	thrum_fn slow[] = {sends_ones, sends_twos, receives, receives};
	int err = pass(2, both, 4);

	(void)arg;
	err = first(err, pass(0, both, 4));
	err = first(err, pass(1, slow, 4));
	err = first(err, pass(0, slow, 4));
	err = first(err, pass(1, slow, 2)); /* nobody receives */
	err = first(err, pass(0, slow, 1));
	err = first(err, beside_reserved());
	return first(err, reserved_over_close());
}

int main(void)
{
	return ledger_run(main_task);
}
