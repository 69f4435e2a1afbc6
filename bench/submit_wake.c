/* SPDX-License-Identifier: MIT */
/*
 * submit_wake.c - from a submission outside to the task's first instruction, with all workers
 * asleep, beside two plain threads and a futex in the same round.
 *
 * The time starts before the call that wakes and ends at the first instruction on the other side.
 * "deep" leaves the machine alone for long before each: the cores may have gone to sleep deeply.
 */
#define _GNU_SOURCE
#include "futex.h"
#include "harness.h"
#include "work.h"

#include <pthread.h>
#include <stdlib.h>

#define GAP_NS THRUM_MS(2)

/* Two words, each slept on by one side. */
struct futex_pair {
	struct atomic32 ask;
	struct atomic32 answer;
	int64_t woke_ns;
	bool stop;
};

static void *futex_answer(void *arg)
{
	struct futex_pair *pair = arg;

	for (uint32_t i = 0;; i++) {
		futex_wait(&pair->ask, i);
		pair->woke_ns = bench_now_ns();
		if (pair->stop)
			return NULL;
		futex_wake(&pair->answer, i + 1);
	}
}

/* The latencies, in us, of n wakes of a thread in a futex, gap_ns apart. */
static void futex_wakes(double *latency_us, size_t n, int64_t gap_ns)
{
	struct futex_pair pair = {{0}, {0}, 0, false};
	pthread_t thread;

	if (pthread_create(&thread, NULL, futex_answer, &pair))
		bench_fail("no thread for the futex pair");
	for (uint32_t i = 0; i < n; i++) {
		int64_t start_ns;

		bench_nap_ns(gap_ns);
		start_ns = bench_now_ns();
		futex_wake(&pair.ask, i + 1);
		futex_wait(&pair.answer, i);
		latency_us[i] = (double)(pair.woke_ns - start_ns) / 1e3;
	}
	pair.stop = true;
	futex_wake(&pair.ask, (uint32_t)n + 1);
	pthread_join(thread, NULL);
}

struct submission {
	int64_t started_ns;
	intptr_t index;
};

static intptr_t first_instruction(void *arg)
{
	struct submission *submission = arg;

	submission->started_ns = bench_now_ns();
	return submission->index;
}

static void submit_wakes(struct thrum_runtime *rt, double *latency_us, size_t n, int64_t gap_ns)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		struct submission submission = {0, (intptr_t)i};
		int64_t start_ns;

		bench_nap_ns(gap_ns);
		start_ns = bench_now_ns();
		sum += thrum_join(thrum_runtime_submit(rt, first_instruction, &submission));
		latency_us[i] = (double)(submission.started_ns - start_ns) / 1e3;
	}
	bench_check("the sum of the results", sum, n * (n - 1) / 2);
}

/* By the names of the table, and those of tools/bench, if it has them. */
static void record(struct bench *b, unsigned workers, const char *names[4], double *latency_us,
		   size_t n)
{
	static const double shares[] = {0.5, 0.99};

	for (int i = 0; i < 2; i++) {
		double us = bench_percentile(latency_us, n, shares[i]);

		bench_figure(b, names[i], workers, "us", us);
		if (names[i + 2])
			bench_once(b, names[i + 2], "us", us);
	}
}

static void submit_wake(struct bench *b, unsigned workers)
{
	static const char *thrum_near[4] = {"thrum, 2 ms apart: p50", "thrum, 2 ms apart: p99",
					    "p50", "p99"};
	static const char *futex_near[4] = {"futex, 2 ms apart: p50", "futex, 2 ms apart: p99"};
	static const char *thrum_deep[4] = {"thrum, 100 ms apart: p50", "thrum, 100 ms apart: p99",
					    "deep p50", "deep p99"};
	static const char *futex_deep[4] = {"futex, 100 ms apart: p50", "futex, 100 ms apart: p99"};
	size_t n = b->count, n_deep = work_deep_wakes(n);
	double *latency_us = bench_alloc(n * sizeof(double));
	struct thrum_config config = THRUM_CONFIG_INIT;
	struct thrum_runtime *rt;

	config.workers = workers;
	if (thrum_runtime_create(&rt, &config))
		bench_fail("no runtime");
	submit_wakes(rt, latency_us, n, GAP_NS);
	record(b, workers, thrum_near, latency_us, n);
	bench_once_sum(b, n);
	if (!b->once) { /* tools/bench has another peer for that */
		futex_wakes(latency_us, n, GAP_NS);
		record(b, workers, futex_near, latency_us, n);
	}
	submit_wakes(rt, latency_us, n_deep, WORK_DEEP_GAP_NS);
	record(b, workers, thrum_deep, latency_us, n_deep);
	if (!b->once) {
		futex_wakes(latency_us, n_deep, WORK_DEEP_GAP_NS);
		record(b, workers, futex_deep, latency_us, n_deep);
	}
	if (thrum_runtime_destroy(rt))
		bench_fail("the runtime did not stop");
	free(latency_us);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "submit_wake",
	    .about = "submit from outside to first instruction, beside a futex pair",
	    .counted = "submissions",
	    .count = 500,
	    .runs = 5,
	    .workers = "1,2",
	    .no_warm_up = true,
	};
	static const bench_fn workloads[] = {submit_wake};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
