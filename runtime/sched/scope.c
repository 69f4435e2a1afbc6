/* SPDX-License-Identifier: MIT */
/*
 * scope.c - scopes: open, spawn, cancel, close.
 *
 * A scope lives in its opener's frame and is one of its brackets (bracket.c).  Its children are
 * counted in a roster (core/roster.c); one that may wait is listed there, so that a cancel finds
 * it.  A child that was not listed yet hears of a cancel when it enlists, before its first wait.
 * The last child that ends after close has begun completes `done`, which close waits for.
 *
 * FAILURE  The first is kept.  It cancels the others, and asks the opener (SCOPE or INNER in its
 * parker), whose waits return -ECANCELED until close.  When close takes that back, an outer scope
 * of the same task may be asking too: `cuts` tells, and it is asked for anew.  Close returns the
 * first, so that child's was seen; but nobody's if close was cut short before any had failed.  One
 * word decides: `failures` counts them, and CUT says that close came first.  The count before it is
 * a failure's place in the opener's array, which the opener reads when the roster is over.
 *
 * DEADLINE  The opener's waits see it as they see a timeout's.  The children are cancelled by an
 * alarm: a task without a stack that starts then.  Close ends it.
 *
 * TOKEN  The scope's node hangs on the hard level of its token, and its fire is as a cancel from
 * outside.  Children look at the soft level (await.c).
 *
 * LIMIT  `room` counts how many may still start.  Who finds none waits for `freed`, whose tick was
 * read before the look.
 *
 * OWNERS  bracket, alarm, err and the options: the opener, which has written them before it gives
 * the scope's address to anybody but the alarm, which touches the roster alone.  A child, or who
 * visits the roster, may touch all the rest until it leaves the roster.
 *
 * What can fail: a child's making (spawn.c), which is a failure of the scope; the alarm's.
 *
 * ORDER   cuts is set before the opener's parker is moved (core/parker.c: O7, O8).  What children
 * did is seen by whoever awaits `done`, or finds the roster over (core/roster.c: O3, O4).
 */
#include "sched/scope.h"

#include "sched/await.h"
#include "sched/config.h"
#include "sched/fork_check.h"
#include "sched/spawn.h"
#include "sched/token.h"
#include "sched/worker.h"

#include <errno.h>
#include <thrum/scope.h>

_Static_assert(sizeof(struct thrum__scope) <= sizeof(struct thrum_scope), "it fits");

/* In failures: close returns why it was cut short, and none of them. */
#define CUT ((uint64_t)1 << 63)

static struct thrum__scope *scope_of(struct thrum_scope *s)
{
	return (struct thrum__scope *)s;
}

/* ---- Cancelling ---- */

static struct thrum__task *task_of(struct thrum__member *m)
{
	return container_of(m, struct thrum__task, member);
}

static void hold(struct thrum__member *m)
{
	thrum__refs_retain(&task_of(m)->future.refs);
}

/* The caller is inside. */
static void cancel_children(struct thrum__scope *s)
{
	struct thrum__member *m;

	if (!thrum__roster_cancel(&s->roster))
		return;
	while ((m = thrum__roster_take(&s->roster, hold))) {
		struct thrum__task *t = task_of(m);

		thrum__task_cancel(t, THRUM__PARKER_HARD);
		thrum_release(&t->future);
	}
}

/* The same, and the opener's waits. */
static void cancel_all(struct thrum__scope *s)
{
	store_relaxed(&s->cuts, 1);
	thrum__parker_cancel(&s->bracket.task->parker, s->asks);
	cancel_children(s);
}

/* True: the opener learns of it. */
static bool fail(struct thrum__scope *s, intptr_t failure, void *arg, const char *place)
{
	uint64_t before = fetch_add_relaxed(&s->failures, 1);
	bool keeps = (before & ~CUT) < s->kept_max;

	if (!before)
		s->failure = failure;
	if (keeps)
		s->kept[before & ~CUT] = (struct thrum_scope_failure){failure, arg, place};
	if (!s->keeps_going)
		cancel_all(s);
	return !before || keeps;
}

static void leave(struct thrum__scope *s)
{
	if (thrum__roster_leave(&s->roster))
		thrum__future_complete(&s->done, 0);
}

/* For who need not be inside. */
static void visit(struct thrum__scope *s, void (*what)(struct thrum__scope *s))
{
	if (!thrum__roster_visit(&s->roster))
		return;
	what(s);
	leave(s);
}

