/* SPDX-License-Identifier: MIT */
/*
 * runtime.c - a runtime's birth, and the ways into it from outside.  Its end is stop.c.
 *
 * Birth: the configuration, membarrier and the guard's handler (once for the process), the shared
 * parts, the workers' parts, then their threads.  Whatever fails undoes what was done before it, in
 * reverse order.
 */
#include "sched/runtime.h"

#include "sched/await.h"
#include "sched/blocking.h"
#include "sched/config.h"
#include "sched/fork_check.h"
#include "sched/fork.h"
#include "sched/interrupt.h"
#include "sched/monitor.h"
#include "sched/registry.h"
#include "sched/report.h"
#include "sched/sigpipe.h"
#include "sched/spare.h"
#include "sched/spawn.h"
#include "sched/tether.h"
#include "sched/token.h"
#include "sched/worker.h"

#include <stdio.h>
#include <string.h>

const char *thrum_version(void)
{
	return THRUM_STR(THRUM_VERSION_MAJOR) "." THRUM_STR(THRUM_VERSION_MINOR) "." THRUM_STR(
	    THRUM_VERSION_PATCH);
}

static const char *current_task_name(void)
{
	struct thrum__task *t = thrum__current_task();

	return t ? thrum_name(&t->future) : NULL;
}

/* In the handler of SIGSEGV: what runs on this thread. */
static bool current_stack(struct thrum__guard_info *out)
{
	struct thrum__worker *w = thrum__tls_worker();

	if (!w || !w->fiber || w->fiber == &w->home)
		return false;
	out->low = w->fiber->low;
	out->guard_bytes = THRUM__STACK_GUARD_BYTES;
	out->stack_bytes = (size_t)(w->fiber->high - w->fiber->low);
	out->name = w->current ? thrum_name(&w->current->future) : NULL;
	out->place = w->current ? thrum_place(&w->current->future) : NULL;
	return true;
}

static void assert_init(void)
{
	thrum__assert_task = current_task_name;
}

static int process_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int err;

	thrum__os_membarrier_init();
	thrum__sigpipe_install();
	pthread_once(&once, assert_init);
	err = thrum__guard_install(current_stack);
	return err ? err : thrum__registry_watch_fork();
}

static const struct thrum__lives *lives_of(void *runtime, unsigned i)
{
	struct thrum_runtime *rt = runtime;

	return i < thrum__workers_total(rt) ? &rt->workers[i]->counters.tasks : NULL;
}

static void take_config(struct thrum_runtime *rt, const struct thrum_config *c,
			const struct thrum__config_found *found)
{
	rt->workers_count = c->workers;
	rt->workers_why = found->workers_why;
	rt->workers_max = thrum__spares_workers_max(c);
	rt->virtual_clock = c->clock == THRUM_CLOCK_VIRTUAL;
	rt->limits = (struct thrum__runtime_limits){
	    .stack_bytes = thrum__stack_round(c->stack_bytes),
	    .tasks_max = c->tasks_max,
	    .credits_share = thrum__spawn_share(c->tasks_max, c->workers),
	    .inject_max = c->inject_max,
	    .blocking_queue = c->blocking_queue,
	    .blocking_max = c->blocking_max,
	    .grace_ns = c->grace_ns,
	    .soft_ns = c->soft_ns,
	    .signals = c->signals,
	    .spin_ns = c->spin_ns,
	    .stall_ns = c->stall_ns,
	};
	rt->seed = c->seed;
	rt->reporter->report = c->report;
	rt->reporter->report_arg = c->report_arg;
	snprintf(rt->name, sizeof(rt->name), "%s", c->name);
	store_relaxed(&rt->credits, c->tasks_max);
	thrum__gate_init(&rt->gate, lives_of, rt);
	thrum__inbox_init(&rt->woken);
	thrum__inbox_init(&rt->callbacks);
	thrum__idle_init(&rt->idle, c->workers, found->cpus, !rt->virtual_clock);
	rt->idle.arg = rt;
	rt->idle.wake = thrum__worker_wake;
	rt->idle.has_work = thrum__runtime_offers;
	rt->idle.attend = thrum__forks_attend;
	rt->idle.heard = thrum__forks_tell;
}

static void end_workers(struct thrum_runtime *rt, unsigned started)
{
	store_relaxed(&rt->exiting, 1);
	/* Some sleep, some are about to, some run: has_work and the loop look at exiting. */
	thrum__idle_wake_all(&rt->idle);
	thrum__monitor_stop(rt); /* the spares, too */
	for (unsigned i = 0; i < started; i++)
		thrum__os_thread_join(rt->workers[i]->thread);
	thrum__monitor_destroy(rt);
#ifdef THRUM_MIGRATE
	thrum__stats_check_migrations(rt);
#endif
	for (unsigned i = 0; i < thrum__workers_total(rt); i++) {
		thrum__worker_fini(rt->workers[i]);
		thrum__os_free(rt->workers[i]);
	}
}

