/* SPDX-License-Identifier: MIT */
/*
 * serve_registry.c - the connections of a server.
 *
 * A connection is idle (in no task's hands: a task starts when its socket has something to read) or
 * busy (its task runs or waits).  It is spread by its descriptor over shards; a shard's lock covers
 * its two rings, the spare exchanges, and every use of a socket by another than its own task:
 * a connection leaves its ring before its socket is closed, so what is in a ring has an open one.
 *
 *	start -> busy -> rest -> idle -> wake -> busy ... -> drop
 *
 * Idle ones rest all equally long, so their ring is in the order of their deadlines.  One stackless
 * timer for each shard that has idle ones shuts the reading side of those that are past it: their
 * task then starts, and finds the end, or the request that came in the same moment, which it still
 * answers.  With no place left for a connection that waits to be taken, the one that is idle for
 * longest is ended in the same way.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve.h"

#define SWEEP_LEAST_NS THRUM_MS(50) /* between two sweeps of a shard */
#define DESCRIPTORS_KEPT 64         /* for files, and what the process has open besides */
#define ROOM_LOOK_NS THRUM_MS(10)   /* until another idle connection is ended for a new one */

static void ring_init(struct connection *head)
{
	head->next = head->before = head;
}

static void ring_append(struct connection *head, struct connection *c)
{
	c->next = head;
	c->before = head->before;
	head->before->next = c;
	head->before = c;
}

static void ring_remove(struct connection *c)
{
	c->next->before = c->before;
	c->before->next = c->next;
}

static struct shard *shard_of(const struct connection *c)
{
	return &c->server->shards[(unsigned)c->fd % SERVE_SHARDS];
}

void registry_init(struct server *s)
{
	struct rlimit limit;
	rlim_t descriptors = 1024;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
		descriptors = limit.rlim_cur < 1u << 30 ? limit.rlim_cur : 1u << 30;
	/* A busy connection may hold a file as well: an eighth is left for those. */
	s->live_max = (unsigned)(descriptors - descriptors / 8);
	s->live_max = s->live_max > DESCRIPTORS_KEPT ? s->live_max - DESCRIPTORS_KEPT : 1;
	pthread_mutex_init(&s->lock, NULL);
	thrum_event_init(&s->room);
	thrum_event_init(&s->drained);
	for (unsigned i = 0; i < SERVE_SHARDS; i++) {
		struct shard *shard = &s->shards[i];

		pthread_mutex_init(&shard->lock, NULL);
		ring_init(&shard->idle);
		ring_init(&shard->busy);
		shard->server = s;
	}
}

struct exchange *registry_wake(struct connection *c)
{
	struct shard *shard = shard_of(c);
	struct exchange *x;
	bool shut;

	pthread_mutex_lock(&shard->lock);
	ring_remove(c);
	ring_append(&shard->busy, c);
	shut = c->shut;
	x = exchange_take(shard);
	pthread_mutex_unlock(&shard->lock);
	if (!x)
		x = exchange_make();
	if (!x)
		return NULL;
	exchange_begin(x, c, shut);
	return x;
}

/* Leaves the sweep of a runtime that ends undone. */
static void sweep_drop(void *arg)
{
	struct shard *shard = arg;

	pthread_mutex_lock(&shard->lock);
	shard->armed = false;
	pthread_mutex_unlock(&shard->lock);
}

/* An idle one is told to end: its task starts now.  One that cannot be told was reset, and its task
 * starts by itself; should it not, its turn comes again.  The shard's lock is held. */
static void shut_idle(struct shard *shard, struct connection *c)
{
	ring_remove(c);
	c->shut = shutdown(c->fd, SHUT_RD) == 0;
	if (!c->shut)
		c->until_ns = thrum_now() + c->server->options->idle_ns;
	ring_append(c->shut ? &shard->busy : &shard->idle, c);
}

static intptr_t sweep(void *arg);

/* The shard is marked as armed. */
static void arm_sweep(struct shard *shard, int64_t ns)
{
	struct thrum_future *f = thrum_spawn_after_drop(ns, sweep, shard, sweep_drop);

	if (!f)
		sweep_drop(shard);
	thrum_release(f);
}

