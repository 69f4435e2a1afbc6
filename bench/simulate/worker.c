/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the loop of a worker, as runtime/sched/worker.c and elsewhere.c have it (steal.c: the
 * rest): each function says which one it mirrors, and leaves out what the simulation has not:
 * fibers that wait, forks, the events of descriptors, callbacks, spares, the monitor, prefetches,
 * the end.
 * costs.watching: some descriptor is watched.  test_simulate.py compares the constants.
 *
 * Queues (core/deque.c, ready.c, inbox.c), core/hauls.c and sched/idle.c are the real ones.
 */
#include "world.h"

#include "engine.h"
#include "measure.h"
#include "steal.h"

#include "base/assert.h"

#include <stdlib.h>

/* Of worker.c. */
#define BUDGET 32
#define PATIENCE 64
#define WAKEFUL 256
/* Of elsewhere.c. */
#define PATIENCE_NS 5000
#define DOZE_NS 50000
#define DOZED_NS (PATIENCE_NS + 3000)
#define WAITS 16
#define ROUNDS 16
#define PAUSES_MOST 64
#define LOOK_NS 50000
#define NAPS 16
#define NAP_NS 200000

const char *const fault_names[FAULTS] = {
    [FAULT_NONE] = "none", [FAULT_WAKE_ALL] = "wake-all",   [FAULT_ALL_SEARCH] = "all-search",
    [FAULT_DEAF] = "deaf", [FAULT_NO_NOTIFY] = "no-notify", [FAULT_HOT_WORD] = "hot-word",
};

struct world world;

static void notify(bool outside)
{
	if (world.fault == FAULT_WAKE_ALL)
		thrum__idle_wake_all(&world.idle);
	else if (world.fault != FAULT_NO_NOTIFY)
		(outside ? thrum__idle_wake_one : thrum__idle_notify)(&world.idle);
}

uint64_t clock_ns(void)
{
	engine_spend(costs.clock);
	return engine_now();
}

/* thread_yield */
static void yield_cpu(void)
{
	engine_spend(costs.yield);
}

struct task *world_task(void (*run)(struct worker *, struct task *), uint64_t number, bool timed)
{
	struct task *t = calloc(1, sizeof(*t));

	ENSURE(t, "no memory for a simulated task");
	t->run = run;
	t->number = number;
	t->timed = timed;
	t->made_before = world.made;
	world.made = t;
	return t;
}

/* thrum__spawn */
void world_spawn(struct worker *w, struct task *t)
{
	engine_spend(costs.spawn);
	engine_sync();
	measure_visible(t);
	ENSURE(!thrum__deque_push(&w->spawned, t), "no memory for a simulated task");
	store_relaxed(&w->progress, load_relaxed(&w->progress) + 1);
	notify(false);
}

/* thrum__worker_ready */
static void make_ready(struct worker *w, struct task *t)
{
	engine_sync();
	measure_visible(t);
	ENSURE(!thrum__ready_push(&w->ready, t), "no memory for a simulated task");
	notify(false);
}

/* thrum__task_unpark by a thread that is no worker */
void world_submit(struct task *t)
{
	engine_sync();
	measure_visible(t);
	thrum__inbox_push(&world.woken, &t->link);
	notify(true);
}

void task_compute(struct worker *w, struct task *t)
{
	(void)w;
	engine_spend(t->number);
}

void task_until(struct worker *w, struct task *t)
{
	(void)w;
	if (t->number > engine_now())
		engine_spend(t->number - engine_now());
}

/* next_local */
static struct task *next_local(struct worker *w)
{
	struct task *t = NULL;

	if (w->budget == 0)
		return NULL;
	if (w->budget-- % 4 == 0)
		t = thrum__deque_pop(&w->spawned);
	if (!t)
		t = thrum__ready_take(&w->ready);
	return t ? t : thrum__deque_pop(&w->spawned);
}

/* oldest_is_due */
static bool oldest_is_due(struct worker *w)
{
	uint64_t oldest = thrum__deque_left(&w->spawned);

	if (oldest != w->oldest || !thrum__deque_count(&w->spawned)) {
		w->oldest = oldest;
		w->patience = 0;
		return false;
	}
	if (w->patience < PATIENCE)
		w->patience++;
	return w->patience == PATIENCE;
}

/* thrum__timers_due */
static bool timers_due(const struct worker *w, uint64_t now)
{
	return w->due_ns <= now;
}

/* thrum__timers_run: each timer that is due makes a task ready. */
static void timers_run(struct worker *w)
{
	while (timers_due(w, clock_ns())) {
		make_ready(w, world_task(task_compute, world.task_ns, true));
		w->due_ns += 1 + engine_random(2 * world.period_ns);
		if (w->due_ns >= world.until_ns)
			w->due_ns = NEVER;
	}
}

