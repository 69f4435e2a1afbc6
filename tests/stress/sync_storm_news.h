/* SPDX-License-Identifier: MIT */
/*
 * sync_storm_news.h - for sync_storm_things.h: a broadcast, a watch, and selects in which a future,
 * a token and a descriptor are as well.
 *
 * What is conserved, exactly: news sent = heard + missed + what is left, for each listener, each
 * maker's in their order; a watch's version is how often it was set; a descriptor's rings are
 * answered.
 */
#ifndef THRUM_STRESS_SYNC_STORM_NEWS_H
#define THRUM_STRESS_SYNC_STORM_NEWS_H

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "sync_storm.h"

#include <thrum/select.h>

/* ---- News ---- */

static inline void listen_or_tell(struct party *p)
{
	struct things *t = &p->round->things;
	struct thrum_listener *l = &t->listeners[p->index];
	struct item item;
	int err;

	if (chance(p, 3)) {
		item = new_item(p);
		CHECK(told(p, thrum_broadcast_send(t->news, &item)) == 0);
		fetch_add_relaxed(&t->news_sent, 1);
		return;
	}
	err = chance(p, 4) ? thrum_listener_try_recv(l, &item)
			   : thrum_listener_recv_until(l, &item, until(p, false));
	if (err == -EOVERFLOW)
		err = thrum_listener_try_recv(l, &item); /* may have missed more by now */
	if (err == -EOVERFLOW || told(p, err))
		return;
	CHECK(item.check == stir(item.id));
	comes_after(p->last_news, &item);
	p->heard++;
}

/* Nobody sends any more. */
static inline void news_end(struct things *t, struct party parties[PARTIES])
{
	thrum_broadcast_close(t->news);
	for (unsigned i = 0; i < PARTIES; i++) {
		struct thrum_listener *l = &t->listeners[i];
		struct item item;
		uint64_t left = 0;
		int err;

		while ((err = thrum_listener_try_recv(l, &item)) != -EPIPE) {
			CHECK(err == 0 || err == -EOVERFLOW);
			left += err == 0;
		}
		CHECK(parties[i].heard + thrum_listener_missed(l) + left == count(&t->news_sent));
		fetch_add_relaxed(&n.news, parties[i].heard);
		fetch_add_relaxed(&n.missed, thrum_listener_missed(l));
		thrum_listener_fini(l);
	}
	thrum_broadcast_release(t->news);
}

static inline void watch_or_set(struct party *p)
{
	struct things *t = &p->round->things;
	uint64_t before = p->seen;
	struct item item;

	if (chance(p, 3)) {
		item = new_item(p);
		CHECK(told(p, thrum_watch_set(t->watch, &item)) == 0);
		fetch_add_relaxed(&t->watch_set, 1);
		return;
	}
	if (chance(p, 4)) {
		p->seen = thrum_watch_get(t->watch, &item);
		CHECK(p->seen >= before);
		told(p, 0);
	} else {
		if (told(p, thrum_watch_next_until(t->watch, &p->seen, &item, until(p, false))))
			return;
		CHECK(p->seen > before);
	}
	CHECK(item.check == stir(item.id));
	fetch_add_relaxed(&n.watched, 1);
}

/* ---- Selects with other branches ---- */

static int bell; /* a counter, for all rounds */

static inline void bell_init(void)
{
	bell = eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
	CHECK(bell >= 0);
}

/* True: one ring was answered; others may be faster. */
static inline bool bell_answer(void)
{
	uint64_t one;
	bool was_there = read(bell, &one, sizeof(one)) == sizeof(one);

	CHECK(was_there || errno == EAGAIN);
	fetch_add_relaxed(&n.answered, was_there);
	return was_there;
}

static inline void bell_end(void)
{
	while (bell_answer())
		;
	CHECK(thrum_close(bell) == 0);
}

/* What others select on comes about, for the rest of the round but for the bell. */
static inline void let_come_about(struct party *p)
{
	struct things *t = &p->round->things;
	uint64_t one = 1;

	if (chance(p, 2)) {
		CHECK(write(bell, &one, sizeof(one)) == sizeof(one));
		fetch_add_relaxed(&n.rung, 1);
	} else if (chance(p, 2)) {
		fetch_add_relaxed(&t->future_set, thrum_future_set(t->future, 0) == 0);
	} else {
		fetch_add_relaxed(&t->token_asked,
				  thrum_token_cancel(t->token, THRUM_SOFT, 0) == 0);
	}
	told(p, 0);
}

static inline void select_among_all(struct party *p)
{
	enum { AN_ITEM, A_FUTURE, A_TOKEN, A_BELL, A_TIME, KINDS };
	struct things *t = &p->round->things;
	struct item item;
	struct thrum_branch b[KINDS] = {
	    [AN_ITEM] = thrum_on_recv(p->round->chans[STORED], &item),
	    [A_FUTURE] = thrum_on_future(t->future),
	    [A_TOKEN] = thrum_on_token(t->token, THRUM_SOFT),
	    [A_BELL] = p->role == OUTSIDER ? thrum_on_none() : thrum_on_fd(bell, POLLIN),
	    [A_TIME] = thrum_on_time(until(p, false)),
	};
	ssize_t won = thrum_select(b, KINDS);

	if (told(p, won) < 0)
		return;
	if (won == AN_ITEM && told(p, b[AN_ITEM].result) == 0)
		received(p, STORED, &item);
	CHECK(won != A_FUTURE || thrum_done(t->future));
	CHECK(won != A_TOKEN || thrum_token_cancelled(t->token));
	CHECK(won != A_BELL || b[A_BELL].result == POLLIN);
	if (won == A_BELL)
		(void)bell_answer();
}

#endif