/* The token has been cancelled.  Close waits for the node. */
static void token_fires(struct thrum__waiter *n)
{
	visit(container_of(n, struct thrum__scope, node), cancel_all);
	thrum__waiter_let_go(n);
}

void thrum_scope_cancel(struct thrum_scope *scope)
{
	struct thrum__scope *s = scope_of(scope);

	if (!thrum__in_forked_child() && !s->err)
		visit(s, cancel_all);
}

size_t thrum_scope_failures(const struct thrum_scope *scope)
{
	return load_relaxed(&((const struct thrum__scope *)scope)->failures) & ~CUT;
}

/* ---- Children ---- */

void thrum__scope_enlist(struct thrum__task *t)
{
	t->marks |= THRUM__LISTED;
	t->member.next = &t->member;
	if (!thrum__roster_enlist(&t->scope->roster, &t->member))
		thrum__task_cancel(t, THRUM__PARKER_HARD);
}

void thrum__scope_child_ends(struct thrum__scope *s, struct thrum__task *t, intptr_t result)
{
	struct thrum_future *f = &t->future;

	if (thrum__scope_is_cancelled(s) || thrum__scope_is_asked(s))
		store_relaxed(&f->requested, 1);
	if (t->marks & THRUM__LISTED)
		thrum__roster_strike(&s->roster, &t->member);
	t->scope = NULL;
	if (!thrum_failed(result) || (result == -ECANCELED && load_relaxed(&f->requested)))
		return;
	if (fail(s, result, t->copied ? NULL : t->arg, f->place))
		store_relaxed(&f->seen, 1);
}

static void give_room(struct thrum__scope *s)
{
	if (!s->limited)
		return;
	fetch_add_relaxed(&s->room, 1);
	thrum__edge_raise(&s->freed);
}

void thrum__scope_child_ended(struct thrum__scope *s)
{
	give_room(s);
	leave(s);
}

/* Of a request above it the token may hear later than who looks. */
static void hear_token(struct thrum__scope *s)
{
	if (s->token && thrum__token_reached(s->token, NULL) == THRUM_HARD)
		visit(s, cancel_all);
}

static bool has_room(struct thrum__scope *s)
{
	uint64_t room = load_relaxed(&s->room);

	while (room)
		if (cas_relaxed(&s->room, &room, room - 1))
			return true;
	return false;
}

/* Of which a debug build keeps a copy, for cycle.c. */
static inline uint64_t limit_of(const struct thrum__scope *s)
{
#ifdef THRUM_DEBUG
	return s->limit;
#else
	(void)s;
	return 0;
#endif
}

/* Waits for room. */
static int take_room(struct thrum__scope *s, struct thrum__task *t)
{
	int err = thrum__wait_entry(t);

	while (!err) {
		uint64_t tick = thrum__edge_tick(&s->freed);

		if (has_room(s))
			return 0;
		thrum__wants_call("thrum_scope_spawn");
		thrum__wants_scope(t, &s->freed, s, limit_of(s));
		err = thrum__wait_edge(&s->freed, tick, THRUM_FOREVER, false);
		thrum__wants_end(t);
	}
	return err;
}

static void tie(struct thrum__task *t, void *scope)
{
	t->scope = scope;
}

static void untie(struct thrum__task *t, void *scope)
{
	(void)scope;
	t->scope = NULL;
}

static int spawn(struct thrum_scope *scope, struct thrum__spawn *how, struct thrum_future **out)
{
	static const struct thrum__spawn_link link = {NULL, tie, untie};
	struct thrum__worker *w = thrum__current_worker();
	struct thrum__scope *s = scope_of(scope);
	int err;

	if (!w)
		return thrum__no_task();
	if (s->err)
		return s->err;
	if (s->bracket.task->future.runtime != w->runtime)
		return -EINVAL;
	hear_token(s);
	err = s->limited ? take_room(s, w->current) : 0;
	if (err)
		return err;
	if (!thrum__roster_enter(&s->roster)) {
		give_room(s);
		return -ECANCELED;
	}
	how->drop = s->drop;
	how->released = !out;
	err = thrum__spawn_linked(how, &link, s, out);
	if (err) {
		fail(s, err, how->copies ? NULL : how->arg, how->place);
		thrum__scope_child_ended(s);
	}
	return err;
}

