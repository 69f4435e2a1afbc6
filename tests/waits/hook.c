/* SPDX-License-Identifier: MIT */
/*
 * hook.c - counts the waits of the program that it is linked into, and cuts one short.
 *
 * The linker puts its functions in front of some of the library's (waits_program in
 * CMakeLists.txt): those that every task passes on its way into a wait, and those that begin and
 * end a runtime.  So the library is the one that all other tests have, and knows nothing of it.
 *
 * From the environment:
 *   THRUM_WAITS=FILE     append a line about the whole process when it ends (report)
 *   THRUM_WAITS_AT=K     at the K-th wait, counted from 1 ...
 *   THRUM_WAITS_DO=WHAT  ... do this:
 *     self      a cancel of the task that waits is requested before it has left its stack: T2, T5
 *               of core/parker.c
 *     parked    ... when it has: T4
 *     main      ... of the main task of its runtime, wherever that is: T4, T5, T8
 *     deadline  from now to its end a deadline around all that the task does has passed; shields
 *               hide it
 *     bracket   the deadline of what the task began last and has not ended has passed: a timeout,
 *               shield or scope; nothing if it is in none
 *     token     the main task of its runtime is linked to a token: a soft request is made of that,
 *               and at the next wait, whoever's, a hard one
 *     scope     ... is the child of a scope with a token, of which a hard request is made
 *     timeout   as deadline, but all that the main task does is inside a timeout, in which joins
 *               wait
 *
 * What waits is let wait on.  A wait that hears of this must end by it before the virtual clock
 * moves: heard.  One that does not is reported as missed (with other workers and threads it may
 * have ended first).
 *
 * State, the process's: the counts; the list of main tasks, under a lock.  Nothing can fail but the
 * report, which is missed then.
 */
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sched/bracket.h"
#include "sched/runtime.h"
#include "sched/timer.h"
#include "sched/worker.h"

#define FAR_NS THRUM_SEC(1000000000)

typedef void after_fn(struct thrum__worker *w, void *arg);

/* NOLINTBEGIN: the names are the linker's. */
void __real_thrum__worker_leave(struct thrum__worker *w, after_fn *after, void *task);
void __real_thrum__worker_give_way(struct thrum__worker *w);
void __real_thrum__task_finish(struct thrum__worker *w, struct thrum__task *t, intptr_t result);
void __real_thrum__task_finish_joined(struct thrum__worker *w, struct thrum__task *t,
				      intptr_t result);
void __real_thrum__runtime_dismantle(struct thrum_runtime *rt);
intptr_t __real_thrum_run_at(const char *place, const struct thrum_config *config, thrum_fn fn,
			     void *arg);
intptr_t __real_thrum_runtime_block_on_at(const char *place, struct thrum_runtime *rt, thrum_fn fn,
					  void *arg);
void __wrap_thrum__worker_leave(struct thrum__worker *w, after_fn *after, void *task);
void __wrap_thrum__worker_give_way(struct thrum__worker *w);
void __wrap_thrum__task_finish(struct thrum__worker *w, struct thrum__task *t, intptr_t result);
void __wrap_thrum__task_finish_joined(struct thrum__worker *w, struct thrum__task *t,
				      intptr_t result);
void __wrap_thrum__runtime_dismantle(struct thrum_runtime *rt);
intptr_t __wrap_thrum_run_at(const char *place, const struct thrum_config *config, thrum_fn fn,
			     void *arg);
intptr_t __wrap_thrum_runtime_block_on_at(const char *place, struct thrum_runtime *rt, thrum_fn fn,
					  void *arg);
/* NOLINTEND */

static const char *what = "";
static uint64_t at; /* 0: never */
static struct atomic64 waits, bracketed, counted, spawned, ended;
static struct atomic32 reached, heard, missed;
static int descriptors_before;

/* ---- Main tasks ---- */

struct main_task {
	struct main_task *next;
	struct thrum_future *self;
	struct thrum_token *token;
	thrum_fn fn;
	void *arg;
	intptr_t result; /* scope: fn's */
};

static pthread_mutex_t mains_lock = PTHREAD_MUTEX_INITIALIZER;
static struct main_task *mains;

static bool is_what(const char *name)
{
	return !strcmp(what, name);
}

/* What it returns is no failure of the scope. */
static intptr_t call_main(void *arg)
{
	struct main_task *m = arg;

	m->result = m->fn(m->arg);
	return 0;
}

static intptr_t run_in_scope(struct main_task *m)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;
	struct thrum_scope s;

	options.token = m->token;
	if (thrum_scope_open_with(&s, &options) || thrum_scope_spawn(&s, call_main, m))
		abort();
	(void)!thrum_scope_close(&s);
	return m->result;
}

static intptr_t run_in_timeout(struct main_task *m)
{
	struct thrum_timeout t;

	thrum_timeout_begin(&t, FAR_NS);
	m->result = m->fn(m->arg);
	(void)thrum_timeout_end(&t);
	return m->result;
}

