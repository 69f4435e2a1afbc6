/* SPDX-License-Identifier: MIT */
/*
 * report.c - what a run of the demo says: problems as they come, the verdict as text or JSON.
 *
 * The verdict is good when every file the walk found was read twice with one result, or could be
 * read in neither pass.  Problems are named up to PROBLEMS_KEPT (all with --verbose) and counted
 * beyond.
 */
#define _GNU_SOURCE 1
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "demo.h"

#define SECONDS(ns) ((double)(ns) / 1e9)
#define MS(ns) ((double)(ns) / 1e6)

static double per_second(double n, int64_t ns)
{
	return ns > 0 ? n / SECONDS(ns) : 0;
}

static double speed_up(const struct demo *demo)
{
	return demo->parallel.ns > 0 ? (double)demo->serial.ns / (double)demo->parallel.ns : 0;
}

void demo_problem(struct demo *demo, const char *path, const char *format, ...)
{
	char where[TEXT_PATH_MAX];
	char *what = NULL, *line = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&what, format, args) < 0)
		what = NULL;
	va_end(args);
	text_path(path, where, sizeof(where));
	if (demo->verbose || demo->n_problems < PROBLEMS_KEPT) {
		if (asprintf(&line, "thrum demo: %s: %s", where, what ? what : "?") >= 0)
			progress_say(&demo->progress, line);
		free(line);
	} else if (demo->n_problems == PROBLEMS_KEPT) {
		progress_say(&demo->progress, "thrum demo: more such files are counted, and named "
					      "with --verbose");
	}
	if (demo->n_problems < PROBLEMS_KEPT) {
		demo->problems[demo->n_problems] = (struct problem){strdup(where), what};
		what = NULL;
	}
	demo->n_problems++;
	free(what);
}

void problems_free(struct demo *demo)
{
	for (size_t i = 0; i < PROBLEMS_KEPT; i++) {
		free(demo->problems[i].path);
		free(demo->problems[i].what);
	}
}

/* As sha256sum does: a line with an escaped name has a backslash in front. */
void report_list(const struct file *file)
{
	const char *path = file->path;

	if (strpbrk(path, "\\\n\r"))
		putchar('\\');
	for (int i = 0; i < HASH_BYTES; i++)
		printf("%02x", file->hash[i]);
	fputs("  ", stdout);
	for (; *path; path++) {
		if (*path == '\\')
			fputs("\\\\", stdout);
		else if (*path == '\n')
			fputs("\\n", stdout);
		else if (*path == '\r')
			fputs("\\r", stdout);
		else
			putchar(*path);
	}
	putchar('\n');
}

/* The verdict in words; NULL: all is well. */
static const char *find_fault(const struct demo *demo)
{
	if (demo->wrong)
		return "WRONG: a task's result is not what the file holds";
	if (demo->failed)
		return "FAILED: a file could be read, but not by its task";
	if (demo->unserved)
		return "UNSERVED: a file could be read, but did not come over the network";
	if (demo->changed)
		return "CHANGED: a file changed while it was being hashed";
	if (demo->walk.failed)
		return "INCOMPLETE: a directory could not be read";
	if (!demo->found)
		return "EMPTY: there is no regular file in this tree";
	if (demo->crew.done != demo->found ||
	    demo->parallel.files + demo->unreadable != demo->found ||
	    demo->serial.files + demo->unreadable != demo->found ||
	    demo->fetched.files + demo->unasked != demo->parallel.files ||
	    demo->parallel.bytes != demo->serial.bytes)
		return "WRONG: the passes did not count what the walk found";
	if (!demo->parallel.files)
		return "UNREADABLE: not one file could be read";
	return NULL;
}

static void print_pass(FILE *out, const char *name, const struct pass *pass)
{
	fprintf(out, "  %-9s %9.3f %10.0f %9.1f\n", name, SECONDS(pass->ns),
		per_second((double)pass->files, pass->ns),
		per_second((double)pass->bytes / 1e6, pass->ns));
}

static void add_share(struct thrum_stats *sum, const struct thrum_stats *one)
{
	sum->started += one->started;
	sum->stolen += one->stolen;
	sum->parks += one->parks;
	sum->switches += one->switches;
}

/*
 * What threads did that stood in for workers held in a blocking call: @all less @workers, which
 * were read before; counts only grow.
 */
static struct thrum_stats share_of_spares(const struct thrum_stats *all,
					  const struct thrum_stats *workers)
{
	struct thrum_stats spares = *all;

	spares.started -= workers->started;
	spares.stolen -= workers->stolen;
	spares.parks -= workers->parks;
	spares.switches -= workers->switches;
	return spares;
}

