/* SPDX-License-Identifier: MIT */
/*
 * skynet.c - a tree of ten children at each node; the leaves return their numbers, the nodes sums.
 *
 * Once by forks, and once by spawned tasks with futures, which its node joins.
 */
#include "harness.h"

struct node {
	uint64_t first, leaves;
};

struct work {
	uint64_t leaves;
	uint64_t sum;
	bool spawns;
	struct bench_span span;
};

static struct node child_of(const struct node *node, int i)
{
	uint64_t leaves = node->leaves / 10;

	return (struct node){.first = node->first + (uint64_t)i * leaves, .leaves = leaves};
}

static intptr_t forked(void *arg)
{
	const struct node *node = arg;
	struct node children[10];
	struct thrum_fork forks[10];
	intptr_t sum = 0;

	if (node->leaves == 1)
		return (intptr_t)node->first;
	for (int i = 0; i < 10; i++) {
		children[i] = child_of(node, i);
		thrum_fork(&forks[i], forked, &children[i]);
	}
	for (int i = 10; i-- > 0;)
		sum += thrum_fork_join(&forks[i]);
	return sum;
}

static intptr_t spawned(void *arg)
{
	const struct node *node = arg;
	struct node children[10];
	struct thrum_future *tasks[10];
	intptr_t sum = 0;

	if (node->leaves == 1)
		return (intptr_t)node->first;
	for (int i = 0; i < 10; i++) {
		children[i] = child_of(node, i);
		tasks[i] = thrum_spawn(spawned, &children[i]);
	}
	for (int i = 10; i-- > 0;)
		sum += thrum_join(tasks[i]);
	return sum;
}

static intptr_t run_tree(void *arg)
{
	struct work *work = arg;
	struct node root = {.leaves = work->leaves};

	bench_span_begin(&work->span);
	work->sum = (uint64_t)(work->spawns ? spawned(&root) : forked(&root));
	bench_span_end(&work->span);
	return 0;
}

static void tree(struct bench *b, unsigned workers, bool spawns, const char *name)
{
	struct work work = {.leaves = b->count, .spawns = spawns};

	for (uint64_t n = b->count; n > 1; n /= 10)
		if (n % 10)
			bench_fail("skynet: --count is a power of ten");
	bench_run(workers, run_tree, &work);
	bench_check("the sum of the leaves", work.sum, b->count * (b->count - 1) / 2);
	bench_figure_span(b, name, workers, "ms", &work.span, 1e6);
	bench_once(b, spawns ? "spawned" : "tree", "ms", (double)work.span.wall_ns / 1e6);
	if (!spawns)
		bench_once_sum(b, work.sum);
}

static void by_forks(struct bench *b, unsigned workers)
{
	tree(b, workers, false, "tree of forks");
}

static void by_spawns(struct bench *b, unsigned workers)
{
	tree(b, workers, true, "tree of spawned tasks");
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "skynet",
	    .about = "a tree of tasks, ten at each node",
	    .counted = "leaves",
	    .count = 1000000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {by_forks, by_spawns};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 2);
	return bench_end(&b);
}
