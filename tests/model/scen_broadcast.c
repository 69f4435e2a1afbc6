/* SPDX-License-Identifier: MIT */
/*
 * scen_broadcast.c - sync/broadcast.c: each listener gets what was sent since it came, in order and
 * with what was done before, or is told what it has missed; then that it was closed.  Whoever has
 * done its part gives its reference back, the last one with the broadcast.
 */
#include "sync_world.h"

#include "core/waitqueue.h"

#include <errno.h>
#include <thrum/broadcast.h>
#include <thrum/time.h>

enum { ITEMS = 2, LISTENERS = 2 };

static struct thrum_broadcast *b;
static struct thrum_listener listeners[LISTENERS];
static int made[ITEMS + 1]; /* before it is sent */
static unsigned sent;
static intptr_t last[LISTENERS]; /* that each had */
static unsigned had[LISTENERS], missed[LISTENERS], cut;

/* Of the threads the first @n listen; the others have a reference each. */
static void start(unsigned threads, unsigned n, size_t capacity)
{
	world_start(threads, 4);
	b = thrum_broadcast_create(sizeof(intptr_t), capacity);
	model_assert(b);
	for (unsigned i = n + 1; i < threads; i++)
		thrum_broadcast_retain(b);
	for (unsigned i = 0; i < LISTENERS; i++) {
		if (i < n)
			thrum_broadcast_listen(b, &listeners[i]);
		last[i] = 0;
		had[i] = missed[i] = 0;
	}
	for (unsigned i = 0; i <= ITEMS; i++)
		plain_write(&made[i], 0);
	sent = cut = 0;
	model_name(b, "broadcast");
}

static void check_memory(void)
{
	world_check();
	world_check_memory();
}

static void check_one(void)
{
	check_memory();
	model_assert(had[0] + missed[0] == sent);
}

static void check_two(void)
{
	check_one();
	model_assert(had[1] + missed[1] == sent);
}

/* ---- Sides ---- */

static void send(intptr_t item)
{
	int err;

	plain_write(&made[item], 1);
	err = thrum_broadcast_send(b, &item);
	model_assert(!err || err == -EPIPE);
	sent += !err;
}

static void sends_1(void)
{
	send(1);
	thrum_broadcast_release(b);
}

static void closes(void)
{
	thrum_broadcast_close(b);
	thrum_broadcast_release(b);
}

static void sends_1_and_closes(void)
{
	send(1);
	closes();
}

static void sends_two_and_closes(void)
{
	send(1);
	send(2);
	closes();
}

static void note_had(int i, intptr_t item)
{
	model_assert(item > last[i] && item <= ITEMS && plain_read(&made[item]) == 1);
	last[i] = item;
	had[i]++;
}

static intptr_t recv(intptr_t deadline_ns)
{
	int i = model_thread();
	intptr_t item = 0;
	int err = thrum_listener_recv_until(&listeners[i], &item, deadline_ns);

	model_assert(!err == !!item);
	if (!err)
		note_had(i, item);
	return err;
}

/* Until it is closed, or cut short: -EPIPE, or why. */
static intptr_t listen_by(int64_t deadline_ns)
{
	intptr_t err;

	do
		err = in_frame(recv, deadline_ns);
	while (!err || err == -EOVERFLOW);
	return err;
}

static void stops_listening(void)
{
	struct thrum_listener *l = &listeners[model_thread()];

	missed[model_thread()] = (unsigned)thrum_listener_missed(l);
	thrum_listener_fini(l);
}

static void listens(void)
{
	model_assert(listen_by(THRUM_FOREVER) == -EPIPE);
	stops_listening();
}

/* The next one is as if it had not been cut short. */
static void listens_in_time(void)
{
	intptr_t err = listen_by(1);

	model_assert(err == -EPIPE || err == -ETIMEDOUT);
	model_assert(err == -EPIPE || listen_by(THRUM_FOREVER) == -EPIPE);
	stops_listening();
}

/* ---- Close beside those that wait for the next ---- */

static void start_one(void)
{
	start(3, 1, 2);
}

static void start_two(void)
{
	start(3, 2, 2);
	thrum__at_a_time = 1;
}

static void start_two_outside(void)
{
	start_two();
	world_put_outside(0);
}

SCENARIO(broadcast_close, .setup = start_one, .thread = {listens, sends_1, closes},
	 .check = check_one, .bound = 1, .full_bound = 2, .stale = 1, .min_executions = 1000,
	 .covers = "T1 T2 T4 T5");
SCENARIO(broadcast_two, .setup = start_two, .thread = {listens, listens, sends_1_and_closes},
	 .check = check_two, .bound = 1, .stale = 1, .min_executions = 1000,
	 .covers = "T1 T2 T4 T5");
SCENARIO(broadcast_two_cut, .setup = start_two_outside,
	 .thread = {listens_in_time, listens, closes}, .check = check_two, .bound = 1, .stale = 1,
	 .min_executions = 1000, .covers = "T2 T5 T6");

/* ---- A cancel takes nothing along ---- */

static intptr_t recv_one(intptr_t unused)
{
	(void)unused;
	return recv(THRUM_FOREVER);
}

static void receives_unless_cancelled(void)
{
	intptr_t err = in_frame(recv_one, 0);

	model_assert(!err || err == -ECANCELED);
	cut += err != 0;
}

/* Nothing but the send lets it go on. */
static void receives_one(void)
{
	model_assert(in_frame(recv_one, 0) == 0);
	stops_listening();
}

static void start_pair(void)
{
	start(2, 1, 2);
}

SCENARIO(broadcast_send, .setup = start_pair, .thread = {receives_one, sends_1}, .check = check_one,
	 .min_executions = 20, .covers = "T1 T4 T5");

static void cancels_0(void)
{
	cancel(0);
	thrum_broadcast_release(b);
}

static void check_left(void)
{
	intptr_t item = 0;

	model_assert(thrum_listener_try_recv(&listeners[0], &item) == (cut ? 0 : -EAGAIN));
	model_assert(item == cut);
	thrum_listener_fini(&listeners[0]);
	check_memory();
}

SCENARIO(broadcast_cancelled, .setup = start_one,
	 .thread = {receives_unless_cancelled, sends_1, cancels_0}, .check = check_left, .bound = 2,
	 .stale = 1, .min_executions = 1000, .covers = "T1 T4 T5 T6");

/* ---- One that is too slow, and one that comes late ---- */

static void start_small(void)
{
	start(2, 1, 1);
}

static void check_missed(void)
{
	check_one();
	model_assert(sent == 2 && last[0] == 2);
}

SCENARIO(broadcast_missed, .setup = start_small, .thread = {listens, sends_two_and_closes},
	 .check = check_missed, .stale = 1, .min_executions = 100, .covers = "T1 T2 T4 T5");

static void start_late(void)
{
	start(2, 0, 2);
}

static void comes_and_listens(void)
{
	thrum_broadcast_listen(b, &listeners[0]);
	thrum_broadcast_release(b);
	listens();
}

/* What came after the first that it had, it had. */
static void check_late(void)
{
	check_memory();
	model_assert(sent == 2 && !missed[0] && (had[0] == 0 || last[0] == 2));
}

SCENARIO(broadcast_listen, .setup = start_late, .thread = {comes_and_listens, sends_two_and_closes},
	 .check = check_late, .stale = 1, .min_executions = 100, .covers = "T1 T2 T3 T4 T5");