/* drain */
static void drain(struct worker *w)
{
	struct thrum__link *l = thrum__inbox_take_all(&world.woken);

	while (l) {
		struct thrum__link *next = l->next;

		ENSURE(!thrum__ready_push(&w->ready, container_of(l, struct task, link)),
		       "no memory for a simulated task");
		l = next;
	}
}

/* thrum__worker_look */
static bool look(void)
{
	bed_look();
	return false; /* no event */
}

/* thrum__worker_look_at_times */
static bool look_at_times(struct worker *w)
{
	uint64_t now;

	if (!costs.watching)
		return false;
	now = clock_ns();
	if (now - w->polled_ns < LOOK_NS)
		return false;
	w->polled_ns = now;
	return look();
}

/* thrum__worker_has_local */
static bool has_local(const struct worker *w)
{
	return w->budget == 0 || thrum__ready_count(&w->ready) || thrum__deque_count(&w->spawned);
}

/* take_in */
static void take_in(struct worker *w)
{
	struct task *t;

	if (world.period_ns)
		timers_run(w);
	if (!thrum__inbox_is_empty(&world.woken))
		drain(w);
	t = oldest_is_due(w) ? thrum__deque_pop_oldest(&w->spawned) : NULL;
	if (t)
		ENSURE(!thrum__ready_push(&w->ready, t), "no memory for a simulated task");
	if (has_local(w))
		look_at_times(w);
	if (thrum__ready_count(&w->ready) > 1)
		notify(false);
}

/* thrum__worker_has_outside */
static bool has_outside(void)
{
	return !thrum__inbox_is_empty(&world.woken) || load_relaxed(&world.quiet[0]) ||
	       load_relaxed(&world.quiet[1]) || load_relaxed(&world.quiet[2]);
}

/* thrum__runtime_has_work */
static bool has_work(void)
{
	for (unsigned i = 0; i < world.workers_count; i++) {
		struct worker *w = &world.workers[i];

		if (thrum__deque_count(&w->spawned) || thrum__ready_count(&w->ready))
			return true;
	}
	return has_outside();
}

static bool idle_has_work(void *arg)
{
	(void)arg;
	return world.fault != FAULT_DEAF && has_work();
}

/* pause_between */
static bool pause_between(int pauses)
{
	for (int i = 0; i < pauses; i++) {
		if (has_outside())
			return true;
		spin_hint();
	}
	return false;
}

/* search */
static struct task *search(struct worker *w, bool *again)
{
	uint64_t spin_ns = costs.watching ? 0 : costs.spin;
	uint64_t start = clock_ns();
	enum greed greed = POLITE;
	uint64_t now = start;
	int pauses = 1;

	w->dozed = is_restless(w);
	if (w->dozed && spin_ns > DOZED_NS)
		spin_ns = DOZED_NS;
	w->moves = 0;
	*again = true;
	do {
		for (int i = 0; i <= ROUNDS / pauses; i++) {
			struct task *t = steal(w, greed);

			if (t || pause_between(pauses))
				return t;
			if (!spin_ns && !has_work()) {
				*again = false;
				return NULL;
			}
			if (world.fault == FAULT_HOT_WORD)
				fetch_add_relaxed(&world.idle.word, 0);
		}
		if (pauses < PAUSES_MOST)
			pauses *= 2;
		now = clock_ns();
		if (timers_due(w, now))
			return NULL;
		if (greed == POLITE && now - start >= PATIENCE_NS)
			greed = EAGER;
	} while (now - start < spin_ns);
	*again = false;
	return steal(w, LAST);
}

/* thrum__worker_wake */
static void wake(void *arg, unsigned n)
{
	(void)arg;
	bed_post(n);
}

/* wake_up */
static void wake_up(struct worker *w, bool token)
{
	w->searching = true;
	while (!token && !thrum__idle_sleep_undo(&world.idle)) {
		token = bed_take();
		if (!token)
			yield_cpu();
	}
}

/* count_nap */
static void count_nap(struct worker *w, bool dear)
{
	uint64_t now = clock_ns();
	bool soon = now - w->slept_ns < NAP_NS;

	w->polled_ns = w->slept_ns = now;
	w->wakeful = 0;
	w->sleeps_cheaply = !dear;
	if (!soon)
		w->naps = 0;
	else if (dear)
		w->naps += w->naps < NAPS;
	else if (w->naps && !thrum__idle_is_careful(&world.idle))
		w->naps--;
	if (dear && w->naps == NAPS)
		thrum__idle_turn_careful(&world.idle);
}

