/* SPDX-License-Identifier: MIT */
/*
 * test_chan_turn.c - a task that can have all that it asks for without a wait, at channels, queues,
 * selects, broadcasts and watches, lets others of its worker run all the same.
 */
#include "hearing.h"
#include "queue_call.h"

static struct thrum_chan *c;
static struct thrum_queue *q;
static struct thrum_broadcast *b;
static struct thrum_listener l;
static struct thrum_watch *w;
static uint64_t version, item;

static void send_and_receive(void)
{
	is_int(thrum_chan_send(c, &item), 0);
	is_int(thrum_chan_recv(c, &item), 0);
}

static void receive_many(void)
{
	is_int(try_send(c, 1), 0);
	is_int(thrum_chan_recv_many(c, &item, 1, THRUM_FOREVER), 1);
}

static void reserve(void)
{
	is_int(thrum_chan_reserve(c), 0);
	thrum_chan_abandon(c);
}

static void put_and_get(void)
{
	is_int(thrum_queue_put(q, &item), 0);
	is_int(thrum_queue_get(q, &item), 0);
}

static void select_one(void)
{
	struct thrum_branch one[2] = {thrum_on_recv(c, &item), thrum_on_future(NULL)};

	is_int(thrum_select(one, 2), 1);
}

static void hear(void)
{
	cast(b, 1);
	is_int(thrum_listener_recv(&l, &item), 0);
}

static void watch(void)
{
	version = 0;
	is_int(thrum_watch_next(w, &version, NULL), 0);
}

static void (*const calls[])(void) = {
    send_and_receive, receive_many, reserve, put_and_get, select_one, hear, watch,
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

static struct atomic32 others_ran;

static intptr_t task_runs(void *unused)
{
	(void)unused;
	store_relaxed(&others_ran, 1);
	return 0;
}

/* One after the other: the last one may have left little of its turn. */
static intptr_t call_until_others_run(void *unused)
{
	(void)unused;
	for (size_t i = 0; i < CALLS; i++) {
		struct thrum_future *f;

		store_relaxed(&others_ran, 0);
		f = thrum_spawn(task_runs, NULL);
		must(f);
		for (int k = 0; !load_relaxed(&others_ran); k++) {
			must(k < 100000);
			calls[i]();
		}
		is_int(thrum_join(f), 0);
	}
	return 0;
}

/* On one worker, beside which no spare is started. */
START_TEST(who_need_not_wait_lets_others_run)
{
	struct thrum_config config = config_of(1, THRUM_CLOCK_REAL);

	config.stall_ns = THRUM_FOREVER;
	c = words_new(1);
	q = queue_new(THRUM_QUEUE_FIFO, 1);
	b = words_cast(1);
	must((w = thrum_watch_create(sizeof(item), &item)));
	thrum_broadcast_listen(b, &l);
	is_int(thrum_run_with(&config, call_until_others_run, NULL), 0);
	thrum_listener_fini(&l);
	thrum_watch_release(w);
	thrum_broadcast_release(b);
	thrum_queue_release(q);
	chan_end(c);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    who_need_not_wait_lets_others_run,
	};

	return RUN_TESTS("chan_turn", tests);
}
