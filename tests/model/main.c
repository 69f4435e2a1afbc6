/* SPDX-License-Identifier: MIT */
/*
 * main.c - the command line of the explorer.
 */
#include "litmus.h"
#include "mutants.h"
#include "site.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef MODEL_DIR
#define MODEL_DIR "tests/model"
#endif

enum { OK = 0, FOUND = 1, USAGE = 2, CUT_SHORT = 3 };

static const char usage[] =
    "usage: model [options] [NAME...]      explore the scenarios whose names contain NAME, or that "
    "go "
    "through NAME.c (none: all)\n"
    "  --list              scenarios, threads, bounds; with --mutants: mutations and sites\n"
    "  --scenario NAME     the same as NAME\n"
    "  --bound N           preemptions at most (each scenario has its own; some have another one "
    "without --time)\n"
    "  --time SECONDS      for each scenario; what is not exhausted by then exits with 3\n"
    "  --pct N             N executions with random priorities instead of all\n"
    "  --seed S --depth D  of --pct; without a seed one is taken from the clock and printed\n"
    "  --replay STRING     the one interleaving that a failure printed\n"
    "  --mutant M          with a mutation in force: number, key or file:line:op:down\n"
    "  --mutants           all mutations: which scenario notices each; with NAME: of the sites "
    "these reach\n"
    "  --survivors FILE    mutations that may survive (" MODEL_DIR "/survivors.txt)\n"
    "  --jobs N            processes (as many as processors)\n"
    "  --litmus            the litmus programs\n"
    "  --fuzz N            N random litmus programs, against the axioms and without reductions "
    "(--seed)\n"
    "  --self              break the explorer itself in every known way: litmus and self_ "
    "scenarios must notice\n"
    "  --all               no reduction: also schedules that are equivalent to others\n"
    "  --json              one JSON object a line\n"
    "exit status: 0 nothing found; 1 a failure; 2 usage; 3 nothing found, but not exhausted\n";

struct settings {
	struct options o;
	const char *survivors, *mutant;
	char **names;
	unsigned nnames, jobs;
	uint64_t fuzz;
	bool list, mutants, litmus, self, json, seeded;
};

static void json_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		if ((unsigned char)*s >= ' ')
			putchar(*s);
	}
	putchar('"');
}

static void print_result(const struct settings *set, const struct scenario *s,
			 const struct result *r, const char *verdict)
{
	double rate = r->seconds > 0 ? (double)(r->executions + r->pruned) / r->seconds : 0;

	if (set->json) {
		printf("{\"scenario\":\"%s\",\"bound\":%u,\"exhausted\":%s,\"executions\":%llu,"
		       "\"pruned\":%llu,"
		       "\"seconds\":%.3f,\"verdict\":\"%s\",\"failure\":",
		       s->name, X.bound, r->exhausted ? "true" : "false",
		       (unsigned long long)r->executions, (unsigned long long)r->pruned, r->seconds,
		       verdict);
		json_string(r->failure);
		printf(",\"replay\":");
		json_string(r->replay);
		printf("}\n");
		return;
	}
	if (set->o.pct || set->o.replay)
		printf("%-34s %-9s %9llu executions", s->name, set->o.pct ? "random" : "replay",
		       (unsigned long long)r->executions);
	else
		printf("%-34s bound %-3u %s, %llu executions (%llu more pruned as equal)", s->name,
		       X.bound, r->exhausted ? "exhausted" : "not exhausted",
		       (unsigned long long)r->executions, (unsigned long long)r->pruned);
	printf(" %7.2f s %8.0f/s  %s\n", r->seconds, rate, verdict);
}

static void print_failure(const struct settings *set, const struct scenario *s,
			  const struct result *r)
{
	printf("  %s\n", r->failure);
	trace_print(stdout);
	printf("  %s\n  again: model --scenario %s%s%s%s --replay '%s'\n", r->failure, s->name,
	       set->mutant ? " --mutant '" : "", set->mutant ? set->mutant : "",
	       set->mutant ? "'" : "", r->replay);
}

