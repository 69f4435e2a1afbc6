/* SPDX-License-Identifier: MIT */
/*
 * mutants.c - for each mutation of the library, which scenario notices.
 *
 * First every scenario runs unmutated and must pass; that shows which sites it reaches.  Then for
 * each mutation the scenarios that reach its site run, the cheap ones first and with few
 * preemptions first, until one fails.  Each mutation has a process of its own, because mutants
 * crash.  A mutation that none notices, or whose site none reaches, must stand in survivors.txt
 * with the reason; one that stands there and is noticed is an error, too.
 */
#include "mutants.h"

#include "site.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct report {
	int killer; /* index of a scenario; -1: survived; -2: the child died */
	unsigned bound;
	bool exhausted;
	uint64_t executions;
	char failure[200];
};

struct job {
	pid_t pid;
	int pipe;
	unsigned mutation;
};

/* A scenario, and what is known of it when it has run unmutated. */
struct known {
	const struct scenario *scenario;
	uint64_t cost;
	bool passes;
	bool reaches[PLACES_MAX];
};

static struct known *known; /* the cheapest first; memory that the processes share */
static unsigned nscenarios;
static struct report reports[MUTATIONS_MAX];
static bool skipped[MUTATIONS_MAX];

static unsigned bound_of(const struct scenario *s, const struct options *o)
{
	return o->bound >= 0 ? (unsigned)o->bound : s->bound ? s->bound : 3;
}

static void run_unmutated(struct known *k, const struct options *o)
{
	static struct result r;

	sites_clear_reached();
	search_run(k->scenario, o, &r);
	k->cost = r.executions + r.pruned;
	for (unsigned p = 0; p < nplaces_library; p++)
		k->reaches[p] = place_reached(p);
	k->passes = r.outcome != FAILED;
	if (!k->passes)
		printf("%s fails without any mutation: %s\n", k->scenario->name, r.failure);
}

static int by_cost(const void *a, const void *b)
{
	const struct known *x = a, *y = b;

	return (x->cost > y->cost) - (x->cost < y->cost);
}

/* How many do not pass. */
static unsigned run_all_unmutated(const struct options *o, unsigned njobs)
{
	unsigned bad = 0;

	fflush(stdout);
	for (unsigned i = 0; i < njobs; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("model: fork");
			exit(2);
		}
		if (pid == 0) {
			for (unsigned k = i; k < nscenarios; k += njobs)
				run_unmutated(&known[k], o);
			fflush(stdout);
			_exit(0);
		}
	}
	while (wait(NULL) > 0 || errno == EINTR)
		continue;
	for (unsigned k = 0; k < nscenarios; k++)
		bad += !known[k].passes;
	qsort(known, nscenarios, sizeof(known[0]), by_cost);
	return bad;
}

/* In the child: few preemptions first, because most mutants die of one. */
static void hunt(const struct mutation *m, const struct options *given, struct report *out)
{
	static struct result r;
	struct options o = *given;
	unsigned highest = 0;

	memset(out, 0, sizeof(*out));
	out->killer = -1;
	out->exhausted = true;
	o.trace = false;
	mutation_apply(m);
	for (unsigned k = 0; k < nscenarios; k++)
		if (known[k].reaches[m->place] && bound_of(known[k].scenario, given) > highest)
			highest = bound_of(known[k].scenario, given);
	for (unsigned b = 1; b <= highest; b++)
		for (unsigned k = 0; k < nscenarios; k++) {
			if (!known[k].reaches[m->place] || b > bound_of(known[k].scenario, given))
				continue;
			o.bound = (int)b;
			search_run(known[k].scenario, &o, &r);
			out->executions += r.executions + r.pruned;
			if (r.outcome == FAILED) {
				out->killer = (int)k;
				out->bound = b;
				snprintf(out->failure, sizeof(out->failure), "%.199s", r.failure);
				return;
			}
			if (b == bound_of(known[k].scenario, given))
				out->exhausted &= r.exhausted;
		}
}

static void start(struct job *j, unsigned i, const struct options *o)
{
	int ends[2];

	fflush(stdout);
	if (pipe(ends) || (j->pid = fork()) < 0) {
		perror("model: fork");
		exit(2);
	}
	if (j->pid == 0) {
		struct report r;

		close(ends[0]);
		search_init_signals();
		hunt(&mutations[i], o, &r);
		_exit(write(ends[1], &r, sizeof(r)) == sizeof(r) ? 0 : 1);
	}
	close(ends[1]);
	j->pipe = ends[0];
	j->mutation = i;
}