static void print_share(FILE *out, const char *name, const struct thrum_stats *stats)
{
	fprintf(out, "  %-8s %10llu %10llu %10llu %10llu\n", name,
		(unsigned long long)stats->started, (unsigned long long)stats->stolen,
		(unsigned long long)stats->parks, (unsigned long long)stats->switches);
}

static void print_workers(FILE *out, struct thrum_runtime *rt)
{
	int workers = (int)thrum_runtime_workers(rt);
	struct thrum_stats one = {.size = sizeof(one)}, sum = one, spares;

	fprintf(out, "\n  worker    tasks run     stolen      parks   switches\n");
	for (int i = 0; i < workers; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		thrum_runtime_stats(rt, i, &one);
		add_share(&sum, &one);
		print_share(out, name, &one);
	}
	thrum_runtime_stats(rt, -1, &one);
	spares = share_of_spares(&one, &sum);
	print_share(out, "spares", &spares);
	print_share(out, "all", &one);
}

static void print_counts(FILE *out, const struct demo *demo)
{
	char where[TEXT_PATH_MAX];

	fprintf(out, "%s: %llu file%s in %llu director%s, %.1f MB; walked in %.3f s\n",
		text_path(demo->dir, where, sizeof(where)), (unsigned long long)demo->found,
		demo->found == 1 ? "" : "s", (unsigned long long)demo->walk.dirs,
		demo->walk.dirs == 1 ? "y" : "ies", (double)demo->parallel.bytes / 1e6,
		SECONDS(demo->walk_ns));
	fprintf(out, "found %llu, hashed by tasks %llu, checked serially %llu, unreadable %llu\n",
		(unsigned long long)demo->found, (unsigned long long)demo->parallel.files,
		(unsigned long long)demo->serial.files, (unsigned long long)demo->unreadable);
	fprintf(out, "fetched over loopback %llu\n", (unsigned long long)demo->fetched.files);
	if (demo->unasked)
		fprintf(out,
			"%llu files were not asked for: their size or name does not allow it\n",
			(unsigned long long)demo->unasked);
	if (demo->walk.unreadable_dirs)
		fprintf(out, "%llu directories could not be read and were left out\n",
			(unsigned long long)demo->walk.unreadable_dirs);
	if (demo->taskless)
		fprintf(out, "%llu files got no task of their own (no memory, or too many)\n",
			(unsigned long long)demo->taskless);
}

static void print_latency(FILE *out, const struct demo *demo)
{
	const struct latency *latency = &demo->latency;

	fprintf(out,
		"\n  a fetch took, in ms: p50 %.3f, p90 %.3f, p99 %.3f, p99.9 %.3f, max %.3f\n",
		MS(latency_at(latency, 500)), MS(latency_at(latency, 900)),
		MS(latency_at(latency, 990)), MS(latency_at(latency, 999)), MS(latency->max_ns));
	fprintf(out, "  the server answered %llu requests on %llu connections\n",
		(unsigned long long)demo->requests, (unsigned long long)demo->connections);
}

static void print_report(FILE *out, const struct demo *demo)
{
	print_counts(out, demo);
	fprintf(out,
		"order: one reading that is not timed, then tasks (%u workers, up to %u files in "
		"flight), then served (up to %u), then serial\n\n",
		thrum_runtime_workers(demo->rt), demo->jobs, demo->lanes);
	fprintf(out, "  pass        seconds    files/s      MB/s\n");
	print_pass(out, "tasks", &demo->parallel);
	print_pass(out, "served", &demo->fetched);
	print_pass(out, "serial", &demo->serial);
	fprintf(out, "  speed-up  %8.2fx\n", speed_up(demo));
	print_latency(out, demo);
	print_workers(out, demo->rt);
}

static int report_text(const struct demo *demo, const char *fault)
{
	FILE *out = demo->list ? stderr : stdout;

	if (demo->found)
		print_report(out, demo);
	if (!fault)
		fprintf(out, "\nOK: every hash agrees: from the tasks, over the network and from "
			     "the serial pass\n");
	fflush(out);
	if (fault)
		fprintf(stderr, "thrum demo: %s\n", fault);
	return cli_flush(fault ? EXIT_NOT_OK : EXIT_OK);
}

static json_t *pass_json(const struct pass *pass)
{
	return json_pack("{s:I, s:I, s:f, s:f, s:f}", "files", (json_int_t)pass->files, "bytes",
			 (json_int_t)pass->bytes, "seconds", SECONDS(pass->ns), "files_per_s",
			 per_second((double)pass->files, pass->ns), "mb_per_s",
			 per_second((double)pass->bytes / 1e6, pass->ns));
}