static struct options options_of(const struct settings *set, const struct scenario *s)
{
	struct options o = set->o;

	if (o.bound < 0 && s->full_bound && !(o.seconds > 0))
		o.bound = (int)s->full_bound;
	return o;
}

/* A preemption more makes at least three times as many: fewer at the full bound are too few. */
static uint64_t least_executions(const struct scenario *s, const struct options *o)
{
	unsigned bound = s->bound ? s->bound : 3;
	uint64_t least = s->min_executions;

	for (int b = (int)bound; b < o->bound; b++)
		least *= 3;
	return least;
}

static int run_one(const struct settings *set, const struct scenario *s)
{
	static struct result r;
	const struct options o = options_of(set, s);
	const char *verdict = "ok";
	int status = OK;

	search_run(s, &o, &r);
	if (s->expect && !set->o.replay) {
		bool good = r.outcome == FAILED && strstr(r.failure, s->expect);

		print_result(set, s, &r, good ? "fails as it must" : "MUST FAIL, BUT DOES NOT");
		return good ? OK : FOUND;
	}
	if (r.outcome == FAILED) {
		verdict = "FAILED";
		status = FOUND;
	} else if (!set->o.pct && !set->o.replay && !r.exhausted) {
		verdict = "cut short";
		status = CUT_SHORT;
	} else if (r.exhausted && set->o.bound < 0 && r.executions < least_executions(s, &o)) {
		verdict = "TOO FEW EXECUTIONS";
		status = FOUND;
	}
	print_result(set, s, &r, verdict);
	if (!set->json && (r.outcome == FAILED || set->o.replay))
		print_failure(set, s, &r);
	return status;
}

/* Worse of two. */
static int both(int a, int b)
{
	return a == FOUND || b == FOUND ? FOUND : a ? a : b;
}

/* Every @step-th one, beginning with @first. */
static int run_some(const struct settings *set, unsigned first, unsigned step)
{
	const struct scenario *const *all;
	unsigned count = scenarios_all(&all), n = 0;
	int status = OK;

	for (unsigned i = 0; i < count; i++) {
		if (!scenario_is_selected(all[i]) || n++ % step != first)
			continue;
		status = both(status, run_one(set, all[i]));
		fflush(stdout);
	}
	return status;
}

/* What a process says of one scenario comes in one piece. */
static int run_scenarios(const struct settings *set)
{
	static char said[1 << 20];
	unsigned jobs = set->o.replay || !set->jobs ? 1 : set->jobs;
	int status, ended;

	if (set->o.pct && !set->json)
		printf("seed %llu, depth %u\n", (unsigned long long)set->o.seed, set->o.pct_depth);
	fflush(stdout);
	setvbuf(stdout, said, _IOFBF, sizeof(said));
	for (unsigned i = 1; i < jobs; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(run_some(set, i, jobs));
		if (pid < 0) {
			perror("model: fork");
			return FOUND;
		}
	}
	status = run_some(set, 0, jobs);
	for (unsigned i = 1; i < jobs; i++)
		if (wait(&ended) > 0)
			status = both(status, WIFEXITED(ended) ? WEXITSTATUS(ended) : FOUND);
	return status;
}

static int list(const struct settings *set)
{
	const struct scenario *const *all;
	unsigned count = scenarios_all(&all);

	if (set->mutants) {
		for (unsigned i = 0; i < nmutations; i++)
			printf("%3u  %s  (line %d)\n", i + 1, mutations[i].key,
			       places[mutations[i].place].site->line);
		return OK;
	}
	for (unsigned i = 0; i < count; i++) {
		const struct scenario *s = all[i];
		unsigned n = 0;

		while (n < MODEL_MAX_THREADS && s->thread[n])
			n++;
		if (!scenario_is_selected(s))
			continue;
		printf("%-34s %u threads, bound %u", s->name, n, s->bound ? s->bound : 3);
		if (s->full_bound)
			printf(" (%u without --time)", s->full_bound);
		printf("%s%s\n", s->covers ? ", covers " : "", s->covers ? s->covers : "");
	}
	return OK;
}

