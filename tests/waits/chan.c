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
#define ITEMS 12 /* of a sender */
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

static int pass(size_t capacity, thrum_fn fns[4])
{
	struct course c = {.capacity = capacity};
	struct thrum_future *fs[4];
	int err, more;

	current = &c;
	c.chan = thrum_chan_create_drop(sizeof(struct item), capacity, leave);
	EXPECT(c.chan);
	for (int i = 0; i < 4; i++)
		fs[i] = spawn_taken(fns[i], &c);
	err = thrum_sleep(THRUM_MS(60));
	thrum_chan_close(c.chan);
	more = stop_all(fs, 4, THRUM_MS(60));
	say("left", (intptr_t)thrum_chan_count(c.chan));
	thrum_chan_release(c.chan);
	EXPECT(load_relaxed(&c.sent) == load_relaxed(&c.received) + load_relaxed(&c.left));
	EXPECT(taken() == 0);
	return first(err, more);
}

static intptr_t main_task(void *arg)
{
	thrum_fn both[] = {receives, sends_ones, sends_twos, receives};
	thrum_fn slow[] = {sends_ones, sends_twos, receives, receives};
	int err = pass(2, both);

	(void)arg;
	err = first(err, pass(0, both));
	err = first(err, pass(1, slow));
	return first(err, pass(0, slow));
}

int main(void)
{
	return ledger_run(main_task);
}