static void finish(struct job *j)
{
	struct report *r = &reports[j->mutation];

	if (read(j->pipe, r, sizeof(*r)) != sizeof(*r)) {
		memset(r, 0, sizeof(*r));
		r->killer = -2;
	}
	close(j->pipe);
	j->pid = 0;
}

static struct job *wait_any(struct job *jobs, unsigned n)
{
	for (;;) {
		pid_t pid = waitpid(-1, NULL, 0);

		for (unsigned i = 0; i < n; i++)
			if (pid > 0 && jobs[i].pid == pid)
				return &jobs[i];
		if (pid < 0 && errno != EINTR) {
			perror("model: waitpid");
			exit(2);
		}
	}
}

static bool reached_by_any(unsigned place)
{
	for (unsigned k = 0; k < nscenarios; k++)
		if (known[k].reaches[place])
			return true;
	return false;
}

static void hunt_all(const struct options *o, unsigned njobs)
{
	struct job jobs[16] = {{0, 0, 0}};
	unsigned next = 0, running = 0;

	while (next < nmutations || running) {
		for (unsigned i = 0; i < njobs && next < nmutations; i++)
			if (!jobs[i].pid) {
				while (next < nmutations && skipped[next])
					next++;
				if (next == nmutations)
					break;
				start(&jobs[i], next++, o);
				running++;
			}
		if (!running)
			break;
		finish(wait_any(jobs, njobs));
		running--;
		if (isatty(2))
			fprintf(stderr, "\r%u of %u mutations", next - running, nmutations);
	}
	if (isatty(2))
		fputc('\n', stderr);
}

/* True if all is as survivors.txt has it. */
static bool print_one(unsigned i, bool json)
{
	const struct mutation *m = &mutations[i];
	const struct report *r = &reports[i];
	const struct model_site *s = places[m->place].site;
	bool killed = r->killer != -1, good = killed == !m->excuse;
	const char *by =
	    r->killer >= 0 ? known[r->killer].scenario->name : "a crash of the explorer";
	char verdict[700];

	if (killed)
		snprintf(verdict, sizeof(verdict),
			 "%skilled by %s after %llu executions, bound %u: %.90s",
			 m->excuse ? "LISTED AS A SURVIVOR, BUT " : "", by,
			 (unsigned long long)r->executions, r->bound, r->failure);
	else if (!reached_by_any(m->place))
		snprintf(verdict, sizeof(verdict), "%s%s",
			 m->excuse ? "not reached: " : "NOT REACHED BY ANY SCENARIO",
			 m->excuse ? m->excuse : "");
	else
		snprintf(verdict, sizeof(verdict), "%s%s after %llu executions%s%s",
			 m->excuse ? "survives" : "SURVIVES",
			 r->exhausted ? "" : " (NOT EXHAUSTED)", (unsigned long long)r->executions,
			 m->excuse ? ": " : "", m->excuse ? m->excuse : "");
	if (json)
		printf("{\"mutation\":\"%s\",\"line\":%d,\"killed\":%s,\"scenario\":\"%s\","
		       "\"executions\":%llu,"
		       "\"as_listed\":%s}\n",
		       m->key, s->line, killed ? "true" : "false", killed ? by : "",
		       (unsigned long long)r->executions, good ? "true" : "false");
	else
		printf("%3u  %-72s line %-4d %s\n", i + 1, m->key, s->line, verdict);
	return good;
}

int mutants_run(const struct options *o, const char *survivors, unsigned njobs, bool json,
		bool whole)
{
	const struct scenario *const *all;
	unsigned n = scenarios_all(&all), bad, killed = 0, total = 0;

	njobs = njobs < 1 ? 1 : njobs > 16 ? 16 : njobs;
	known = mmap(NULL, n * sizeof(*known), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (known == MAP_FAILED) {
		perror("model: mmap");
		exit(2);
	}
	for (unsigned i = 0; i < n; i++)
		if (strncmp(all[i]->name, "self_", 5) && scenario_is_selected(all[i]))
			known[nscenarios++].scenario = all[i];
	bad = sites_read_survivors(survivors) + run_all_unmutated(o, njobs);
	if (bad)
		return 1;
	for (unsigned i = 0; i < nmutations; i++)
		skipped[i] = !whole && !reached_by_any(mutations[i].place);
	hunt_all(o, njobs);
	for (unsigned i = 0; i < nmutations; i++) {
		total += !skipped[i];
		bad += !skipped[i] && !print_one(i, json);
		killed += !skipped[i] && reports[i].killer != -1;
	}
	if (!json)
		printf("%u mutations: %u killed, %u survive, %u not as survivors.txt has it\n",
		       total, killed, total - killed, bad);
	return bad ? 1 : 0;
}