static int start_workers(struct thrum_runtime *rt)
{
	unsigned made = 0, started = 0;
	int err = 0;

	for (; made < rt->workers_count; made++) {
		struct thrum__worker *w = thrum__os_alloc_aligned(CACHE_LINE, sizeof(*w));

		if (!w) {
			err = -ENOMEM;
			break;
		}
		memset(w, 0, sizeof(*w));
		err = thrum__worker_init(w, rt, made);
		if (err) {
			thrum__os_free(w);
			break;
		}
		rt->workers[made] = w;
		thrum__roll_add(&rt->roll);
	}
	if (!err)
		err = thrum__monitor_create(rt);
	for (; !err && started < made; started++) {
		struct thrum__worker *w = rt->workers[started];

		err = thrum__os_thread_create(&w->thread, thrum__worker_main, w, 0);
		if (err)
			break;
	}
	if (!err)
		err = thrum__monitor_start(rt);
	if (err)
		end_workers(rt, started);
	return err;
}

static void report_stacks(void *reporter, const char *line)
{
	thrum__report(reporter, THRUM_REPORT_FAILURE, "%s", line);
}

/* The parts that the workers share.  Undone by free_shared. */
static int make_shared(struct thrum_runtime *rt)
{
	const struct thrum__poller_ops *poller = thrum__config_poller();
	int err = thrum__stacks_init(&rt->stacks, rt->limits.stack_bytes, SIZE_MAX);

	if (err)
		return err;
	err = poller->create(&rt->poller, rt->seed);
	if (err)
		goto no_poller;
	thrum__descriptors_init(&rt->descriptors, rt->poller);
	rt->stacks.report = report_stacks;
	rt->stacks.report_arg = rt->reporter;
	err = thrum__inject_init(&rt->inject, rt->limits.inject_max);
	if (err)
		goto no_inject;
	err = thrum__blocking_start(rt);
	if (err)
		goto no_blocking;
	return 0;
no_blocking:
	thrum__inject_fini(&rt->inject);
no_inject:
	rt->poller->ops->destroy(rt->poller);
no_poller:
	thrum__stacks_fini(&rt->stacks);
	return err;
}

static void free_shared(struct thrum_runtime *rt)
{
	thrum__blocking_fini(rt);
	thrum__inject_fini(&rt->inject);
	thrum__descriptors_fini(&rt->descriptors);
	rt->poller->ops->destroy(rt->poller);
	thrum__stacks_fini(&rt->stacks);
}

static void free_root(struct thrum_runtime *rt)
{
	if (!rt->root)
		return;
	thrum_token_release(rt->root->token);
	thrum__os_free(rt->root);
}

static void runtime_free(struct thrum_runtime *rt)
{
	free_root(rt);
	thrum__os_free(rt->workers);
	thrum__os_free(rt->reporter);
	thrum__os_free(rt);
}

int thrum_runtime_create(struct thrum_runtime **out, const struct thrum_config *config)
{
	struct thrum_runtime *rt;
	struct thrum_config c;
	struct thrum__config_found found;
	int err;

	*out = NULL;
	if (thrum__in_forked_child())
		return -ENOTSUP;
	err = thrum__config_resolve(config, &c, &found);
	if (err)
		return err;
	err = process_init();
	if (err)
		return err;
	rt = thrum__os_alloc_aligned(CACHE_LINE, sizeof(*rt));
	if (!rt)
		return -ENOMEM;
	memset(rt, 0, sizeof(*rt));
	rt->reporter = thrum__os_alloc_zeroed(sizeof(*rt->reporter));
	err = rt->reporter ? 0 : -ENOMEM;
	if (err)
		goto fail;
	take_config(rt, &c, &found);
	rt->workers = thrum__os_alloc_zeroed(rt->workers_max * sizeof(rt->workers[0]));
	err = rt->workers ? 0 : -ENOMEM;
	if (err)
		goto fail;
	err = make_shared(rt);
	if (err)
		goto fail;
	thrum__registry_add(rt);
	err = start_workers(rt);
	if (err)
		goto no_workers;
	*out = rt;
	return 0;
no_workers:
	thrum__registry_remove(rt);
	thrum__blocking_stop(rt, INT64_MAX);
	free_shared(rt);
fail:
	runtime_free(rt);
	return err;
}

/* Everything has ended: takes it apart. */
void thrum__runtime_dismantle(struct thrum_runtime *rt)
{
	/* Nobody finds it any more; who has found it or woken its last task is on its last steps,
	 * and what such a visitor queued the workers still run. */
	thrum__registry_remove(rt);
	thrum__gate_await_empty(&rt->gate);
	end_workers(rt, rt->workers_count);
	free_shared(rt);
	runtime_free(rt);
}

int thrum_runtime_try_submit_at(const char *place, struct thrum_runtime *rt, thrum_fn fn, void *arg,
				struct thrum_future **out)
{
	struct thrum__spawn how = {.place = place, .fn = fn, .arg = arg, .released = !out};

	if (out)
		*out = NULL;
	return thrum__submit(rt, &how, out);
}

struct thrum_future *thrum_runtime_submit_at(const char *place, struct thrum_runtime *rt,
					     thrum_fn fn, void *arg)
{
	struct thrum_future *f;

	return thrum_runtime_try_submit_at(place, rt, fn, arg, &f) ? NULL : f;
}

