/* SPDX-License-Identifier: MIT */
/*
 * cycle.c - tasks that wait for each other: the wait-for cycle, in a debug build.
 *
 * WHAT    Each task says, before it parks, what can end its wait.  When nothing in a runtime can
 *         run any more, whoever found that looks at all its tasks, takes away those whose waits
 *         can end, and reports the cycles in what is left.  A report, no more: the program goes on,
 *         and a cancel from outside may still end it.
 *
 * WHEN    All workers sleep: the virtual clock finds that when it can't move (timer.c), by the
 *         real one the monitor when it goes to rest (monitor.c).  A look goes no further when
 *         something is queued, a job or callback is in flight, or a task waits for a descriptor or
 *         with a deadline, is to start later, or will be asked to end as the runtime stops.  None
 *         of that is relied on; it keeps out the cycles that a task which sleeps, say, means to
 *         cancel.  One that waits for a bare future may mean to as well: that is not known.
 *
 * HELD UP A task waits for: one of some tasks (await, join, gather, one after the other; wait_any,
 *         a drain), itself or behind shields; the children of a scope; a mutex; or something else.
 *         It is held up if all those tasks are; if so many children are that the scope cannot end
 *         (one) or has no room for another (as many as its limit); if who has the mutex is; or if
 *         the child is that it joined in place.  What is left when all others have been taken away
 *         is the largest set whose members are held up by members.  From each of them a walk along
 *         what holds it up comes to a cycle.  Bare futures, jobs, tokens, outside threads, tasks of
 *         other runtimes and all other locks are something else.
 *
 * NO FALSE ALARM  A set is believed if each member that was parked in wait s when it was looked at
 *         is still parked in s when all have been looked at.  Waits are numbered and never come
 *         back, so all of them were parked at one moment between, and what they had said was of
 *         these waits (ORDER).  At that moment none of the set runs; a member ends, or leaves its
 *         scope, only by running; and each wait ends only by that, or by a cancel.  A joiner that
 *         is not parked lies below a parked child on its stack, as the child says.  Who ran at that
 *         moment can not be in it; so it does not matter what others do meanwhile.
 *
 *         Who has a mutex says its name, and says before it unlocks that it has it no more; so one
 *         that did not run meanwhile has it, and nobody looks into a mutex, which may be gone.
 *
 * OWNERS  wants: the task while it runs; the last part, and the list of those looked at: who looks,
 *         one at a time in the process.  Tasks on the list have a reference.  Memory of tasks is
 *         never used for anything else, so one that is not on it may be looked at, too.
 *
 * What can fail: nothing; it needs no memory.  A look that takes too many steps gives up, and so
 * does one that finds something that may happen; a wait for more than eight tasks counts as such.
 *
 * ORDER   O1 release of what a task says pairs with O2 acquire of who looks: whoever reads what was
 *            said before a later wait finds that the earlier one is over.  What was said before the
 *            wait itself is seen with the parked word (core/parker.c: O1, O2).
 *         O3 release of looking pairs with O4 acquire: the looker's part.
 */
#include "sched/cycle.h"

#ifdef THRUM_DEBUG

#include "core/refs.h"
#include "sched/callback.h"
#include "sched/report.h"
#include "sched/scope.h"
#include "sched/worker.h"

/* Lines about one cycle. */
#define LINES 8
/* Of one look. */
#define STEPS_MAX 20000000

static struct atomic32 looking;
static uint64_t looks;

/* ---- What a task says ---- */

static void say(struct atomicptr *p, const void *what)
{
	store_release(p, (void *)what); /* O1 */
}

static void say_number(struct atomic64 *p, uint64_t n)
{
	store_release(p, n); /* O1 */
}

static void *heard(const struct atomicptr *p)
{
	return load_acquire(p); /* O2 */
}

static uint64_t heard_number(const struct atomic64 *p)
{
	return load_acquire(p); /* O2 */
}

void thrum__wants_call(const char *call)
{
	struct thrum__task *t = thrum__current_task();

	if (t)
		say(&t->wants.call, call);
}

void thrum__wants_join(const struct thrum_future *f)
{
	bool forked = f->kind == THRUM__TASK && container_of(f, struct thrum__task, future)->forked;

	thrum__wants_call(forked ? "thrum_fork_join" : "thrum_join");
}

static void begin(struct thrum__task *t, const void *key, enum thrum__wants_kind kind)
{
	t->wants.key = key;
	say_number(&t->wants.kind, kind);
	say_number(&t->wants.count, 0);
}

