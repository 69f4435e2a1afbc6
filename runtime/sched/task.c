/* SPDX-License-Identifier: MIT */
/*
 * task.c - the life of a descriptor: made and published (by spawn.c), run, completed, freed.
 *
 * Descriptors come from two pools (core/pool.c) whose memory is never used for anything else, so a
 * late wake may still touch the parker of a task that is gone (parker.c), and a walker may look at
 * the references of a free block.
 *
 * Tasks and jobs are found by walkers (stop.c, blocking.c), who take references of their own, so
 * they have pools apart from the other futures.
 *
 * REFERENCES  (core/refs.h) The handle of whoever spawned it; the runtime's, from publish to
 * finish; one for each callback and shield on it; one for each party that a lent wait relays to.
 * The last release reports a failure that nobody looked at and frees the block, on whichever thread
 * it happens.
 *
 * STATES of a task  NEW (in a queue or armed, no stack) -> RUNNING <-> WAITING -> ENDED.  phase is
 * for reports; what decides is where the descriptor stands: one queue, one worker, or the waits of
 * its parker.
 */
#include "sched/task.h"

#include "core/refs.h"
#include "sched/await.h"
#include "sched/blocking.h"
#include "sched/callback.h"
#include "sched/fork_check.h"
#include "sched/local.h"
#include "sched/report.h"
#include "sched/scope.h"
#include "sched/shield.h"
#include "sched/spawn.h"
#include "sched/tether.h"
#include "sched/token.h"
#include "sched/worker.h"

#include <string.h>
#include <sys/mman.h>

#define LEFT_OPEN "a timeout, shield or scope is ended before its frame is left"
#define UNJOINED "a fork is joined before its maker ends"
#define SLAB_BYTES ((size_t)256 << 10)
#define FUTURE_BLOCK (3 * CACHE_LINE)
#define TASK_BLOCK ((sizeof(struct thrum__task) + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE)

void thrum__task_rest(struct thrum__task *t)
{
	t->below = NULL;
	t->deadline_ns = THRUM_FOREVER;
	t->brackets = NULL;
	t->names = NULL;
}

static void prepare_task(void *block)
{
	struct thrum__task *t = block;

	thrum__parker_init(&t->parker, thrum__task_unpark);
	thrum__task_rest(t);
	store_relaxed(&t->name, NULL);
	t->scope = NULL;
	t->locals = NULL;
}

static void prepare_future(void *block)
{
	(void)block;
}

static void *map_pages(size_t bytes)
{
	void *p;

	return thrum__os_mmap(&p, bytes, PROT_READ | PROT_WRITE, MAP_NORESERVE) ? NULL : p;
}

/* An empty pool of blocks of @bytes; @prepare_block: once for each. */
#define POOL(bytes, prepare_block)                                                            \
	{                                                                                     \
		.block_bytes = (bytes), .slab_bytes = SLAB_BYTES, .prepare = (prepare_block), \
		.map = map_pages, .carve_lock = PTHREAD_MUTEX_INITIALIZER,                    \
	}

struct thrum__pool thrum__task_pool = POOL(TASK_BLOCK, prepare_task);
struct thrum__pool thrum__future_pool = POOL(FUTURE_BLOCK, prepare_future);
struct thrum__pool thrum__job_blocks = POOL(FUTURE_BLOCK, prepare_future);

_Static_assert(offsetof(struct thrum_future, refs) == offsetof(struct thrum__block, refs),
	       "refs stays in a free block");
#ifndef THRUM_DEBUG
_Static_assert(sizeof(struct thrum__task) <= FUTURE_BLOCK,
	       "a task that waits to be started takes 256 bytes with its place in a wheel");
#endif
_Static_assert(sizeof(struct thrum__shield) <= FUTURE_BLOCK,
	       "a shield fits a block of the future pool");

size_t thrum__task_bytes(void)
{
	return TASK_BLOCK;
}

static struct thrum__pool *const all_pools[] = {&thrum__task_pool, &thrum__future_pool,
						&thrum__job_blocks};
