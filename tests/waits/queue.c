/* SPDX-License-Identifier: MIT */
/*
 * queue.c - waits at queues: to put, to get, to join.
 *
 * Whatever is cut short: each item that was put is got once, in the queue's order, or is still
 * there; one whose put failed is still its maker's; a join ends when all have been dealt with and
 * not before.
 */
#include "ledger.h"

#include <limits.h>

#include <thrum/queue.h>

#define FAR THRUM_SEC(1000)
#define ITEMS 8 /* of one who puts */
#define CAPACITY 3

static struct thrum_queue *queue;
static struct atomic32 put, got, dealt_with;

/* Without much patience at times. */
static intptr_t puts_some(void *from)
{
	int item = (int)(intptr_t)from, err = 0;
	bool late = false;

	for (int i = 0; i < ITEMS && (!err || late); i++, item++) {
		take();
		if (i % 3 == 0)
			err = thrum_queue_put(queue, &item);
		else
			err = thrum_queue_put_until(
			    queue, &item, thrum_now() + (i % 3 == 1 ? FAR : THRUM_US(500)));
		EXPECT(!err || was_cut(err) || err == -EPIPE);
		late = err == -ETIMEDOUT && i % 3 == 2;
		if (err)
			give();
		else
			fetch_add_relaxed(&put, 1);
	}
	say("put", err);
	give();
	return was_cut(err) && !late ? err : 0;
}

static int deal_with(int item)
{
	int err = thrum_sleep(THRUM_MS(1));

	EXPECT(item % 100 < ITEMS);
	fetch_add_relaxed(&dealt_with, 1);
	give();
	thrum_queue_task_done(queue);
	return err;
}

static intptr_t gets_some(void *unused)
{
	int err = 0, item = 0;
	bool late = false;

	(void)unused;
	for (int i = 0; !err || late; i++) {
		if (i % 3 == 0)
			err = thrum_queue_get(queue, &item);
		else
			err = thrum_queue_get_until(
			    queue, &item, thrum_now() + (i % 3 == 1 ? FAR : THRUM_US(500)));
		EXPECT(!err || was_cut(err) || err == -EPIPE);
		late = err == -ETIMEDOUT && i % 3 == 2;
		if (err)
			continue;
		fetch_add_relaxed(&got, 1);
		err = deal_with(item);
	}
	say("got", err);
	give();
	return err == -EPIPE ? 0 : err;
}

static int joined(int err)
{
	EXPECT(!err || was_cut(err));
	EXPECT(err || load_relaxed(&put) == load_relaxed(&dealt_with));
	say("joined", err);
	give();
	return err;
}

static intptr_t joins(void *unused)
{
	(void)unused;
	return joined(thrum_queue_join(queue));
}

static intptr_t joins_in_time(void *ns)
{
	int err = joined(thrum_queue_join_until(queue, thrum_now() + (intptr_t)ns));

	return err == -ETIMEDOUT && (intptr_t)ns < FAR ? 0 : err;
}

/* As those who get would have, but nobody is told. */
static void deal_with_the_rest(bool newest_first)
{
	int item = 0, last = newest_first ? INT_MAX : -1;

	for (; thrum_queue_try_get(queue, &item) == 0; last = item) {
		EXPECT(newest_first ? item < last : item > last);
		fetch_add_relaxed(&dealt_with, 1);
		give();
		thrum_queue_task_done(queue);
	}
}

static int compare(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* The joins begin when something has been put; the last one has all the patience. */
static int work(void)
{
	struct thrum_future *fs[7] = {NULL};
	int err, more;

	store_relaxed(&put, 0);
	store_relaxed(&dealt_with, 0);
	queue = thrum_queue_create(THRUM_QUEUE_PRIORITY, sizeof(int), CAPACITY, compare);
	EXPECT(queue);
	fs[0] = spawn_taken(puts_some, (void *)100);
	fs[1] = spawn_taken(puts_some, (void *)200);
	err = thrum_sleep(THRUM_US(200));
	fs[2] = spawn_taken(gets_some, NULL);
	fs[3] = spawn_taken(gets_some, NULL);
	fs[4] = spawn_taken(joins, NULL);
	fs[5] = spawn_taken(joins_in_time, (void *)(intptr_t)THRUM_MS(1));
	fs[6] = spawn_taken(joins_in_time, (void *)(intptr_t)FAR);
	err = first(err, thrum_sleep(THRUM_MS(60)));
	thrum_queue_shutdown(queue, false);
	more = stop_all(fs, 2, 0);
	err = first(err, more);
	more = stop_all(&fs[2], 2, THRUM_MS(30));
	err = first(err, more);
	deal_with_the_rest(false);
	more = stop_all(&fs[4], 3, THRUM_MS(1));
	EXPECT(thrum_queue_count(queue) == 0);
	EXPECT(load_relaxed(&put) == load_relaxed(&dealt_with));
	EXPECT(taken() == 0);
	thrum_queue_release(queue);
	return first(err, more);
}

/* Those who wait to get, and to join, when it is shut down and what is there goes. */
static int shut_down(void)
{
	struct thrum_future *fs[3];
	int err, more, item = 0;

	store_relaxed(&put, 0);
	store_relaxed(&dealt_with, 0);
	queue = thrum_queue_create(THRUM_QUEUE_FIFO, sizeof(int), CAPACITY, NULL);
	EXPECT(queue && thrum_queue_try_put(queue, &item) == 0);
	fs[0] = spawn_taken(joins, NULL);
	err = thrum_sleep(THRUM_MS(1));
	thrum_queue_shutdown(queue, true);
	fs[1] = spawn_taken(gets_some, NULL);
	fs[2] = spawn_taken(puts_some, NULL);
	more = stop_all(fs, 3, THRUM_MS(1));
	EXPECT(thrum_queue_count(queue) == 0);
	EXPECT(load_relaxed(&put) == 0);
	thrum_queue_release(queue);
	return first(err, more);
}

/* One who puts waits for room; what nobody gets in time is there, the newest on top. */
static int stack(void)
{
	struct thrum_future *fs[3];
	int err, more;

	store_relaxed(&put, 0);
	store_relaxed(&dealt_with, 0);
	queue = thrum_queue_create(THRUM_QUEUE_LIFO, sizeof(int), CAPACITY, NULL);
	EXPECT(queue);
	fs[0] = spawn_taken(puts_some, (void *)300);
	err = thrum_sleep(THRUM_US(200));
	fs[1] = spawn_taken(gets_some, NULL);
	fs[2] = spawn_taken(joins, NULL);
	err = first(err, thrum_sleep(THRUM_MS(3)));
	(void)stop_all(&fs[1], 1, 0); /* which it is cut short by, too */
	thrum_queue_shutdown(queue, false);
	more = stop_all(fs, 1, 0);
	err = first(err, more);
	deal_with_the_rest(true);
	more = stop_all(&fs[2], 1, THRUM_MS(1));
	EXPECT(thrum_queue_count(queue) == 0);
	EXPECT(load_relaxed(&put) == load_relaxed(&dealt_with));
	EXPECT(taken() == 0);
	thrum_queue_release(queue);
	return first(err, more);
}

static intptr_t main_task(void *arg)
{
	int err = work(), more = shut_down();

	(void)arg;
	err = first(err, more);
	return first(err, stack());
}

int main(void)
{
	return ledger_run(main_task);
}
