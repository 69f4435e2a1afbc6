/* SPDX-License-Identifier: MIT */
/* test_stats.c - counters that add up, and the description for people. */
#include "run.h"

static struct thrum_stats stats_of(struct thrum_runtime *rt, int index)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(rt, index, &s), 0);
	is_int(s.size, sizeof(s));
	return s;
}

static intptr_t main_spawns(void *n)
{
	struct thrum_future *fs[64];

	for (intptr_t i = 0; i < (intptr_t)n; i++)
		fs[i] = spawn_sleeper(i);
	for (intptr_t i = 0; i < (intptr_t)n; i++)
		is_int(thrum_join(fs[i]), 0);
	return 0;
}

START_TEST(what_is_made_starts_and_ends)
{
	struct thrum_runtime *rt = runtime_of(3, THRUM_CLOCK_VIRTUAL);
	struct thrum_stats all, sum = {0};

	for (int i = 0; i < 10; i++)
		is_int(thrum_runtime_block_on(rt, main_spawns, as_arg(64)), 0);
	do /* the last task's end is counted a moment after its future's */
		all = stats_of(rt, -1);
	while (all.ended < 650);
	is_int(all.spawned, 650);
	is_int(all.started, 650);
	is_int(all.ended, 650);
	for (int i = 0; i < 3; i++) {
		struct thrum_stats s = stats_of(rt, i);

		sum.spawned += s.spawned;
		sum.started += s.started;
		sum.ended += s.ended;
		sum.stolen += s.stolen;
		sum.timers += s.timers;
	}
	is_int(sum.spawned, 640); /* submitted ones belong to no worker */
	is_int(sum.started, 650);
	is_int(sum.ended, 650);
	must(sum.timers >= all.timers); /* counted a moment after the wake */
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

TASK_TEST(waits_are_counted, 1)
{
	struct thrum_stats before = stats_of(NULL, 0), after;

	is_int(thrum_sleep(5), 0);
	after = stats_of(NULL, 0);
	is_int(after.suspensions, before.suspensions + 1);
	is_int(after.resumes, before.resumes + 1);
	is_int(after.timers, before.timers + 1);
	must(after.parks <= before.parks + 1); /* a virtual clock jumps instead of waiting */
	is_int(after.migrations, 0);
	is_int(after.stolen, 0);
	must(after.switches > before.switches);
	is_int(thrum_join(thrum_spawn(task_return, NULL)), 0);
	is_int(stats_of(NULL, 0).in_place, before.in_place + 1);
	is_int(stats_of(NULL, 0).suspensions, after.suspensions);
}

static intptr_t main_spawns_many(void *unused)
{
	struct thrum_future *fs[1000];

	(void)unused;
	for (int i = 0; i < 1000; i++)
		fs[i] = thrum_spawn(task_return, NULL);
	for (int i = 0; i < 1000; i++)
		is_int(thrum_join(fs[i]), 0);
	return 0;
}

/* Of what all share: a thousand blocks come in batches, and who sleeps is woken from outside; if
 * the worker's thread is off its CPU for long, it wakes the spare that stands in for it, too. */
START_TEST(what_is_shared_is_counted)
{
	struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_REAL);
	struct thrum_stats s;

	do { /* it may not have slept yet */
		is_int(thrum_runtime_block_on(rt, main_spawns_many, NULL), 0);
		s = stats_of(rt, -1);
	} while (s.wakes <= stats_of(rt, 0).wakes);
	must(s.searches >= 1);
	while (s.refills < 1000 / 64) { /* the worker says it when it is home again */
		is_int(thrum_runtime_block_on(rt, task_return, NULL), 0);
		s = stats_of(rt, -1);
	}
	must(s.refills <= s.spawned);
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

TASK_TEST(bad_questions, 2)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(NULL, -2, &s), -EINVAL);
	is_int(thrum_runtime_stats(NULL, 2, &s), -EINVAL);
	is_int(thrum_runtime_stats(NULL, 0, NULL), -EINVAL);
	s.size = sizeof(s.size) - 1;
	is_int(thrum_runtime_stats(NULL, 0, &s), -EINVAL);
	is_int(thrum_runtime_workers(NULL), 2);
}

START_TEST(no_runtime_no_numbers)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(NULL, -1, &s), -EINVAL);
}
END_TEST

TASK_TEST(other_versions_of_the_struct, 1)
{
	struct {
		struct thrum_stats s;
		uint64_t tail[2];
	} newer;
	struct thrum_stats older;

	memset(&newer, 0xff, sizeof(newer));
	newer.s.size = sizeof(newer);
	is_int(thrum_runtime_stats(NULL, -1, &newer.s), 0);
	is_int(newer.s.size, sizeof(newer));
	is_int(newer.s.spawned, 1);
	is_int(newer.tail[0] | newer.tail[1], 0); /* not known here */
	memset(&older, 0xff, sizeof(older));
	older.size = offsetof(struct thrum_stats, started);
	is_int(thrum_runtime_stats(NULL, -1, &older), 0);
	is_int(older.spawned, 1);
	must(older.started == UINT64_MAX); /* not the caller's struct */
}

TASK_TEST(the_description_names_what_counts, 2)
{
	const char *const lines[] = {"workers: 2\n",
				     "workers decided by: the program\n",
				     "clock: virtual\n",
				     "stack of a task: 65536 bytes\n",
				     "live tasks at most: 67108864\n",
				     "submissions waiting at most: 65536\n",
				     "blocking threads of each class at most: 64\n",
				     "grace period: 5.000 s\n",
				     "spin before sleep: 0 us\n",
				     "seed: "};
	char text[2000], cut[20];
	size_t n = thrum_runtime_describe(NULL, text, sizeof(text));

	is_int(n, strlen(text));
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		has_text(text, lines[i]);
	is_int(thrum_runtime_describe(NULL, NULL, 0), n);
	is_int(thrum_runtime_describe(NULL, cut, sizeof(cut)), n);
	is_int(strlen(cut), sizeof(cut) - 1);
	is_int(memcmp(cut, text, sizeof(cut) - 1), 0);
}

int main(void)
{
	const TTest *const tests[] = {
	    what_is_made_starts_and_ends,
	    waits_are_counted,
	    what_is_shared_is_counted,
	    bad_questions,
	    no_runtime_no_numbers,
	    other_versions_of_the_struct,
	    the_description_names_what_counts,
	};

	return RUN_TESTS("stats", tests);
}
