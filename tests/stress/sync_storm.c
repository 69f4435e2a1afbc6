/* SPDX-License-Identifier: MIT */
/*
 * sync_storm.c - ten million calls of all that is waited for in a queue, by tasks on two workers
 * and a thread outside, with deadlines and cancels in between.
 *
 * A round has three channels (with a store, without, with rooms that are reserved), a semaphore,
 * and a box: some items under a mutex with two conditions.  Parties send, receive, lock, each many
 * times; the thread does it all.  In between each uses the other things (sync_storm_things.h).
 * They cancel each other; who was cancelled ends early.  Two tasks that are not cancelled take what
 * is there, so that a send without a deadline comes through; when all who send have ended the
 * channels are closed, and who receives without a deadline ends by that.  In half of the rounds
 * those two are cancelled before, some more is sent, and items are left.  At times many wait for
 * one thing (sync_storm_crowd.h).
 *
 * What is conserved, exactly: items sent = received + left, by number and by the sum of what they
 * are; a receiver gets those of one sender in their order; permits; one in the box; and what the
 * other files say.  At the end nothing lives: no task, no block of any pool, no runtime.
 *
 * THRUM_SEED chooses; THRUM_TEST_DIV divides the calls.
 */
#include <pthread.h>
#include <string.h>

#include "sync_storm_crowd.h"
#include "sync_storm_things.h"

#include <thrum/select.h>

/* ---- Those who send ---- */

static void reserve(struct party *p)
{
	struct thrum_chan *c = p->round->chans[RESERVED];
	struct item item = new_item(p);
	int err =
	    chance(p, 4) ? thrum_chan_try_reserve(c) : thrum_chan_reserve_until(c, until(p, true));

	if (told(p, err))
		return;
	if (p->role != OUTSIDER && chance(p, 2))
		(void)!thrum_yield();
	if (chance(p, 4)) {
		thrum_chan_abandon(c);
	} else {
		thrum_chan_commit(c, &item);
		sent(&item);
	}
}

static void send_to_any(struct party *p)
{
	struct item items[CHANS];
	struct thrum_branch branches[CHANS + 1];
	ssize_t won;

	for (unsigned k = 0; k < CHANS; k++) {
		items[k] = new_item(p);
		branches[k] =
		    chance(p, 4) ? thrum_on_none() : thrum_on_send(p->round->chans[k], &items[k]);
	}
	branches[CHANS] = thrum_on_time(until(p, false));
	won = chance(p, 4) ? thrum_try_select(branches, CHANS) : thrum_select(branches, CHANS + 1);
	if (told(p, won) < 0)
		return;
	CHECK(won == CHANS || branches[won].result == 0);
	if (won < CHANS)
		sent(&items[won]);
}

static void send_one(struct party *p)
{
	struct thrum_chan *c = p->round->chans[random_below(&p->random, CHANS)];
	struct item item = new_item(p);
	int err;

	if (chance(p, 4))
		err = thrum_chan_try_send(c, &item);
	else
		err = thrum_chan_send_until(c, &item, until(p, true));
	if (!told(p, err))
		sent(&item);
}

static void send_somehow(struct party *p)
{
	uint64_t way = random_below(&p->random, 4);

	if (way == 0)
		reserve(p);
	else if (way == 1)
		send_to_any(p);
	else
		send_one(p);
}

/* ---- Those who receive ---- */

/* Of what is not @closed; THRUM_FOREVER without a limit.  The winner, or -errno. */
static ssize_t receive_from_any(struct party *p, bool closed[CHANS], int64_t until_ns)
{
	struct thrum_branch branches[CHANS + 1];
	struct item items[CHANS];
	ssize_t won;

	for (unsigned k = 0; k < CHANS; k++)
		branches[k] =
		    closed[k] ? thrum_on_none() : thrum_on_recv(p->round->chans[k], &items[k]);
	branches[CHANS] = until_ns == THRUM_FOREVER ? thrum_on_none() : thrum_on_time(until_ns);
	won = thrum_select(branches, CHANS + 1);
	if (told(p, won) < 0 || won == CHANS)
		return won;
	if (branches[won].result == 0)
		received(p, (unsigned)won, &items[won]);
	else
		closed[won] = told(p, branches[won].result) == -EPIPE;
	return won;
}

