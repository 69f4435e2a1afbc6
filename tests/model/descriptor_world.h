/* SPDX-License-Identifier: MIT */
/*
 * descriptor_world.h - what the scenarios of the table of descriptors (runtime/poll/descriptor.c)
 * stand on.
 *
 * Below the table stands a kernel of one number: which file is under it, and the file and the tag
 * that the poller has.  Each call of it is one step, and hands on what was done before earlier
 * ones.
 */
#ifndef TESTS_MODEL_DESCRIPTOR_WORLD_H
#define TESTS_MODEL_DESCRIPTOR_WORLD_H

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
static struct model_event asleep; /* somebody waits at an edge */

static inline void kernel_enter(void)
{
	fetch_add_acq_rel(&kernel.lock, 1);
}

static inline void kernel_report(void)
{
	if (!kernel.watched || !kernel.ready[kernel.watched])
		return;
	model_assert(kernel.nevents < 8);
	kernel.events[kernel.nevents++] = kernel.tag;
	model_event_set(&kernel.arrived);
}

static inline int kernel_watch(struct thrum__poller *p, int fd, uint64_t tag)
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

static inline int kernel_unwatch(struct thrum__poller *p, int fd)
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

static inline int kernel_try(void)
{
	kernel_enter();
	if (!kernel.file)
		return -EBADF;
	return kernel.ready[kernel.file] ? 0 : -EAGAIN;
}

static inline void kernel_close(void)
{
	kernel_enter();
	kernel.file = 0;
	kernel.watched = 0;
}

static inline void kernel_open(void)
{
	kernel_enter();
	kernel.file = NEW_FILE;
}

static inline void kernel_make_ready(int file)
{
	kernel_enter();
	kernel.ready[file] = true;
	if (file == kernel.watched)
		kernel_report();
}

static inline void setup(void)
{
	static const struct thrum__poller_ops ops = {
	    .watch = kernel_watch,
	    .unwatch = kernel_unwatch,
	};
	static struct thrum__poller poller = {&ops};

	thrum__descriptors_init(&table, &poller);
	thrum__descriptors_trust(&table);
	store_relaxed(&kernel.lock, 0);
	kernel.file = OLD_FILE;
	kernel.ready[OLD_FILE] = kernel.ready[NEW_FILE] = false;
	kernel.watched = 0;
	kernel.tag = 0;
	kernel.fails = kernel.full = false;
	model_event_init(&asleep);
	kernel.nevents = 0;
	model_event_init(&kernel.arrived);
	known = NULL;
	closed = 0;
	for (unsigned i = 0; i < THREADS; i++)
		plain_write(&inside[i], 0);
	model_name(&kernel.lock, "kernel");
	model_name(&table.chunks[FD], "chunk");
	model_name(&table.watching, "watching");
	model_name(&table.trusts, "trusts");
	model_name(&table.chunks_end, "chunks_end");
}

/* FD is known, OLD_FILE was watched. */
static inline void setup_known(void)
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

static inline void check(void)
{
	thrum__descriptors_fini(&table);
	model_assert(model_live() == 0);
}

static inline void waiter_fire(struct thrum__waiter *n)
{
	struct waiter *w = container_of(n, struct waiter, waiter);

	store_release(&n->gone, 1);
	model_event_set(&w->woken);
}

static inline void wait_edge(struct thrum__edge *e, uint64_t tick)
{
	struct waiter *w = &waiters[model_thread()];

	plain_write(&w->waiter.fire, waiter_fire);
	store_relaxed(&w->waiter.gone, 0);
	model_event_init(&w->woken);
	if (!thrum__edge_register(e, &w->waiter, tick))
		return;
	model_event_set(&asleep);
	model_event_wait(&w->woken);
}

/* A read: 0 or -errno. */
static inline int read_fd(void)
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

static inline int close_fd(void)
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

static inline void reader(void)
{
	model_assert(read_fd() == 0);
}

/* Dispatches what comes, for ever. */
static inline void dispatcher(void)
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

static inline void closer(void)
{
	model_assert(close_fd() == 0);
}

static inline void setup_trusted(void)
{
	setup();
	thrum__descriptor_made(&table, FD);
	model_assert(thrum__descriptor_enter(&table, FD, &known) == 0);
	thrum__descriptor_leave(known);
}

static inline void read_new(void)
{
	kernel_open();
	thrum__descriptor_made(&table, FD);
	model_assert(read_fd() == 0);
}

static inline void ready_then_dispatch(void)
{
	kernel_make_ready(NEW_FILE);
	dispatcher();
}

static inline void ready_old_then_dispatch(void)
{
	kernel_make_ready(OLD_FILE);
	dispatcher();
}

#endif
