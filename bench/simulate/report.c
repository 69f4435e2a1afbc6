/* SPDX-License-Identifier: MIT */
/*
 * report.c - see report.h.
 *
 * The bounds are those of a protocol without herds and convoys:
 *   searchers    at most half of the workers; and two, and an eighth as many: who comes back
 *                from its sleep by itself searches beyond the limit (T7 of idle.c)
 *   vain         wakes after which nothing was run: a share of the wakes, or (if that is more) one
 *                for ten tasks; and three
 *   woken        within 100 us of a task that comes alone: three
 *   waiting      in line for the idle word, the place of sleep and membarrier, each: a share of the
 *                time that workers are awake while the work lasts; not where a task is smaller than
 *                what a theft costs
 *   asleep       what a task waits while somebody sleeps: workload.c has it
 *   ignored      how long nobody searches or is being woken though work lies and somebody sleeps:
 *                a heavy fence, and those of others before it
 *   lost         tasks that nobody started: none
 */
#include "report.h"

#include <stdio.h>

#define VAIN_TASKS 10
#define SOME_VAIN 3
#define WOKEN_FOR_ONE 3
#define TINY_NS 1000
#define BREACHES_MAX 9 /* one for each call of expect */

struct bounds bounds = {.vain = 30, .waiting = 5, .ignored = 50};

static struct breach {
	const char *bound;
	double is, most;
} breaches[BREACHES_MAX];

static unsigned breaches_count, broken, runs;
static FILE *json;

bool report_json(const char *file)
{
	json = fopen(file, "w");
	return json;
}

static double us(uint64_t ns)
{
	return (double)ns / 1e3;
}

