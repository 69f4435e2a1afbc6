/* SPDX-License-Identifier: MIT */
/*
 * simulate_idle.c - the command line: runs workloads on simulated workers; report.c prints what
 * they did and which bounds were broken (exit status 1).
 */
#define _GNU_SOURCE
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t seed = 1, divide = 1;

static const struct setting {
	const char *name, *about;
	uint64_t *value;
	uint64_t min, max;
} settings[] = {
    {"seed", "of all chance", &seed, 0, 1000000000},
    {"divide", "so many times less work", &divide, 1, 1000},
    {"hit", "ns: of what is in the cache", &costs.hit, 1, 100},
    {"locked", "ns: a locked operation, a full fence", &costs.locked, 1, 1000},
    {"near", "ns: a line from another core", &costs.near, 1, 10000},
    {"far", "ns: the same from another socket", &costs.far, 1, 10000},
    {"share", "ns that a read of an unchanged line keeps the next", &costs.share, 0, 10000},
    {"sockets", "the workers are spread over", &costs.sockets, 1, 8},
    {"pause", "ns", &costs.pause, 1, 1000},
    {"clock", "ns: a reading", &costs.clock, 1, 1000},
    {"syscall", "ns: a trivial one", &costs.syscall, 1, 10000},
    {"yield", "ns: to nobody", &costs.yield, 1, 10000},
    {"wake-min", "ns until a sleeper that was woken runs: at least", &costs.wake_min, 0, 1000000},
    {"wake-max", "... and at most", &costs.wake_max, 0, 1000000},
    {"waker", "ns: a wake, for who makes it", &costs.waker, 0, 1000000},
    {"membarrier", "ns", &costs.membarrier, 0, 1000000},
    {"barriers", "the kernel's membarriers: 0 side by side, 1 one by one", &costs.barriers, 0, 1},
    {"shared", "0: each heavy fence is a membarrier of its own", &costs.shared, 0, 1},
    {"interrupt", "ns: what it takes from each core that runs", &costs.interrupt, 0, 100000},
    {"spawn", "ns: of a spawn, without its queue", &costs.spawn, 0, 100000},
    {"spin", "ns: a search before it sleeps", &costs.spin, 0, 1000000},
    {"ahead", "ns: how old a cached copy may be", &costs.ahead, 0, 1000},
    {"watching", "1: descriptors are watched, so nobody spins", &costs.watching, 0, 1},
    {"bound-vain", "% of the wakes (and 3)", &bounds.vain, 0, 100},
    {"bound-waiting", "% of the time", &bounds.waiting, 0, 100},
    {"bound-ignored", "us", &bounds.ignored, 0, 1000000},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))
#define RUNS_MAX 16

enum { OPTION_WORKERS = 1000, OPTION_WORKLOAD, OPTION_BREAK, OPTION_JSON, OPTION_HELP };

static struct {
	unsigned workers[RUNS_MAX], workers_count;
	const char *load; /* NULL: all */
	enum fault fault;
} asked = {.workers = {1, 2, 8, 64}, .workers_count = 4};

static _Noreturn void bad_usage(const char *what, const char *text)
{
	fprintf(stderr, "simulate_idle: %s, not \"%s\" (see --help)\n", what, text);
	exit(2);
}

static void help(void)
{
	printf("simulate_idle - the idle protocol and the queues on simulated workers\n\n"
	       "  --workers LIST  e.g. 8,64; default 1,2,8,64; at most %d\n"
	       "  --workload NAME one of these; default all\n",
	       WORKERS_MAX);
	for (unsigned i = 0; i < workloads_count; i++)
		printf("      %-12s %s\n", workloads[i].name, workloads[i].about);
	printf("  --break NAME    a fault that some bound must notice:");
	for (unsigned i = 1; i < FAULTS; i++)
		printf(" %s", fault_names[i]);
	printf("\n  --json FILE     every figure\n");
	for (unsigned i = 0; i < SETTINGS; i++)
		printf("  --%-13s %s (%llu)\n", settings[i].name, settings[i].about,
		       (unsigned long long)*settings[i].value);
	printf("\nExit status: 0; 1: a bound was broken; 2: a mistake in the command.\n");
	exit(0);
}

static uint64_t number_of(const char *text, const char *what, uint64_t min, uint64_t max)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n < min || n > max) {
		fprintf(stderr, "simulate_idle: %s: %llu to %llu, not \"%s\"\n", what,
			(unsigned long long)min, (unsigned long long)max, text);
		exit(2);
	}
	return n;
}

static void parse_workers(char *list)
{
	asked.workers_count = 0;
	for (char *one = strtok(list, ","); one; one = strtok(NULL, ",")) {
		if (asked.workers_count == RUNS_MAX)
			bad_usage("--workers: a shorter list", one);
		asked.workers[asked.workers_count++] =
		    (unsigned)number_of(one, "--workers", 1, WORKERS_MAX);
	}
	if (!asked.workers_count)
		bad_usage("--workers: a list of numbers", list);
}

static void parse_break(const char *name)
{
	for (unsigned i = 0; i < FAULTS; i++)
		if (!strcmp(name, fault_names[i])) {
			asked.fault = (enum fault)i;
			return;
		}
	bad_usage("--break: one of the names", name);
}

static void parse_workload(const char *name)
{
	for (unsigned i = 0; i < workloads_count; i++)
		if (!strcmp(name, workloads[i].name)) {
			asked.load = name;
			return;
		}
	bad_usage("--workload: one of the names", name);
}

static void parse(int argc, char **argv)
{
	struct option options[SETTINGS + 6] = {
	    {"workers", required_argument, NULL, OPTION_WORKERS},
	    {"workload", required_argument, NULL, OPTION_WORKLOAD},
	    {"break", required_argument, NULL, OPTION_BREAK},
	    {"json", required_argument, NULL, OPTION_JSON},
	    {"help", no_argument, NULL, OPTION_HELP},
	};
	int o;

	for (unsigned i = 0; i < SETTINGS; i++)
		options[5 + i] =
		    (struct option){settings[i].name, required_argument, NULL, (int)i + 1};
	while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (o == '?')
			exit(2);
		if (o == OPTION_WORKERS)
			parse_workers(optarg);
		else if (o == OPTION_WORKLOAD)
			parse_workload(optarg);
		else if (o == OPTION_BREAK)
			parse_break(optarg);
		else if (o == OPTION_JSON && !report_json(optarg))
			bad_usage("--json: a file that can be written", optarg);
		else if (o == OPTION_HELP)
			help();
		else if (o < OPTION_WORKERS)
			*settings[o - 1].value = number_of(
			    optarg, settings[o - 1].name, settings[o - 1].min, settings[o - 1].max);
	}
	if (optind < argc)
		bad_usage("options only", argv[optind]);
	if (costs.wake_max < costs.wake_min)
		bad_usage("--wake-max: at least --wake-min", "less");
}

static void run(const struct workload *load, unsigned workers)
{
	struct figures f;

	if (asked.load && strcmp(asked.load, load->name))
		return;
	workload_run(load, workers, asked.fault, seed, (unsigned)divide, &f);
	report_run(load, workers, &f);
}

int main(int argc, char **argv)
{
	parse(argc, argv);
	report_begin(asked.fault, seed, divide);
	for (unsigned i = 0; i < asked.workers_count; i++) {
		report_workers(asked.workers[i]);
		for (unsigned j = 0; j < workloads_count; j++)
			run(&workloads[j], asked.workers[i]);
	}
	return report_end() ? 1 : 0;
}