/* A task: shuts what is idle for too long. */
static intptr_t sweep(void *arg)
{
	struct shard *shard = arg;
	int64_t now_ns = thrum_now(), wait_ns = 0;
	struct connection *c;

	pthread_mutex_lock(&shard->lock);
	while ((c = shard->idle.next) != &shard->idle && c->until_ns <= now_ns)
		shut_idle(shard, c);
	shard->armed = c != &shard->idle;
	if (shard->armed)
		wait_ns = c->until_ns - now_ns;
	pthread_mutex_unlock(&shard->lock);
	if (wait_ns)
		arm_sweep(shard, wait_ns > SWEEP_LEAST_NS ? wait_ns : SWEEP_LEAST_NS);
	return 0;
}

/* One connection less.  Events: who waits for one needs no memory. */
static void count_down(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->live--;
	if (s->live + 1 == s->live_max)
		thrum_event_set(&s->room);
	if (s->live == 0)
		thrum_event_set(&s->drained);
	pthread_mutex_unlock(&s->lock);
}

/* Instead of a task that got no stack, or was cancelled before it began: no place to close a socket
 * in, so it is left to the next task that comes by. */
static void connection_drop(void *arg)
{
	struct connection *c = arg;
	struct server *s = c->server;
	struct shard *shard = shard_of(c);

	pthread_mutex_lock(&shard->lock);
	ring_remove(c);
	pthread_mutex_unlock(&shard->lock);
	shutdown(c->fd, SHUT_RDWR);
	pthread_mutex_lock(&s->lock);
	c->next = s->dead;
	s->dead = c;
	pthread_mutex_unlock(&s->lock);
	count_down(s);
}

static struct connection *take_dead(struct server *s)
{
	struct connection *c;

	pthread_mutex_lock(&s->lock);
	c = s->dead;
	if (c)
		s->dead = c->next;
	pthread_mutex_unlock(&s->lock);
	return c;
}

/* Called from a task. */
static void bury_dead(struct server *s)
{
	struct connection *c;

	while ((c = take_dead(s))) {
		thrum_close(c->fd);
		free(c);
	}
}

void registry_rest(struct connection *c, struct exchange *x)
{
	struct shard *shard = shard_of(c);
	int64_t idle_ns = c->server->options->idle_ns;
	int64_t until_ns = thrum_now() + idle_ns;
	bool stopping, arm = false;
	struct thrum_future *f;

	pthread_mutex_lock(&shard->lock);
	stopping = shard->stopping;
	if (!stopping) {
		x = exchange_give(shard, x);
		c->until_ns = until_ns;
		ring_remove(c);
		ring_append(&shard->idle, c);
		arm = !shard->armed;
		shard->armed = true;
	}
	pthread_mutex_unlock(&shard->lock);
	if (stopping) {
		registry_drop(c, x);
		return;
	}
	exchange_free(x);
	if (arm)
		arm_sweep(shard, idle_ns);
	f = thrum_spawn_when_readable_drop(c->fd, connection_run, c, connection_drop);
	if (!f)
		registry_drop(c, NULL);
	thrum_release(f);
}

int registry_start(struct server *s, int fd)
{
	struct connection *c = calloc(1, sizeof(*c));
	struct thrum_future *f;
	struct shard *shard;

	bury_dead(s);
	if (!c)
		return -ENOMEM;
	c->server = s;
	c->fd = fd;
	shard = shard_of(c);
	pthread_mutex_lock(&s->lock);
	s->live++;
	s->connections++;
	pthread_mutex_unlock(&s->lock);
	pthread_mutex_lock(&shard->lock);
	ring_append(&shard->busy, c);
	pthread_mutex_unlock(&shard->lock);
	f = thrum_spawn_drop(connection_run, c, connection_drop);
	if (!f)
		registry_drop(c, NULL);
	thrum_release(f);
	return 0;
}

