/* SPDX-License-Identifier: MIT */
/*
 * workload.c - see workload.h.
 *
 * Each begins when all workers sleep, and ends when they do again.
 */
#include "workload.h"

#include "engine.h"

#define ROUNDS 20
/* One wake, and what comes before and after it: the patience of who leaves it to its owner, fences,
 * a look around; and as much again. */
#define DELAY_NS 100000
/* Where all are needed they are woken one after the other: the slowest wake, and its maker's side.
 * Not asked of smaller tasks in a burst: there the end of one queue is the limit, and waking more
 * would only make it slower. */
#define WAKE_NS 46000

static struct {
	const struct workload *load;
	uint64_t count;
	unsigned workers;
} now_running;

/* Until all workers have looked, spun and gone to sleep. */
static uint64_t settle_ns(unsigned workers)
{
	return 1000000 + 4 * costs.spin + workers * 4 * costs.membarrier;
}

static void wait_until(uint64_t ns)
{
	if (ns > engine_now())
		engine_sleep(ns);
}

static void spawn_all(struct worker *w, struct task *t)
{
	(void)t;
	for (uint64_t i = 0; i < now_running.count; i++)
		world_spawn(w, world_task(task_compute, now_running.load->task_ns, true));
}

static void burst(const struct workload *load)
{
	(void)load;
	world_submit(world_task(spawn_all, 0, true));
}

static void tree_node(struct worker *w, struct task *t)
{
	for (int i = 0; t->number && i < 4; i++)
		world_spawn(w, world_task(tree_node, t->number - 1, true));
	engine_spend(now_running.load->task_ns);
}

static void tree(const struct workload *load)
{
	uint64_t depth = 0;

	(void)load;
	for (uint64_t n = now_running.count; n >= 4; n /= 4)
		depth++;
	world_submit(world_task(tree_node, depth, true));
}

static void trickle_from_outside(const struct workload *load)
{
	uint64_t begin = engine_now();

	for (uint64_t i = 0; i < now_running.count; i++) {
		world_submit(world_task(task_compute, load->task_ns, true));
		wait_until(begin + (i + 1) * load->period_ns);
	}
}

static void spawn_in_turn(struct worker *w, struct task *t)
{
	(void)t;
	for (uint64_t i = 0; i < now_running.count; i++) {
		engine_spend(now_running.load->period_ns);
		world_spawn(w, world_task(task_compute, now_running.load->task_ns, true));
	}
}

static void trickle_from_worker(const struct workload *load)
{
	(void)load;
	world_submit(world_task(spawn_in_turn, 0, false));
}

/* All compute until the same moment; one task comes a little later, from round to round more. */
static void one_after_all(const struct workload *load)
{
	for (uint64_t round = 0; round < now_running.count; round++) {
		uint64_t end = engine_now() + 200000 + 100000 * now_running.workers;

		for (unsigned i = 0; i < now_running.workers; i++)
			world_submit(world_task(task_until, end, false));
		wait_until(end + round * load->period_ns);
		world_submit(world_task(task_compute, load->task_ns, true));
		wait_until(engine_now() + settle_ns(now_running.workers));
	}
}

/* The workers' own timers do it. */
static void steady(const struct workload *load)
{
	(void)load;
}