static intptr_t run_within(struct main_task *m)
{
	if (is_what("token"))
		return thrum_join(thrum_spawn_token(m->token, m->fn, m->arg));
	if (is_what("scope"))
		return run_in_scope(m);
	if (is_what("timeout"))
		return run_in_timeout(m);
	return m->fn(m->arg);
}

static intptr_t run_main(void *arg)
{
	struct main_task *m = arg, **at_it;
	intptr_t result;

	m->self = thrum_self();
	m->token = thrum_token_create(NULL);
	pthread_mutex_lock(&mains_lock);
	m->next = mains;
	mains = m;
	pthread_mutex_unlock(&mains_lock);
	result = run_within(m);
	pthread_mutex_lock(&mains_lock);
	for (at_it = &mains; *at_it != m; at_it = &(*at_it)->next)
		;
	*at_it = m->next;
	pthread_mutex_unlock(&mains_lock);
	thrum_token_release(m->token);
	return result;
}

intptr_t __wrap_thrum_run_at(const char *place, const struct thrum_config *config, thrum_fn fn,
			     void *arg)
{
	struct main_task m = {.fn = fn, .arg = arg};

	return __real_thrum_run_at(place, config, run_main, &m);
}

intptr_t __wrap_thrum_runtime_block_on_at(const char *place, struct thrum_runtime *rt, thrum_fn fn,
					  void *arg)
{
	struct main_task m = {.fn = fn, .arg = arg};

	return __real_thrum_runtime_block_on_at(place, rt, run_main, &m);
}

static void cancel_main(struct thrum_runtime *rt)
{
	pthread_mutex_lock(&mains_lock);
	for (struct main_task *m = mains; m; m = m->next)
		if (m->self->runtime == rt)
			(void)thrum_cancel(m->self);
	pthread_mutex_unlock(&mains_lock);
}

static void ask_token(struct thrum_runtime *rt, int level)
{
	pthread_mutex_lock(&mains_lock);
	for (struct main_task *m = mains; m; m = m->next)
		if (m->self->runtime == rt)
			(void)thrum_token_cancel(m->token, level, 0);
	pthread_mutex_unlock(&mains_lock);
}

/* ---- Deadlines ---- */

static struct atomicptr late; /* the task that has such a deadline around it */

/* As if the task had begun a timeout before all that it is inside of, and it had passed.  False: a
 * shield hides that from @b's inside. */
static bool pass_around(struct thrum__bracket *b, int64_t *inside_ns, int64_t now)
{
	bool heard = !b || (pass_around(b->outer, &b->outer_ns, now) && b->kind != THRUM__SHELTER);

	if (heard && now < *inside_ns)
		*inside_ns = now;
	return heard;
}

static void pass_innermost(struct thrum__task *t, int64_t now)
{
	struct thrum__bracket *b = t->brackets;

	if (b && now < b->deadline_ns)
		b->deadline_ns = now;
	if (b && now < t->deadline_ns)
		t->deadline_ns = now;
}

/* @parks: the wait ends by the deadline, if it hears any; else it is a task that gives way. */
static void pass_deadline(struct thrum__worker *w, struct thrum__task *t, bool parks)
{
	int64_t now = thrum__runtime_now_ns(w->runtime);
	struct thrum__timer timer; /* it fires: there is nothing to forget */

	if (is_what("bracket")) {
		pass_innermost(t, now);
	} else {
		(void)pass_around(t->brackets, &t->deadline_ns, now);
		store_relaxed(&late, t);
	}
	if (!parks || t->wait_deaf || t->deadline_ns > now)
		return;
	if (thrum__timer_start(&timer, w, &t->parker, t->wait_seq, now))
		abort();
}

/* A task ends without deadlines. */
static void forget_deadline(struct thrum__task *t)
{
	if (load_relaxed(&late) != t)
		return;
	t->deadline_ns = THRUM_FOREVER;
	store_relaxed(&late, NULL);
}

void __wrap_thrum__task_finish(struct thrum__worker *w, struct thrum__task *t, intptr_t result)
{
	forget_deadline(t);
	__real_thrum__task_finish(w, t, result);
}

void __wrap_thrum__task_finish_joined(struct thrum__worker *w, struct thrum__task *t,
				      intptr_t result)
{
	forget_deadline(t);
	__real_thrum__task_finish_joined(w, t, result);
}

/* ---- Waits ---- */

/* Counts a wait.  True: it is the one to be cut short. */
static bool is_it(struct thrum__task *t)
{
	uint64_t k = fetch_add_relaxed(&waits, 1) + 1;

	if (t->brackets)
		fetch_add_relaxed(&bracketed, 1);
	if (at && k == at + 1 && is_what("token"))
		ask_token(t->future.runtime, THRUM_HARD);
	if (k != at)
		return false;
	store_relaxed(&reached, 1);
	return true;
}

static bool by_deadline(void)
{
	return is_what("deadline") || is_what("bracket") || is_what("timeout");
}

/* What is requested of the waiting task itself. */
static bool by_cancel(void)
{
	return is_what("self") || is_what("parked");
}