int thrum_scope_spawn_at(const char *place, struct thrum_scope *s, thrum_fn fn, void *arg)
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg};

	return spawn(s, &how, NULL);
}

int thrum_scope_spawn_copy_at(const char *place, struct thrum_scope *s, thrum_fn fn,
			      const void *args, size_t size)
{
	struct thrum__spawn how = {
	    .place = place, .fn = fn, .arg = (void *)args, .copy_bytes = size, .copies = true};

	return spawn(s, &how, NULL);
}

struct thrum_future *thrum_scope_spawn_future_at(const char *place, struct thrum_scope *s,
						 thrum_fn fn, void *arg)
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg};
	struct thrum_future *f = NULL;

	return spawn(s, &how, &f) ? NULL : f;
}

int(thrum_scope_spawn)(struct thrum_scope *s, thrum_fn fn, void *arg)
{
	return thrum_scope_spawn_at("? task", s, fn, arg);
}

int(thrum_scope_spawn_copy)(struct thrum_scope *s, thrum_fn fn, const void *args, size_t size)
{
	return thrum_scope_spawn_copy_at("? task", s, fn, args, size);
}

struct thrum_future *(thrum_scope_spawn_future)(struct thrum_scope *s, thrum_fn fn, void *arg)
{
	return thrum_scope_spawn_future_at("? task", s, fn, arg);
}

/* ---- Opening ---- */

static intptr_t ring(void *scope)
{
	visit(scope, cancel_children);
	return 0;
}

static void ring_no_more(void *scope)
{
	(void)scope;
}

static int set_alarm(struct thrum__scope *s, const char *place, int64_t deadline_ns)
{
	struct thrum_runtime *rt = thrum__current_worker()->runtime;
	int64_t ns = deadline_ns - thrum__runtime_now_ns(rt);

	s->alarm = thrum_spawn_after_at(place, ns, ring, s, ring_no_more);
	if (s->alarm)
		return 0;
	return thrum__gate_is_shut(&rt->gate) ? -ESHUTDOWN : -ENOMEM;
}

static int read_options(const struct thrum_scope_options *given, struct thrum_scope_options *out)
{
	int err = given ? thrum__copy_known(given, out, sizeof(*out)) : 0;

	if (!err && out->deadline_ns < 0)
		err = -EINVAL;
	if (!out->deadline_ns)
		out->deadline_ns = THRUM_FOREVER;
	return err;
}

/* From now on the children of @s, and its opener, hear of @token. */
static void hang_on(struct thrum__scope *s, struct thrum_token *token)
{
	s->token = thrum__token_of(token);
	s->node.fire = token_fires;
	thrum__token_use(s->token);
	s->hung = thrum__future_register(&s->token->level[THRUM__TOKEN_HARD], &s->node);
	hear_token(s);
}

static int open_scope(struct thrum__scope *s, const char *place,
		      const struct thrum_scope_options *given)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum__task *t = thrum__current_task();
	int err = read_options(given, &options);

	if (err)
		return err;
	s->done.place = options.name ? options.name : place;
	if (options.deadline_ns != THRUM_FOREVER) {
		err = set_alarm(s, s->done.place, options.deadline_ns);
		if (err)
			return err;
	}
	s->keeps_going = options.keep_going;
	s->kept = options.failures;
	s->kept_max = options.failures ? options.failures_max : 0;
	s->limited = options.limit;
#ifdef THRUM_DEBUG
	s->limit = options.limit;
#endif
	store_relaxed(&s->room, (uint64_t)options.limit);
	s->drop = options.drop;
	s->asks = thrum__parker_is_shielded(&t->parker) ? THRUM__PARKER_INNER : THRUM__PARKER_SCOPE;
	thrum__bracket_begin(&s->bracket, t, THRUM__SCOPED, options.deadline_ns);
	if (options.token)
		hang_on(s, options.token);
	return 0;
}

int thrum_scope_open_at(const char *place, struct thrum_scope *scope,
			const struct thrum_scope_options *options)
{
	struct thrum__scope *s = scope_of(scope);
	struct thrum__task *t = thrum__current_task();

	ENSURE(!t || t->brackets != &s->bracket, "a scope is closed before it is opened again");
	*s = (struct thrum__scope){.err = 0};
	thrum__roster_init(&s->roster);
	thrum__future_prepare(&s->done, THRUM__BARE, place);
	if (!thrum__current_worker())
		s->err = thrum__no_task();
	else
		s->err = open_scope(s, place, options);
	return s->err;
}

