/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - making a task: a descriptor, a place in the worker's deque, perhaps a wake for somebody
 * idle.
 *
 * The limit on live tasks is kept in credits: the runtime has a heap of them, each worker a small
 * share, so that a spawn touches nothing shared but once in CHUNK times.  A small limit below some
 * thousands is kept exactly (shares of one).
 *
 * What can fail: the descriptor, the copy of the arguments, the deque's growth (-ENOMEM), the limit
 * or the injection queue (-EAGAIN), a runtime that stops (-ESHUTDOWN).  Then nothing was started
 * and the argument is still the caller's.
 *
 * STOPPING  A spawn makes its task visible to walkers and then asks the gate: if a stopper's walk
 * may have missed the task, it must not start (core/gate.c).
 *
 * Next on a task's way: core/deque.c, then worker.c.  Those that start later are in later.c.
 */
#include "sched/spawn.h"

#include "sched/fork_check.h"
#include "sched/local.h"
#include "sched/registry.h"
#include "sched/worker.h"

#include <string.h>

#define CHUNK_MAX 1024
#define COPY_MAX ((size_t)1 << 30)

size_t thrum__spawn_share(size_t tasks_max, unsigned workers)
{
	size_t share = tasks_max / (16 * (size_t)workers);

	return share < CHUNK_MAX ? share : CHUNK_MAX;
}

/* Takes up to @want credits from the runtime's heap. */
static size_t take_credits(struct thrum_runtime *rt, size_t want)
{
	uint64_t left = load_relaxed(&rt->credits);

	while (left) {
		size_t n = left < want ? left : want;

		if (cas_relaxed(&rt->credits, &left, left - n))
			return n;
	}
	return 0;
}

static NOINLINE bool restock(struct thrum__worker *w)
{
	size_t chunk = w->runtime->limits.credits_share;

	w->restocks++;
	w->credits = take_credits(w->runtime, chunk ? chunk : 1);
	return w->credits;
}

void thrum__spawn_give_back(struct thrum__worker *w)
{
	size_t chunk = w->runtime->limits.credits_share;

	w->restocks++;
	w->credits -= chunk ? chunk : 1;
	fetch_add_relaxed(&w->runtime->credits, (uint64_t)(chunk ? chunk : 1));
}

void *thrum__copy_args(const void *args, size_t size)
{
	void *copy;

	if (size > COPY_MAX)
		return NULL;
	copy = thrum__os_alloc_aligned(16, (size + 15) / 16 * 16 + (size == 0) * 16);
	if (copy && size)
		memcpy(copy, args, size);
	return copy;
}

/* A block with what a task begins with; NULL: no memory. */
static ALWAYS_INLINE struct thrum__task *create(struct thrum__worker *w,
						const struct thrum__spawn *how)
{
	struct thrum__task *t =
	    w ? thrum__pool_get(&w->tasks) : thrum__pool_get_shared(&thrum__task_pool);

	if (UNLIKELY(!t))
		return NULL;
	DEBUG_ENSURE(!t->below && t->deadline_ns == THRUM_FOREVER && !t->brackets && !t->names &&
			 !load_relaxed(&t->name) && !t->scope && !t->locals,
		     "a task left its block's third line changed");
	thrum__future_prepare(&t->future, THRUM__TASK, how->place);
	thrum__parker_reset(&t->parker);
	t->fn = how->fn;
	t->arg = how->arg;
	t->drop = how->drop;
	thrum__task_set_fiber(t, NULL);
	store_relaxed(&t->phase, THRUM__NEW);
	t->level = 0;
	t->armed = THRUM__UNARMED;
	t->marks = 0;
	t->rivalled = false;
	t->copied = false;
	t->wait_deaf = false;
	t->forked = 0;
	t->lent = false;
	thrum__has_none(t);
	return t;
}