static json_t *served_json(const struct demo *demo)
{
	const struct latency *latency = &demo->latency;
	json_t *pass = pass_json(&demo->fetched);
	json_t *rest = json_pack(
	    "{s:I, s:I, s:i, s:I, s:I, s:{s:f, s:f, s:f, s:f, s:f}}", "not_asked_for",
	    (json_int_t)demo->unasked, "not_served", (json_int_t)demo->unserved, "jobs",
	    (int)demo->lanes, "requests", (json_int_t)demo->requests, "connections",
	    (json_int_t)demo->connections, "latency_ms", "p50", MS(latency_at(latency, 500)), "p90",
	    MS(latency_at(latency, 900)), "p99", MS(latency_at(latency, 990)), "p99_9",
	    MS(latency_at(latency, 999)), "max", MS(latency->max_ns));

	if (!pass || !rest || json_object_update(pass, rest)) {
		json_decref(pass);
		pass = NULL;
	}
	json_decref(rest);
	return pass;
}

static json_t *share_json(const struct thrum_stats *stats)
{
	return json_pack("{s:I, s:I, s:I, s:I}", "tasks_run", (json_int_t)stats->started, "stolen",
			 (json_int_t)stats->stolen, "parks", (json_int_t)stats->parks, "switches",
			 (json_int_t)stats->switches);
}

static json_t *workers_json(struct thrum_runtime *rt)
{
	int workers = (int)thrum_runtime_workers(rt);
	struct thrum_stats one = {.size = sizeof(one)}, sum = one, spares;
	json_t *array = json_array();

	for (int i = 0; i < workers; i++) {
		json_t *row;

		thrum_runtime_stats(rt, i, &one);
		add_share(&sum, &one);
		row = share_json(&one);
		json_object_set_new(row, "worker", json_integer(i));
		json_array_append_new(array, row);
	}
	thrum_runtime_stats(rt, -1, &one);
	spares = share_of_spares(&one, &sum);
	return json_pack("{s:o, s:o, s:o}", "by_worker", array, "spares", share_json(&spares),
			 "all_workers", share_json(&one));
}

static json_t *problems_json(const struct demo *demo)
{
	json_t *array = json_array();

	for (size_t i = 0; i < PROBLEMS_KEPT && i < demo->n_problems; i++)
		json_array_append_new(array,
				      json_pack("{s:s*, s:s*}", "path", demo->problems[i].path,
						"what", demo->problems[i].what));
	return array;
}

static json_t *report_json(const struct demo *demo, const char *fault)
{
	char where[TEXT_PATH_MAX];
	json_t *root =
	    json_pack("{s:b, s:s*, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "ok", !fault,
		      "error", fault, "directory", text_path(demo->dir, where, sizeof(where)),
		      "files", (json_int_t)demo->found, "directories", (json_int_t)demo->walk.dirs,
		      "bytes", (json_int_t)demo->parallel.bytes, "unreadable",
		      (json_int_t)demo->unreadable, "unreadable_directories",
		      (json_int_t)demo->walk.unreadable_dirs, "changed", (json_int_t)demo->changed,
		      "failed", (json_int_t)demo->failed, "wrong", (json_int_t)demo->wrong);
	json_t *workers = workers_json(demo->rt);
	json_t *rest = json_pack(
	    "{s:I, s:i, s:i, s:f, s:o, s:o, s:o, s:f, s:o}", "without_task",
	    (json_int_t)demo->taskless, "workers", (int)thrum_runtime_workers(demo->rt), "jobs",
	    (int)demo->jobs, "walk_seconds", SECONDS(demo->walk_ns), "tasks",
	    pass_json(&demo->parallel), "served", served_json(demo), "serial",
	    pass_json(&demo->serial), "speed_up", speed_up(demo), "problems", problems_json(demo));

	if (!root || !rest || !workers || json_object_update(root, rest) ||
	    json_object_update(root, workers)) {
		json_decref(root);
		root = NULL;
	}
	json_decref(rest);
	json_decref(workers);
	return root;
}

int report_end(struct demo *demo)
{
	const char *fault = find_fault(demo);
	int status;

	if (!demo->json)
		return report_text(demo, fault);
	if (fault)
		fprintf(stderr, "thrum demo: %s\n", fault);
	status = cli_print_json(report_json(demo, fault));
	return fault ? EXIT_NOT_OK : status;
}

int report_failure(struct demo *demo, const char *format, ...)
{
	char *what = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&what, format, args) < 0)
		what = NULL;
	va_end(args);
	fprintf(stderr, "thrum demo: %s\n", what ? what : "out of memory");
	if (demo->json)
		(void)cli_print_json(
		    json_pack("{s:b, s:s}", "ok", 0, "error", what ? what : "out of memory"));
	free(what);
	return EXIT_NOT_OK;
}
