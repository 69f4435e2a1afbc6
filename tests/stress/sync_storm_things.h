/* SPDX-License-Identifier: MIT */
/*
 * sync_storm_things.h - for sync_storm.c: a lock of readers and writers, a queue, onces, and those
 * of sync_storm_news.h: what each uses in between.
 *
 * What is conserved, exactly: one writer or readers, who see whole writes, all of them; items put =
 * got + thrown away, and what a queue's join says of that; one function of a once is called at a
 * time, and has success once.
 */
#ifndef THRUM_STRESS_SYNC_STORM_THINGS_H
#define THRUM_STRESS_SYNC_STORM_THINGS_H

#include "sync_storm_news.h"

#define WRITER 1000u

/* Others may come. */
static inline void linger(struct party *p)
{
	if (p->role != OUTSIDER && chance(p, 2))
		(void)!thrum_yield();
}

/* ---- Readers and writers ---- */

static inline void read_for_a_while(struct party *p)
{
	struct things *t = &p->round->things;

	CHECK(fetch_add_relaxed(&t->inside, 1) < WRITER);
	CHECK(t->first == t->second);
	linger(p);
	CHECK(t->first == t->second);
	fetch_sub_relaxed(&t->inside, 1);
	thrum_rwlock_read_unlock(&t->lock);
}

static inline void write_for_a_while(struct party *p)
{
	struct things *t = &p->round->things;
	bool reads_on = chance(p, 4);

	CHECK(fetch_add_relaxed(&t->inside, WRITER) == 0);
	t->first++;
	linger(p);
	t->second++;
	fetch_add_relaxed(&t->writes, 1);
	fetch_sub_relaxed(&t->inside, WRITER);
	if (reads_on) {
		thrum_rwlock_downgrade(&t->lock);
		read_for_a_while(p);
	} else {
		thrum_rwlock_write_unlock(&t->lock);
	}
}

static inline void read_or_write(struct party *p)
{
	struct thrum_rwlock *l = &p->round->things.lock;
	bool writes = chance(p, 3), tries = chance(p, 4);
	int err;

	if (writes)
		err = tries ? thrum_rwlock_try_write_lock(l)
			    : thrum_rwlock_write_lock_until(l, until(p, true));
	else
		err = tries ? thrum_rwlock_try_read_lock(l)
			    : thrum_rwlock_read_lock_until(l, until(p, true));
	if (told(p, err))
		return;
	if (writes)
		write_for_a_while(p);
	else
		read_for_a_while(p);
}

/* ---- The queue ---- */

static inline int by_id(const void *a, const void *b)
{
	uint64_t x = ((const struct item *)a)->id, y = ((const struct item *)b)->id;

	return x < y ? -1 : x > y;
}

static inline void throw_away(void *item)
{
	count_item(&n.thrown_away, &n.thrown_away_sum, item);
}

static inline void put(struct party *p)
{
	struct thrum_queue *q = p->round->things.queue;
	struct item item = new_item(p);
	int err = chance(p, 4) ? thrum_queue_try_put(q, &item)
			       : thrum_queue_put_until(q, &item, until(p, false));

	if (!told(p, err))
		count_item(&n.put, &n.put_sum, &item);
}

static inline void get(struct party *p)
{
	struct thrum_queue *q = p->round->things.queue;
	struct item item;
	int err = chance(p, 4) ? thrum_queue_try_get(q, &item)
			       : thrum_queue_get_until(q, &item, until(p, false));

	if (told(p, err))
		return;
	count_item(&n.got, &n.got_sum, &item);
	thrum_queue_task_done(q);
}

/* @now: what is left goes. */
static inline void queue_end(struct thrum_queue *q, bool now)
{
	size_t left = thrum_queue_count(q);

	thrum_queue_shutdown(q, now);
	CHECK(thrum_queue_count(q) == (now ? 0 : left));
	CHECK(thrum_queue_join_until(q, 0) == (now || !left ? 0 : -ETIMEDOUT));
	thrum_queue_release(q);
}