#define ALL_POOLS (sizeof(all_pools) / sizeof(all_pools[0]))

void thrum__pools_before_fork(void)
{
	for (size_t i = 0; i < ALL_POOLS; i++)
		pthread_mutex_lock(&all_pools[i]->carve_lock);
}

void thrum__pools_after_fork(void)
{
	for (size_t i = 0; i < ALL_POOLS; i++)
		pthread_mutex_unlock(&all_pools[i]->carve_lock);
}

void *thrum__future_alloc(struct thrum__worker *w, enum thrum__kind kind, const char *place)
{
	struct thrum_future *f;

	if (kind == THRUM__JOB)
		f = thrum__pool_get_shared(&thrum__job_blocks);
	else
		f = w ? thrum__pool_get(&w->futures) : thrum__pool_get_shared(&thrum__future_pool);
	if (f)
		thrum__future_prepare(f, kind, place);
	return f;
}

static NOINLINE void free_shared(struct thrum_future *f)
{
	static struct thrum__pool *const pools[] = {
	    [THRUM__BARE] = &thrum__future_pool,
	    [THRUM__SHIELD] = &thrum__future_pool,
	    [THRUM__TASK] = &thrum__task_pool,
	    [THRUM__JOB] = &thrum__job_blocks,
	};

	thrum__pool_put_shared(pools[f->kind], f);
}

static inline void free_block(struct thrum__worker *w, struct thrum_future *f)
{
	thrum__refs_clear(&f->refs);
	if (UNLIKELY(!w || f->kind == THRUM__JOB))
		free_shared(f);
	else
		thrum__pool_put(f->kind == THRUM__TASK ? &w->tasks : &w->futures, f);
}

void thrum__future_free_block(struct thrum__worker *w, struct thrum_future *f)
{
	free_block(w, f);
}

void thrum__task_discard(struct thrum__worker *w, struct thrum__task *t)
{
	if (t->copied)
		thrum__os_free(t->arg);
	thrum__future_free_block(w, &t->future);
}

bool thrum__future_try_retain(struct thrum_future *f)
{
	return thrum__refs_try_retain(&f->refs);
}

void thrum_retain(struct thrum_future *f)
{
	if (f && !thrum__in_forked_child())
		thrum__refs_retain(&f->refs);
}

/* Gives one reference back: true: it was the last. */
static inline bool drop_reference(struct thrum_future *f)
{
	if (f->kind == THRUM__BARE) /* walkers look at tasks and jobs alone */
		return thrum__refs_release_unwalked(&f->refs);
	return thrum__refs_release(&f->refs);
}

static bool drop_any_reference(struct thrum_future *f)
{
	if (f->kind == THRUM__LEVEL) { /* a part of its token */
		thrum__token_unuse(thrum__token_of_level(f));
		return false;
	}
	return f->kind == THRUM__SHIELD ? thrum__shield_release(f) : drop_reference(f);
}

/* Has @f, whose last reference has gone, nothing to tell and nothing but its block? */
static inline bool ends_quietly(struct thrum_future *f)
{
	if (!thrum__future_is_done(f) || thrum_failed(f->result))
		return false;
	return f->kind == THRUM__BARE ||
	       (f->kind == THRUM__TASK && !(thrum__task_of(f)->marks & THRUM__NAMED));
}

/* The last reference has gone.  A shield's goes on to what it shielded: a loop, as chains may be
 * long. */
static NOINLINE void future_end_slowly(struct thrum_future *f)
{
	do {
		struct thrum_future *target = NULL;

		if (!thrum__future_is_done(f))
			thrum__report_unset(f);
		else if (thrum_failed(f->result) && !load_relaxed(&f->seen) &&
			 !(f->result == -ECANCELED && load_relaxed(&f->requested)))
			thrum__report_failure(f);
		if (f->kind == THRUM__TASK)
			thrum__names_free(thrum__task_of(f));
		else if (f->kind == THRUM__SHIELD)
			target = container_of(f, struct thrum__shield, future)->target;
		thrum__future_free_block(thrum__tls_worker(), f);
		f = target;
	} while (f && drop_any_reference(f));
}

