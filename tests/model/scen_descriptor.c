/* SPDX-License-Identifier: MIT */
/*
 * scen_descriptor.c - the table of descriptors (runtime/poll/descriptor.c).
 *
 * Below it stands a kernel of one number: which file is under it, and the file and the tag that the
 * poller has.  Each call of it is one step, and hands on what was done before earlier ones.
 */
#include "explorer.h"

#include "base/assert.h"
#include "poll/descriptor.h"

#include <errno.h>
#include <stddef.h>

enum { FD = 1, OLD_FILE = 1, NEW_FILE = 2, THREADS = 4 };

static struct thrum__descriptors table;

static struct {
	struct atomic32 lock;
	int file;      /* under FD; 0: none */
	bool ready[3]; /* of each file */
	int watched;   /* the file that the poller has; 0: none */
	uint64_t tag;  /* with this tag */
	bool fails;    /* what is taken out does not go in again at once: no memory */
	bool full;
	unsigned nevents;
	uint64_t events[8];
	struct model_event arrived;
} kernel;

struct waiter {
	struct thrum__waiter waiter;
	struct model_event woken;
};

static struct waiter waiters[THREADS];
static struct thrum__descriptor *known; /* FD's, if setup has looked */
static unsigned inside[THREADS];        /* 1: in a call on FD; plain */
static unsigned closed;
static bool is_dropped; /* a late event had to be */

static void kernel_enter(void)
{
	fetch_add_acq_rel(&kernel.lock, 1);
}

static void kernel_report(void)
{
	if (!kernel.watched || !kernel.ready[kernel.watched])
		return;
	model_assert(kernel.nevents < 8);
	kernel.events[kernel.nevents++] = kernel.tag;
	model_event_set(&kernel.arrived);
}

static int kernel_watch(struct thrum__poller *p, int fd, uint64_t tag)
{
	kernel_enter();
	model_assert(p == table.poller && fd == FD && (uint32_t)tag == FD);
	if (!kernel.file)
		return -EBADF;
	if (kernel.watched == kernel.file)
		return -EEXIST;
	if (kernel.full) {
		kernel.full = false;
		return -ENOMEM;
	}
	kernel.watched = kernel.file;
	kernel.tag = tag;
	kernel_report();
	return 0;
}

static int kernel_unwatch(struct thrum__poller *p, int fd)
{
	kernel_enter();
	model_assert(p == table.poller && fd == FD);
	if (kernel.watched != kernel.file)
		return -ENOENT;
	kernel.watched = 0;
	kernel.full = kernel.fails;
	kernel.fails = false;
	return 0;
}

static int kernel_try(void)
{
	kernel_enter();
	if (!kernel.file)
		return -EBADF;
	return kernel.ready[kernel.file] ? 0 : -EAGAIN;
}

static void kernel_close(void)
{
	kernel_enter();
	kernel.file = 0;
	kernel.watched = 0;
}

static void kernel_open(void)
{
	kernel_enter();
	kernel.file = NEW_FILE;
}

static void kernel_make_ready(int file)
{
	kernel_enter();
	kernel.ready[file] = true;
	if (file == kernel.watched)
		kernel_report();
}

static void setup(void)
{
	static const struct thrum__poller_ops ops = {
	    .watch = kernel_watch,
	    .unwatch = kernel_unwatch,
	};
	static struct thrum__poller poller = {&ops};

	thrum__descriptors_init(&table, &poller);
	store_relaxed(&kernel.lock, 0);
	kernel.file = OLD_FILE;
	kernel.ready[OLD_FILE] = kernel.ready[NEW_FILE] = false;
	kernel.watched = 0;
	kernel.tag = 0;
	kernel.fails = kernel.full = false;
	kernel.nevents = 0;
	model_event_init(&kernel.arrived);
	known = NULL;
	closed = 0;
	is_dropped = false;
	for (unsigned i = 0; i < THREADS; i++)
		plain_write(&inside[i], 0);
	model_name(&kernel.lock, "kernel");
	model_name(&table.chunks[FD], "chunk");
	model_name(&table.watching, "watching");
}

