/* SPDX-License-Identifier: MIT */
/*
 * tether.c - tasks and jobs that are linked to a token from their start to their end.
 *
 * Such a task's function and argument are those of its tether, which calls the user's, and hangs a
 * node on each level of the token meanwhile; so a task that is linked to none pays for nothing.
 * What a node's fire does is what anyone may do beside the task: it asks the parker, or cancels the
 * job.
 *
 * STATES  of a tether: MADE; HUNG, from before the task or job is queued until it has returned, or
 * will not be called; over.  Of each node: those of core/future.c.
 *
 * OWNERS  The tether: its maker, then the task or job.  The fire of a task's soft node asks, and
 * lets go of the node then.  Any other may wake who would have to wait for that: it takes a
 * reference to the future, which the tether's end lets it have, lets go of the node, and goes on
 * with the reference alone.
 * A job is cancelled after the walk that fires (core/token.c), as its end may wait, and call a
 * user's drop.
 *
 * What can fail: the tether's memory, and what its task or job needs (spawn.c, blocking.c).
 */
#include "sched/tether.h"

#include "sched/blocking.h"
#include "sched/spawn.h"
#include "sched/token.h"
#include "sched/worker.h"

unsigned thrum__tether_asks(void)
{
	const struct thrum__tether *h = thrum__job_here().tether;

	return h ? thrum__token_reached(h->token, NULL) : 0;
}

static void ask_task(struct thrum_future *f, unsigned level)
{
	thrum__task_cancel(thrum__task_of(f),
			   level == THRUM__TOKEN_HARD ? THRUM__PARKER_HARD : THRUM__PARKER_SOFT);
}

static void fire(struct thrum__tether *h, unsigned level)
{
	struct thrum_future *f = h->future;

	if (level == THRUM__TOKEN_SOFT) {
		ask_task(f, level); /* it wakes nobody, who would have to wait for the node then */
		thrum__waiter_let_go(&h->node[level]);
		return;
	}
	thrum_retain(f);
	thrum__waiter_let_go(&h->node[level]);
	if (f->kind == THRUM__JOB) {
		thrum__job_cancel_soon(f);
		return;
	}
	ask_task(f, level);
	thrum_release(f);
}

static void fire_soft(struct thrum__waiter *n)
{
	fire(container_of(n, struct thrum__tether, node[THRUM__TOKEN_SOFT]), THRUM__TOKEN_SOFT);
}

static void fire_hard(struct thrum__waiter *n)
{
	fire(container_of(n, struct thrum__tether, node[THRUM__TOKEN_HARD]), THRUM__TOKEN_HARD);
}

void thrum__tether_init(struct thrum__tether *h, struct thrum__token *token)
{
	*h = (struct thrum__tether){.token = token};
	h->node[THRUM__TOKEN_SOFT].fire = fire_soft;
	h->node[THRUM__TOKEN_HARD].fire = fire_hard;
}

struct thrum__tether *thrum__tether_create(struct thrum__token *token, thrum_fn fn, void *arg,
					   void (*drop)(void *))
{
	struct thrum__tether *h = thrum__os_alloc(sizeof(*h));

	if (!h)
		return NULL;
	thrum__token_use(token);
	thrum__tether_init(h, token);
	h->fn = fn;
	h->arg = arg;
	h->drop = drop;
	return h;
}

/* Jobs hear of hard requests alone; softer ones they look for. */
void thrum__tether_hang(struct thrum__tether *h, struct thrum_future *f)
{
	h->future = f;
	for (unsigned i = 0; i < THRUM__TOKEN_LEVELS; i++)
		if (i == THRUM__TOKEN_HARD || f->kind == THRUM__TASK)
			h->hung[i] = thrum__future_register(&h->token->level[i], &h->node[i]);
	/* Of a request above it a token may hear later than we. */
	if (f->kind == THRUM__TASK)
		for (unsigned i = thrum__token_reached(h->token, NULL); i > 0; i--)
			ask_task(f, i - 1);
}

void thrum__tether_unhang(struct thrum__tether *h)
{
	for (unsigned i = 0; i < THRUM__TOKEN_LEVELS; i++) {
		if (h->hung[i] && !thrum__waiter_has_gone(&h->node[i]))
			thrum__token_withdraw(&h->token->level[i], &h->node[i]);
		h->hung[i] = false;
	}
}

void thrum__tether_end(void *tether)
{
	struct thrum__tether *h = tether;

	thrum__tether_unhang(h);
	thrum__token_unuse(h->token);
	thrum__os_free(h);
}

/* ---- Tasks ---- */

static bool is_asked(const struct thrum__tether *h, unsigned level)
{
	return thrum__token_reached(h->token, NULL) >= level;
}

/* -ECANCELED after a request is no failure, and the request may come to the token later. */
static void note_request(struct thrum__tether *h, intptr_t result)
{
	if (result == -ECANCELED && is_asked(h, THRUM_SOFT))
		store_relaxed(&h->future->requested, 1);
}

static intptr_t task_runs(void *tether)
{
	struct thrum__tether *h = tether;
	intptr_t result = -ECANCELED;

	if (h->drop && is_asked(h, THRUM_HARD))
		h->drop(h->arg);
	else
		result = h->fn(h->arg);
	note_request(h, result);
	thrum__tether_end(h);
	return result;
}

static void task_dropped(void *tether)
{
	struct thrum__tether *h = tether;

	h->drop(h->arg);
	thrum__tether_end(h);
}

void thrum__tether_run_by(struct thrum__tether *h, struct thrum__spawn *how)
{
	how->fn = task_runs;
	how->drop = h->drop ? task_dropped : NULL;
	how->arg = h;
}

void thrum__tether_tie(struct thrum__tether *h, struct thrum__task *t)
{
	t->marks |= THRUM__TETHERED;
	thrum__tether_hang(h, &t->future);
}

/* ---- Jobs ---- */

static intptr_t job_runs(void *tether)
{
	struct thrum__tether *h = tether;
	intptr_t result = -ECANCELED;

	if (!is_asked(h, THRUM_HARD))
		result = h->fn(h->arg);
	note_request(h, result);
	return result;
}

struct thrum_future *thrum_spawn_blocking_token_at(const char *place, struct thrum_token *token,
						   thrum_fn fn, void *arg)
{
	struct thrum__tether *h;
	struct thrum_future *f;

	if (!token)
		return thrum_spawn_blocking_at(place, fn, arg);
	if (!thrum__current_worker())
		return NULL;
	h = thrum__tether_create(thrum__token_of(token), fn, arg, NULL);
	if (!h)
		return NULL;
	thrum_token_retain(token); /* the job may end at once */
	f = thrum__blocking_spawn_tethered(place, job_runs, h);
	if (!f)
		thrum__tether_end(h);
	else if (thrum_token_level(token) == THRUM_HARD)
		thrum_cancel(f); /* one that came before it was queued could not take it back */
	thrum_token_release(token);
	return f;
}

struct thrum_future *(thrum_spawn_blocking_token)(struct thrum_token *token, thrum_fn fn, void *arg)
{
	return thrum_spawn_blocking_token_at("? job", token, fn, arg);
}