/* What block_on runs as a task. */
struct driven {
	struct thrum_runtime *runtime;
	thrum_fn fn;
	void *arg;
	bool stops;               /* its end is the runtime's */
	struct thrum__root *root; /* it is asked through; NULL: none */
};

/* The main task, asked by whoever cancels its token meanwhile. */
static intptr_t run_asked(struct driven *d)
{
	struct thrum__tether tether;
	intptr_t result;

	thrum__tether_init(&tether, thrum__token_of(d->root->token));
	thrum__tether_hang(&tether, thrum_self());
	result = d->fn(d->arg);
	thrum__tether_unhang(&tether);
	return result;
}

/* The clock and the end of the runtime follow the main task itself, not the thread that will learn
 * of it later. */
static intptr_t drive(void *arg)
{
	struct driven *d = arg;
	struct thrum_runtime *rt = d->runtime;
	intptr_t result;

	fetch_add_relaxed(&rt->drivers, 1);
	result = d->root ? run_asked(d) : d->fn(d->arg);
	if (d->stops)
		thrum__runtime_stop_begin(rt);
	fetch_sub_relaxed(&rt->drivers, 1);
	return result;
}

static intptr_t block_on(const char *place, struct thrum_runtime *rt, thrum_fn fn, void *arg,
			 bool stops)
{
	struct driven d = {
	    .runtime = rt, .fn = fn, .arg = arg, .stops = stops, .root = stops ? rt->root : NULL};
	struct thrum_future *f;
	int err;

	/* Between two calls the program may have closed descriptors that tasks left open. */
	if (load_relaxed(&rt->driven))
		thrum__descriptors_distrust(&rt->descriptors);
	store_relaxed(&rt->driven, 1);
	err = thrum_runtime_try_submit_at(place, rt, drive, &d, &f);
	return err ? err : thrum_join(f);
}

/* Outside tasks and a forked child. */
static int outside(void)
{
	return thrum__in_forked_child() ? -ENOTSUP : thrum__tls_worker() ? -EDEADLK : 0;
}

intptr_t thrum_runtime_block_on_at(const char *place, struct thrum_runtime *rt, thrum_fn fn,
				   void *arg)
{
	int err = outside();

	if (err)
		return err;
	return rt ? block_on(place, rt, fn, arg, false) : -EINVAL;
}

/* What the main task of @rt is asked through: 0 or -ENOMEM. */
static int make_root(struct thrum_runtime *rt, const char *place)
{
	struct thrum__root *root = thrum__os_alloc_zeroed(sizeof(*root));

	if (!root)
		return -ENOMEM;
	root->runtime = rt;
	root->token = thrum_token_create_at(place, NULL);
	root->soft_ns = rt->limits.soft_ns;
	if (!root->token) {
		thrum__os_free(root);
		return -ENOMEM;
	}
	rt->root = root;
	return 0;
}

struct thrum_token *thrum_run_token(void)
{
	struct thrum__worker *w = thrum__current_worker();

	if (!w || !w->runtime->root)
		return NULL;
	store_relaxed(&w->runtime->minds_requests, 1);
	return w->runtime->root->token;
}

/* As a rule signals ask it meanwhile; where they can't, they do as before. */
static intptr_t run_main(struct thrum_runtime *rt, const char *place, thrum_fn fn, void *arg)
{
	bool asked =
	    rt->limits.signals == THRUM_SIGNALS_CANCEL && !thrum__interrupt_begin(rt->root);
	intptr_t result = block_on(place, rt, fn, arg, true);

	if (asked)
		thrum__interrupt_end(rt->root);
	return result;
}

intptr_t thrum_run_at(const char *place, const struct thrum_config *config, thrum_fn fn, void *arg)
{
	struct thrum_runtime *rt;
	intptr_t result;
	int err = outside();

	if (!err)
		err = thrum_runtime_create(&rt, config);
	if (err)
		return err;
	err = make_root(rt, place);
	result = err ? err : run_main(rt, place, fn, arg);
	err = thrum_runtime_destroy(rt);
	return err ? err : result;
}

intptr_t(thrum_run)(thrum_fn fn, void *arg)
{
	return thrum_run_at("? main", NULL, fn, arg);
}

intptr_t(thrum_run_with)(const struct thrum_config *config, thrum_fn fn, void *arg)
{
	return thrum_run_at("? main", config, fn, arg);
}

intptr_t(thrum_runtime_block_on)(struct thrum_runtime *rt, thrum_fn fn, void *arg)
{
	return thrum_runtime_block_on_at("? main", rt, fn, arg);
}

struct thrum_future *(thrum_runtime_submit)(struct thrum_runtime *rt, thrum_fn fn, void *arg)
{
	return thrum_runtime_submit_at("? task", rt, fn, arg);
}

int(thrum_runtime_try_submit)(struct thrum_runtime *rt, thrum_fn fn, void *arg,
			      struct thrum_future **out)
{
	return thrum_runtime_try_submit_at("? task", rt, fn, arg, out);
}