static bool number(const char *text, uint64_t *out)
{
	char *end;

	*out = strtoull(text, &end, 0);
	return *text >= '0' && *text <= '9' && !*end;
}

static bool option(struct settings *set, int c, char *arg)
{
	uint64_t n = 0;

	if (strchr("btpSDjf", c) && !number(arg, &n))
		return false;
	switch (c) {
	case 'l':
		return set->list = true;
	case 's':
		set->names[set->nnames++] = arg;
		return true;
	case 'b':
		set->o.bound = (int)n;
		return n <= 1000;
	case 't':
		set->o.seconds = (double)n;
		return n > 0;
	case 'p':
		set->o.pct = n;
		return n > 0;
	case 'S':
		set->o.seed = n;
		return set->seeded = true;
	case 'D':
		set->o.pct_depth = (unsigned)n;
		return n >= 1 && n <= 16;
	case 'r':
		set->o.replay = arg;
		return true;
	case 'm':
		set->mutant = arg;
		return true;
	case 'M':
		return set->mutants = true;
	case 'v':
		set->survivors = arg;
		return true;
	case 'j':
		set->jobs = (unsigned)n;
		return n >= 1 && n <= 16;
	case 'L':
		return set->litmus = true;
	case 'e':
		return set->self = true;
	case 'f':
		set->fuzz = n;
		return n > 0;
	case 'a':
		return set->o.all = true;
	case 'J':
		return set->json = true;
	}
	return false;
}

static bool parse(struct settings *set, int argc, char **argv)
{
	static const struct option known[] = {
	    {"list", 0, NULL, 'l'},    {"scenario", 1, NULL, 's'},  {"bound", 1, NULL, 'b'},
	    {"time", 1, NULL, 't'},    {"pct", 1, NULL, 'p'},       {"seed", 1, NULL, 'S'},
	    {"depth", 1, NULL, 'D'},   {"replay", 1, NULL, 'r'},    {"mutant", 1, NULL, 'm'},
	    {"mutants", 0, NULL, 'M'}, {"survivors", 1, NULL, 'v'}, {"jobs", 1, NULL, 'j'},
	    {"litmus", 0, NULL, 'L'},  {"self", 0, NULL, 'e'},      {"json", 0, NULL, 'J'},
	    {"fuzz", 1, NULL, 'f'},    {"all", 0, NULL, 'a'},       {"help", 0, NULL, 'h'},
	    {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			names_print(stdout);
			exit(OK);
		}
		if (c == '?' || !option(set, c, optarg)) {
			fputs(usage, stderr);
			return false;
		}
	}
	for (; optind < argc; optind++)
		set->names[set->nnames++] = argv[optind];
	return true;
}

int main(int argc, char **argv)
{
	struct settings set = {.survivors = MODEL_DIR "/survivors.txt"};
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	set.o = (struct options){
	    .bound = -1, .pct_depth = 3, .trace = true, .seed = (uint64_t)time(NULL)};
	set.jobs = processors > 0 && processors < 16 ? (unsigned)processors : 16;
	set.names = calloc((size_t)argc, sizeof(*set.names));
	sites_find();
	if (!set.names || !parse(&set, argc, argv))
		return USAGE;
	if (set.mutant) {
		const struct mutation *m = mutation_find(set.mutant);

		if (!m) {
			fprintf(stderr, "model: no such mutation; --mutants --list shows them\n");
			return USAGE;
		}
		mutation_apply(m);
	}
	if (!scenarios_select(set.names, set.nnames))
		return USAGE;
	if (set.list)
		return list(&set);
	if (set.litmus)
		return litmus_run(stdout, false) ? FOUND : OK;
	if (set.fuzz)
		return fuzz_run(set.fuzz, set.o.seed, false);
	if (set.self)
		return self_run(set.json);
	if (set.mutants)
		return mutants_run(&set.o, set.survivors, set.jobs, set.json, !set.nnames);
	return run_scenarios(&set);
}