static inline void future_end(struct thrum_future *f)
{
	if (LIKELY(ends_quietly(f)))
		free_block(thrum__tls_worker(), f);
	else
		future_end_slowly(f);
}

static NOINLINE void release_shield(struct thrum_future *f)
{
	if (thrum__shield_release(f))
		future_end(f);
}

static inline void release(struct thrum_future *f)
{
	if (UNLIKELY(f->kind == THRUM__SHIELD))
		release_shield(f);
	else if (drop_reference(f))
		future_end(f);
}

void thrum_release(struct thrum_future *f)
{
	if (f && !thrum__in_forked_child())
		release(f);
}

bool thrum_done(const struct thrum_future *f)
{
	return !f || thrum__future_is_done(f);
}

bool thrum_cancelled(const struct thrum_future *f)
{
	return f && thrum__future_is_done(f) && f->result == -ECANCELED;
}

intptr_t thrum_result(const struct thrum_future *f)
{
	if (!f)
		return -ENOMEM;
	if (!thrum__future_is_done(f))
		return -EINPROGRESS;
	return thrum__future_look((struct thrum_future *)f);
}

intptr_t thrum__task_call_slowly(struct thrum__task *t)
{
	intptr_t result;

	if (t->armed)
		thrum__spawn_disarm(t);
	if ((t->drop || t->copied) && thrum__task_is_cancelled(t)) {
		if (t->drop)
			t->drop(t->arg);
		result = -ECANCELED;
	} else {
		result = t->fn(t->arg);
	}
	if (t->copied)
		thrum__os_free(t->arg);
	return result;
}

/* While stopping every task is asked to end, also one that the walk has not come to. */
static inline void note_request(struct thrum__worker *w, struct thrum__task *t)
{
	if (UNLIKELY(thrum__parker_requested(&t->parker) || thrum__gate_is_shut(&w->runtime->gate)))
		store_relaxed(&t->future.requested, 1);
}

static NOINLINE void tidy_up(struct thrum__task *t)
{
	if (t->marks & (THRUM__BRACKETED | THRUM__FORKED))
		thrum__worker_set_current(thrum__tls_worker(), t); /* for the message */
	ENSURE(!(t->marks & THRUM__BRACKETED), LEFT_OPEN);
	ENSURE(!(t->marks & THRUM__FORKED), UNJOINED);
	if (t->marks & THRUM__LOCAL)
		thrum__locals_end(t);
	if (t->marks & THRUM__PINNED)
		thrum__spawn_unpin(t);
}

/* Nobody knows yet that @t has returned. */
static inline void leave_behind(struct thrum__task *t)
{
	if (UNLIKELY(t->marks & (THRUM__BRACKETED | THRUM__LOCAL | THRUM__PINNED | THRUM__FORKED)))
		tidy_up(t);
}

static ALWAYS_INLINE void finish(struct thrum__worker *w, struct thrum__task *t, intptr_t result)
{
	struct thrum_future *f = &t->future;

	leave_behind(t);
	store_relaxed(&t->phase, THRUM__ENDED);
	note_request(w, t);
	if (UNLIKELY(t->forked & THRUM__AWAY))
		t->below = NULL;
	thrum__worker_task_ended(w); /* before anybody learns of the end and counts on the place */
	thrum__future_complete(f, result);
	if (thrum__refs_release(&f->refs))
		future_end(f);
	thrum__lives_ended(&w->counters.tasks);
}

static NOINLINE void finish_child(struct thrum__worker *w, struct thrum__task *t, intptr_t result)
{
	struct thrum__scope *scope = t->scope;

	note_request(w, t);
	thrum__scope_child_ends(scope, t, result);
	finish(w, t, result);
	thrum__scope_child_ended(scope);
}

