/* SPDX-License-Identifier: MIT */
/*
 * token_wait.c - the tree of token_tree.c with a task at each token, linked to it, in a sleep
 * without end: from the cancel of the root until the last of them has ended and was joined.
 */
#include "harness.h"
#include "work.h"

#include <stdlib.h>

#include "base/atomic.h"

struct work {
	uint64_t count;
	struct atomic64 started;
	uint64_t told;
	struct thrum_token **tokens;
	struct thrum_future **tasks;
	struct bench_span span;
};

static intptr_t wait_for_request(void *arg)
{
	struct work *work = arg;

	fetch_add_relaxed(&work->started, 1);
	return thrum_sleep(THRUM_FOREVER) == -ECANCELED;
}

static int start_all(struct work *work)
{
	for (uint64_t i = 0; i < work->count; i++) {
		struct thrum_token *above = i ? work->tokens[work_token_above(i)] : NULL;

		work->tokens[i] = thrum_token_create(above);
		if (!work->tokens[i])
			return -ENOMEM;
		work->tasks[i] = thrum_spawn_token(work->tokens[i], wait_for_request, work);
		if (!work->tasks[i])
			return -ENOMEM;
		if (i % 1024 == 1023)
			thrum_yield();
	}
	while (load_relaxed(&work->started) < work->count)
		thrum_yield();
	return 0;
}

static intptr_t start_and_cancel(void *arg)
{
	struct work *work = arg;
	int err = start_all(work);

	if (err)
		return err;
	thrum_sleep(THRUM_MS(20)); /* none is on its way to its wait any more */
	bench_span_begin(&work->span);
	err = thrum_token_cancel(work->tokens[0], THRUM_HARD, 1);
	for (uint64_t i = 0; i < work->count; i++)
		work->told += thrum_join(work->tasks[i]) == 1;
	bench_span_end(&work->span);
	for (uint64_t i = work->count; i-- > 0;)
		thrum_token_release(work->tokens[i]);
	return err;
}

static void token_wait(struct bench *b, unsigned workers)
{
	size_t bytes = b->count * sizeof(void *);
	struct work work = {
	    .count = b->count, .tokens = bench_alloc(bytes), .tasks = bench_alloc(bytes)};
	double n = (double)b->count;

	bench_run_unspared(workers, start_and_cancel, &work);
	bench_check("tasks that were told", work.told, b->count);
	bench_figure_span(b, "cancel, until all have ended", workers, "ns a token", &work.span, n);
	bench_once(b, "told", "ns", (double)work.span.wall_ns / n);
	bench_once_sum(b, work.told);
	free(work.tokens);
	free(work.tasks);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "token_wait",
	    .about = "a tree of tokens with a waiting task at each, cancelled by its root",
	    .counted = "tokens",
	    .count = 100000,
	    .runs = 7,
	    .workers = "1,2",
	};
	static const bench_fn workloads[] = {token_wait};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
