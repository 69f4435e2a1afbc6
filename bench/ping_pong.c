/* SPDX-License-Identifier: MIT */
/*
 * ping_pong.c - two tasks wake each other through bare futures: each round trip makes, sets, awaits
 * and releases two of them.
 *
 * "one runtime": both tasks where the scheduler puts them.  "two pinned workers": two runtimes of
 * one worker each, each worker's thread on a CPU of its own, so that every wake crosses the cores;
 * its figure means something only beside the flag round trip of the same round.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <sched.h>

/* A future is released by the one who awaits it, as soon as it wakes: set touches nothing after. */
struct player {
	struct thrum_future *mine; /* what this one awaits next; set by the other one */
	struct player *other;
	uint64_t count;
	uint64_t sum;
	int cpu; /* where the thread is pinned; -1: nowhere */
	struct bench_span span;
};

/* The worker's thread, which has but this one task, goes to its CPU. */
static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		bench_fail("a worker cannot be pinned to CPU %d", cpu);
}

static intptr_t serve(void *arg)
{
	struct player *player = arg;

	pin(player->cpu);
	bench_span_begin(&player->span);
	for (uint64_t i = 0; i < player->count; i++) {
		struct thrum_future *answer = thrum_future_create();

		player->mine = answer;
		thrum_future_set(player->other->mine, (intptr_t)i);
		player->sum += thrum_await(answer);
		thrum_release(answer);
	}
	bench_span_end(&player->span);
	return 0;
}

static intptr_t answer(void *arg)
{
	struct player *player = arg;

	pin(player->cpu);
	for (uint64_t i = 0; i < player->count; i++) {
		struct thrum_future *question = player->mine;
		intptr_t value = thrum_await(question);

		thrum_release(question);
		player->sum += value;
		player->mine = i + 1 < player->count ? thrum_future_create() : NULL;
		thrum_future_set(player->other->mine, value + 1);
	}
	return 0;
}

static void set_up(struct player players[2], uint64_t count)
{
	players[0] = (struct player){.other = &players[1], .count = count, .cpu = -1};
	players[1] = (struct player){
	    .mine = thrum_future_create(), .other = &players[0], .count = count, .cpu = -1};
}

static void check_and_record(struct bench *b, const struct player players[2], const char *figure,
			     unsigned workers)
{
	uint64_t n = b->count, sum = n * (n - 1) / 2;

	bench_check("the sum of the questions", players[1].sum, sum);
	bench_check("the sum of the answers", players[0].sum, sum + n);
	bench_figure_span(b, figure, workers, "ns a round trip", &players[0].span, (double)n);
}

static intptr_t both(void *arg)
{
	struct player *players = arg;
	struct thrum_future *tasks[] = {thrum_spawn(answer, &players[1]),
					thrum_spawn(serve, &players[0])};
	int error = thrum_gather(tasks, 2, NULL);

	thrum_release(tasks[0]);
	thrum_release(tasks[1]);
	return error;
}

static void one_runtime(struct bench *b, unsigned workers)
{
	struct player players[2];

	set_up(players, b->count);
	bench_run(workers, both, players);
	check_and_record(b, players, "one runtime", workers);
	bench_once(b, "round trip", "ns", (double)players[0].span.wall_ns / (double)b->count);
	bench_once_sum(b, b->count);
}

/* The first two CPUs that this process may use. */
static bool two_cpus(int cpus[2])
{
	cpu_set_t allowed;
	int n = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return false;
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++) {
		if (CPU_ISSET(cpu, &allowed))
			cpus[n++] = cpu;
	}
	return n == 2;
}

static void two_pinned(struct bench *b, unsigned workers)
{
	static const thrum_fn fns[2] = {serve, answer};
	struct thrum_config config = THRUM_CONFIG_INIT;
	struct thrum_runtime *rts[2];
	struct thrum_future *tasks[2];
	struct player players[2];
	int cpus[2];

	/* Once a round: its runtimes have one worker each, whatever the list says. */
	if (workers != (b->once ? 2 : b->workers[0]) || !two_cpus(cpus))
		return;
	set_up(players, b->count);
	config.workers = 1;
	for (int i = 0; i < 2; i++) {
		players[i].cpu = cpus[i];
		if (thrum_runtime_create(&rts[i], &config))
			bench_fail("no second runtime");
	}
	for (int i = 1; i >= 0; i--)
		tasks[i] = thrum_runtime_submit(rts[i], fns[i], &players[i]);
	for (int i = 0; i < 2; i++) {
		if (thrum_join(tasks[i]))
			bench_fail("a player failed");
	}
	for (int i = 0; i < 2; i++)
		thrum_runtime_destroy(rts[i]);
	check_and_record(b, players, "two pinned workers", 2);
	bench_once(b, "pinned", "ns", (double)players[0].span.wall_ns / (double)b->count);
	if (b->once)
		bench_once(b, "flag", "ns", bench_flag_round_trip_ns());
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "ping_pong",
	    .about = "two tasks wake each other through futures",
	    .counted = "round trips",
	    .count = 200000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {one_runtime, two_pinned};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 2);
	return bench_end(&b);
}
