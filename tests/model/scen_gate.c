/* SPDX-License-Identifier: MIT */
/*
 * scen_gate.c - entering a runtime and its end (runtime/core/gate.c): the stopper's walk finds a
 * task or its spawner that it must not start; no stopper sleeps through the end; what tasks,
 * visitors and calls did is seen, and they touch nothing after it.
 *
 * A child, once started, ends only when it is asked to.  The runtime's memory goes when the stopper
 * says so, and its plain words with it.
 */
#include "core/gate.h"
#include "core/inbox.h"
#include "core/refs.h"
#include "explorer.h"

#include <pthread.h>
#include <string.h>

enum { WORKERS = 2, CHILDREN = 2 };

struct child {
	struct thrum__link link; /* first: its place in an inbox */
	struct atomic32 refs;
	struct model_event asked; /* to end */
	int did;
	bool started;
};

struct runtime {
	struct thrum__gate gate;
	struct thrum__inbox inbox, calls;
	struct thrum__lives lives[WORKERS];
	int did[4]; /* each thread's own */
};

static struct runtime *rt;
static struct child children[CHILDREN]; /* never another's memory */
static struct model_event joined[WORKERS], rung;
static unsigned walked, refused;
static bool is_listed, is_over;
static pthread_mutex_t list_lock;

static const struct thrum__lives *lives_of(void *arg, unsigned i)
{
	struct runtime *r = arg;

	return i < WORKERS ? &r->lives[i] : NULL;
}

/* @roots tasks run on worker 0 already. */
static void start_with(unsigned roots)
{
	rt = model_alloc(sizeof(*rt));
	memset(rt, 0, sizeof(*rt));
	memset(children, 0, sizeof(children));
	memset(joined, 0, sizeof(joined));
	memset(&rung, 0, sizeof(rung));
	memset(&list_lock, 0, sizeof(list_lock));
	thrum__gate_init(&rt->gate, lives_of, rt);
	thrum__inbox_init(&rt->inbox);
	thrum__inbox_init(&rt->calls);
	store_relaxed(&rt->lives[0].spawned, roots);
	walked = refused = 0;
	is_listed = true;
	is_over = false;
	model_name(&rt->gate.shut, "shut");
	model_name(&rt->gate.quiet.rings, "quiet");
	model_name(&rt->gate.submitted, "submitted");
	model_name(&rt->gate.visitors.n, "visitors");
	model_name(&rt->gate.calls_due.n, "calls due");
	model_name(&rt->lives[0].spawned, "spawned 0");
	model_name(&rt->lives[1].spawned, "spawned 1");
	model_name(&rt->lives[0].ended, "ended 0");
	model_name(&rt->lives[1].ended, "ended 1");
	model_name(&children[0].refs, "refs 0");
	model_name(&children[1].refs, "refs 1");
}

static void start0(void)
{
	start_with(0);
}

static void start1(void)
{
	start_with(1);
}

static void touch(void)
{
	int *mine = &rt->did[model_thread()];

	plain_write(mine, plain_read(mine) + 1);
}

/* The child can be found from now on: may it start? */
static bool publish(struct child *c)
{
	thrum__refs_publish(&c->refs, 2);
	c->started = thrum__gate_admits(&rt->gate);
	refused += !c->started;
	return c->started;
}

static void give_back(struct child *c)
{
	thrum__refs_release(&c->refs);
	thrum__refs_release(&c->refs);
}

static bool spawn(unsigned worker, struct child *c)
{
	thrum__lives_spawned(&rt->lives[worker]);
	if (publish(c))
		return true;
	thrum__lives_unspawned(&rt->lives[worker]);
	give_back(c);
	return false;
}

static void end_on(unsigned worker)
{
	thrum__lives_ended(&rt->lives[worker]);
}

static void run(unsigned worker, struct child *c)
{
	model_event_wait(&c->asked);
	plain_write(&c->did, 1);
	touch();
	give_back(c);
	end_on(worker);
}

static void rest(unsigned worker)
{
	thrum__gate_went_quiet(&rt->gate);
	model_event_set(&joined[worker]);
}

static void walk(void)
{
	for (unsigned i = 0; i < CHILDREN; i++) {
		struct child *c = &children[i];

		if (!thrum__refs_try_retain(&c->refs))
			continue;
		walked++;
		model_event_set(&c->asked);
		thrum__refs_release(&c->refs);
	}
}

static void shut_and_walk(void)
{
	thrum__gate_shut(&rt->gate);
	if (thrum__gate_living(&rt->gate))
		walk();
}

/* All that tasks, visitors and calls did is seen, and nobody is there any more. */
static void take_apart(void)
{
	for (unsigned i = 0; i < 4; i++)
		plain_write(&rt->did[i], 0);
	for (unsigned i = 0; i < CHILDREN; i++)
		plain_write(&children[i].did, 0);
}

