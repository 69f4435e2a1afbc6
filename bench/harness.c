/* SPDX-License-Identifier: MIT */
/*
 * harness.c - the command line, the rounds, and small tools of the workloads.
 *
 * Everything runs on the process's first thread, outside tasks; series belong to the struct bench
 * in main's frame.  Failures end the process.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

void bench_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

void *bench_alloc(size_t bytes)
{
	void *memory = malloc(bytes);

	if (!memory)
		bench_fail("no memory for %zu bytes", bytes);
	return memory;
}

static struct bench *running; /* since bench_rounds */

static void help(const struct bench_spec *spec)
{
	printf("bench_%s - %s\n\n"
	       "  --workers LIST  numbers of workers, e.g. 1,2 (default %s)\n"
	       "  --runs N        rounds that count (default %u)%s\n"
	       "  --count N       %s in a run (default %llu)\n"
	       "  --json FILE     write machine and figures there too\n"
	       "  --stats         what the runtimes counted, too, for a million of --count\n"
	       "  --once          one round for tools/bench, one number of workers\n"
	       "  --help\n",
	       spec->name, spec->about, spec->workers, spec->runs,
	       spec->no_warm_up ? "" : ", after one to warm up", spec->counted,
	       (unsigned long long)spec->count);
}

static void bad_usage(const char *option, const char *text)
{
	fprintf(stderr, "%s: %s: a number, 1 or more, not \"%s\" (see --help)\n",
		program_invocation_short_name, option, text);
	exit(2);
}

/* A number at *text, which moves behind it. */
static uint64_t read_number(const char *option, const char **text, uint64_t max)
{
	const char *start = *text;
	char *end;
	unsigned long long number;

	if (*start < '0' || *start > '9')
		bad_usage(option, start);
	number = strtoull(start, &end, 10);
	if (number < 1 || number > max)
		bad_usage(option, start);
	*text = end;
	return number;
}

static uint64_t read_one(const char *option, const char *text, uint64_t max)
{
	const char *end = text;
	uint64_t number = read_number(option, &end, max);

	if (*end)
		bad_usage(option, text);
	return number;
}

static void read_workers(struct bench *b, const char *text)
{
	b->n_workers = 0;
	for (;;) {
		unsigned workers = read_number("--workers", &text, 256);

		if (b->n_workers == BENCH_WORKERS_MAX)
			bad_usage("--workers", "a longer list");
		b->workers[b->n_workers++] = workers;
		if (*text != ',')
			break;
		text++;
	}
	if (*text)
		bad_usage("--workers", text);
}

static void check_json(const char *path)
{
#ifndef THRUM_HAVE_JANSSON
	fprintf(stderr, "--json %s: this build has no JSON (libjansson-dev was missing)\n", path);
	exit(2);
#else
	(void)path;
#endif
}

void bench_begin(struct bench *b, const struct bench_spec *spec, int argc, char **argv)
{
	static const struct option options[] = {
	    {"workers", required_argument, NULL, 'w'}, {"runs", required_argument, NULL, 'r'},
	    {"count", required_argument, NULL, 'c'},   {"json", required_argument, NULL, 'j'},
	    {"stats", no_argument, NULL, 's'},         {"once", no_argument, NULL, 'o'},
	    {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
	int option;

	memset(b, 0, sizeof(*b));
	b->spec = spec;
	b->count = spec->count;
	b->runs = spec->runs;
	read_workers(b, spec->workers);
	while ((option = getopt_long(argc, argv, "w:r:c:j:soh", options, NULL)) != -1) {
		switch (option) {
		case 'w':
			read_workers(b, optarg);
			break;
		case 'r':
			b->runs = read_one("--runs", optarg, 1000000);
			break;
		case 'c':
			b->count = read_one("--count", optarg, UINT32_MAX);
			b->count_given = true;
			break;
		case 'j':
			check_json(optarg);
			b->json_path = optarg;
			break;
		case 's':
			b->stats = true;
			break;
		case 'o':
			b->once = true;
			break;
		case 'h':
			help(spec);
			exit(0);
		default:
			exit(2);
		}
	}
	if (optind < argc)
		bad_usage("argument", argv[optind]);
	if (b->once && b->n_workers != 1)
		bad_usage("--once --workers", "a list");
}

static struct bench_series *find_series(struct bench *b, const char *name, unsigned workers)
{
	for (size_t i = 0; i < b->n_series; i++) {
		if (b->series[i].workers == workers && !strcmp(b->series[i].name, name))
			return &b->series[i];
	}
	return NULL;
}

void bench_figure(struct bench *b, const char *name, unsigned workers, const char *unit,
		  double value)
{
	struct bench_series *series = find_series(b, name, workers);

	if (b->warm_up)
		return;
	if (!series) {
		if (b->n_series == BENCH_SERIES_MAX)
			bench_fail("more than %d figures", BENCH_SERIES_MAX);
		series = &b->series[b->n_series++];
		snprintf(series->name, sizeof(series->name), "%s", name);
		series->workers = workers;
		series->unit = unit;
	}
	if (series->n == series->room) {
		series->room = series->room ? 2 * series->room : 16;
		series->values = realloc(series->values, series->room * sizeof(double));
		if (!series->values)
			bench_fail("no memory for %zu figures", series->room);
	}
	series->values[series->n++] = value;
}

void bench_figure_span(struct bench *b, const char *name, unsigned workers, const char *unit,
		       const struct bench_span *span, double n)
{
	char cpu[sizeof(b->series[0].name)];

	snprintf(cpu, sizeof(cpu), "%s: CPU", name);
	bench_figure(b, name, workers, unit, (double)span->wall_ns / n);
	bench_figure(b, cpu, workers, unit, (double)span->cpu_ns / n);
}

void bench_once(const struct bench *b, const char *name, const char *unit, double value)
{
	if (b->once)
		bench_report_once(name, unit, value);
}

void bench_once_sum(const struct bench *b, uint64_t sum)
{
	if (b->once)
		bench_report_once_sum(sum);
}

void bench_check(const char *what, uint64_t got, uint64_t want)
{
	if (got != want)
		bench_fail("wrong work: %s is %llu, not %llu", what, (unsigned long long)got,
			   (unsigned long long)want);
}

static void one_round(struct bench *b, const bench_fn *workloads, size_t n)
{
	double flag_ns = b->once ? 0 : bench_flag_round_trip_ns();

	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < b->n_workers; j++)
			workloads[i](b, b->workers[j]);
	}
	if (flag_ns > 0)
		bench_figure(b, "(flag round trip between two cores)", 0, "ns", flag_ns);
}