/* FD is known, OLD_FILE was watched. */
static void setup_known(void)
{
	setup();
	model_assert(thrum__descriptor_enter(&table, FD, &known) == 0);
	model_assert(thrum__descriptor_watch(&table, known, FD) == 0);
	thrum__descriptor_leave(known);
	store_relaxed(&known->kind, THRUM__FD_SOCKET);
	model_name(&known->users, "users");
	model_name(&known->watch, "watch");
	model_name(&known->kind, "kind");
	model_name(&known->in.word, "in");
	model_name(&known->in.tick, "in.tick");
	model_name(&known->drained.word, "drained");
	model_name(&known->drained.tick, "drained.tick");
}

static void check(void)
{
	thrum__descriptors_fini(&table);
	model_assert(model_live() == 0);
}

static void waiter_fire(struct thrum__waiter *n)
{
	struct waiter *w = container_of(n, struct waiter, waiter);

	store_release(&n->gone, 1);
	model_event_set(&w->woken);
}

static void wait_edge(struct thrum__edge *e, uint64_t tick)
{
	struct waiter *w = &waiters[model_thread()];

	plain_write(&w->waiter.fire, waiter_fire);
	store_relaxed(&w->waiter.gone, 0);
	model_event_init(&w->woken);
	if (thrum__edge_register(e, &w->waiter, tick))
		model_event_wait(&w->woken);
}

/* A read: 0 or -errno. */
static int read_fd(void)
{
	unsigned *mine = &inside[model_thread()];
	struct thrum__descriptor *d;
	int err = thrum__descriptor_enter(&table, FD, &d);

	if (err)
		return err;
	plain_write(mine, 1);
	for (;;) {
		uint64_t tick = thrum__edge_tick(&d->in);

		err = thrum__descriptor_is_closing(d) ? -EBADF : kernel_try();
		if (err != -EAGAIN)
			break;
		err = thrum__descriptor_watch(&table, d, FD);
		if (err)
			break;
		wait_edge(&d->in, tick);
	}
	plain_write(mine, 0);
	thrum__descriptor_leave(d);
	return err;
}

static int close_fd(void)
{
	struct thrum__descriptor *d;
	int err = thrum__descriptor_close_begin(&table, FD, &d);

	if (err)
		return err;
	for (;;) {
		uint64_t tick = thrum__edge_tick(&d->drained);

		if (thrum__descriptor_is_drained(d))
			break;
		wait_edge(&d->drained, tick);
	}
	for (unsigned i = 0; i < THREADS; i++)
		model_assert(!plain_read(&inside[i]));
	thrum__descriptor_close_finish(d);
	kernel_close();
	thrum__descriptor_close_end(d);
	closed++;
	return 0;
}

static void reader(void)
{
	model_assert(read_fd() == 0);
}

/* Dispatches what comes, for ever. */
static void dispatcher(void)
{
	for (;;) {
		struct thrum__poll_event e = {.ready = THRUM__READY_IN};

		model_event_wait(&kernel.arrived);
		for (;;) {
			kernel_enter();
			if (!kernel.nevents)
				break;
			e.tag = kernel.events[--kernel.nevents];
			thrum__descriptors_dispatch(&table, &e, 1);
		}
	}
}

static void old_gets_ready(void)
{
	kernel_make_ready(OLD_FILE);
}

/* T8: nobody sleeps through an event, whenever it comes; and it is looked for. */
static void check_watching(void)
{
	model_assert(load_relaxed(&table.watching) == (kernel.tag != 0));
	check();
}
SCENARIO(descriptor_read, .setup = setup, .thread = {reader, old_gets_ready, dispatcher},
	 .check = check_watching, .stale = 1, .may_sleep = 1u << 2, .covers = "T1 T2 T3 T8");

/* T1: the chunk is made by two, and one of the two stays. */
static void enter_leave(void)
{
	struct thrum__descriptor *d;

	model_assert(thrum__descriptor_enter(&table, FD, &d) == 0);
	thrum__descriptor_leave(d);
}

static void make(void)
{
	thrum__descriptor_made(&table, FD);
}