/* sleep_until_chosen, with sleep_real */
static void sleep_until_chosen(struct worker *w)
{
	bool token = false, dear;

	if (w->fresh)
		measure_vain();
	w->fresh = false;
	dear = thrum__idle_sleep_begin(&world.idle, w->searching, true);
	w->searching = false;
	if (!has_work()) { /* is_needed */
		count_nap(w, dear);
		token = bed_wait(w, w->due_ns);
	}
	wake_up(w, token);
}

/* doze */
static void doze(struct worker *w)
{
	uint64_t end = clock_ns() + DOZE_NS;

	w->waits = 0;
	engine_spend(costs.syscall);
	engine_sleep(end < w->due_ns ? end : w->due_ns);
}

/* thrum__worker_find_elsewhere */
static struct task *find_elsewhere(struct worker *w)
{
	bool again = false;

	if (!w->searching)
		w->searching = thrum__idle_search_begin(&world.idle);
	if (w->searching && steal_rests(w)) {
		doze(w);
		return NULL;
	}
	if (w->sleeps_cheaply ? look_at_times(w) : costs.watching && look())
		return NULL;
	if (w->searching) {
		struct task *t;

		measure_search(true);
		t = search(w, &again);
		measure_search(false);
		if (t) {
			w->moves = 0;
			return t;
		}
	} else if (has_work()) {
		if (++w->waits > WAITS && may_doze())
			doze(w);
		else
			yield_cpu();
		return NULL;
	}
	w->waits = 0;
	if (again)
		return NULL;
	if (w->searching && is_restless(w))
		doze(w);
	else
		sleep_until_chosen(w);
	return NULL;
}

/* run_task */
static void run_task(struct worker *w, struct task *t)
{
	engine_sync();
	measure_taken(t);
	w->fresh = false;
	store_relaxed(&w->progress, load_relaxed(&w->progress) + 1);
	t->run(w, t);
	engine_sync();
	measure_ended();
}

/* run_from_home, with fiber_main */
static void run_from_home(struct worker *w, struct task *t)
{
	store_relaxed(&w->inside, 1);
	do {
		run_task(w, t);
		t = next_local(w);
	} while (t);
	store_relaxed(&w->inside, 0);
}

/* end_search */
static void end_search(struct worker *w)
{
	if (!w->searching)
		return;
	w->searching = false;
	thrum__idle_search_found(&world.idle);
}

/* thrum__worker_main */
void worker_main(void *worker)
{
	struct worker *w = worker;

	for (;;) {
		struct task *t;

		w->budget = BUDGET;
		if (UNLIKELY(thrum__idle_is_careful(&world.idle)) && ++w->wakeful >= WAKEFUL) {
			w->wakeful = 0;
			thrum__idle_turn_quick(&world.idle);
		}
		take_in(w);
		t = next_local(w);
		if (!t)
			t = find_elsewhere(w);
		if (t) {
			end_search(w);
			run_from_home(w, t);
		}
	}
}

void world_begin(unsigned workers, enum fault fault, uint64_t seed)
{
	struct thrum__idle *idle = &world.idle;

	world = (struct world){.workers_count = workers, .fault = fault};
	world.workers = aligned_alloc(CACHE_LINE, workers * sizeof(*world.workers));
	ENSURE(world.workers, "no memory for the simulated workers");
	idle->wake = wake;
	idle->has_work = idle_has_work;
	thrum__idle_init(idle, workers, workers, false);
	if (fault == FAULT_ALL_SEARCH)
		idle->at_once = 4 * WORKERS_MAX;
	cache_name(&idle->word, 1, PLACE_WORD);
	cache_watch(&idle->word, measure_word);
	thrum__inbox_init(&world.woken);
	cache_name(&world.woken, 1, PLACE_INBOX);
	bed_reset();
	for (unsigned i = 0; i < workers; i++) {
		struct worker *w = &world.workers[i];

		*w = (struct worker){.index = i, .due_ns = NEVER};
		w->random = seed * 0x9E3779B97F4A7C15u + i * 0xD1B54A32D192ED03u + 1;
		ENSURE(!thrum__deque_init(&w->spawned, 256) && !thrum__ready_init(&w->ready, 256),
		       "no memory for the simulated workers");
		cache_name(&w->spawned.top, 1, PLACE_TOPS);
		cache_name(&w->spawned.bottom, 1, PLACE_BOTTOMS);
		cache_name(&w->ready, sizeof(w->ready), PLACE_READY);
		w->core = engine_add(worker_main, w);
	}
}

void world_end(void)
{
	for (unsigned i = 0; i < world.workers_count; i++) {
		thrum__deque_fini(&world.workers[i].spawned);
		thrum__ready_fini(&world.workers[i].ready);
	}
	free(world.workers);
	while (world.made) {
		struct task *t = world.made;

		world.made = t->made_before;
		free(t);
	}
}
