/* SPDX-License-Identifier: MIT */
/* stats.c - what a runtime did and what it is made of, for people and tests. */
#include "sched/runtime.h"
#include "sched/worker.h"

#include "base/assert.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

static struct thrum_runtime *or_current(struct thrum_runtime *rt)
{
	struct thrum__worker *w = thrum__tls_worker();

	return rt ? rt : w ? w->runtime : NULL;
}

unsigned thrum_runtime_workers(struct thrum_runtime *rt)
{
	rt = or_current(rt);
	return rt ? rt->workers_count : 0;
}

static void add(struct thrum_stats *s, const struct thrum__counters *c)
{
	s->spawned += load_relaxed(&c->tasks.spawned);
	s->started += load_relaxed(&c->started);
	s->ended += load_relaxed(&c->tasks.ended);
	s->stolen += load_relaxed(&c->stolen);
	s->in_place += load_relaxed(&c->in_place);
	s->parks += load_relaxed(&c->parks);
	s->switches += load_relaxed(&c->switches);
	s->suspensions += load_relaxed(&c->suspensions);
	s->migrations += load_relaxed(&c->migrations);
	s->resumes += load_relaxed(&c->resumes);
	s->timers += load_relaxed(&c->timers);
	s->searches += load_relaxed(&c->searches);
	s->dozes += load_relaxed(&c->dozes);
	s->wakes += load_relaxed(&c->wakes);
	s->refills += load_relaxed(&c->refills);
}

int thrum_runtime_stats(struct thrum_runtime *rt, int index, struct thrum_stats *out)
{
	struct thrum_stats s = {.size = sizeof(s)};
	size_t size = out ? out->size : 0;

	rt = or_current(rt);
	if (!rt || size < sizeof(size) || index < -1 || index >= (int)thrum__workers_total(rt))
		return -EINVAL;
	for (unsigned i = 0; i < thrum__workers_total(rt); i++)
		if (index == -1 || index == (int)i)
			add(&s, &rt->workers[i]->counters);
	if (index == -1) {
		s.spawned += load_relaxed(&rt->gate.submitted);
		s.wakes += load_relaxed(&rt->wakes_outside);
	}
	s.size = size;
	memset(out, 0, size);
	memcpy(out, &s, size < sizeof(s) ? size : sizeof(s));
	return 0;
}

#ifdef THRUM_MIGRATE
void thrum__stats_check_migrations(struct thrum_runtime *rt)
{
	struct thrum_stats s = {.size = sizeof(s)};

	thrum_runtime_stats(rt, -1, &s);
	if (thrum__os_getenv("THRUM_MIGRATE_COUNT"))
		printf("migrations %llu of %llu resumes, %u workers\n",
		       (unsigned long long)s.migrations, (unsigned long long)s.resumes,
		       rt->workers_count);
	ENSURE(rt->workers_count < 2 || s.migrations == s.resumes,
	       "forced migration let a task resume where it had waited");
}
#endif

size_t thrum_runtime_describe(struct thrum_runtime *rt, char *buf, size_t n)
{
	char stacks[256];
	int len;

	rt = or_current(rt);
	if (!rt)
		return 0;
	thrum__stacks_describe(&rt->stacks, stacks, sizeof(stacks));
	len = snprintf(buf, n,
		       "workers: %u\n"
		       "workers decided by: %s\n"
		       "clock: %s\n"
		       "stack of a task: %zu bytes\n"
		       "stacks: %s\n"
		       "descriptor of a task: %zu bytes\n"
		       "membarrier: %s\n"
		       "poller: %s\n"
		       "live tasks at most: %zu\n"
		       "submissions waiting at most: %zu\n"
		       "blocking threads of each class at most: %u\n"
		       "blocking jobs waiting in each class at most: %zu\n"
		       "grace period: %.3f s\n"
		       "spin before sleep: %.0f us\n"
		       "seed: %llu\n",
		       rt->workers_count, rt->workers_why, rt->virtual_clock ? "virtual" : "real",
		       rt->limits.stack_bytes, stacks, thrum__task_bytes(),
		       thrum__membarrier_ready ? "registered (light fences cost nothing)"
					       : "not available (full fences)",
		       rt->poller->ops->name, rt->limits.tasks_max, rt->limits.inject_max,
		       rt->limits.blocking_max, rt->limits.blocking_queue,
		       (double)rt->limits.grace_ns / 1e9, (double)rt->limits.spin_ns / 1e3,
		       (unsigned long long)rt->seed);
	return len < 0 ? 0 : (size_t)len;
}
