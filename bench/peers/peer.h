/* SPDX-License-Identifier: MIT */
/*
 * peer.h - what the C and C++ peers share: the command line, the lines of the answer, clocks, and
 * the data of those workloads that have some, so that all peers do the same work.
 *
 *   peer --list                              the workloads it has, one a line
 *   peer WORKLOAD --workers W --count N      does it once; prints, separated by tabs:
 *       figure NAME UNIT VALUE               one or more; tools/bench says which names and units
 *       sum INTEGER                          of what the work computed; the same for all peers
 *
 * Exit status: 0; 77, cannot run here (why, on standard error); 2, the command line; 1, it failed.
 *
 * A peer is a main.c or main.cpp with a table of its workloads and peer_main, and a file for each
 * workload with its function peer_NAME.  Usable from C11 and C++17; all of it is in this header.
 */
#ifndef THRUM_BENCH_PEER_H
#define THRUM_BENCH_PEER_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One run of a workload. */
struct peer {
	unsigned workers;
	uint64_t count;
};

struct peer_workload {
	const char *name;
	void (*run)(const struct peer *p);
};

/* Of the names of tools/bench, those that a peer has. */
void peer_barrier_100(const struct peer *p);
void peer_behind_hog(const struct peer *p);
void peer_chan_1to1(const struct peer *p);
void peer_chan_batch(const struct peer *p);
void peer_chan_nton(const struct peer *p);
void peer_chan_rendezvous(const struct peer *p);
void peer_cond_ping_pong(const struct peer *p);
void peer_flat_spawn(const struct peer *p);
void peer_fork_join(const struct peer *p);
void peer_idle(const struct peer *p);
void peer_mutex(const struct peer *p);
void peer_parallel_for(const struct peer *p);
void peer_parked_memory(const struct peer *p);
void peer_ping_pong(const struct peer *p);
void peer_ready_future(const struct peer *p);
void peer_rwlock(const struct peer *p);
void peer_scope(const struct peer *p);
void peer_semaphore(const struct peer *p);
void peer_skynet(const struct peer *p);
void peer_sleepers(const struct peer *p);
void peer_sort(const struct peer *p);
void peer_submit_wake(const struct peer *p);
void peer_yield(const struct peer *p);

#ifdef __cplusplus
}
#endif

/* ---- the answer ---- */

static inline void peer_figure(const char *name, const char *unit, double value)
{
	printf("figure\t%s\t%s\t%.6g\n", name, unit, value);
}

static inline void peer_sum(uint64_t sum)
{
	printf("sum\t%" PRIu64 "\n", sum);
}

__attribute__((format(printf, 2, 3), noreturn)) static inline void
peer_exit(int status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

/* It cannot run here; something failed. */
#define peer_skip(...) peer_exit(77, __VA_ARGS__)
#define peer_fail(...) peer_exit(1, __VA_ARGS__)

/* Ends the process unless the work was done as it should have been. */
static inline void peer_check(const char *what, uint64_t got, uint64_t want)
{
	if (got != want)
		peer_fail("wrong work: %s is %" PRIu64 ", not %" PRIu64, what, got, want);
}

/* ---- clocks and memory ---- */

static inline int64_t peer_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static inline int64_t peer_now_ns(void)
{
	return peer_clock_ns(CLOCK_MONOTONIC);
}

/* User and system time of all threads of the process. */
static inline int64_t peer_cpu_ns(void)
{
	return peer_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static inline void peer_nap_ns(int64_t ns)
{
	struct timespec nap = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

	while (nanosleep(&nap, &nap))
		;
}

/* VmRSS and VmPTE of this process. */
static inline int64_t peer_memory_bytes(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	int64_t kib = 0;
	char line[200];

	if (!file)
		peer_skip("/proc/self/status cannot be read");
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "VmRSS:", 6) || !strncmp(line, "VmPTE:", 6))
			kib += strtol(line + 6, NULL, 10);
	}
	fclose(file);
	return 1024 * kib;
}

#include "peer_work.h"

/* ---- the command line ---- */

static inline uint64_t peer_number(const char *option, const char *text, uint64_t most)
{
	char *end = NULL;
	unsigned long long number = text ? strtoull(text, &end, 10) : 0;

	if (!text || *text < '0' || *text > '9' || *end || number < 1 || number > most)
		peer_exit(2, "%s: a number, 1 or more, not \"%s\"", option, text ? text : "");
	return number;
}

static inline int peer_main(const struct peer_workload *workloads, size_t n, int argc, char **argv)
{
	const struct peer_workload *workload = NULL;
	struct peer p = {0, 0};

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < n; i++)
			puts(workloads[i].name);
		return 0;
	}
	for (size_t i = 0; argc > 1 && i < n; i++) {
		if (!strcmp(argv[1], workloads[i].name))
			workload = &workloads[i];
	}
	for (int i = 2; i < argc; i += 2) {
		if (!strcmp(argv[i], "--workers"))
			p.workers = (unsigned)peer_number(argv[i], argv[i + 1], 1024);
		else if (!strcmp(argv[i], "--count"))
			p.count = peer_number(argv[i], argv[i + 1], UINT32_MAX);
		else
			workload = NULL;
	}
	if (!workload || !p.workers || !p.count)
		peer_exit(2, "peer --list | peer WORKLOAD --workers W --count N");
	workload->run(&p);
	return fflush(stdout) || ferror(stdout) ? 1 : 0;
}

#endif