void bench_rounds(struct bench *b, const bench_fn *workloads, size_t n)
{
	running = b;
	b->warm_up = true;
	if (b->once)
		b->runs = 1;
	else if (!b->spec->no_warm_up)
		one_round(b, workloads, n);
	b->warm_up = false;
	for (unsigned run = 0; run < b->runs; run++)
		one_round(b, workloads, n);
}

int bench_end(struct bench *b)
{
	if (!b->once)
		bench_report_table(b);
	if (b->json_path)
		bench_report_json(b, b->json_path);
	for (size_t i = 0; i < b->n_series; i++)
		free(b->series[i].values);
	if (fflush(stdout) || ferror(stdout))
		bench_fail("the table could not be written");
	return 0;
}

struct counted {
	thrum_fn fn;
	void *arg;
	struct thrum_stats stats; /* when fn had returned */
};

static intptr_t run_counted(void *arg)
{
	struct counted *c = arg;
	intptr_t result = c->fn(c->arg);

	c->stats.size = sizeof(c->stats);
	if (thrum_runtime_stats(NULL, -1, &c->stats))
		bench_fail("a runtime does not say what it did");
	return result;
}

static void report_stats(unsigned workers, const struct thrum_stats *s)
{
	const struct {
		const char *name;
		uint64_t n;
	} counts[] = {
	    {"(spawned)", s->spawned},
	    {"(stolen)", s->stolen},
	    {"(worker sleeps)", s->parks},
	    {"(switches)", s->switches},
	    {"(task waits)", s->suspensions},
	    {"(migrations)", s->migrations},
	    {"(timers fired)", s->timers},
	    {"(searches)", s->searches},
	    {"(dozes)", s->dozes},
	    {"(wakes)", s->wakes},
	    {"(refills)", s->refills},
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		bench_figure(running, counts[i].name, workers, "a million",
			     (double)counts[i].n * 1e6 / (double)running->count);
}

static intptr_t run(unsigned workers, int64_t stall_ns, thrum_fn fn, void *arg)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	struct counted counted = {.fn = fn, .arg = arg};
	intptr_t result;

	config.workers = workers;
	config.stall_ns = stall_ns;
	/* Ending a million parked tasks takes its time. */
	config.grace_ns = THRUM_SEC(120);
	result = thrum_run_with(&config, run_counted, &counted);
	if (thrum_failed(result))
		bench_fail("the main task failed: %s", strerror((int)-result));
	if (running && running->stats)
		report_stats(workers, &counted.stats);
	return result;
}

intptr_t bench_run(unsigned workers, thrum_fn fn, void *arg)
{
	return run(workers, 0, fn, arg);
}

intptr_t bench_run_unspared(unsigned workers, thrum_fn fn, void *arg)
{
	return run(workers, THRUM_FOREVER, fn, arg);
}

int bench_together(thrum_fn fn, void *work, uint64_t n, uint64_t *sum)
{
	struct bench_member *members = bench_alloc(n * sizeof(*members));
	struct thrum_scope scope;
	int err;

	thrum_scope_open(&scope);
	for (uint64_t i = 0; i < n; i++) {
		members[i] = (struct bench_member){.work = work, .number = i};
		thrum_scope_spawn(&scope, fn, &members[i]);
	}
	err = thrum_scope_close(&scope);
	for (uint64_t i = 0; i < n; i++)
		*sum += members[i].sum;
	free(members);
	return err;
}

int64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static int64_t cpu_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

void bench_span_begin(struct bench_span *span)
{
	span->cpu_ns = cpu_ns();
	span->wall_ns = bench_now_ns();
}

void bench_span_end(struct bench_span *span)
{
	span->wall_ns = bench_now_ns() - span->wall_ns;
	span->cpu_ns = cpu_ns() - span->cpu_ns;
}

double bench_cpu_s(void)
{
	struct rusage use;

	getrusage(RUSAGE_SELF, &use);
	return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
	       1e-6 * (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

void bench_nap_ns(int64_t ns)
{
	struct timespec nap = {ns / 1000000000, ns % 1000000000};

	while (nanosleep(&nap, &nap))
		;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_percentile(double *values, size_t n, double p)
{
	size_t rank = (size_t)(p * (double)n);

	if (n == 0)
		return 0;
	qsort(values, n, sizeof(*values), compare_doubles);
	return values[rank < n ? rank : n - 1];
}

long bench_status_kib(const char *field)
{
	char line[200];
	size_t length = strlen(field);
	long kib = -1;
	FILE *file = fopen("/proc/self/status", "r");

	if (!file)
		bench_fail("/proc/self/status cannot be read");
	while (kib < 0 && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, field, length) && line[length] == ':')
			kib = strtol(line + length + 1, NULL, 10);
	}
	fclose(file);
	if (kib < 0)
		bench_fail("/proc/self/status has no %s", field);
	return kib;
}