static void cut(struct thrum__worker *w, struct thrum__task *t, bool parks)
{
	if (is_what("main"))
		cancel_main(w->runtime);
	else if (is_what("token"))
		ask_token(w->runtime, THRUM_SOFT);
	else if (is_what("scope"))
		ask_token(w->runtime, THRUM_HARD);
	else if (by_deadline())
		pass_deadline(w, t, parks);
	else
		thrum__task_cancel(t, THRUM__PARKER_HARD);
}

/* There is one such wait in a process. */
static struct {
	after_fn *after; /* what the library wanted to be done on the next stack */
	uint64_t seq;
	int64_t now_ns;
	bool hears; /* nobody has ended it yet, and this should */
} the_cut;

static void after_and_cancel(struct thrum__worker *w, void *task)
{
	struct thrum__task *t = task;

	the_cut.after(w, t);
	thrum__task_cancel(t, THRUM__PARKER_HARD);
	thrum_release(&t->future);
}

/* @t, which is to leave its stack: would it hear a cancel, or the deadline if there is one now? */
static bool is_to_hear(struct thrum__task *t)
{
	if (t->wait_deaf || thrum__parker_is_over(&t->parker, the_cut.seq))
		return false;
	if (by_deadline())
		return t->deadline_ns <= the_cut.now_ns;
	return by_cancel() && !thrum__parker_is_shielded(&t->parker);
}

/* It runs again: a wait that was cut short took no time, and knows why it ended. */
static bool has_heard(struct thrum__task *t)
{
	return thrum__runtime_now_ns(t->future.runtime) == the_cut.now_ns &&
	       (!by_cancel() || thrum__parker_why(&t->parker) == THRUM__BY_CANCEL);
}

static void leave_and_cut(struct thrum__worker *w, after_fn *after, struct thrum__task *t)
{
	struct thrum_runtime *rt = w->runtime;

	the_cut.after = after;
	the_cut.seq = t->wait_seq;
	the_cut.now_ns = thrum__runtime_now_ns(rt);
	if (!is_what("parked")) {
		cut(w, t, true);
		the_cut.hears = is_to_hear(t);
	} else {
		the_cut.hears = is_to_hear(t);
		thrum_retain(&t->future);
		after = after_and_cancel;
	}
	__real_thrum__worker_leave(w, after, t);
	if (rt->virtual_clock && the_cut.hears)
		store_relaxed(has_heard(t) ? &heard : &missed, 1);
}

void __wrap_thrum__worker_leave(struct thrum__worker *w, after_fn *after, void *task)
{
	if (is_it(task))
		leave_and_cut(w, after, task);
	else
		__real_thrum__worker_leave(w, after, task);
}

void __wrap_thrum__worker_give_way(struct thrum__worker *w)
{
	struct thrum__task *t = w->current;

	if (is_it(t))
		cut(w, t, false);
	__real_thrum__worker_give_way(w);
}

/* ---- The report ---- */

/* All has ended: the counts are exact. */
void __wrap_thrum__runtime_dismantle(struct thrum_runtime *rt)
{
	struct thrum_stats s = {.size = sizeof(s)};

	if (!thrum_runtime_stats(rt, -1, &s)) {
		fetch_add_relaxed(&counted, s.suspensions);
		fetch_add_relaxed(&spawned, s.spawned);
		fetch_add_relaxed(&ended, s.ended);
	}
	__real_thrum__runtime_dismantle(rt);
}

static int count_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	if (!d)
		return -1;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static bool count_held(void *block, void *held)
{
	struct thrum__block *b = block;

	if (load_relaxed(&b->refs))
		++*(unsigned *)held;
	return true;
}

/* Tasks, futures and jobs that somebody has still a reference to. */
static unsigned count_futures(void)
{
	unsigned held = 0;

	thrum__pool_walk(&thrum__task_pool, count_held, &held);
	thrum__pool_walk(&thrum__future_pool, count_held, &held);
	thrum__pool_walk(&thrum__job_blocks, count_held, &held);
	return held;
}

static __attribute__((constructor)) void begin(void)
{
	const char *k = getenv("THRUM_WAITS_AT");

	if (k)
		at = strtoull(k, NULL, 10);
	if (getenv("THRUM_WAITS_DO"))
		what = getenv("THRUM_WAITS_DO");
	descriptors_before = count_descriptors();
}

static __attribute__((destructor)) void report(void)
{
	const char *path = getenv("THRUM_WAITS");
	int descriptors = count_descriptors() - descriptors_before;
	FILE *out = path ? fopen(path, "a") : NULL;

	if (!out)
		return;
	fprintf(out,
		"waits=%llu counted=%llu bracketed=%llu spawned=%llu ended=%llu reached=%u "
		"heard=%u missed=%u futures=%u descriptors=%d\n",
		(unsigned long long)load_relaxed(&waits),
		(unsigned long long)load_relaxed(&counted),
		(unsigned long long)load_relaxed(&bracketed),
		(unsigned long long)load_relaxed(&spawned),
		(unsigned long long)load_relaxed(&ended), load_relaxed(&reached),
		load_relaxed(&heard), load_relaxed(&missed), count_futures(), descriptors);
	fclose(out);
}