void thrum__task_finish(struct thrum__worker *w, struct thrum__task *t, intptr_t result)
{
	if (UNLIKELY(t->scope != NULL))
		finish_child(w, t, result);
	else
		finish(w, t, result);
}

static NOINLINE void finish_joined_slowly(struct thrum__worker *w, struct thrum__task *t,
					  intptr_t result)
{
	/* It was asked to end through its joiner: that is no failure of its scope. */
	if (t->scope && result == -ECANCELED && thrum__cancel_requested() == THRUM_HARD)
		thrum__task_cancel(t, THRUM__PARKER_HARD);
	thrum__task_finish(w, t, result);
	thrum__future_look(&t->future); /* the join does */
	thrum_release(&t->future);
}

void thrum__task_finish_joined(struct thrum__worker *w, struct thrum__task *t, intptr_t result)
{
	leave_behind(t);
	if (UNLIKELY(t->scope != NULL) || !thrum__refs_release_both(&t->future.refs)) {
		finish_joined_slowly(w, t, result);
		return;
	}
	thrum__worker_task_ended(w);
	if (UNLIKELY(t->marks & THRUM__NAMED))
		thrum__names_free(t);
	free_block(w, &t->future);
	thrum__lives_ended(&w->counters.tasks);
}

void thrum__task_abort(struct thrum__worker *w, struct thrum__task *t, intptr_t err)
{
	if (t->armed)
		thrum__spawn_disarm(t);
	if (t->drop)
		t->drop(t->arg);
	else if (t->marks & THRUM__TETHERED)
		thrum__tether_end(t->arg);
	if (t->copied)
		thrum__os_free(t->arg);
	thrum__task_finish(w, t, err);
}

void thrum__task_cancel(struct thrum__task *t, unsigned level)
{
	thrum__parker_cancel(&t->parker, level);
}

int thrum_cancel(struct thrum_future *f)
{
	if (!f)
		return -EINVAL;
	if (thrum__in_forked_child())
		return -ENOTSUP;
	if (thrum__future_is_done(f))
		return -EALREADY;
	switch ((enum thrum__kind)f->kind) {
	case THRUM__TASK:
		thrum__task_cancel(thrum__task_of(f), THRUM__PARKER_HARD);
		return 0;
	case THRUM__JOB:
		return thrum__job_cancel(f);
	case THRUM__SHIELD:
		return thrum__shield_cancel(f);
	case THRUM__LEVEL: /* nobody has one */
	case THRUM__BARE:
		break;
	}
	store_relaxed(&f->requested, 1);
	return thrum_future_set(f, -ECANCELED);
}

int thrum_future_set(struct thrum_future *f, intptr_t result)
{
	if (!f || f->kind != THRUM__BARE)
		return -EINVAL;
	if (!thrum__future_claim(f))
		return -EALREADY;
	thrum__future_complete(f, result);
	return 0;
}

struct thrum_future *thrum_future_create_at(const char *place)
{
	struct thrum_future *f;

	if (thrum__in_forked_child())
		return NULL;
	f = thrum__future_alloc(thrum__tls_worker(), THRUM__BARE, place);
	if (f)
		thrum__refs_publish(&f->refs, 1);
	return f;
}

struct thrum_future *(thrum_future_create)(void)
{
	return thrum_future_create_at("? future");
}

struct walk {
	void *runtime;
	bool (*visit)(struct thrum__task *, void *);
	void *arg;
};

static bool visit_block(void *block, void *arg)
{
	struct thrum_future *f = block;
	struct walk *walk = arg;
	bool go_on = true;

	if (!thrum__future_try_retain(f))
		return true;
	if (f->runtime == walk->runtime && !thrum__future_is_done(f))
		go_on = walk->visit(thrum__task_of(f), walk->arg);
	thrum_release(f);
	return go_on;
}

void thrum__tasks_walk(void *runtime, bool (*visit)(struct thrum__task *t, void *arg), void *arg)
{
	struct walk walk = {runtime, visit, arg};

	thrum__pool_walk(&thrum__task_pool, visit_block, &walk);
}