static void receive_many(struct party *p, unsigned k)
{
	struct thrum_chan *c = p->round->chans[k];
	struct item items[8];
	ssize_t got;

	if (chance(p, 2))
		got = thrum_chan_try_recv_many(c, items, 8);
	else
		got = thrum_chan_recv_many(c, items, 8, until(p, p->role == RECEIVER));
	told(p, got);
	for (ssize_t i = 0; i < got; i++)
		received(p, k, &items[i]);
}

/* False: it is closed. */
static bool receive(struct party *p)
{
	unsigned k = (unsigned)random_below(&p->random, CHANS);
	bool closed[CHANS] = {false};
	struct item item;
	int err;

	switch (random_below(&p->random, 4)) {
	case 0:
		(void)receive_from_any(p, closed, until(p, p->role == RECEIVER));
		return !closed[STORED] && !closed[BARE] && !closed[RESERVED];
	case 1:
		receive_many(p, k);
		return true;
	case 2:
		err = thrum_chan_try_recv(p->round->chans[k], &item);
		break;
	default:
		err =
		    thrum_chan_recv_until(p->round->chans[k], &item, until(p, p->role == RECEIVER));
	}
	if (!told(p, err))
		received(p, k, &item);
	return err != -EPIPE;
}

/* ---- Those who lock ---- */

static void hold_permits(struct party *p)
{
	struct round *r = p->round;
	unsigned want = 1 + (unsigned)random_below(&p->random, r->permits);
	int err = chance(p, 4) ? thrum_sem_try_wait_many(&r->sem, want)
			       : thrum_sem_wait_many(&r->sem, want, until(p, true));

	if (told(p, err))
		return;
	CHECK(fetch_add_relaxed(&r->held, want) + want <= r->permits);
	if (p->role != OUTSIDER && chance(p, 2))
		(void)!thrum_yield();
	fetch_sub_relaxed(&r->held, want);
	CHECK(thrum_sem_post_many(&r->sem, want) == 0);
}

static void come_in(struct box *b)
{
	CHECK(b->inside++ == 0);
}

static void go_out(struct box *b)
{
	CHECK(--b->inside == 0);
}

static int box_lock(struct party *p)
{
	struct box *b = &p->round->box;
	int err;

	if (chance(p, 8))
		err = thrum_mutex_try_lock(&b->lock);
	else
		err = thrum_mutex_lock_until(&b->lock, until(p, true));
	if (!told(p, err))
		come_in(b);
	return err;
}

static void box_unlock(struct box *b)
{
	go_out(b);
	thrum_mutex_unlock(&b->lock);
}

/* Others are inside meanwhile. */
static int box_wait(struct party *p, struct thrum_cond *c, int64_t until_ns)
{
	struct box *b = &p->round->box;
	int err;

	go_out(b);
	err = thrum_cond_wait_until(c, &b->lock, until_ns);
	come_in(b);
	return told(p, err);
}

static void box_put(struct party *p)
{
	struct box *b = &p->round->box;
	uint64_t id = new_item(p).id;
	int64_t until_ns = until(p, p->role != CLOSER); /* then nobody takes any more */
	int err = box_lock(p);

	if (err)
		return;
	while (b->count == BOX && !err)
		err = box_wait(p, &b->has_room, until_ns);
	if (!err) {
		b->items[b->count++] = id;
		b->put++;
		b->put_sum += id;
		thrum_cond_signal(&b->has_item);
	}
	box_unlock(b);
}

/* False: it is closed and empty, or the wait was cut short. */
static bool box_get(struct party *p, int64_t until_ns)
{
	struct box *b = &p->round->box;
	int err = box_lock(p);
	bool got;

	if (err)
		return err != -ECANCELED;
	while (!b->count && !b->closed && !err)
		err = box_wait(p, &b->has_item, until_ns);
	got = !err && b->count;
	if (got) {
		b->got++;
		b->got_sum += b->items[--b->count];
		thrum_cond_signal(&b->has_room);
	}
	box_unlock(b);
	return got;
}

static void box_close(struct box *b)
{
	CHECK(thrum_mutex_lock(&b->lock) == 0);
	b->closed = true;
	thrum_cond_broadcast(&b->has_item);
	thrum_mutex_unlock(&b->lock);
}

static void lock(struct party *p)
{
	uint64_t way = random_below(&p->random, 4);

	if (way == 0)
		(void)box_get(p, until(p, false));
	else if (way == 1)
		box_put(p);
	else
		hold_permits(p);
}

/* ---- Parties ---- */