/* @t has a copy of the argument: true; false: no memory, and @t is gone. */
static NOINLINE bool give_copy(struct thrum__worker *w, struct thrum__task *t,
			       const struct thrum__spawn *how)
{
	t->arg = thrum__copy_args(how->arg, how->copy_bytes);
	t->copied = t->arg != NULL;
	if (t->copied)
		return true;
	thrum__task_discard(w, t);
	return false;
}

static ALWAYS_INLINE struct thrum__task *make(struct thrum__worker *w,
					      const struct thrum__spawn *how)
{
	struct thrum__task *t = create(w, how);

	if (t && how->copies && !give_copy(w, t, how))
		return NULL;
	return t;
}

/* A walker may hold a reference to @t for a moment: it must find a task that has ended, not a free
 * block. */
static void withdraw(struct thrum__task *t, const struct thrum__spawn *how)
{
	store_relaxed(&t->future.requested, 1);
	if (t->copied)
		thrum__os_free(t->arg);
	if (t->marks & THRUM__LOCAL)
		thrum__locals_end(t);
	thrum__future_complete(&t->future, -ECANCELED);
	if (!how->released)
		thrum_release(&t->future);
	thrum_release(&t->future);
}

static ALWAYS_INLINE int prepare(struct thrum__worker *w, const struct thrum__spawn *how,
				 struct thrum__task **out)
{
	if (UNLIKELY(!w->credits) && !restock(w))
		return -EAGAIN;
	*out = make(w, how);
	return *out ? 0 : -ENOMEM;
}

static ALWAYS_INLINE int publish(struct thrum__worker *w, const struct thrum__spawn *how,
				 struct thrum__task *t)
{
	/* Counted before it can be seen: whoever sums up must never find it ended and not spawned
	 * (core/gate.c). */
	w->credits--;
	thrum__lives_spawned(&w->counters.tasks);
	thrum__task_publish(t, w->runtime, how->released ? 1 : 2);
	return thrum__gate_admits(&w->runtime->gate) ? 0 : -ESHUTDOWN;
}

int thrum__spawn_make(struct thrum__worker *w, const struct thrum__spawn *how,
		      struct thrum__task **out)
{
	int err = prepare(w, how, out);

	if (!err)
		thrum__locals_inherit(*out, w->current);
	return err;
}

int thrum__spawn_make_bare(struct thrum__worker *w, const struct thrum__spawn *how,
			   struct thrum__task **out)
{
	return prepare(w, how, out);
}

int thrum__spawn_publish(struct thrum__worker *w, const struct thrum__spawn *how,
			 struct thrum__task *t)
{
	return publish(w, how, t);
}

void thrum__spawn_undo(struct thrum__worker *w, const struct thrum__spawn *how,
		       struct thrum__task *t)
{
	w->credits++;
	thrum__lives_unspawned(&w->counters.tasks);
	withdraw(t, how);
}

/* Inline, so that each kind of spawn pays for what it has alone. */
static ALWAYS_INLINE int spawn(const struct thrum__spawn *how, struct thrum_future **out)
{
	struct thrum__worker *w = thrum__current_worker();
	struct thrum__task *t;
	int err;

	if (UNLIKELY(!w))
		return thrum__in_forked_child() ? -ENOTSUP : -EPERM;
	err = prepare(w, how, &t);
	if (UNLIKELY(err))
		return err;
	thrum__locals_inherit(t, w->current);
	err = publish(w, how, t);
	if (LIKELY(!err))
		err = thrum__deque_push(&w->spawned, t);
	if (UNLIKELY(err)) {
		thrum__spawn_undo(w, how, t);
		return err;
	}
	thrum__idle_notify(&w->runtime->idle);
	if (!how->released)
		*out = &t->future;
	return 0;
}

int thrum__spawn(const struct thrum__spawn *how, struct thrum_future **out)
{
	return spawn(how, out);
}

/* One that is bound to a stack or to a worker goes where no join finds it to run it in place. */
static NOINLINE int queue_prepared(struct thrum__worker *w, struct thrum__task *t)
{
	if (t->marks & THRUM__PINNED)
		thrum__worker_hand(w->runtime->workers[t->worker], t);
	else if (t->fiber)
		thrum__worker_ready(w, t);
	else
		return thrum__deque_push(&w->spawned, t);
	return 0;
}