int(thrum_scope_open)(struct thrum_scope *s)
{
	return thrum_scope_open_at("? scope", s, NULL);
}

int(thrum_scope_open_with)(struct thrum_scope *s, const struct thrum_scope_options *options)
{
	return thrum_scope_open_at("? scope", s, options);
}

/* ---- Closing ---- */

/* From @b on outwards. */
static void ask_again(struct thrum__task *t, const struct thrum__bracket *b)
{
	for (; b; b = b->outer) {
		const struct thrum__scope *s = (const struct thrum__scope *)b;

		if (b->kind == THRUM__SCOPED && load_relaxed(&s->cuts))
			thrum__parker_cancel(&t->parker, s->asks);
	}
}

void thrum__scopes_ask(struct thrum__task *t)
{
	ask_again(t, t->brackets);
}

/* What @s asks of its opener is asked no more; what others ask is. */
static void ask_no_more(struct thrum__scope *s, struct thrum__task *t)
{
	thrum__parker_scope_over(&t->parker, THRUM__PARKER_SCOPE | THRUM__PARKER_INNER);
	ask_again(t, s->bracket.outer);
}

/* What @t, the opener, hears of others than @s: 0, -ECANCELED, -ETIMEDOUT. */
static int cut_by_others(const struct thrum__scope *s, struct thrum__task *t)
{
	bool shielded = thrum__parker_is_shielded(&t->parker);

	if (!shielded && (thrum__parker_requested(&t->parker) & THRUM__PARKER_HARD))
		return -ECANCELED;
	for (const struct thrum__bracket *b = s->bracket.outer; b && b->kind != THRUM__SHELTER;
	     b = b->outer)
		if (b->kind == THRUM__SCOPED &&
		    load_relaxed(&((const struct thrum__scope *)b)->cuts))
			return -ECANCELED;
	if (t->deadline_ns <= thrum__runtime_now_ns(t->future.runtime))
		return -ETIMEDOUT;
	return 0;
}

/* Waits until the last child has ended; what it was cut short by, before any had failed. */
static int await_children(struct thrum__scope *s, struct thrum__task *t)
{
	bool over = thrum__roster_close(&s->roster);
	uint64_t none = 0;
	int cut;

	thrum__wants_call("thrum_scope_close");
	for (;;) {
		if (over)
			(void)thrum__wait_look(t); /* as a wait would: what is asked comes to t */
		ask_no_more(s, t);
		cut = cut_by_others(s, t);
		if (cut || over)
			break;
		thrum__wants_scope(t, &s->done, s, 1);
		over = !thrum__await_timerless(&s->done);
	}
	if (cut && !cas_relaxed(&s->failures, &none, CUT)) {
		if (s->keeps_going)
			thrum__bracket_learn(t, cut, THRUM_FOREVER);
		cut = 0;
	}
	if (!over) {
		visit(s, cancel_children);
		thrum__wants_scope(t, &s->done, s, 1);
		thrum__await_end(&s->done);
		ask_no_more(s, t);
	}
	thrum__wants_end(t);
	return cut;
}

/* A request that came at the last moment has found the scope over, or asks the opener still. */
static void let_go_of_token(struct thrum__scope *s, struct thrum__task *t)
{
	if (s->hung)
		thrum__token_withdraw(&s->token->level[THRUM__TOKEN_HARD], &s->node);
	thrum__token_unuse(s->token);
	ask_no_more(s, t);
}

int thrum_scope_close(struct thrum_scope *scope)
{
	struct thrum__scope *s = scope_of(scope);
	struct thrum__task *t = s->bracket.task;
	int cut;

	if (s->err)
		return s->err;
	if (thrum__in_forked_child())
		return -ENOTSUP;
	ENSURE(t && t == thrum__current_task(),
	       "a scope is closed once, by the task that opened it");
	cut = await_children(s, t);
	if (s->token)
		let_go_of_token(s, t);
	if (s->alarm) {
		thrum_cancel(s->alarm);
		thrum__await_end(s->alarm);
		thrum_release(s->alarm);
	}
	thrum__bracket_learn(t, cut, THRUM_FOREVER);
	thrum__bracket_end(&s->bracket);
	s->err = -EINVAL; /* it takes no children any more */
	return cut ? cut : (int)s->failure;
}
