/* SPDX-License-Identifier: MIT */
/*
 * test_queue_asked.c - what makes, tries, gives back or only looks at queues, broadcasts and
 * watches does all of its work in a task that was asked to stop, and says nothing of that.
 */
#include "asked.h"
#include "hearing.h"
#include "queue_call.h"

/* ---- Queues ---- */

DOES_ITS_WORK(thrum_queue_create)
{
	struct thrum_queue *q;

	ready(t);
	q = thrum_queue_create(THRUM_QUEUE_LIFO, 8, 2, NULL);
	must(q);
	thrum_queue_release(q);
}

static unsigned drops;

static void drop_one(void *item)
{
	must(item);
	drops++;
}

DOES_ITS_WORK(thrum_queue_create_drop)
{
	struct thrum_queue *q;

	ready(t);
	drops = 0;
	q = thrum_queue_create_drop(THRUM_QUEUE_LIFO, 8, 2, NULL, drop_one);
	must(q);
	put(q, 4);
	thrum_queue_release(q);
	is_under(t, drops, 1);
}

DOES_ITS_WORK(thrum_queue_retain)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 2);

	ready(t);
	thrum_queue_retain(q);
	thrum_queue_release(q);
	put(q, 4);
	thrum_queue_release(q);
}

DOES_ITS_WORK(thrum_queue_release)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 2);

	put(q, 4);
	thrum_queue_retain(q);
	ready(t);
	thrum_queue_release(q);
	is_got(q, 4);
	thrum_queue_release(q);
}

DOES_ITS_WORK(thrum_queue_try_put)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_PRIORITY, 2);

	ready(t);
	put(q, 4);
	put(q, 3);
	is_under(t, thrum_queue_try_put(q, &(uint64_t){5}), -EAGAIN);
	is_got(q, 3);
	thrum_queue_release(q);
}

DOES_ITS_WORK(thrum_queue_try_get)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_PRIORITY, 2);

	put(q, 4);
	ready(t);
	is_got(q, 4);
	gives_nothing(q, -EAGAIN);
	thrum_queue_release(q);
}

DOES_ITS_WORK(thrum_queue_task_done)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 2);
	struct queue_call k = queue_call(q, 0);
	struct thrum_future *f;

	put(q, 4);
	f = thrum_spawn(task_join, &k);
	wait_undisturbed(1);
	is_got(q, 4);
	ready(t);
	thrum_queue_task_done(q);
	is_under(t, end_of(f), 0);
	thrum_queue_release(q);
}

DOES_ITS_WORK(thrum_queue_shutdown)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 1);
	struct queue_call k = queue_call(q, 5);
	struct thrum_future *putter, *joiner;

	put(q, 4);
	putter = thrum_spawn(task_put, &k);
	joiner = thrum_spawn(task_join, &k);
	wait_undisturbed(1);
	ready(t);
	thrum_queue_shutdown(q, false);
	is_under(t, end_of(putter), -EPIPE);
	is_under(t, thrum_queue_count(q), 1);
	thrum_queue_shutdown(q, true);
	is_under(t, end_of(joiner), 0);
	gives_nothing(q, -EPIPE);
	thrum_queue_release(q);
}

ANSWER(queues, thrum_queue_count)
{
	struct thrum_queue *q = queue_new(THRUM_QUEUE_FIFO, 2);

	put(q, 4);
	ready(t);
	is_under(t, thrum_queue_count(q), 1);
	thrum_queue_release(q);
}

/* ---- Broadcasts ---- */

DOES_ITS_WORK(thrum_broadcast_create)
{
	struct thrum_broadcast *b;

	ready(t);
	b = thrum_broadcast_create(8, 2);
	must(b);
	thrum_broadcast_release(b);
}

DOES_ITS_WORK(thrum_broadcast_retain)
{
	struct thrum_broadcast *b = words_cast(2);

	ready(t);
	thrum_broadcast_retain(b);
	thrum_broadcast_release(b);
	cast(b, 1);
	thrum_broadcast_release(b);
}

DOES_ITS_WORK(thrum_broadcast_release)
{
	struct thrum_broadcast *b = words_cast(2);
	struct thrum_listener l;

	thrum_broadcast_listen(b, &l);
	ready(t);
	cast(b, 1);
	thrum_broadcast_release(b);
	hears(&l, 1);
	thrum_listener_fini(&l);
}

DOES_ITS_WORK(thrum_broadcast_send)
{
	struct thrum_broadcast *b = words_cast(2);
	struct thrum_future *f;
	struct hearing h;

	hearing_begin(&h, b);
	f = thrum_spawn(task_hears, &h);
	wait_undisturbed(1);
	ready(t);
	cast(b, 1);
	is_under(t, end_of(f), 0);
	is_under(t, h.item, 1);
	thrum_listener_fini(&h.l);
	thrum_broadcast_release(b);
}