void thrum__wants_begin(struct thrum__task *t, const void *key)
{
	begin(t, key, THRUM__WANTS_TASKS);
}

void thrum__wants_add(struct thrum__task *t, struct thrum_future *f)
{
	struct thrum__wants *v = &t->wants;
	uint64_t n = heard_number(&v->count);

	while (f->kind == THRUM__SHIELD)
		f = container_of(f, struct thrum__shield, future)->target;
	if (f->kind != THRUM__TASK || n == THRUM__WANTS_MAX) {
		say_number(&v->kind, THRUM__WANTS_UNKNOWN);
		return;
	}
	say(&v->tasks[n], thrum__task_of(f));
	say_number(&v->count, n + 1);
}

void thrum__wants_future(struct thrum__task *t, struct thrum_future *f)
{
	if (t->wants.key == f)
		return;
	begin(t, NULL, THRUM__WANTS_TASKS);
	thrum__wants_add(t, f);
}

void thrum__wants_first(struct thrum__task *t, struct thrum_future *const fs[], size_t n)
{
	begin(t, NULL, THRUM__WANTS_TASKS);
	for (size_t i = 0; i < n && i <= THRUM__WANTS_MAX; i++)
		thrum__wants_add(t, fs[i]);
}

void thrum__wants_edge(struct thrum__task *t, const void *edge)
{
	if (!edge || t->wants.key != edge)
		begin(t, NULL, THRUM__WANTS_ELSE);
}

void thrum__wants_anybody(struct thrum__task *t, uint64_t seq)
{
	if (t->wants.mutex_seq != seq)
		begin(t, NULL, THRUM__WANTS_UNKNOWN);
}

void thrum__wants_mutex(uint64_t seq, const void *m)
{
	struct thrum__task *t = thrum__current_task();

	if (!t)
		return;
	thrum__wants_call("thrum_mutex_lock");
	begin(t, NULL, THRUM__WANTS_MUTEX);
	say(&t->wants.mutex, m);
	t->wants.mutex_seq = seq;
}

/* Of the current task's mutexes @from becomes @to: with NULL one more, or one less. */
static void change_mutex(const void *from, const void *to)
{
	struct thrum__task *t = thrum__current_task();

	for (unsigned i = 0; t && i < THRUM__HAS_MAX; i++) {
		if (heard(&t->wants.has[i]) == from) {
			say(&t->wants.has[i], to);
			return;
		}
	}
}

void thrum__has_mutex(const void *m)
{
	change_mutex(NULL, m);
}

void thrum__has_not_mutex(const void *m)
{
	change_mutex(m, NULL);
}

void thrum__has_none(struct thrum__task *t)
{
	for (unsigned i = 0; i < THRUM__HAS_MAX; i++)
		say(&t->wants.has[i], NULL);
}

void thrum__wants_scope(struct thrum__task *t, const void *key, const struct thrum__scope *s,
			uint64_t count)
{
	say(&t->wants.scope_name, s->done.place); /* first: where there is a scope it has a name */
	begin(t, key, THRUM__WANTS_SCOPE);
	say(&t->wants.scope, s);
	say_number(&t->wants.count, count);
}

void thrum__wants_end(struct thrum__task *t)
{
	t->wants.key = NULL;
}

void thrum__wants_park(struct thrum__task *t, uint64_t seq)
{
	say(&t->wants.of, t->scope);
	say_number(&t->wants.seq, seq);
}

void thrum__wants_below(struct thrum__task *child, struct thrum__task *joiner)
{
	if (joiner)
		say(&joiner->wants.of, joiner->scope);
	say(&child->wants.below, joiner);
}

/* ---- The look ---- */

struct look {
	struct thrum_runtime *runtime;
	uint64_t number;
	struct thrum__task *first; /* those looked at, with a reference each */
	struct thrum__task *free;  /* found not to be held up, and their waiters not yet told */
	struct thrum__task *has;   /* those that have a mutex */
	uint64_t steps;
	bool off; /* something may happen */
};

static bool step(struct look *l)
{
	l->off |= ++l->steps > STEPS_MAX;
	return !l->off;
}

static bool is_held(const struct look *l, const struct thrum__task *t)
{
	return t->wants.look == l->number && t->wants.held;
}

/* Will it be asked to end? */
static bool is_expected(const struct look *l, const struct thrum__task *t)
{
	return thrum__gate_is_shut(&l->runtime->gate) &&
	       !(thrum__parker_requested(&t->parker) & THRUM__PARKER_HARD);
}

