/* SPDX-License-Identifier: MIT */
/*
 * machine.c - what the figures were taken on: CPUs, kernel, compiler, how far two cores are apart
 * (a flag's round trip, which moves during a run on virtual machines), and how fast one and two
 * are.
 *
 * What cannot be read is "unknown", never a failure.
 */
#define _GNU_SOURCE
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/atomic.h"

/* So many, or as many as there is time for.  The clock is looked at now and then, and after each
 * that took so many looks at the flag: others have a CPU. */
#define FLAG_ROUND_TRIPS 20000
#define FLAG_LIMIT_NS 50000000
#define FLAG_LOOK 64
#define FLAG_LOOKS_LONG 10000
#define LOOP 5000000

static void read_cpu(char *cpu, size_t size)
{
	FILE *file = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(cpu, size, "unknown");
	while (file && fgets(line, sizeof(line), file)) {
		const char *colon = strchr(line, ':');

		if (colon && !strncmp(line, "model name", strlen("model name"))) {
			snprintf(cpu, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
			break;
		}
	}
	if (file)
		fclose(file);
}

void bench_machine_read(struct bench_machine *machine)
{
	struct utsname name;
	cpu_set_t allowed;

	machine->cpus_online = sysconf(_SC_NPROCESSORS_ONLN);
	machine->cpus_allowed = sched_getaffinity(0, sizeof(allowed), &allowed)
				    ? machine->cpus_online
				    : CPU_COUNT(&allowed);
	snprintf(machine->kernel, sizeof(machine->kernel), "unknown");
	if (!uname(&name))
		snprintf(machine->kernel, sizeof(machine->kernel), "%s %s %s", name.sysname,
			 name.release, name.machine);
	read_cpu(machine->cpu, sizeof(machine->cpu));
#ifdef __clang__
	snprintf(machine->compiler, sizeof(machine->compiler), "%s", __VERSION__);
#else
	snprintf(machine->compiler, sizeof(machine->compiler), "gcc %s", __VERSION__);
#endif
}

/* The word that two threads hand to each other: even is the first one's turn. */
struct flag {
	struct atomic32 turn;
	bool over; /* the first one's, in its turn: this round trip is the last */
	char pad[CACHE_LINE - sizeof(struct atomic32) - sizeof(bool)];
	uint32_t round_trips;
	int64_t elapsed_ns;
} __attribute__((aligned(CACHE_LINE)));

static void *flag_first(void *arg)
{
	struct flag *flag = arg;
	int64_t start_ns = bench_now_ns();
	uint32_t i = 0;

	for (bool over = false; !over; i++) {
		uint32_t looks = 0;

		while (load_acquire(&flag->turn) != 2 * i)
			looks++;
		over =
		    i + 1 == FLAG_ROUND_TRIPS || ((i % FLAG_LOOK == 0 || looks > FLAG_LOOKS_LONG) &&
						  bench_now_ns() - start_ns > FLAG_LIMIT_NS);
		if (over)
			flag->over = true;
		store_release(&flag->turn, 2 * i + 1);
	}
	while (load_acquire(&flag->turn) != 2 * i)
		;
	flag->round_trips = i;
	flag->elapsed_ns = bench_now_ns() - start_ns;
	return NULL;
}

static void *flag_second(void *arg)
{
	struct flag *flag = arg;
	bool over = false;

	for (uint32_t i = 0; !over; i++) {
		while (load_acquire(&flag->turn) != 2 * i + 1)
			;
		over = flag->over;
		store_release(&flag->turn, 2 * i + 2);
	}
	return NULL;
}

/* Starts fn on the CPU after *cpu that this process may use; false if there is none. */
static bool start_on_next_cpu(pthread_t *thread, int *cpu, void *(*fn)(void *), void *arg)
{
	cpu_set_t allowed, one;
	pthread_attr_t attributes;
	bool started;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return false;
	do {
		if (++*cpu == CPU_SETSIZE)
			return false;
	} while (!CPU_ISSET(*cpu, &allowed));
	CPU_ZERO(&one);
	CPU_SET(*cpu, &one);
	pthread_attr_init(&attributes);
	pthread_attr_setaffinity_np(&attributes, sizeof(one), &one);
	started = pthread_create(thread, &attributes, fn, arg) == 0;
	pthread_attr_destroy(&attributes);
	return started;
}

/* The two on a CPU each, until both have ended; false if there is only one.  The second must wait
 * for the first. */
static bool run_on_two(void *(*first)(void *), void *(*second)(void *), void *arg)
{
	pthread_t threads[2];
	cpu_set_t allowed;
	int cpu = -1;

	if (sched_getaffinity(0, sizeof(allowed), &allowed) || CPU_COUNT(&allowed) < 2)
		return false;
	if (!start_on_next_cpu(&threads[1], &cpu, second, arg))
		return false;
	if (!start_on_next_cpu(&threads[0], &cpu, first, arg))
		bench_fail("no thread on a second CPU");
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	return true;
}

double bench_flag_round_trip_ns(void)
{
	struct flag flag = {.turn = {0}};

	if (!run_on_two(flag_first, flag_second, &flag))
		return 0;
	return (double)flag.elapsed_ns / flag.round_trips;
}

/* Each turn needs the one before it. */
double bench_serial_loop_ns(void)
{
	int64_t start_ns = bench_now_ns();
	uint64_t x = 1;

	for (uint32_t i = 0; i < LOOP; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	/* It ends at no turn with 0, which the compiler does not know. */
	if (x == 0)
		bench_fail("the loop went wrong");
	return (double)(bench_now_ns() - start_ns) / LOOP;
}

/* Two that run it at the same time. */
struct pair {
	struct atomic32 here;
	double ns[2];
};

static double loop_beside(struct pair *pair)
{
	fetch_add_relaxed(&pair->here, 1);
	while (load_relaxed(&pair->here) < 2)
		;
	return bench_serial_loop_ns();
}

static void *loop_first(void *pair)
{
	((struct pair *)pair)->ns[0] = loop_beside(pair);
	return NULL;
}

static void *loop_second(void *pair)
{
	((struct pair *)pair)->ns[1] = loop_beside(pair);
	return NULL;
}

double bench_two_loops_ns(void)
{
	struct pair pair = {{0}, {0, 0}};

	if (!run_on_two(loop_first, loop_second, &pair))
		return 0;
	return pair.ns[0] > pair.ns[1] ? pair.ns[0] : pair.ns[1];
}