static void check_chunk(void)
{
	struct thrum__descriptor *d;

	model_assert(model_live() == 1);
	model_assert(thrum__descriptor_close_begin(&table, FD, &d) == 0);
	model_assert(load_relaxed(&d->watch) == 6); /* generation 1, TRUSTED */
	model_assert(thrum__descriptor_is_drained(d));
	check();
}
SCENARIO(descriptor_chunk, .setup = setup, .thread = {enter_leave, make, enter_leave},
	 .check = check_chunk, .stale = 1, .min_executions = 10000, .covers = "T1 T2 T3 T7");

/* Calls beside a close: who is refused and comes again is in the next life. */

static void call_twice(void)
{
	unsigned *mine = &inside[model_thread()];
	struct thrum__descriptor *d;
	bool refused = false;

	for (int i = 0; i < 2; i++) {
		if (thrum__descriptor_enter(&table, FD, &d)) {
			refused = true;
			continue;
		}
		if (refused) {
			model_assert(load_relaxed(&d->kind) == THRUM__FD_UNKNOWN);
			model_assert(load_relaxed(&d->watch) == 4); /* generation 1 */
		} else {
			plain_write(mine, 0);
		}
		thrum__descriptor_leave(d);
	}
}

static void closer(void)
{
	model_assert(close_fd() == 0);
}

/* T2, T3, T4, T5, T6. */
SCENARIO(descriptor_call_close, .setup = setup_known, .thread = {call_twice, closer},
	 .check = check, .covers = "T2 T3 T4 T5 T6");

static void call_once(void)
{
	struct thrum__descriptor *d;

	if (thrum__descriptor_enter(&table, FD, &d))
		return;
	thrum__descriptor_leave(d);
}
SCENARIO(descriptor_calls_close, .setup = setup_known, .thread = {call_twice, call_once, closer},
	 .check = check, .stale = 1, .min_executions = 10000, .covers = "T2 T3 T4 T5 T6");

/* T4: who waits comes back, who comes too late is refused, and who comes between the end of the old
 * life and that of the file hears of it. */
static void reader_ended_by_close(void)
{
	model_assert(read_fd() == -EBADF);
}

static void setup_trusted(void)
{
	setup();
	thrum__descriptor_made(&table, FD);
	model_assert(thrum__descriptor_enter(&table, FD, &known) == 0);
	thrum__descriptor_leave(known);
}
SCENARIO(descriptor_wait_close, .setup = setup_trusted, .thread = {reader_ended_by_close, closer},
	 .check = check, .covers = "T2 T3 T4 T5 T6 T8");

static void leave_known(void)
{
	thrum__descriptor_leave(known);
}

static void setup_inside(void)
{
	setup_known();
	model_assert(thrum__descriptor_enter(&table, FD, &known) == 0);
}

/* T4: two close, a call is inside: one of them does, or the other closes the next life. */
static void closer_or_late(void)
{
	int err = close_fd();

	model_assert(err == 0 || err == -EBADF);
}

static void check_closed(void)
{
	model_assert(closed >= 1);
	model_assert(load_relaxed(&known->watch) == closed * 4);
	model_assert(load_relaxed(&known->users) == 0);
	check();
}
SCENARIO(descriptor_two_closers, .setup = setup_inside,
	 .thread = {closer_or_late, closer_or_late, leave_known}, .check = check_closed, .stale = 1,
	 .min_executions = 10000, .covers = "T3 T4 T5 T6");

/* The number's next life, made by the library: closed and opened again. */

static void read_new(void)
{
	kernel_open();
	thrum__descriptor_made(&table, FD);
	model_assert(read_fd() == 0);
}

static void close_then_read_new(void)
{
	closer();
	read_new();
}

static void new_gets_ready(void)
{
	kernel_make_ready(NEW_FILE);
}

/* An event of the old life has been taken from the kernel and is dispatched late.  Who has the new
 * life is not told; but for that the look and the raise are two steps. */
static void dispatch_old_then_new(void)
{
	struct thrum__poll_event e = {.tag = FD, .ready = THRUM__READY_OUT};
	bool is_old = load_relaxed(&known->watch) != 1; /* WATCHED, generation 0 */

	thrum__descriptors_dispatch(&table, &e, 1);
	is_dropped |= is_old;
	dispatcher();
}

