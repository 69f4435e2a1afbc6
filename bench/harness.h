/* SPDX-License-Identifier: MIT */
/*
 * harness.h - what every benchmark shares: the command line, rounds, statistics, the report.
 *
 * A benchmark is a main of three calls: bench_begin reads the command line, bench_rounds runs each
 * of its workloads with each number of workers, one warm-up round first and interleaved after it,
 * and bench_end prints the table and writes the JSON.  A workload calls bench_figure for what it
 * measured and bench_check for the proof that the work was done.  Whatever goes wrong ends the
 * process with a message and status 1 (2: the command line).
 *
 * With --once a program is a peer of tools/bench (see peers/peer.h): one round, nothing before it,
 * with one number of workers; it prints what bench_once and bench_once_sum are called with, and no
 * table.
 */
#ifndef BENCH_HARNESS_H
#define BENCH_HARNESS_H

#include <stddef.h>
#include <stdint.h>
#include <thrum/thrum.h>

#define BENCH_WORKERS_MAX 8 /* numbers of workers in one --workers list */
#define BENCH_SERIES_MAX 64 /* figures by name and workers */

/* What a benchmark is and what it does when nothing is asked for. */
struct bench_spec {
	const char *name;
	const char *about;   /* what is measured, for --help and the head of the table */
	const char *counted; /* what --count counts */
	uint64_t count;      /* default */
	unsigned runs;       /* default */
	const char *workers; /* default, a list: "1,2" */
	bool no_warm_up;     /* the first round counts too */
};

/* One figure: a value from each round. */
struct bench_series {
	char name[64];
	unsigned workers; /* 0: has nothing to do with workers */
	const char *unit;
	double *values;
	size_t n;
	size_t room;
};

struct bench {
	const struct bench_spec *spec;
	uint64_t count;
	bool count_given;
	unsigned runs;
	unsigned workers[BENCH_WORKERS_MAX];
	size_t n_workers;
	const char *json_path;
	bool stats;   /* --stats */
	bool once;    /* --once */
	bool warm_up; /* this round is not recorded */
	struct bench_series series[BENCH_SERIES_MAX];
	size_t n_series;
};

/* What a piece of work took: wall clock, and CPU time of all threads. */
struct bench_span {
	int64_t wall_ns;
	int64_t cpu_ns;
};

/* One run of a workload with this many workers. */
typedef void (*bench_fn)(struct bench *b, unsigned workers);

/* Reads the command line; --help prints and exits. */
void bench_begin(struct bench *b, const struct bench_spec *spec, int argc, char **argv);
/* The rounds: each workload with each number of workers, and one flag round trip a round. */
void bench_rounds(struct bench *b, const bench_fn *workloads, size_t n);
/* The report; returns the exit status. */
int bench_end(struct bench *b);

/* Adds a value to the series of that name and number of workers. */
void bench_figure(struct bench *b, const char *name, unsigned workers, const char *unit,
		  double value);
/* Both of a span, over n; CPU time says more than the clock on a machine that does other things
 * too. */
void bench_figure_span(struct bench *b, const char *name, unsigned workers, const char *unit,
		       const struct bench_span *span, double n);
/* Under --once, prints a figure or the sum, by the names that all peers use; else nothing. */
void bench_once(const struct bench *b, const char *name, const char *unit, double value);
void bench_once_sum(const struct bench *b, uint64_t sum);
void bench_span_begin(struct bench_span *span);
void bench_span_end(struct bench_span *span);
/* Ends the process unless what was computed is what should have been. */
void bench_check(const char *what, uint64_t got, uint64_t want);
void bench_fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* thrum_run with so many workers; a failed result fails the benchmark. */
intptr_t bench_run(unsigned workers, thrum_fn fn, void *arg);
/* The same without spares: a worker that is off its CPU is not taken for one that is held. */
intptr_t bench_run_unspared(unsigned workers, thrum_fn fn, void *arg);

/* One of many tasks at the same work. */
struct bench_member {
	void *work;
	uint64_t number; /* from 0 on */
	uint64_t sum;    /* what it leaves behind */
};
/* In a task: runs fn with a bench_member in n tasks, until the last has ended; adds up their sums.
 * Returns their first failure. */
int bench_together(thrum_fn fn, void *work, uint64_t n, uint64_t *sum);

int64_t bench_now_ns(void);    /* CLOCK_MONOTONIC */
double bench_cpu_s(void);      /* user and system time of the process */
void bench_nap_ns(int64_t ns); /* the calling thread sleeps */
/* Sorts the values; the value that a share p (0 to 1) of them does not pass. */
double bench_percentile(double *values, size_t n, double p);
/* A round trip of a flag between two threads on the first two CPUs, in ns; 0 with one CPU. */
double bench_flag_round_trip_ns(void);
/* A turn of a serial loop, in ns: on one CPU; on each of two at the same time, 0 with one CPU. */
double bench_serial_loop_ns(void);
double bench_two_loops_ns(void);
/* A field of /proc/self/status in KiB. */
long bench_status_kib(const char *field);
/* malloc or fail. */
void *bench_alloc(size_t bytes);

/* report.c */
void bench_report_table(const struct bench *b);
void bench_report_json(const struct bench *b, const char *path);
void bench_report_once(const char *name, const char *unit, double value);
void bench_report_once_sum(uint64_t sum);

/* machine.c */
struct bench_machine {
	long cpus_online;
	long cpus_allowed;
	char kernel[200];
	char cpu[200];
	char compiler[200];
};
void bench_machine_read(struct bench_machine *machine);

#endif
