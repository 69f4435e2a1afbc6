/* SPDX-License-Identifier: MIT */
/*
 * pool.c - a pool of connections, fewer than there are users: who finds none waits for one, in
 * order, and may be cancelled or run out of time while it does.
 *
 * None is lost and none has two users, because one look under one lock decides: who has been handed
 * a connection has it, even if the wait was cut short at the same moment.
 *
 *   pool [USERS]   default 8; prints who got which, with the time in ms
 *
 * THRUM_CLOCK=virtual makes the times exact.  Status: 0; 1: it was cut short; 2: a connection was
 * lost, or had two users.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <thrum/thrum.h>

#define CONNECTIONS 2

struct connection {
	int number;
	bool in_use; /* to be checked, its user's alone */
};

/* ---- The pool ---- */

/* In the frame of who waits. */
struct waiter {
	TAILQ_ENTRY(waiter) link;
	struct thrum_future *handed;
	struct connection *connection; /* NULL until it has been handed one, then off the list */
};

struct pool {
	pthread_mutex_t lock; /* of all below; no task waits while it holds it */
	TAILQ_HEAD(, waiter) waiters;
	unsigned idle;
	struct connection *connections[CONNECTIONS]; /* those that are idle */
};

/* The connection goes to who has waited longest. */
static void pool_give(struct pool *p, struct connection *c)
{
	struct waiter *first;

	pthread_mutex_lock(&p->lock);
	first = TAILQ_FIRST(&p->waiters);
	if (first) {
		TAILQ_REMOVE(&p->waiters, first, link);
		first->connection = c;
		thrum_future_set(first->handed, 0);
	} else {
		p->connections[p->idle++] = c;
	}
	pthread_mutex_unlock(&p->lock);
}

/* An idle one, or NULL with @w in the line. */
static struct connection *pool_try(struct pool *p, struct waiter *w)
{
	struct connection *c = NULL;

	pthread_mutex_lock(&p->lock);
	if (p->idle)
		c = p->connections[--p->idle];
	else
		TAILQ_INSERT_TAIL(&p->waiters, w, link);
	pthread_mutex_unlock(&p->lock);
	return c;
}

/* What @w has been handed; or NULL, and it is out of the line. */
static struct connection *pool_leave(struct pool *p, struct waiter *w)
{
	pthread_mutex_lock(&p->lock);
	if (!w->connection)
		TAILQ_REMOVE(&p->waiters, w, link);
	pthread_mutex_unlock(&p->lock);
	return w->connection;
}

/*
 * pool_take - a connection, to be given back; waits for one.
 *
 * Returns: 0; -ECANCELED, -ETIMEDOUT, -ENOMEM: *@out is NULL, and nothing was taken.
 */
static int pool_take(struct pool *p, struct connection **out)
{
	struct waiter me = {.handed = thrum_future_create()};
	intptr_t err = 0;

	*out = NULL;
	if (!me.handed)
		return -ENOMEM;
	*out = pool_try(p, &me);
	if (!*out) {
		err = thrum_await(me.handed);
		*out = pool_leave(p, &me);
	}
	thrum_cancel(me.handed); /* nobody will set it any more */
	thrum_release(me.handed);
	return *out ? 0 : (int)err;
}

/* ---- Its users ---- */

static struct pool pool = {.lock = PTHREAD_MUTEX_INITIALIZER,
			   .waiters = TAILQ_HEAD_INITIALIZER(pool.waiters)};
static bool wrong; /* under the pool's lock */

static void say(int user, const char *what)
{
	printf("%.1f user %d %s\n", (double)thrum_now() / 1e6, user, what);
}

static void check(bool holds)
{
	pthread_mutex_lock(&pool.lock);
	wrong |= !holds;
	pthread_mutex_unlock(&pool.lock);
}

static int use(int user, struct connection *c)
{
	char text[40];
	int err;

	snprintf(text, sizeof(text), "has connection %d", c->number);
	say(user, text);
	check(!c->in_use);
	c->in_use = true;
	err = thrum_sleep(THRUM_US(3500));
	c->in_use = false;
	return err;
}

/* Each comes at its time; each third has no more than 1 ms to wait. */
static intptr_t user(void *arg)
{
	int i = (int)(intptr_t)arg, err = thrum_sleep(THRUM_MS(i % 8));
	struct thrum_timeout t;
	struct connection *c;
	bool late;

	if (err)
		return err;
	thrum_timeout_begin(&t, i % 3 == 2 ? THRUM_MS(1) : THRUM_FOREVER);
	err = pool_take(&pool, &c);
	late = thrum_timeout_end(&t);
	if (!err) {
		err = use(i, c);
		pool_give(&pool, c);
	} else {
		say(i, late ? "gives up" : "is cut short");
		err = late ? 0 : err;
	}
	return err;
}

/* Each eighth is cancelled. */
static intptr_t main_task(void *arg)
{
	intptr_t users = (intptr_t)arg;
	struct thrum_scope all, some;
	int err = 0, more;

	thrum_scope_open(&all);
	thrum_scope_open(&some);
	for (intptr_t i = 0; i < users && !err; i++)
		err = thrum_scope_spawn(i % 8 == 7 ? &some : &all, user, (void *)i);
	if (!err)
		err = thrum_sleep(THRUM_US(7500));
	thrum_scope_cancel(&some);
	more = thrum_scope_close(&some);
	err = err ? err : more;
	more = thrum_scope_close(&all);
	return err ? err : more;
}

int main(int argc, char **argv)
{
	struct connection connections[CONNECTIONS] = {{.number = 1}, {.number = 2}};
	intptr_t users = argc > 1 ? atol(argv[1]) : 8, err;

	for (int i = CONNECTIONS; i-- > 0;)
		pool_give(&pool, &connections[i]);
	err = thrum_run(main_task, (void *)users);
	if (err)
		fprintf(stderr, "pool: %s\n", strerror((int)-err));
	if (wrong || pool.idle != CONNECTIONS || !TAILQ_EMPTY(&pool.waiters)) {
		fprintf(stderr, "pool: a connection was lost, or had two users\n");
		return 2;
	}
	return err != 0;
}
