/* SPDX-License-Identifier: MIT */
/*
 * parked_memory.c - what a fiber costs that has started and waits, in a sleep without end: memory,
 * page tables included, and the time to make and to end them all.
 *
 * Memory is (VmRSS + VmPTE) less what the process had before its first runtime, over n.  Sizes go
 * up, so that what an earlier run left with the allocator is used again and not counted twice.
 */
#include "harness.h"

#include <stdio.h>

#include "base/atomic.h"

/* What one fiber takes at most, to see whether n of them fit. */
#define FIBER_KIB 6

struct park {
	uint64_t count;
	struct atomic64 started;
	struct atomic64 cancelled;
	int64_t start_ns;
	int64_t parked_ns; /* all have started and wait */
	int64_t ending_ns; /* main returns: the runtime cancels them */
	long kib;
};

static long base_kib;

static long memory_kib(void)
{
	return bench_status_kib("VmRSS") + bench_status_kib("VmPTE");
}

static intptr_t wait_for_the_end(void *arg)
{
	struct park *park = arg;

	fetch_add_relaxed(&park->started, 1);
	if (thrum_sleep(THRUM_FOREVER) == -ECANCELED)
		fetch_add_relaxed(&park->cancelled, 1);
	return -ECANCELED;
}

static intptr_t park_all(void *arg)
{
	struct park *park = arg;

	park->start_ns = bench_now_ns();
	for (uint64_t i = 0; i < park->count; i++) {
		int error = thrum_go(wait_for_the_end, park);

		if (error)
			return error;
		/* Let them start as they come: a queue of all of them is another benchmark's. */
		if (i % 1024 == 1023)
			thrum_yield();
	}
	while (load_relaxed(&park->started) < park->count)
		thrum_yield();
	park->parked_ns = bench_now_ns();
	thrum_sleep(THRUM_MS(20));
	park->kib = memory_kib() - base_kib;
	park->ending_ns = bench_now_ns();
	return 0;
}

static void parked(struct bench *b, unsigned workers, uint64_t count)
{
	struct park park = {.count = count};
	int64_t end_ns;
	char figure[64];
	double n = (double)count;

	bench_run(workers, park_all, &park);
	end_ns = bench_now_ns();
	bench_check("the number of cancelled fibers", load_relaxed(&park.cancelled), count);
	snprintf(figure, sizeof(figure), "%llu fibers: memory", (unsigned long long)count);
	bench_figure(b, figure, workers, "KiB each", (double)park.kib / n);
	snprintf(figure, sizeof(figure), "%llu fibers: create", (unsigned long long)count);
	bench_figure(b, figure, workers, "s", (double)(park.parked_ns - park.start_ns) / 1e9);
	snprintf(figure, sizeof(figure), "%llu fibers: teardown", (unsigned long long)count);
	bench_figure(b, figure, workers, "s", (double)(end_ns - park.ending_ns) / 1e9);
	bench_once(b, "bytes", "B", 1024 * (double)park.kib / n);
	bench_once(b, "create", "s", (double)(park.parked_ns - park.start_ns) / 1e9);
	bench_once(b, "end", "s", (double)(end_ns - park.ending_ns) / 1e9);
	bench_once_sum(b, load_relaxed(&park.cancelled));
}

/* MemAvailable of this machine. */
static long available_kib(void)
{
	FILE *file = fopen("/proc/meminfo", "r");
	char line[200];
	long kib = 0;

	while (file && kib == 0 && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemAvailable: %ld", &kib) != 1)
			kib = 0;
	}
	if (file)
		fclose(file);
	return kib;
}

static void parked_memory(struct bench *b, unsigned workers)
{
	parked(b, workers, b->count);
}

static void ten_times_as_many(struct bench *b, unsigned workers)
{
	if (available_kib() < (long)(10 * b->count) * FIBER_KIB)
		fprintf(stderr, "parked_memory: 10 x %llu fibers left out: too little memory\n",
			(unsigned long long)b->count);
	else
		parked(b, workers, 10 * b->count);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "parked_memory",
	    .about =
		"memory of parked fibers, time to make and end them (default: 10 x as many too)",
	    .counted = "fibers",
	    .count = 100000,
	    .runs = 3,
	    .workers = "1",
	    .no_warm_up = true,
	};
	static const bench_fn workloads[] = {parked_memory, ten_times_as_many};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	base_kib = memory_kib();
	bench_rounds(&b, workloads, b.count_given || b.once ? 1 : 2);
	return bench_end(&b);
}