static void stopper(void)
{
	shut_and_walk();
	model_assert(thrum__gate_await_end(&rt->gate, INT64_MAX));
	take_apart();
}

static void check(void)
{
	model_assert(thrum__gate_has_ended(&rt->gate) && thrum__gate_is_shut(&rt->gate));
	for (unsigned i = 0; i < CHILDREN; i++)
		model_assert(children[i].refs.v == 0);
	model_free(rt);
}

/* T1 to T4, T9: a task spawns children while the gate is shut; all on one worker. */
static void spawning_worker(void)
{
	bool started[CHILDREN];

	for (unsigned i = 0; i < CHILDREN; i++)
		started[i] = spawn(0, &children[i]);
	touch();
	end_on(0);
	for (unsigned i = 0; i < CHILDREN; i++)
		if (started[i])
			run(0, &children[i]);
	rest(0);
}
SCENARIO(gate_spawn_stop, .setup = start1, .thread = {spawning_worker, stopper}, .check = check,
	 .covers = "T1 T2 T3 T4 T9");

/* T1, T4, T9: two workers end their last tasks; two stoppers (a task's and the destroyer's) wait.
 * */
static void ending_worker(void)
{
	unsigned me = (unsigned)model_thread();

	touch();
	end_on(me);
	rest(me);
}

static void start_each(void)
{
	start_with(1);
	store_relaxed(&rt->lives[1].spawned, 1);
}
SCENARIO(gate_last_end_stop, .setup = start_each, .thread = {ending_worker, ending_worker, stopper},
	 .check = check, .min_executions = 10000, .covers = "T1 T4 T9");

/* T1 to T4, T9: a task spawns on one worker and ends there; the child runs on the other. */
static void spawner_for_other(void)
{
	if (spawn(0, &children[0]))
		thrum__inbox_push(&rt->inbox, &children[0].link);
	model_event_set(&rung);
	touch();
	end_on(0);
	rest(0);
}

static void run_from_inbox(void)
{
	model_event_wait(&rung);
	if (thrum__inbox_take_all(&rt->inbox))
		run(1, &children[0]);
	rest(1);
}
SCENARIO(gate_stolen_child_stop, .setup = start1,
	 .thread = {spawner_for_other, run_from_inbox, stopper}, .check = check, .stale = 1,
	 .min_executions = 10000, .covers = "T1 T2 T3 T4 T9");

/* T1 to T6, T9: a thread from outside submits. */
static void submitter(void)
{
	thrum__gate_enter(&rt->gate);
	thrum__gate_submitted(&rt->gate);
	if (publish(&children[0])) {
		thrum__inbox_push(&rt->inbox, &children[0].link);
	} else {
		give_back(&children[0]);
		thrum__gate_unsubmitted(&rt->gate);
	}
	model_event_set(&rung);
	touch();
	thrum__gate_leave(&rt->gate);
}

static void stop_and_empty(void)
{
	shut_and_walk();
	model_assert(thrum__gate_await_end(&rt->gate, INT64_MAX));
	model_event_wait(&joined[1]);
}
SCENARIO(gate_submit_stop, .setup = start0, .thread = {submitter, run_from_inbox, stop_and_empty},
	 .check = check, .min_executions = 10000, .covers = "T1 T2 T3 T4 T5 T6 T9");

/* T1 to T6, T9: the same with no worker that would rest: what was refused is told, too. */
static void submit_and_run(void)
{
	thrum__gate_enter(&rt->gate);
	thrum__gate_submitted(&rt->gate);
	if (publish(&children[0])) {
		run(0, &children[0]);
		rest(0);
	} else {
		give_back(&children[0]);
		thrum__gate_unsubmitted(&rt->gate);
	}
	thrum__gate_leave(&rt->gate);
}
SCENARIO(gate_refused_alone, .setup = start0, .thread = {submit_and_run, stopper}, .check = check,
	 .covers = "T1 T2 T3 T4 T5 T6 T9");

/* T2, T4: somebody sums up while a task spawns, and the child ends elsewhere before it does. */
static void spawn_and_go_on(void)
{
	thrum__lives_spawned(&rt->lives[0]);
	thrum__inbox_push(&rt->inbox, &children[0].link);
	model_event_set(&rung);
	touch();
	end_on(0);
}

static void end_from_inbox(void)
{
	model_event_wait(&rung);
	model_assert(thrum__inbox_take_all(&rt->inbox));
	touch();
	end_on(1);
}

static void look_thrice(void)
{
	for (int i = 0; i < 3; i++)
		if (thrum__gate_living(&rt->gate) == 0)
			take_apart();
}

