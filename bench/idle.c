/* SPDX-License-Identifier: MIT */
/*
 * idle.c - what a runtime with nothing to do costs: CPU time and wake-ups of all its threads.
 *
 * The pool and the timers have been used before; the time starts a second and a half after the last
 * work.  The thread that watches is not counted.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TASKS 1000
#define SETTLE_NS THRUM_MS(1500)

/* Of all threads but the caller. */
struct use {
	uint64_t cpu_ns;
	uint64_t switches; /* voluntary: each is a sleep after a wake-up */
	uint64_t threads;
};

static intptr_t echo(void *arg)
{
	return (intptr_t)arg;
}

static intptr_t doze(void *arg)
{
	int error = thrum_sleep(THRUM_US(100));

	return error ? error : (intptr_t)arg;
}

/* Something for workers, timers and the pool. */
static intptr_t work(void *arg)
{
	intptr_t sum = 0;

	for (intptr_t i = 0; i < TASKS; i++)
		sum += thrum_join(thrum_spawn(i % 2 ? echo : doze, (void *)i));
	sum += thrum_join(thrum_spawn_blocking(echo, arg));
	return sum;
}

static void read_thread(struct use *use, const char *tid)
{
	char path[300], line[200];
	unsigned long long cpu_ns, switches;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", tid);
	file = fopen(path, "r");
	if (!file)
		return; /* the thread has ended */
	if (fscanf(file, "%llu", &cpu_ns) == 1)
		use->cpu_ns += cpu_ns;
	fclose(file);
	snprintf(path, sizeof(path), "/proc/self/task/%s/status", tid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "voluntary_ctxt_switches: %llu", &switches) == 1)
			use->switches += switches;
	}
	if (file)
		fclose(file);
	use->threads++;
}

static struct use read_use(void)
{
	struct use use = {0, 0, 0};
	DIR *threads = opendir("/proc/self/task");
	struct dirent *thread;
	char self[24];

	if (!threads)
		bench_fail("/proc/self/task cannot be read");
	snprintf(self, sizeof(self), "%d", (int)gettid());
	while ((thread = readdir(threads))) {
		if (thread->d_name[0] != '.' && strcmp(thread->d_name, self))
			read_thread(&use, thread->d_name);
	}
	closedir(threads);
	return use;
}

static void idle(struct bench *b, unsigned workers)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	struct thrum_runtime *rt;
	struct use before, after;
	struct bench_span span;

	config.workers = workers;
	if (thrum_runtime_create(&rt, &config))
		bench_fail("no runtime");
	bench_check("the sum of the work", (uint64_t)thrum_runtime_block_on(rt, work, (void *)1),
		    TASKS * (TASKS - 1) / 2 + 1);
	bench_nap_ns(SETTLE_NS);
	before = read_use();
	bench_span_begin(&span);
	bench_nap_ns(THRUM_SEC(b->count));
	bench_span_end(&span);
	after = read_use();
	if (thrum_runtime_destroy(rt))
		bench_fail("the runtime did not stop");
	/* A thread that ended in between took its past with it. */
	bench_figure(b, "threads", workers, "", (double)after.threads);
	bench_figure(b, "threads that ended meanwhile", workers, "",
		     (double)before.threads - (double)after.threads);
	bench_figure(b, "CPU", workers, "ms", ((double)after.cpu_ns - (double)before.cpu_ns) / 1e6);
	bench_once(b, "cpu", "ms", (double)span.cpu_ns / 1e6);
	bench_once_sum(b, 0);
	bench_figure(b, "wake-ups", workers, "", (double)after.switches - (double)before.switches);
}

int main(int argc, char **argv)
{
	static const struct bench_spec spec = {
	    .name = "idle",
	    .about = "an idle runtime's CPU time and wake-ups (voluntary context switches)",
	    .counted = "seconds",
	    .count = 5,
	    .runs = 3,
	    .workers = "2",
	    .no_warm_up = true,
	};
	static const bench_fn workloads[] = {idle};
	struct bench b;

	bench_begin(&b, &spec, argc, argv);
	bench_rounds(&b, workloads, 1);
	return bench_end(&b);
}