const struct workload workloads[] = {
    {.name = "burst-tiny",
     .about = "one task spawns 10,000 of 50 ns",
     .source = burst,
     .task_ns = 50,
     .count = 10000},
    {.name = "burst-1",
     .about = "one task spawns 10,000 of 1 us",
     .source = burst,
     .task_ns = 1000,
     .count = 10000},
    {.name = "burst-10",
     .about = "10,000 of 10 us",
     .source = burst,
     .task_ns = 10000,
     .count = 10000},
    {.name = "burst-100",
     .about = "10,000 of 100 us",
     .source = burst,
     .task_ns = 100000,
     .count = 10000,
     .delay_ns = DELAY_NS,
     .delay_each_ns = WAKE_NS},
    {.name = "outside-20",
     .about = "each 20 us a task of 10 us from outside",
     .source = trickle_from_outside,
     .task_ns = 10000,
     .period_ns = 20000,
     .count = 1000,
     .delay_ns = DELAY_NS},
    {.name = "outside-100",
     .about = "each 100 us a task of 10 us from outside",
     .source = trickle_from_outside,
     .task_ns = 10000,
     .period_ns = 100000,
     .count = 500,
     .alone = true,
     .delay_ns = DELAY_NS},
    {.name = "worker-20",
     .about = "a task computes, and spawns one of 10 us each 20 us",
     .source = trickle_from_worker,
     .task_ns = 10000,
     .period_ns = 20000,
     .count = 1000,
     .delay_ns = DELAY_NS},
    {.name = "worker-100",
     .about = "the same each 100 us",
     .source = trickle_from_worker,
     .task_ns = 10000,
     .period_ns = 100000,
     .count = 500,
     .alone = true,
     .delay_ns = DELAY_NS},
    {.name = "tree",
     .about = "a tree of spawns with 4^6 leaves, 2 us at each node",
     .source = tree,
     .task_ns = 2000,
     .count = 4096,
     .delay_ns = DELAY_NS,
     .delay_each_ns = WAKE_NS},
    {.name = "one",
     .about = "all become idle at once; 0 to 285 us later there is one task",
     .source = one_after_all,
     .task_ns = 2000,
     .period_ns = 15000,
     .count = ROUNDS,
     .alone = true,
     .delay_ns = DELAY_NS},
    {.name = "steady-10",
     .about = "each worker's timers start tasks of 10 us, half of the time",
     .source = steady,
     .task_ns = 10000,
     .period_ns = 20000,
     .count = 20000,
     .delay_ns = DELAY_NS},
    {.name = "steady-100",
     .about = "the same with tasks of 100 us",
     .source = steady,
     .task_ns = 100000,
     .period_ns = 200000,
     .count = 5000,
     .delay_ns = DELAY_NS},
};

const unsigned workloads_count = sizeof(workloads) / sizeof(workloads[0]);

static void source_main(void *arg)
{
	const struct workload *load = arg;

	wait_until(settle_ns(now_running.workers));
	measure_begin(now_running.workers);
	load->source(load);
}

static void begin_timers(uint64_t begin_ns)
{
	const struct workload *load = now_running.load;

	world.period_ns = load->period_ns;
	world.task_ns = load->task_ns;
	world.until_ns = begin_ns + now_running.count * load->period_ns / now_running.workers;
	for (unsigned i = 0; i < now_running.workers; i++)
		world.workers[i].due_ns = begin_ns + engine_random(2 * load->period_ns);
}

/* Without those that only see to the others. */
static uint64_t sum_of_tasks(const struct figures *f)
{
	const struct workload *load = now_running.load;
	uint64_t others = 0;

	if (load->source == burst || load->source == trickle_from_worker)
		others = 1;
	else if (load->source == one_after_all)
		others = now_running.count * now_running.workers;
	return f->tasks > others ? (f->tasks - others) * load->task_ns : 0;
}

/* The shortest time in which it could be done; 0: it has its own pace. */
static uint64_t ideal_ns(const struct figures *f)
{
	const struct workload *load = now_running.load;
	uint64_t shared = f->work / now_running.workers;
	uint64_t spawning = load->source == burst ? f->tasks * costs.spawn : 0;

	if (load->source != burst && load->source != tree)
		return 0;
	return shared > spawning ? shared : spawning;
}

void workload_run(const struct workload *load, unsigned workers, enum fault fault, uint64_t seed,
		  unsigned divide, struct figures *out)
{
	now_running.load = load;
	now_running.workers = workers;
	now_running.count = load->count > divide ? load->count / divide : 1;
	engine_reset(seed);
	cache_reset(workers);
	world_begin(workers, fault, seed);
	measure_begin(workers);
	if (load->source == steady)
		begin_timers(settle_ns(workers));
	engine_add(source_main, (void *)load);
	engine_run();
	measure_end(out);
	out->work = sum_of_tasks(out);
	out->ideal = ideal_ns(out);
	world_end();
}