void registry_drop(struct connection *c, struct exchange *x)
{
	struct shard *shard = shard_of(c);
	struct server *s = c->server;

	pthread_mutex_lock(&shard->lock);
	ring_remove(c);
	if (x)
		x = exchange_give(shard, x);
	pthread_mutex_unlock(&shard->lock);
	exchange_free(x);
	thrum_close(c->fd);
	free(c);
	bury_dead(s);
	count_down(s);
}

static unsigned count_live(struct server *s)
{
	unsigned live;

	pthread_mutex_lock(&s->lock);
	live = s->live;
	pthread_mutex_unlock(&s->lock);
	return live;
}

bool registry_is_full(struct server *s)
{
	return count_live(s) >= s->live_max;
}

/* Those of a shard rest in the order of their deadlines: the first of one shard is idle longest. */
static void shut_longest_idle(struct server *s)
{
	struct shard *longest = NULL;
	int64_t until_ns = INT64_MAX;
	struct connection *c;

	for (unsigned i = 0; i < SERVE_SHARDS; i++) {
		struct shard *shard = &s->shards[i];

		pthread_mutex_lock(&shard->lock);
		c = shard->idle.next;
		if (c != &shard->idle && c->until_ns < until_ns) {
			until_ns = c->until_ns;
			longest = shard;
		}
		pthread_mutex_unlock(&shard->lock);
	}
	if (!longest)
		return;
	pthread_mutex_lock(&longest->lock);
	c = longest->idle.next;
	if (c != &longest->idle)
		shut_idle(longest, c);
	pthread_mutex_unlock(&longest->lock);
}

int registry_make_room(struct server *s)
{
	int error;

	thrum_event_clear(&s->room);
	if (!registry_is_full(s))
		return 0;
	shut_longest_idle(s);
	/* All may be busy now, or that one may be: it may have been asked something just then. */
	error = thrum_event_wait_until(&s->room, thrum_now() + ROOM_LOOK_NS);
	return error == -ETIMEDOUT ? 0 : error;
}

int registry_wait_drained(struct server *s, int64_t ns)
{
	int64_t until_ns = thrum_now() + ns;
	int error = 0;

	thrum_event_clear(&s->drained);
	while (!error && count_live(s)) {
		error = thrum_event_wait_until(&s->drained, until_ns);
		if (error == -ENOMEM)
			error = thrum_now() < until_ns ? server_back_off() : -ETIMEDOUT;
	}
	bury_dead(s);
	return error;
}

void registry_stop(struct server *s)
{
	for (unsigned i = 0; i < SERVE_SHARDS; i++) {
		struct shard *shard = &s->shards[i];
		struct connection *c;

		pthread_mutex_lock(&shard->lock);
		shard->stopping = true;
		for (c = shard->idle.next; c != &shard->idle; c = c->next) {
			c->shut = true;
			shutdown(c->fd, SHUT_RD);
		}
		pthread_mutex_unlock(&shard->lock);
	}
}

unsigned registry_cut(struct server *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < SERVE_SHARDS; i++) {
		struct shard *shard = &s->shards[i];
		struct connection *const heads[] = {&shard->idle, &shard->busy};

		pthread_mutex_lock(&shard->lock);
		for (unsigned h = 0; h < 2; h++)
			for (struct connection *c = heads[h]->next; c != heads[h]; c = c->next, n++)
				shutdown(c->fd, SHUT_RDWR);
		pthread_mutex_unlock(&shard->lock);
	}
	return n;
}

uint64_t registry_requests(struct server *s)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < SERVE_SHARDS; i++) {
		pthread_mutex_lock(&s->shards[i].lock);
		n += s->shards[i].requests;
		pthread_mutex_unlock(&s->shards[i].lock);
	}
	return n;
}

void registry_fini(struct server *s)
{
	struct connection *c;
	struct exchange *x;

	for (unsigned i = 0; i < SERVE_SHARDS; i++) {
		struct shard *shard = &s->shards[i];

		while ((x = exchange_take(shard)))
			exchange_free(x);
		pthread_mutex_destroy(&shard->lock);
	}
	while ((c = take_dead(s))) {
		close(c->fd);
		free(c);
	}
	thrum_event_fini(&s->room);
	thrum_event_fini(&s->drained);
	pthread_mutex_destroy(&s->lock);
}
