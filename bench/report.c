/* SPDX-License-Identifier: MIT */
/*
 * report.c - figures as a table for people and as JSON for programs, and in lines for tools/bench.
 *
 * Table and JSON give the median of the rounds and their range; the JSON has every value too.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef THRUM_HAVE_JANSSON
#include <jansson.h>
#endif

struct summary {
	double median;
	double min;
	double max;
};

static struct summary summarise(const struct bench_series *series)
{
	double *sorted = bench_alloc(series->n * sizeof(double));
	struct summary summary;

	memcpy(sorted, series->values, series->n * sizeof(double));
	summary.median = bench_percentile(sorted, series->n, 0.5);
	summary.min = sorted[0];
	summary.max = sorted[series->n - 1];
	free(sorted);
	return summary;
}

/* Four significant digits are more than the clock is worth. */
static int places(double value)
{
	double size = value < 0 ? -value : value;

	return size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
}

void bench_report_table(const struct bench *b)
{
	struct bench_machine machine;

	bench_machine_read(&machine);
	printf("%s: %s\n", b->spec->name, b->spec->about);
	printf("thrum %s, %ld of %ld CPUs, %s, %s, %s\n", thrum_version(), machine.cpus_allowed,
	       machine.cpus_online, machine.cpu, machine.kernel, machine.compiler);
	printf("%s in a run: %llu%s, runs: %u\n\n", b->spec->counted, (unsigned long long)b->count,
	       b->count_given ? "" : " (default)", b->runs);
	printf("%-46s %7s %12s %12s %12s  %s\n", "figure", "workers", "median", "min", "max",
	       "unit");
	for (size_t i = 0; i < b->n_series; i++) {
		const struct bench_series *series = &b->series[i];
		struct summary s = summarise(series);
		int digits = places(s.median);
		char workers[12] = "-";

		if (series->workers)
			snprintf(workers, sizeof(workers), "%u", series->workers);
		printf("%-46s %7s %12.*f %12.*f %12.*f  %s\n", series->name, workers, digits,
		       s.median, digits, s.min, digits, s.max, series->unit);
	}
}

void bench_report_once(const char *name, const char *unit, double value)
{
	printf("figure\t%s\t%s\t%.6g\n", name, unit, value);
}

void bench_report_once_sum(uint64_t sum)
{
	printf("sum\t%llu\n", (unsigned long long)sum);
}

#ifdef THRUM_HAVE_JANSSON

static json_t *machine_json(void)
{
	struct bench_machine machine;

	bench_machine_read(&machine);
	return json_pack("{s:I, s:I, s:s, s:s, s:s}", "cpus_online",
			 (json_int_t)machine.cpus_online, "cpus_allowed",
			 (json_int_t)machine.cpus_allowed, "cpu", machine.cpu, "kernel",
			 machine.kernel, "compiler", machine.compiler);
}

static json_t *series_json(const struct bench_series *series)
{
	struct summary s = summarise(series);
	json_t *values = json_array();

	for (size_t i = 0; i < series->n; i++)
		json_array_append_new(values, json_real(series->values[i]));
	return json_pack("{s:s, s:I, s:s, s:f, s:f, s:f, s:o}", "figure", series->name, "workers",
			 (json_int_t)series->workers, "unit", series->unit, "median", s.median,
			 "min", s.min, "max", s.max, "values", values);
}

void bench_report_json(const struct bench *b, const char *path)
{
	json_t *figures = json_array();
	json_t *report;

	for (size_t i = 0; i < b->n_series; i++)
		json_array_append_new(figures, series_json(&b->series[i]));
	report = json_pack("{s:s, s:s, s:o, s:I, s:I, s:o}", "bench", b->spec->name, "version",
			   thrum_version(), "machine", machine_json(), "count",
			   (json_int_t)b->count, "runs", (json_int_t)b->runs, "figures", figures);
	if (!report || json_dump_file(report, path, JSON_INDENT(2)))
		bench_fail("%s could not be written", path);
	json_decref(report);
}

#else

void bench_report_json(const struct bench *b, const char *path)
{
	(void)b;
	bench_fail("%s: this build has no JSON", path);
}

#endif