int thrum__spawn_linked(const struct thrum__spawn *how, const struct thrum__spawn_link *link,
			void *arg, struct thrum_future **out)
{
	struct thrum__worker *w = thrum__current_worker();
	struct thrum__task *t;
	int err = thrum__spawn_make(w, how, &t);

	if (err)
		return err;
	err = publish(w, how, t);
	if (LIKELY(!err) && link->prepare)
		err = link->prepare(w, t, arg);
	if (LIKELY(!err)) {
		link->tie(t, arg);
		err = link->prepare ? queue_prepared(w, t) : thrum__deque_push(&w->spawned, t);
		if (err)
			link->untie(t, arg);
	}
	if (err) {
		thrum__spawn_undo(w, how, t);
		return err;
	}
	thrum__idle_notify(&w->runtime->idle);
	if (!how->released)
		*out = &t->future;
	return 0;
}

int thrum__submit(struct thrum_runtime *rt, const struct thrum__spawn *how,
		  struct thrum_future **out)
{
	struct thrum__task *t;
	int err;

	if (thrum__in_forked_child())
		return -ENOTSUP;
	if (!rt)
		return -EINVAL;
	if (thrum__gate_is_shut(&rt->gate))
		return -ESHUTDOWN;
	if (!take_credits(rt, 1))
		return -EAGAIN;
	t = make(NULL, how);
	if (!t) {
		fetch_add_relaxed(&rt->credits, 1);
		return -ENOMEM;
	}
	thrum__registry_enter_live(rt);
	thrum__gate_submitted(&rt->gate);
	thrum__task_publish(t, rt, how->released ? 1 : 2);
	if (!thrum__gate_admits(&rt->gate))
		err = -ESHUTDOWN;
	else
		err = thrum__inject_push(&rt->inject, t) ? 0 : -EAGAIN;
	if (err) {
		fetch_add_relaxed(&rt->credits, 1);
		withdraw(t, how);
		thrum__gate_unsubmitted(&rt->gate);
	} else {
		thrum__idle_wake_one(&rt->idle);
		if (!how->released)
			*out = &t->future;
	}
	thrum__registry_leave(rt);
	return err;
}

struct thrum_future *thrum_spawn_at(const char *place, thrum_fn fn, void *arg)
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg};
	struct thrum_future *f = NULL;

	return spawn(&how, &f) ? NULL : f;
}

struct thrum_future *thrum_spawn_copy_at(const char *place, thrum_fn fn, const void *args,
					 size_t size)
{
	struct thrum__spawn how = {
	    .place = place, .fn = fn, .arg = (void *)args, .copy_bytes = size, .copies = true};
	struct thrum_future *f = NULL;

	return thrum__spawn(&how, &f) ? NULL : f;
}

struct thrum_future *thrum_spawn_drop_at(const char *place, thrum_fn fn, void *arg,
					 void (*drop)(void *))
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg, .drop = drop};
	struct thrum_future *f = NULL;

	return thrum__spawn(&how, &f) ? NULL : f;
}

int thrum_go_at(const char *place, thrum_fn fn, void *arg)
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg, .released = true};

	return spawn(&how, NULL);
}

struct thrum_future *(thrum_spawn)(thrum_fn fn, void *arg)
{
	return thrum_spawn_at("? task", fn, arg);
}

struct thrum_future *(thrum_spawn_copy)(thrum_fn fn, const void *args, size_t size)
{
	return thrum_spawn_copy_at("? task", fn, args, size);
}

struct thrum_future *(thrum_spawn_drop)(thrum_fn fn, void *arg, void (*drop)(void *))
{
	return thrum_spawn_drop_at("? task", fn, arg, drop);
}

int(thrum_go)(thrum_fn fn, void *arg)
{
	return thrum_go_at("? task", fn, arg);
}