DOES_ITS_WORK(thrum_broadcast_close)
{
	struct thrum_broadcast *b = words_cast(2);
	struct thrum_future *f;
	struct hearing h;

	hearing_begin(&h, b);
	f = thrum_spawn(task_hears, &h);
	wait_undisturbed(1);
	ready(t);
	thrum_broadcast_close(b);
	is_under(t, end_of(f), -EPIPE);
	is_under(t, thrum_broadcast_send(b, &h.item), -EPIPE);
	thrum_listener_fini(&h.l);
	thrum_broadcast_release(b);
}

/* All that begins, is taken and ends at a listener. */
static void listen_and_try(struct trial *t)
{
	struct thrum_broadcast *b = words_cast(2);
	struct thrum_listener l;

	ready(t);
	thrum_broadcast_listen(b, &l);
	hears_no_item(&l, -EAGAIN);
	for (uint64_t i = 1; i < 4; i++)
		cast(b, i);
	hears_no_item(&l, -EOVERFLOW);
	is_under(t, thrum_listener_missed(&l), 1);
	hears(&l, 2);
	thrum_listener_fini(&l);
	thrum_broadcast_release(b);
}

DOES_ITS_WORK(thrum_broadcast_listen)
{
	listen_and_try(t);
}

DOES_ITS_WORK(thrum_listener_fini)
{
	listen_and_try(t);
}

DOES_ITS_WORK(thrum_listener_try_recv)
{
	listen_and_try(t);
}

ANSWER(listeners, thrum_listener_missed)
{
	listen_and_try(t);
}

/* ---- Watches ---- */

static struct thrum_watch *watch_new(void)
{
	struct thrum_watch *w = thrum_watch_create(sizeof(uint64_t), &(uint64_t){7});

	must(w);
	return w;
}

static intptr_t task_watches(void *watch)
{
	uint64_t version = 1, value = 0;
	int err = thrum_watch_next(watch, &version, &value);

	return err ? err : (intptr_t)(100 * version + value);
}

static void shows(struct trial *t, struct thrum_watch *w, uint64_t version, uint64_t value)
{
	uint64_t got = 0;

	is_under(t, thrum_watch_get(w, &got), version);
	is_under(t, got, value);
}

DOES_ITS_WORK(thrum_watch_create)
{
	struct thrum_watch *w;

	ready(t);
	w = watch_new();
	shows(t, w, 1, 7);
	thrum_watch_release(w);
}

DOES_ITS_WORK(thrum_watch_retain)
{
	struct thrum_watch *w = watch_new();

	ready(t);
	thrum_watch_retain(w);
	thrum_watch_release(w);
	shows(t, w, 1, 7);
	thrum_watch_release(w);
}

DOES_ITS_WORK(thrum_watch_release)
{
	struct thrum_watch *w = watch_new();

	thrum_watch_retain(w);
	ready(t);
	thrum_watch_release(w);
	shows(t, w, 1, 7);
	thrum_watch_release(w);
}

static void set_and_close(struct trial *t)
{
	struct thrum_watch *w = watch_new();
	struct thrum_future *f = thrum_spawn(task_watches, w);

	wait_undisturbed(1);
	ready(t);
	is_under(t, thrum_watch_set(w, &(uint64_t){8}), 0);
	is_under(t, end_of(f), 208);
	thrum_watch_close(w);
	is_under(t, thrum_watch_set(w, &(uint64_t){9}), -EPIPE);
	shows(t, w, 2, 8);
	thrum_watch_release(w);
}

DOES_ITS_WORK(thrum_watch_set)
{
	set_and_close(t);
}

DOES_ITS_WORK(thrum_watch_close)
{
	struct thrum_watch *w = watch_new();
	struct thrum_future *f = thrum_spawn(task_watches, w);

	wait_undisturbed(1);
	ready(t);
	thrum_watch_close(w);
	is_under(t, end_of(f), -EPIPE);
	shows(t, w, 1, 7);
	thrum_watch_release(w);
}

ANSWER(watches, thrum_watch_get)
{
	set_and_close(t);
}

int main(void)
{
	const TTest *const tests[] = {
	    thrum_queue_create_does_its_work,
	    thrum_queue_create_drop_does_its_work,
	    thrum_queue_retain_does_its_work,
	    thrum_queue_release_does_its_work,
	    thrum_queue_try_put_does_its_work,
	    thrum_queue_try_get_does_its_work,
	    thrum_queue_task_done_does_its_work,
	    thrum_queue_shutdown_does_its_work,
	    queues_answer,
	    thrum_broadcast_create_does_its_work,
	    thrum_broadcast_retain_does_its_work,
	    thrum_broadcast_release_does_its_work,
	    thrum_broadcast_send_does_its_work,
	    thrum_broadcast_close_does_its_work,
	    thrum_broadcast_listen_does_its_work,
	    thrum_listener_fini_does_its_work,
	    thrum_listener_try_recv_does_its_work,
	    listeners_answer,
	    thrum_watch_create_does_its_work,
	    thrum_watch_retain_does_its_work,
	    thrum_watch_release_does_its_work,
	    thrum_watch_set_does_its_work,
	    thrum_watch_close_does_its_work,
	    watches_answer,
	};

	return RUN_TESTS("queue_asked", tests);
}