static void drain(struct party *p)
{
	bool closed[CHANS] = {false};

	while (!p->is_cancelled && !(closed[STORED] && closed[BARE] && closed[RESERVED]))
		(void)receive_from_any(p, closed, THRUM_FOREVER);
}

/* One call; false: there is nothing more to do. */
static bool act(struct party *p)
{
	if (p->role != DRAINER && p->role != BOX_DRAINER && chance(p, 3)) {
		use_things(p);
		return true;
	}
	switch (p->role) {
	case SENDER:
		send_somehow(p);
		return true;
	case RECEIVER:
		return receive(p);
	case LOCKER:
		lock(p);
		return true;
	case OUTSIDER:
		if (chance(p, 3))
			send_somehow(p);
		else if (chance(p, 2))
			(void)receive(p);
		else
			lock(p);
		return true;
	default:
		return false;
	}
}

/* What is asked of it stays asked, but for what a shield is around. */
static void clean_up(struct party *p)
{
	struct thrum_shield s;

	CHECK(thrum_sem_wait(&p->round->sem) == -ECANCELED);
	thrum_shield_begin(&s, THRUM_FOREVER);
	CHECK(thrum_sem_wait(&p->round->sem) == 0);
	CHECK(thrum_sem_post(&p->round->sem) == 0);
	CHECK(!thrum_shield_end(&s));
}

static void meddle(struct party *p)
{
	struct round *r = p->round;

	if (chance(p, p->role == OUTSIDER ? 32 : 256) && load_acquire(&r->started))
		(void)thrum_cancel(r->tasks[random_below(&p->random, CANCELLED)]);
}

static void play(struct party *p)
{
	struct round *r = p->round;

	for (int i = 0; i < CALLS && !p->is_cancelled && act(p); i++)
		meddle(p);
	if (p->role == DRAINER)
		drain(p);
	while (p->role == BOX_DRAINER && box_get(p, THRUM_FOREVER))
		;
	if (p->is_cancelled)
		clean_up(p);
	if (p->role == SENDER || p->role == LOCKER || p->role == OUTSIDER)
		thrum_wait_group_done(&r->busy);
}

static intptr_t task_plays(void *party)
{
	play(party);
	return 0;
}

static void *thread_plays(void *rounds)
{
	struct round *r;

	while (thrum_chan_recv(rounds, &r) == 0)
		play(&r->parties[THREAD]);
	return NULL;
}

/* ---- Rounds ---- */

static void make_round(struct round *r, uint64_t *random)
{
	static const enum role roles[] = {SENDER, SENDER, SENDER,  RECEIVER,    RECEIVER, RECEIVER,
					  LOCKER, LOCKER, DRAINER, BOX_DRAINER, OUTSIDER, CLOSER};
	static const size_t most[CHANS] = {[STORED] = 8, [RESERVED] = 4};

	memset(r, 0, sizeof(*r));
	for (int k = 0; k < CHANS; k++) {
		size_t capacity = most[k] ? 1 + random_below(random, most[k]) : 0;

		r->chans[k] = thrum_chan_create_drop(sizeof(struct item), capacity, left);
		CHECK(r->chans[k]);
	}
	r->permits = 1 + (unsigned)random_below(random, 4);
	thrum_sem_init(&r->sem, r->permits);
	thrum_mutex_init(&r->box.lock);
	thrum_cond_init(&r->box.has_room);
	thrum_cond_init(&r->box.has_item);
	things_init(&r->things, random);
	for (unsigned i = 0; i < PARTIES; i++) {
		r->parties[i].round = r;
		r->parties[i].role = roles[i];
		r->parties[i].index = i;
		r->parties[i].random = stir(random_below(random, UINT64_MAX));
		if (roles[i] == SENDER || roles[i] == LOCKER || roles[i] == OUTSIDER)
			thrum_wait_group_add(&r->busy, 1);
	}
}

static void end_round(struct round *r, uint64_t *random)
{
	struct box *b = &r->box;

	for (int k = 0; k < CHANS; k++)
		thrum_chan_release(r->chans[k]);
	CHECK(thrum_sem_value(&r->sem) == r->permits && load_relaxed(&r->held) == 0);
	thrum_sem_fini(&r->sem);
	for (unsigned i = 0; i < b->count; i++)
		b->got_sum += b->items[i];
	CHECK(b->put == b->got + b->count && b->put_sum == b->got_sum);
	fetch_add_relaxed(&n.boxed, b->put);
	thrum_mutex_fini(&b->lock);
	thrum_cond_fini(&b->has_room);
	thrum_cond_fini(&b->has_item);
	thrum_wait_group_fini(&r->busy);
	things_end(r, random_below(random, 2));
}