static void check_open(void)
{
	model_assert(thrum__gate_has_ended(&rt->gate));
	model_free(rt);
}
SCENARIO(gate_living_while_open, .setup = start1,
	 .thread = {spawn_and_go_on, end_from_inbox, look_thrice}, .check = check_open,
	 .min_executions = 10000, .covers = "T2 T4");

/* The runtime's memory goes, while a visitor may be inside still. */

static void check_gone(void)
{
	model_assert(model_live() == 0);
}

static void destroy(unsigned workers)
{
	thrum__gate_await_empty(&rt->gate);
	for (unsigned i = 0; i < workers; i++)
		model_event_wait(&joined[i]);
	take_apart();
	model_assert(!rt->calls.newest.v);
	model_free(rt);
}

/* T1, T4 to T6, T9: a task waits and two threads wake it: one does.  Who does so knows that the
 * runtime lives until it has. */
static void waker(void)
{
	struct runtime *r = rt;
	int *mine = &r->did[model_thread()];

	if (exchange_acq_rel(&children[0].refs, 0) == 0)
		return;
	thrum__gate_enter(&r->gate);
	thrum__inbox_push(&r->inbox, &children[0].link);
	model_event_set(&rung);
	plain_write(mine, 1);
	thrum__gate_leave(&r->gate);
}

static void woken_worker(void)
{
	model_event_wait(&rung);
	model_assert(thrum__inbox_take_all(&rt->inbox));
	touch();
	end_on(0);
	rest(0);
}

static void destroyer(void)
{
	thrum__gate_shut(&rt->gate);
	model_assert(thrum__gate_await_end(&rt->gate, INT64_MAX));
	destroy(1);
}

static void start_waiting(void)
{
	start1();
	store_relaxed(&children[0].refs, 1);
}
SCENARIO(gate_wake_destroy, .setup = start_waiting,
	 .thread = {waker, woken_worker, destroyer, waker}, .check = check_gone,
	 .min_executions = 10000, .covers = "T1 T4 T5 T6 T9");

/* T5 to T8: a visitor finds the runtime on a list and queues a call; a worker makes it. */
static void finder(void)
{
	struct runtime *r = NULL;
	int *mine;

	pthread_mutex_lock(&list_lock);
	if (is_listed) {
		r = rt;
		thrum__gate_enter(&r->gate);
	}
	pthread_mutex_unlock(&list_lock);
	if (!r)
		return;
	mine = &r->did[model_thread()];
	plain_write(mine, 1);
	thrum__tally_begin(&r->gate.calls_due);
	thrum__inbox_push(&r->calls, &children[model_thread()].link);
	model_event_set(&rung);
	thrum__gate_leave(&r->gate);
}

static void unlist(void)
{
	pthread_mutex_lock(&list_lock);
	is_listed = false;
	pthread_mutex_unlock(&list_lock);
}

/* Does what is queued, until it is told that nothing comes any more. */
static void make_calls(void)
{
	struct thrum__link *l = thrum__inbox_take_all(&rt->calls);

	while (l) {
		struct thrum__link *next = plain_read(&l->next);

		touch();
		thrum__tally_end(&rt->gate.calls_due);
		l = next;
	}
}

static void calling_worker(void)
{
	while (!is_over) {
		model_event_wait(&rung);
		make_calls();
	}
	model_event_set(&joined[0]);
}

static void unlister(void)
{
	struct runtime *r = rt;

	unlist();
	thrum__gate_await_empty(&r->gate);
	take_apart();
	is_over = true;
	model_event_set(&rung);
	model_event_wait(&joined[0]);
	model_free(r);
}
SCENARIO(gate_found_destroy, .setup = start0, .thread = {finder, calling_worker, unlister},
	 .check = check_gone, .observes_order = true, .min_executions = 10000,
	 .covers = "T5 T6 T7 T8");

/* T1, T4, T7 to T9: the last task leaves a call to be made, by the other worker. */
static void owing_worker(void)
{
	touch();
	thrum__tally_begin(&rt->gate.calls_due);
	thrum__inbox_push(&rt->calls, &children[0].link);
	model_event_set(&rung);
	end_on(0);
	rest(0);
}

static void caller(void)
{
	model_event_wait(&rung);
	make_calls();
	rest(1);
}
SCENARIO(gate_owed_stop, .setup = start1, .thread = {owing_worker, caller, stopper}, .check = check,
	 .min_executions = 10000, .covers = "T1 T4 T7 T8 T9");

/* T1, T4, T9: with a deadline: it has ended, or has not yet and that is said. */
static void stopper_with_deadline(void)
{
	thrum__gate_shut(&rt->gate);
	if (thrum__gate_await_end(&rt->gate, 1))
		take_apart();
}
SCENARIO(gate_deadline, .setup = start_each,
	 .thread = {ending_worker, ending_worker, stopper_with_deadline}, .check = check,
	 .min_executions = 10000, .covers = "T1 T4 T9");