/* Closing raises it twice; the late event once more, or not. */
static void check_dropped(void)
{
	uint64_t raised = thrum__edge_tick(&known->out);

	model_assert(raised == 2 || (raised == 3 && !is_dropped));
	check();
}

/* T6, T7, T8: the late event, the next life's wait, its event. */
SCENARIO(descriptor_late_event, .setup = setup_known,
	 .thread = {close_then_read_new, dispatch_old_then_new, new_gets_ready},
	 .check = check_dropped, .stale = 1, .may_sleep = 1u << 1, .min_executions = 10000,
	 .covers = "T4 T5 T6 T7 T8");

/* T7 beside T8: a call of the old life is slow to tell the poller, after the number has changed
 * hands behind the library's back; it must not spoil the new watch.  Its own life has been watched
 * before, or not. */
static void setup_slow(void)
{
	setup_known();
	kernel.watched = 0;
	model_assert(thrum__descriptor_enter(&table, FD, &known) == 0);
}

static void setup_slow_first(void)
{
	setup_slow();
	store_relaxed(&known->watch, 0);
}

static void watch_slowly(void)
{
	int err = thrum__descriptor_watch(&table, known, FD);

	model_assert(err == 0 || err == -EBADF || err == -ENOMEM);
	thrum__descriptor_leave(known);
}

static void reopen_and_read(void)
{
	kernel_close();
	read_new();
}

static void ready_then_dispatch(void)
{
	kernel_make_ready(NEW_FILE);
	dispatcher();
}
SCENARIO(descriptor_slow_watch, .setup = setup_slow,
	 .thread = {watch_slowly, reopen_and_read, ready_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T7 T8");
SCENARIO(descriptor_slow_first_watch, .setup = setup_slow_first,
	 .thread = {watch_slowly, reopen_and_read, ready_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T7 T8");

/* T9: and the poller has no memory when it is asked to put in again; who waits hears of it. */
static void setup_slow_and_fails(void)
{
	setup_slow_first();
	kernel.fails = true;
}

static void reopen_and_try(void)
{
	int err;

	kernel_close();
	kernel_open();
	thrum__descriptor_made(&table, FD);
	err = read_fd();
	model_assert(err == 0 || err == -ENOMEM);
}
SCENARIO(descriptor_watch_fails, .setup = setup_slow_and_fails,
	 .thread = {watch_slowly, reopen_and_try, ready_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T7 T8 T9");

/* T8 by two, of one life. */
static void ready_old_then_dispatch(void)
{
	kernel_make_ready(OLD_FILE);
	dispatcher();
}
static void watcher(void)
{
	struct thrum__descriptor *d;

	model_assert(thrum__descriptor_enter(&table, FD, &d) == 0);
	model_assert(thrum__descriptor_watch(&table, d, FD) == 0);
	thrum__descriptor_leave(d);
}
SCENARIO(descriptor_two_watch, .setup = setup_trusted,
	 .thread = {reader, watcher, ready_old_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T2 T3 T8");

static void distruster(void)
{
	thrum__descriptors_distrust(&table);
}

/* T10: beside a wait that relied on the watch. */
SCENARIO(descriptor_distrust, .setup = setup_trusted,
	 .thread = {reader, distruster, ready_old_then_dispatch}, .check = check, .stale = 1,
	 .may_sleep = 1u << 2, .min_executions = 10000, .covers = "T2 T3 T8 T10");

static void distrust_reopen_and_read(void)
{
	struct thrum__descriptor *d;

	model_assert(thrum__descriptor_enter(&table, FD, &d) == 0);
	model_assert(thrum__descriptor_watch(&table, d, FD) == 0);
	thrum__descriptor_leave(d);
	distruster();
	kernel_close();
	kernel_open();
	reader();
}

/* T10: what was closed by others is watched anew under its old number. */
SCENARIO(descriptor_distrust_reuse, .setup = setup_trusted,
	 .thread = {distrust_reopen_and_read, ready_then_dispatch}, .check = check,
	 .may_sleep = 1u << 1, .covers = "T8 T10");