static bool has(const struct thrum__task *t, const void *m)
{
	for (unsigned i = 0; i < THRUM__HAS_MAX; i++)
		if (heard(&t->wants.has[i]) == m)
			return true;
	return false;
}

static bool has_any(const struct thrum__task *t)
{
	for (unsigned i = 0; i < THRUM__HAS_MAX; i++)
		if (heard(&t->wants.has[i]))
			return true;
	return false;
}

/* Of the walk over all: puts @t on the list, unless something else can end its wait. */
static bool visit(struct thrum__task *t, void *look)
{
	struct look *l = look;
	struct thrum__wants *v = &t->wants;
	uint64_t seq = thrum__parker_parked(&t->parker);

	if (seq) {
		uint64_t kind = heard_number(&v->kind);

		/* One that is armed has said nothing. */
		l->off |=
		    kind == THRUM__WANTS_ELSE || heard_number(&v->seq) != seq || is_expected(l, t);
		if (l->off)
			return false;
		if (kind == THRUM__WANTS_UNKNOWN)
			return true;
	}
	thrum__refs_retain(&t->future.refs);
	v->look = l->number;
	v->parked = seq;
	v->held = seq != 0;
	v->trip = 0;
	v->child = v->waiters = v->holder = NULL;
	v->next = l->first;
	l->first = t;
	if (has_any(t)) {
		v->next_has = l->has;
		l->has = t;
	}
	return step(l);
}

static void to_free(struct look *l, struct thrum__task *t)
{
	t->wants.held = false;
	t->wants.next_free = l->free;
	l->free = t;
}

static void tell_waiters(struct look *l)
{
	while (l->free) {
		struct thrum__task *t = l->free;

		l->free = t->wants.next_free;
		for (struct thrum__task *w = t->wants.waiters; w; w = w->wants.sibling)
			if (w->wants.held)
				to_free(l, w);
	}
}

/* Whoever is below a child on its stack waits for it. */
static void find_joiners(struct look *l)
{
	for (struct thrum__task *t = l->first; t; t = t->wants.next) {
		struct thrum__task *below = heard(&t->wants.below);

		if (!below || below->wants.look != l->number || below->wants.parked)
			continue;
		below->wants.child = t;
		below->wants.held = true;
	}
}

static void find_holders(struct look *l)
{
	for (struct thrum__task *t = l->first; t && step(l); t = t->wants.next) {
		struct thrum__task *h = l->has;

		if (heard_number(&t->wants.kind) != THRUM__WANTS_MUTEX)
			continue;
		while (h && step(l) && !has(h, heard(&t->wants.mutex)))
			h = h->wants.next_has;
		t->wants.holder = h;
	}
}

/* The one task that can let @t go on; NULL: there are several, or a scope, or nobody knows. */
static struct thrum__task *only_one(struct thrum__task *t)
{
	struct thrum__wants *v = &t->wants;

	if (v->child)
		return v->child;
	if (heard_number(&v->kind) == THRUM__WANTS_MUTEX)
		return v->holder;
	if (heard_number(&v->kind) != THRUM__WANTS_TASKS || heard_number(&v->count) != 1)
		return NULL;
	return heard(&v->tasks[0]);
}

static void link_waiters(struct look *l)
{
	for (struct thrum__task *t = l->first; t; t = t->wants.next) {
		struct thrum__task *one = t->wants.held ? only_one(t) : NULL;

		if (!one)
			continue;
		if (is_held(l, one)) {
			t->wants.sibling = one->wants.waiters;
			one->wants.waiters = t;
		} else {
			to_free(l, t);
		}
	}
	tell_waiters(l);
}

/* A child of @s that is held up, from @t on in the list; NULL: none. */
static struct thrum__task *held_child(struct look *l, struct thrum__task *t, const void *s)
{
	for (; t && step(l); t = t->wants.next)
		if (t->wants.held && heard(&t->wants.of) == s)
			return t;
	return NULL;
}

static bool are_children_held(struct look *l, struct thrum__wants *v)
{
	uint64_t left = heard_number(&v->count);
	void *s = heard(&v->scope);
	struct thrum__task *t = l->first;

	for (; left && (t = held_child(l, t, s)); t = t->wants.next)
		left--;
	return !left;
}

static bool are_all_held(struct look *l, struct thrum__wants *v)
{
	uint64_t n = heard_number(&v->count);

	for (uint64_t i = 0; i < n && i < THRUM__WANTS_MAX; i++)
		if (!is_held(l, heard(&v->tasks[i])))
			return false;
	return n != 0;
}

