/* SPDX-License-Identifier: MIT */
/* test_history_news.c - histories of broadcasts and watches, beside their serial model. */
#include "linear_news.h"
#include "rounds.h"

#include <thrum/broadcast.h>

_Static_assert(PARTIES <= LISTENERS, "each listens");

#define UNTOUCHED (-7)

static struct news_model *model_of(struct round *r)
{
	return (struct news_model *)r->history.first;
}

/* ---- Broadcasts ---- */

static struct thrum_broadcast *news;
static struct thrum_listener listeners[PARTIES];

static void make_broadcast(struct round *r)
{
	unsigned capacity = 1 + draw(&r->random, KEPT);

	news = thrum_broadcast_create(sizeof(int), capacity);
	must(news);
	model_of(r)->capacity = (uint8_t)capacity;
	for (unsigned i = 0; i < r->all; i++)
		thrum_broadcast_listen(news, &listeners[i]);
}

static void unmake_broadcast(struct round *r)
{
	for (unsigned i = 0; i < r->all; i++)
		thrum_listener_fini(&listeners[i]);
	thrum_broadcast_release(news);
}

static void hear(struct party *p)
{
	bool tries = chance(p, 4);
	struct operation *o = begin(p, tries ? NEWS_TRY : NEWS_RECV);
	struct thrum_listener *l = &listeners[p->index];
	int item = UNTOUCHED;
	struct limit limit;

	limit_begin(p, &limit);
	if (tries)
		end(p, o, thrum_listener_try_recv(l, &item));
	else if (limit.until_ns == THRUM_FOREVER)
		end(p, o, thrum_listener_recv(l, &item));
	else
		end(p, o, thrum_listener_recv_until(l, &item, limit.until_ns));
	limit_end(p, &limit, o->result);
	must((o->result == 0) == (item != UNTOUCHED));
	o->arg = o->result == 0 ? item : 0;
}

static void tell(struct party *p)
{
	struct operation *o = begin(p, NEWS_SEND);

	o->arg = new_item(p);
	end(p, o, thrum_broadcast_send(news, &o->arg));
}

static void close_or_begin_again(struct party *p)
{
	static const unsigned whats[] = {NEWS_CLOSE, NEWS_LISTEN, NEWS_MISSED, NEWS_MISSED};
	unsigned what = whats[draw(&p->random, 4)];
	struct thrum_listener *l = &listeners[p->index];
	struct operation *o = begin(p, what);
	int result = 0;

	if (what == NEWS_CLOSE) {
		thrum_broadcast_close(news);
	} else if (what == NEWS_LISTEN) {
		thrum_listener_fini(l);
		thrum_broadcast_listen(news, l);
	} else {
		result = (int)thrum_listener_missed(l);
	}
	end(p, o, result);
}

static void call_broadcast(struct party *p)
{
	unsigned what = draw(&p->random, 9);

	if (what == 0)
		close_or_begin_again(p);
	else if (what < 4)
		tell(p);
	else
		hear(p);
}

START_TEST(broadcasts_are_linear)
{
	static const struct subject s = {
	    .name = "broadcast",
	    .model = &news_linear,
	    .cost = 1,
	    .make = make_broadcast,
	    .call = call_broadcast,
	    .unmake = unmake_broadcast,
	};

	play(&s, 1200);
}
END_TEST

/* ---- Watches ---- */

static struct thrum_watch *watch;
static uint64_t versions[PARTIES]; /* that each saw last */

static void make_watch(struct round *r)
{
	int first = 255;

	watch = thrum_watch_create(sizeof(first), &first);
	must(watch);
	model_of(r)->sent = 1;
	model_of(r)->items[0] = (uint8_t)first;
	for (unsigned i = 0; i < r->all; i++)
		versions[i] = draw(&r->random, 2);
}

static void unmake_watch(struct round *r)
{
	(void)r;
	thrum_watch_release(watch);
}

static void watch_next_one(struct party *p)
{
	struct operation *o = begin(p, WATCH_NEXT);
	uint64_t *version = &versions[p->index], before = *version;
	int value = UNTOUCHED;
	struct limit l;

	o->branches = 1;
	o->branch[0].on = (uint8_t)before;
	limit_begin(p, &l);
	if (l.until_ns == THRUM_FOREVER)
		end(p, o, thrum_watch_next(watch, version, &value));
	else
		end(p, o, thrum_watch_next_until(watch, version, &value, l.until_ns));
	limit_end(p, &l, o->result);
	must((o->result == 0) == (value != UNTOUCHED) && (o->result == 0) == (*version != before));
	o->branch[0].item = (uint8_t)*version;
	o->arg = o->result == 0 ? value : 0;
}

static void watch_set_one(struct party *p)
{
	struct operation *o = begin(p, WATCH_SET);

	o->arg = new_item(p);
	end(p, o, thrum_watch_set(watch, &o->arg));
}

static void close_or_get(struct party *p)
{
	bool closes = chance(p, 4);
	struct operation *o = begin(p, closes ? WATCH_CLOSE : WATCH_GET);

	if (closes) {
		thrum_watch_close(watch);
		end(p, o, 0);
	} else {
		end(p, o, (int)thrum_watch_get(watch, &o->arg));
	}
}

static void call_watch(struct party *p)
{
	unsigned what = draw(&p->random, 9);

	if (what < 2)
		close_or_get(p);
	else if (what < 4)
		watch_set_one(p);
	else
		watch_next_one(p);
}

START_TEST(watches_are_linear)
{
	static const struct subject s = {
	    .name = "watch",
	    .model = &news_linear,
	    .cost = 1,
	    .make = make_watch,
	    .call = call_watch,
	    .unmake = unmake_watch,
	};

	play(&s, 1200);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    broadcasts_are_linear,
	    watches_are_linear,
	};

	return RUN_TESTS_FOR("history_news", 60, tests);
}
