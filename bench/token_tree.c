/* SPDX-License-Identifier: MIT */
/*
 * token_tree.c - a tree of cancellation tokens, ten below each: made from the root on, cancelled
 * by the root, looked at one by one, released from the youngest on.
 *
 * One task does all of it, so workers make no difference.  To look at a token is to look at those
 * above it, too; that the request has come to each by itself, as those who wait there need, is
 * seen by its future, beside the figures.  A leaf is looked at before the cancel: none says so too
 * early.
 */
#include "harness.h"
#include "work.h"

#include <stdlib.h>
#include <string.h>

struct work {
	uint64_t count;
	uint64_t seen;
	uint64_t told;
	bool early;
	struct thrum_token **tokens;
	struct bench_span create, cancel, look, release;
};

static intptr_t make_all(struct work *work)
{
	bench_span_begin(&work->create);
	for (uint64_t i = 0; i < work->count; i++) {
		struct thrum_token *above = i ? work->tokens[work_token_above(i)] : NULL;

		work->tokens[i] = thrum_token_create(above);
		if (!work->tokens[i])
			return -ENOMEM;
	}
	bench_span_end(&work->create);
	return 0;
}

static bool is_told(struct thrum_token *token)
{
	struct thrum_future *f = thrum_token_future(token, THRUM_HARD);
	bool told = f && thrum_done(f);

	thrum_release(f);
	return told;
}

static intptr_t make_cancel_release(void *arg)
{
	struct work *work = arg;
	intptr_t err = make_all(work);

	if (err)
		return err;
	work->early = thrum_token_cancelled(work->tokens[work->count - 1]);

	bench_span_begin(&work->cancel);
	err = thrum_token_cancel(work->tokens[0], THRUM_HARD, 1);
	bench_span_end(&work->cancel);

	bench_span_begin(&work->look);
	for (uint64_t i = 0; i < work->count; i++)
		work->seen += thrum_token_cancelled(work->tokens[i]);
	bench_span_end(&work->look);
	for (uint64_t i = 0; i < work->count; i++)
		work->told += is_told(work->tokens[i]);

	bench_span_begin(&work->release);
	for (uint64_t i = work->count; i-- > 0;)
		thrum_token_release(work->tokens[i]);
	bench_span_end(&work->release);
	return err;
}

static void figure(struct bench *b, unsigned workers, const char *name,
		   const struct bench_span *span)
{
	double n = (double)b->count;

	bench_figure_span(b, name, workers, "ns a token", span, n);
	bench_once(b, name, "ns", (double)span->wall_ns / n);
}

static void token_tree(struct bench *b, unsigned workers)
{
	size_t bytes = b->count * sizeof(struct thrum_token *);
	struct work work = {.count = b->count, .tokens = bench_alloc(bytes)};

	memset(work.tokens, 0, bytes);
	bench_run(workers, make_cancel_release, &work);
	bench_check("tokens cancelled too early", work.early, 0);
	bench_check("tokens that are cancelled", work.seen, b->count);
	bench_check("tokens that were told", work.told, b->count);
	figure(b, workers, "cancel", &work.cancel);
	figure(b, workers, "create", &work.create);
	figure(b, workers, "look", &work.look);
	figure(b, workers, "release", &work.release);
	bench_once_sum(b, work.seen);
	free(work.tokens);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "token_tree",
	    .about = "a tree of tokens, ten below each, cancelled by its root",
	    .counted = "tokens",
	    .count = 100000,
	    .runs = 7,
	    .workers = "1",
	};
	static const bench_fn workloads[] = {token_tree};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