/* ---- Once ---- */

struct once_call {
	struct party *p;
	unsigned which;
};

static inline intptr_t fn_once(void *once_call)
{
	const struct once_call *c = once_call;
	struct things *t = &c->p->round->things;
	intptr_t r = chance(c->p, 3) ? (intptr_t)c->p->index + 1 : -EIO;

	CHECK(fetch_add_relaxed(&t->onces[c->which].calling, 1) == 0);
	linger(c->p);
	if (r > 0) {
		CHECK(fetch_add_relaxed(&t->onces[c->which].succeeded, 1) == 0);
		store_relaxed(&t->onces[c->which].value, (uint64_t)r);
	} else {
		fetch_add_relaxed(&n.once_failed, 1);
	}
	fetch_sub_relaxed(&t->onces[c->which].calling, 1);
	return r;
}

static inline void call_once(struct party *p)
{
	struct things *t = &p->round->things;
	struct once_call c = {p, (unsigned)random_below(&p->random, ONCES)};
	intptr_t r = thrum_once(&t->onces[c.which].once, fn_once, &c);

	if (told(p, r == -EIO ? 0 : r) > 0)
		CHECK((uint64_t)r == load_relaxed(&t->onces[c.which].value));
}

/* ---- All of them ---- */

static inline void use_things(struct party *p)
{
	static void (*const uses[])(struct party *) = {
	    read_or_write,
	    read_or_write,
	    read_or_write,
	    read_or_write,
	    read_or_write,
	    put,
	    put,
	    put,
	    get,
	    get,
	    get,
	    listen_or_tell,
	    watch_or_set,
	    call_once,
	    listen_or_tell,
	    watch_or_set,
	    call_once,
	    read_or_write,
	    listen_or_tell,
	    select_among_all,
	};

	if (chance(p, 512))
		let_come_about(p);
	else
		uses[random_below(&p->random, sizeof(uses) / sizeof(uses[0]))](p);
}

static inline void things_init(struct things *t, uint64_t *random)
{
	int order = (int)random_below(random, 3);
	struct item first = {PARTIES, stir(PARTIES)};

	thrum_rwlock_init(&t->lock);
	t->queue =
	    thrum_queue_create_drop(order, sizeof(struct item), 1 + random_below(random, 4),
				    order == THRUM_QUEUE_PRIORITY ? by_id : NULL, throw_away);
	t->news = thrum_broadcast_create(sizeof(struct item), 1 + random_below(random, 8));
	t->watch = thrum_watch_create(sizeof(struct item), &first);
	t->future = thrum_future_create();
	t->token = thrum_token_create(NULL);
	CHECK(t->queue && t->news && t->watch && t->future && t->token);
	for (unsigned i = 0; i < PARTIES; i++)
		thrum_broadcast_listen(t->news, &t->listeners[i]);
}

/* Nobody uses them any more. */
static inline void things_end(struct round *r, bool now)
{
	struct things *t = &r->things;

	CHECK(load_relaxed(&t->inside) == 0 && t->first == t->second);
	CHECK(t->first == count(&t->writes));
	fetch_add_relaxed(&n.writes, t->first);
	thrum_rwlock_fini(&t->lock);
	queue_end(t->queue, now);
	news_end(t, r->parties);
	CHECK(thrum_watch_get(t->watch, NULL) == 1 + count(&t->watch_set));
	thrum_watch_release(t->watch);
	for (unsigned k = 0; k < ONCES; k++) {
		bool done = thrum_once_done(&t->onces[k].once);

		CHECK(load_relaxed(&t->onces[k].succeeded) == done);
		fetch_add_relaxed(&n.once_done, done);
	}
	CHECK(load_relaxed(&t->future_set) == thrum_done(t->future));
	CHECK(load_relaxed(&t->token_asked) == thrum_token_cancelled(t->token));
	(void)thrum_future_set(t->future, 0);
	thrum_release(t->future);
	thrum_token_release(t->token);
}

#endif