static double percent(uint64_t part, uint64_t whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

static void expect(const char *bound, double is, double most)
{
	if (is > most)
		breaches[breaches_count++] = (struct breach){bound, is, most};
}

static void check(const struct workload *load, unsigned workers, const struct figures *f)
{
	static const enum place waited[] = {PLACE_WORD, PLACE_SLEEP, PLACE_HEAVY};
	uint64_t asleep = load->delay_ns + workers * load->delay_each_ns;
	uint64_t vain = f->wakes * bounds.vain / 100;

	breaches_count = 0;
	expect("searchers", f->searching, f->limit + f->limit / 8 + 2);
	if (vain < f->tasks / VAIN_TASKS)
		vain = f->tasks / VAIN_TASKS;
	expect("vain wakes", (double)f->vain, (double)(vain + SOME_VAIN));
	if (load->alone)
		expect("woken for one task", f->woken, WOKEN_FOR_ONE);
	for (unsigned i = 0; load->task_ns > TINY_NS && i < sizeof(waited) / sizeof(waited[0]); i++)
		expect(place_names[waited[i]], percent(f->at[waited[i]].queued_ns, f->awake),
		       (double)bounds.waiting);
	if (asleep)
		expect("asleep", us(f->asleep_max), us(asleep));
	expect("ignored", us(f->ignored_max), (double)bounds.ignored);
	expect("lost", (double)f->lost, 0);
	broken += breaches_count;
}

static void write_count(const char *name, uint64_t n)
{
	fprintf(json, ",\n  \"%s\": %llu", name, (unsigned long long)n);
}

static void write_figure(const char *name, double x)
{
	fprintf(json, ",\n  \"%s\": %.4f", name, x);
}

void report_begin(enum fault fault, uint64_t seed, uint64_t divide)
{
	if (fault)
		printf("broken on purpose: %s\n", fault_names[fault]);
	printf(
	    "delay: us from when a task can be found until it starts; asleep: the longest, as far\n"
	    "as a worker slept meanwhile; ignored: the longest that nobody searched or was being\n"
	    "woken though work lay and one slept; woken: the most within 100 us of a task; word,\n"
	    "tops, heavy: in line for the idle word, the deques' tops, membarrier, %% of the time\n"
	    "that workers are awake, and the longest line\n");
	if (!json)
		return;
	fprintf(json, "{\"fault\": \"%s\"", fault_names[fault]);
	write_count("seed", seed);
	write_count("divide", divide);
	write_count("near_ns", costs.near);
	write_count("far_ns", costs.far);
	write_count("share_ns", costs.share);
	write_count("sockets", costs.sockets);
	write_count("wake_min_ns", costs.wake_min);
	write_count("wake_max_ns", costs.wake_max);
	write_count("membarrier_ns", costs.membarrier);
	write_count("barriers", costs.barriers);
	write_count("shared", costs.shared);
	write_count("spin_ns", costs.spin);
	write_count("watching", costs.watching);
	fprintf(json, ",\n  \"runs\": [");
}

void report_workers(unsigned workers)
{
	printf("\n%u worker%s\n%-11s %7s %6s %6s %5s %5s  %8s %8s %8s %8s %7s  %-9s %-9s %-9s"
	       " %8s\n",
	       workers, workers > 1 ? "s" : "", "", "tasks", "wakes", "vain", "searc", "woken",
	       "delay 50", "99", "max", "asleep", "ignored", "word", "tops", "heavy", "speed-up");
}

static void print_waiting(const struct figures *f, enum place place)
{
	char text[32];

	snprintf(text, sizeof(text), "%.1f/%u", percent(f->at[place].queued_ns, f->awake),
		 f->at[place].longest);
	printf(" %-9s", text);
}

static void print_run(const struct workload *load, unsigned workers, const struct figures *f)
{
	printf("%-11s %7llu %6llu %6llu %5u %5u  %8.1f %8.1f %8.1f %8.1f %7.1f ", load->name,
	       (unsigned long long)f->tasks, (unsigned long long)f->wakes,
	       (unsigned long long)f->vain, f->searching, f->woken, us(f->p50), us(f->p99),
	       us(f->max), us(f->asleep_max), us(f->ignored_max));
	print_waiting(f, PLACE_WORD);
	print_waiting(f, PLACE_TOPS);
	print_waiting(f, PLACE_HEAVY);
	if (f->ideal)
		printf(" %.1f of %.1f", percent(f->work, f->span) / 100,
		       percent(f->work, f->ideal) / 100);
	printf("\n");
	for (unsigned i = 0; i < breaches_count; i++)
		printf("  BROKEN with %u workers: %s: %.1f, and %.1f at most\n", workers,
		       breaches[i].bound, breaches[i].is, breaches[i].most);
}

static void write_places(const struct figures *f)
{
	fprintf(json, ",\n  \"places\": {");
	for (unsigned i = 0; i < PLACES; i++) {
		const struct place_figures *p = &f->at[i];

		fprintf(json,
			"%s\n   \"%s\": {\"misses\": %llu, \"waiting_percent\": %.3f,"
			" \"moving_percent\": %.3f, \"longest\": %u}",
			i ? "," : "", place_names[i], (unsigned long long)p->misses,
			percent(p->queued_ns, f->awake), percent(p->moved_ns, f->awake),
			p->longest);
	}
	fprintf(json, "},\n  \"broken\": [");
	for (unsigned i = 0; i < breaches_count; i++)
		fprintf(json, "%s{\"bound\": \"%s\", \"is\": %.3f, \"most\": %.3f}", i ? ", " : "",
			breaches[i].bound, breaches[i].is, breaches[i].most);
	fprintf(json, "]}");
}

static void write_run(const struct workload *load, unsigned workers, const struct figures *f)
{
	fprintf(json, "%s\n {\"workload\": \"%s\", \"workers\": %u", runs ? "," : "", load->name,
		workers);
	write_count("tasks", f->tasks);
	write_count("lost", f->lost);
	write_count("wakes", f->wakes);
	write_count("vain", f->vain);
	write_count("searching", f->searching);
	write_count("counted", f->counted);
	write_count("turns", f->turns);
	write_count("woken_in_100_us", f->woken);
	write_figure("wakes_per_task", percent(f->wakes, f->tasks) / 100);
	write_figure("delay_p50_us", us(f->p50));
	write_figure("delay_p99_us", us(f->p99));
	write_figure("delay_max_us", us(f->max));
	write_figure("asleep_max_us", us(f->asleep_max));
	write_figure("ignored_max_us", us(f->ignored_max));
	write_figure("span_us", us(f->span));
	write_figure("awake_us", us(f->awake));
	write_figure("work_us", us(f->work));
	write_figure("ideal_us", us(f->ideal));
	write_places(f);
}

void report_run(const struct workload *load, unsigned workers, const struct figures *f)
{
	check(load, workers, f);
	print_run(load, workers, f);
	if (json)
		write_run(load, workers, f);
	runs++;
	fflush(stdout);
}

unsigned report_end(void)
{
	if (json) {
		fprintf(json, "]}\n");
		if (ferror(json) | fclose(json)) {
			perror("simulate_idle: --json");
			broken++;
		}
	}
	printf("\n%u runs, %u bounds broken\n", runs, broken);
	return broken;
}
