/* SPDX-License-Identifier: MIT */
/*
 * spawn_with.c - tasks with a name, a stack, a token or a worker of their own.
 *
 * STACK   A task with a stack of its own gets its fiber when it is made; the fiber ends with it.
 *
 * PINNED  A task that runs on one worker alone is in no queue that others take from, is not run in
 *         place by who joins it, and runs nobody in its place: the child might come back on another
 *         worker, with the stack of both.  Whoever makes it runnable hands it to its worker
 *         (core/handed.h), at once, as it gives way or by the unpark of its parker; there it runs
 *         when the worker comes home, one such task for each visit.
 *
 * What can fail: memory for the descriptor, the name, the stack, the link to the token.  Then
 * nothing was started.
 */
#include "sched/config.h"
#include "sched/join.h"
#include "sched/spawn.h"
#include "sched/tether.h"
#include "sched/token.h"
#include "sched/worker.h"

#include <thrum/task.h>
#include <thrum/token.h>

struct making {
	const struct thrum_spawn_options *options;
	struct thrum__tether *tether; /* NULL: none */
};

static int prepare(struct thrum__worker *w, struct thrum__task *t, void *making)
{
	const struct thrum_spawn_options *o = ((struct making *)making)->options;
	int err = o->name ? thrum__task_set_name(t, o->name) : 0;

	if (err || !o->stack_bytes)
		return err;
	return thrum__worker_equip_sized(w, t, o->stack_bytes) ? 0 : -ENOMEM;
}

static void tie(struct thrum__task *t, void *making)
{
	struct making *m = making;

	if (m->tether)
		thrum__tether_tie(m->tether, t);
	if (!m->options->worker)
		return;
	t->marks |= THRUM__PINNED;
	t->worker = m->options->worker - 1;
	t->level = THRUM__JOIN_LEVELS;
	t->parker.unpark = thrum__task_unpark_pinned;
}

static void untie(struct thrum__task *t, void *making)
{
	struct making *m = making;

	(void)t;
	if (m->tether)
		thrum__tether_unhang(m->tether);
}

void thrum__spawn_unpin(struct thrum__task *t)
{
	t->parker.unpark = thrum__task_unpark;
}

/* As @o says, which is in range. */
static struct thrum_future *make(const char *place, const struct thrum_spawn_options *o,
				 thrum_fn fn, void *arg)
{
	static const struct thrum__spawn_link link = {prepare, tie, untie};
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg, .drop = o->drop};
	struct making making = {.options = o};
	struct thrum_future *f = NULL;

	if (o->token) {
		making.tether = thrum__tether_create(thrum__token_of(o->token), fn, arg, o->drop);
		if (!making.tether)
			return NULL;
		thrum__tether_run_by(making.tether, &how);
	}
	if (!thrum__spawn_linked(&how, &link, &making, &f))
		return f;
	if (making.tether)
		thrum__tether_end(making.tether);
	return NULL;
}

struct thrum_future *thrum_spawn_with_at(const char *place,
					 const struct thrum_spawn_options *options, thrum_fn fn,
					 void *arg)
{
	struct thrum__worker *w = thrum__current_worker();
	struct thrum_spawn_options o = THRUM_SPAWN_OPTIONS_INIT;

	if (!w || (options && thrum__copy_known(options, &o, sizeof(o))))
		return NULL;
	if (o.worker > w->runtime->workers_count)
		return NULL;
	if (o.stack_bytes &&
	    (o.stack_bytes < THRUM__STACK_BYTES_MIN || o.stack_bytes > THRUM__STACK_BYTES_MAX))
		return NULL;
	return make(place, &o, fn, arg);
}

struct thrum_future *(thrum_spawn_with)(const struct thrum_spawn_options *options, thrum_fn fn,
					void *arg)
{
	return thrum_spawn_with_at("? task", options, fn, arg);
}

struct thrum_future *thrum_spawn_token_at(const char *place, struct thrum_token *token, thrum_fn fn,
					  void *arg, void (*drop)(void *))
{
	struct thrum_spawn_options o = {.size = sizeof(o), .drop = drop, .token = token};

	return token ? thrum_spawn_with_at(place, &o, fn, arg)
		     : thrum_spawn_drop_at(place, fn, arg, drop);
}

struct thrum_future *(thrum_spawn_token)(struct thrum_token *token, thrum_fn fn, void *arg)
{
	return thrum_spawn_token_at("? task", token, fn, arg, NULL);
}

struct thrum_future *(thrum_spawn_token_drop)(struct thrum_token *token, thrum_fn fn, void *arg,
					      void (*drop)(void *))
{
	return thrum_spawn_token_at("? task", token, fn, arg, drop);
}