/* Of those that not one task alone can let go on: takes away who is not held up. */
static bool free_some(struct look *l)
{
	bool any = false;

	for (struct thrum__task *t = l->first; t && step(l); t = t->wants.next) {
		struct thrum__wants *v = &t->wants;

		if (!v->held || only_one(t))
			continue;
		if (heard_number(&v->kind) == THRUM__WANTS_SCOPE ? are_children_held(l, v)
								 : are_all_held(l, v))
			continue;
		to_free(l, t);
		tell_waiters(l);
		any = true;
	}
	return any;
}

/* Are all still parked where they were? */
static bool is_true_still(struct look *l)
{
	for (struct thrum__task *t = l->first; t; t = t->wants.next)
		if (t->wants.held && t->wants.parked &&
		    thrum__parker_parked(&t->parker) != t->wants.parked)
			return false;
	return true;
}

/* ---- The report ---- */

/* What holds @t up; if there are several, one of them. */
static struct thrum__task *next_of(struct look *l, struct thrum__task *t)
{
	struct thrum__wants *v = &t->wants;

	if (v->child)
		return v->child;
	if (heard_number(&v->kind) == THRUM__WANTS_SCOPE)
		return held_child(l, l->first, heard(&v->scope));
	if (heard_number(&v->kind) == THRUM__WANTS_MUTEX)
		return v->holder;
	return heard(&v->tasks[0]);
}

static void report_task(struct look *l, struct thrum__task *t, struct thrum__task *next, unsigned i,
			unsigned n)
{
	struct thrum__wants *v = &t->wants;
	bool in_scope = !v->child && heard_number(&v->kind) == THRUM__WANTS_SCOPE;
	const char *call = v->child ? "thrum_join" : heard(&v->call);

	thrum__report(l->runtime->reporter, THRUM_REPORT_CYCLE,
		      "wait-for cycle, %u of %u: %s waits in %s for %s, made at %s%s%s", i, n,
		      thrum_name(&t->future), call ? call : "a call",
		      next == t ? "itself" : thrum_name(&next->future), thrum_place(&t->future),
		      in_scope ? ", its scope: " : "",
		      in_scope ? (const char *)heard(&v->scope_name) : "");
}

static void report_cycle(struct look *l, struct thrum__task *first)
{
	struct thrum__task *t = first, *next;
	unsigned n = 0;
	bool told = true;

	do {
		n++;
		told &= !t->wants.parked || t->wants.told == t->wants.parked;
		t->wants.told = t->wants.parked;
		t = next_of(l, t);
		if (!t)
			return;
	} while (t != first);
	if (told)
		return;
	for (unsigned i = 1; i <= n && i <= LINES; i++, t = next) {
		next = next_of(l, t);
		report_task(l, t, next, i, n);
	}
	if (n > LINES)
		thrum__report(l->runtime->reporter, THRUM_REPORT_CYCLE,
			      "wait-for cycle: and %u more tasks", n - LINES);
}

/* From each task along what holds it up, until a task is met again: on this trip, then it is a
 * cycle; else that one's is known. */
static void report_cycles(struct look *l)
{
	uint64_t trip = 0;

	for (struct thrum__task *start = l->first; start; start = start->wants.next) {
		struct thrum__task *t = start;

		if (!t->wants.held)
			continue;
		for (trip++; t && !t->wants.trip; t = next_of(l, t))
			t->wants.trip = trip;
		if (t && t->wants.trip == trip)
			report_cycle(l, t);
	}
}

static void look(struct look *l)
{
	thrum__tasks_walk(l->runtime, visit, l);
	if (!l->off) {
		find_joiners(l);
		find_holders(l);
		link_waiters(l);
		while (free_some(l))
			;
	}
	l->off |= !is_true_still(l);
	if (!l->off)
		report_cycles(l);
	while (l->first) {
		struct thrum__task *t = l->first;

		l->first = t->wants.next;
		thrum_release(&t->future);
	}
}

bool thrum__cycles_look(struct thrum_runtime *rt)
{
	struct look l = {.runtime = rt};

	if (thrum__job_pool_in_flight(&rt->blocking) || thrum__service_is_busy() ||
	    thrum__tally_any(&rt->gate.calls_due) || thrum__runtime_has_work(rt))
		return false;
	while (exchange_acquire(&looking, 1)) /* O4 */
		thread_yield();
	l.number = ++looks;
	look(&l);
	store_release(&looking, 0); /* O3 */
	return !l.off;
}

#endif
