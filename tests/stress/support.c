/* SPDX-License-Identifier: MIT */
#include "support.h"

#include "sched/registry.h"
#include "sched/task.h"

#include <dirent.h>
#include <string.h>

uint64_t scaled(uint64_t n)
{
	const char *text = getenv("THRUM_TEST_DIV");
	uint64_t div = text ? strtoull(text, NULL, 10) : 1;

	return n / (div ? div : 1) ? n / (div ? div : 1) : 1;
}

bool hostile_poller(void)
{
	const char *name = getenv("THRUM_POLLER");

	return name && !strcmp(name, "sim");
}

uint64_t scaled_io(uint64_t n)
{
	n = scaled(n) / (hostile_poller() ? 10 : 1);
	return n ? n : 1;
}

static long field_of(const char *path, const char *field)
{
	char line[256];
	long value = -1;
	FILE *file = fopen(path, "r");

	if (!file)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, field, strlen(field)) && line[strlen(field)] == ':')
			value = strtol(line + strlen(field) + 1, NULL, 10);
	fclose(file);
	return value;
}

long status_of(const char *field)
{
	return field_of("/proc/self/status", field);
}

/* Calls @each for every entry of @path; returns how many there are. */
static int entries(const char *path, void (*each)(const char *name, void *arg), void *arg)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	int n = 0;

	CHECK(dir);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.')
			continue;
		n++;
		if (each)
			each(e->d_name, arg);
	}
	closedir(dir);
	return n;
}

int descriptors(void)
{
	return entries("/proc/self/fd", NULL, NULL);
}

static void add_switches(const char *name, void *arg)
{
	char path[64];
	long n;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", name);
	n = field_of(path, "voluntary_ctxt_switches");
	if (n > 0)
		*(long *)arg += n;
}

long voluntary_switches(int *threads)
{
	long sum = 0;

	*threads = entries("/proc/self/task", add_switches, &sum);
	return sum;
}

uint64_t seed(void)
{
	const char *text = getenv("THRUM_SEED");
	uint64_t s = text ? strtoull(text, NULL, 10) : (uint64_t)thrum_now();

	printf("seed %llu\n", (unsigned long long)s);
	return s ? s : 1;
}

uint64_t random_below(uint64_t *state, uint64_t n)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state % n;
}

static bool count_live(void *block, void *live)
{
	*(uint64_t *)live += load_acquire(&((struct thrum_future *)block)->refs) != 0;
	return true;
}

uint64_t live_blocks(void)
{
	uint64_t live = 0;

	thrum__pool_walk(&thrum__task_pool, count_live, &live);
	thrum__pool_walk(&thrum__future_pool, count_live, &live);
	thrum__pool_walk(&thrum__job_blocks, count_live, &live);
	return live;
}

static void count_runtime(struct thrum_runtime *rt, void *live)
{
	(void)rt;
	++*(uint64_t *)live;
}

uint64_t live_runtimes(void)
{
	uint64_t live = 0;

	thrum__registry_each(count_runtime, &live);
	return live;
}

struct thrum_stats take_apart(struct thrum_runtime *rt)
{
	struct thrum_stats stats = {.size = sizeof(stats)};

	do { /* a task's result is out a moment before it is counted */
		CHECK(thrum_runtime_stats(rt, -1, &stats) == 0);
	} while (stats.ended < stats.spawned);
	CHECK(stats.spawned == stats.ended);
	CHECK(thrum_runtime_destroy(rt) == 0);
	return stats;
}

struct thrum_stats run_to_the_end_on(unsigned workers, thrum_fn fn)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	struct thrum_runtime *rt;

	config.workers = workers;
	CHECK(thrum_runtime_create(&rt, &config) == 0);
	CHECK(thrum_runtime_block_on(rt, fn, NULL) == 0);
	return take_apart(rt);
}

struct thrum_stats run_to_the_end(thrum_fn fn)
{
	return run_to_the_end_on(0, fn);
}