/* All who send have ended. */
static void close_all(struct round *r, bool leaves_some)
{
	struct party *me = &r->parties[MAIN];

	for (int i = CANCELLED; leaves_some && i < TASKS; i++) {
		(void)thrum_cancel(r->tasks[i]);
		CHECK(thrum_await(r->tasks[i]) == 0);
	}
	for (int i = 0; leaves_some && i < CHANS; i++)
		send_to_any(me);
	if (leaves_some)
		box_put(me);
	for (int k = 0; k < CHANS; k++)
		thrum_chan_close(r->chans[k]);
	box_close(&r->box);
}

/* @thread: where the thread outside hears of it. */
static void run_round(struct round *r, struct thrum_chan *thread, uint64_t *random)
{
	make_round(r, random);
	for (int i = 0; i < TASKS; i++)
		CHECK((r->tasks[i] = thrum_spawn(task_plays, &r->parties[i])));
	store_release(&r->started, 1);
	CHECK(thrum_chan_send(thread, &r) == 0);
	CHECK(thrum_wait_group_wait(&r->busy) == 0);
	close_all(r, random_below(random, 2));
	for (int i = 0; i < TASKS; i++)
		CHECK(thrum_await(r->tasks[i]) == 0); /* any may still be cancelled by another */
	for (int i = 0; i < TASKS; i++)
		thrum_release(r->tasks[i]);
	end_round(r, random);
}

static intptr_t all(void *unused)
{
	static struct round round;
	uint64_t random = seed();
	struct thrum_chan *rounds = thrum_chan_create(sizeof(struct round *), 0);
	pthread_t thread;

	(void)unused;
	bell_init();
	CHECK(rounds && pthread_create(&thread, NULL, thread_plays, rounds) == 0);
	while (count(&n.calls) < scaled(10000000)) {
		run_round(&round, rounds, &random);
		if (random_below(&random, 16) == 0)
			run_crowd();
		if (random_below(&random, 16) == 0)
			run_impatient_crowd(&random);
	}
	thrum_chan_close(rounds);
	CHECK(pthread_join(thread, NULL) == 0);
	thrum_chan_release(rounds);
	bell_end();
	return 0;
}

int main(void)
{
	struct thrum_stats stats = run_to_the_end_on(2, all);

	printf(
	    "%lu calls: %lu cancelled, %lu late, %lu found nothing, %lu closed\n"
	    "%lu items = %lu received + %lu left; %lu in boxes\n"
	    "%lu in queues = %lu got + %lu thrown away; %lu writes; %lu news heard, %lu missed;\n"
	    "%lu versions seen; %lu calls once, %lu failed; %lu rings answered\n"
	    "in crowds %lu were let go, %lu gave up\n"
	    "%lu tasks, %lu waits\n",
	    count(&n.calls), count(&n.cancelled), count(&n.late), count(&n.none), count(&n.closed),
	    count(&n.sent), count(&n.received), count(&n.left), count(&n.boxed), count(&n.put),
	    count(&n.got), count(&n.thrown_away), count(&n.writes), count(&n.news),
	    count(&n.missed), count(&n.watched), count(&n.once_done), count(&n.once_failed),
	    count(&n.answered), count(&n.let_go), count(&n.gave_up), stats.spawned,
	    stats.suspensions);
	CHECK(count(&n.calls) >= scaled(10000000));
	CHECK(count(&n.sent) == count(&n.received) + count(&n.left));
	CHECK(count(&n.sent_sum) == count(&n.received_sum) + count(&n.left_sum));
	CHECK(count(&n.put) == count(&n.got) + count(&n.thrown_away));
	CHECK(count(&n.put_sum) == count(&n.got_sum) + count(&n.thrown_away_sum));
	CHECK(count(&n.rung) == count(&n.answered));
	CHECK(count(&n.writes) && count(&n.news) && count(&n.watched) && count(&n.once_done) &&
	      count(&n.once_failed) && count(&n.answered) && count(&n.got));
	CHECK(count(&n.left) && count(&n.cancelled) && count(&n.late) && count(&n.none) &&
	      count(&n.closed));
	CHECK(live_blocks() == 0 && live_runtimes() == 0);
	return 0;
}
