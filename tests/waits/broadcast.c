/* SPDX-License-Identifier: MIT */
/*
 * broadcast.c - waits of listeners, and of those who watch a value.
 *
 * Whatever is cut short: a listener gets each item once, in order, or is told how many it has
 * missed, and after a wait that was cut short the next one is still to come; who watches sees
 * values of growing versions, the last one too.
 */
#include "ledger.h"

#include <thrum/broadcast.h>

#define FAR THRUM_SEC(1000)
#define ITEMS 6
#define KEPT 3

/* ---- Broadcast ---- */

static struct thrum_broadcast *news;
static int sent; /* when all that listen have ended */

struct reader {
	struct thrum_listener listener;
	int64_t nap_ns; /* after each item */
	int next;       /* what it is to hear */
	int err;
};

/* What it heard, or how many it has missed. */
static void heard(struct reader *r, int err, int item)
{
	uint64_t missed = thrum_listener_missed(&r->listener);

	if (!err)
		EXPECT(item >= r->next && (item == r->next || missed > 0));
	if (!err)
		r->next = item + 1;
}

static int recv_item(struct reader *r, int i, int *item)
{
	if (i % 3 == 0)
		return thrum_listener_recv(&r->listener, item);
	return thrum_listener_recv_until(&r->listener, item,
					 thrum_now() + (i % 3 == 1 ? FAR : THRUM_US(500)));
}

static intptr_t reads(void *reader)
{
	struct reader *r = reader;
	int item = 0, err = 0, nap = 0;
	bool late = false;

	for (int i = 0; !nap && (!err || late || err == -EOVERFLOW); i++) {
		err = recv_item(r, i, &item);
		EXPECT(!err || was_cut(err) || err == -EPIPE || err == -EOVERFLOW);
		heard(r, err, item);
		late = err == -ETIMEDOUT && i % 3 == 2;
		nap = late ? 0 : thrum_sleep(r->nap_ns);
	}
	say("heard", r->next);
	r->err = err == -EPIPE ? 0 : err;
	give();
	return first(r->err, nap) == -EOVERFLOW ? 0 : first(r->err, nap);
}

/* It is all there, or was missed; what its waits that were cut short have left comes now. */
static void read_the_rest(struct reader *r)
{
	int item = 0, err;

	do {
		err = thrum_listener_try_recv(&r->listener, &item);
		EXPECT(!err || err == -EPIPE || err == -EOVERFLOW);
		heard(r, err, item);
	} while (err != -EPIPE);
	EXPECT(r->next == sent);
	say("missed", (intptr_t)thrum_listener_missed(&r->listener));
	thrum_listener_fini(&r->listener);
}

static intptr_t sends(void *unused)
{
	int err = 0;

	(void)unused;
	for (int i = 0; i < ITEMS && !err; i++) {
		EXPECT(thrum_broadcast_send(news, &i) == 0);
		sent++;
		err = thrum_sleep(THRUM_MS(1));
	}
	thrum_broadcast_close(news);
	give();
	return err;
}

static void dropped_sender(void *unused)
{
	thrum_broadcast_close(news);
	dropped(unused);
}

static int listened(void)
{
	static struct reader readers[] = {
	    {.nap_ns = THRUM_US(1)}, {.nap_ns = THRUM_MS(3)}, {.nap_ns = THRUM_US(700)}};
	struct thrum_future *fs[4];
	int err;

	news = thrum_broadcast_create(sizeof(int), KEPT);
	EXPECT(news);
	for (int i = 0; i < 3; i++) {
		thrum_broadcast_listen(news, &readers[i].listener);
		fs[i] = spawn_taken(reads, &readers[i]);
	}
	take();
	fs[3] = thrum_spawn_drop(sends, NULL, dropped_sender);
	if (!fs[3])
		dropped_sender(NULL);
	err = stop_all(fs, 4, THRUM_MS(60));
	for (int i = 0; i < 3; i++)
		read_the_rest(&readers[i]);
	EXPECT(taken() == 0);
	thrum_broadcast_release(news);
	return err;
}

/* ---- Watch ---- */

static struct thrum_watch *watch;

struct value {
	uint64_t version; /* as the watch counts them */
	uint64_t square;
};

static struct value value_of(uint64_t version)
{
	return (struct value){version, version * version};
}

static intptr_t sets(void *unused)
{
	int err = 0;

	(void)unused;
	for (uint64_t version = 2; version <= ITEMS && !err; version++) {
		struct value v = value_of(version);

		err = thrum_sleep(THRUM_MS(1));
		EXPECT(thrum_watch_set(watch, &v) == 0);
	}
	thrum_watch_close(watch);
	give();
	return err;
}

static void dropped_setter(void *unused)
{
	thrum_watch_close(watch);
	dropped(unused);
}

static int next(int i, uint64_t *version, struct value *v)
{
	if (i % 3 == 0)
		return thrum_watch_next(watch, version, v);
	return thrum_watch_next_until(watch, version, v,
				      thrum_now() + (i % 3 == 1 ? FAR : THRUM_US(500)));
}

static intptr_t watches(void *nap_ns)
{
	uint64_t version = 0;
	int err = 0, nap = 0;
	bool late = false;

	for (int i = 0; !nap && (!err || late); i++) {
		uint64_t before = version;
		struct value v = {0, 0};

		err = next(i, &version, &v);
		EXPECT(!err || was_cut(err) || err == -EPIPE);
		EXPECT(err ? version == before : version > before);
		EXPECT(err ? !v.square : v.version == version && v.square == version * version);
		late = err == -ETIMEDOUT && i % 3 == 2;
		nap = late ? 0 : thrum_sleep((intptr_t)nap_ns);
	}
	EXPECT(err != -EPIPE || version == thrum_watch_get(watch, NULL));
	say("saw", (intptr_t)version);
	give();
	return err == -EPIPE ? nap : err;
}

static int watched(void)
{
	struct value one = value_of(1);
	struct thrum_future *fs[3];
	int err;

	watch = thrum_watch_create(sizeof(one), &one);
	EXPECT(watch);
	fs[0] = spawn_taken(watches, NULL);
	fs[1] = spawn_taken(watches, (void *)(intptr_t)THRUM_MS(3));
	take();
	fs[2] = thrum_spawn_drop(sets, NULL, dropped_setter);
	if (!fs[2])
		dropped_setter(NULL);
	err = stop_all(fs, 3, THRUM_MS(60));
	EXPECT(taken() == 0);
	thrum_watch_release(watch);
	return err;
}

static intptr_t main_task(void *arg)
{
	int err = listened();

	(void)arg;
	return first(err, watched());
}

int main(void)
{
	return ledger_run(main_task);
}
