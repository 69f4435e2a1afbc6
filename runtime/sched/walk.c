/* SPDX-License-Identifier: MIT */
/*
 * walk.c - all live tasks of a runtime, for users.
 *
 * The walk itself is thrum__tasks_walk (task.c): over the pool's blocks, whose memory stays, with a
 * reference to what lives (core/refs.h: T2).  It holds no lock, so a visit may spawn and release;
 * that it must not wait leaves room for walks that do.
 *
 * What can fail: the writing of lines.
 */
#include "sched/await.h"
#include "sched/fork_check.h"
#include "sched/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <thrum/walk.h>

struct visitor {
	bool (*visit)(struct thrum_future *task, void *arg);
	void *arg;
};

/* What is another number whenever the calling task has waited or given way meanwhile on the same
 * worker. */
static uint64_t waits_of(const struct thrum__worker *w)
{
	return w ? load_relaxed(&w->counters.suspensions) : 0;
}

static bool visit_task(struct thrum__task *t, void *visitor)
{
	struct visitor *v = visitor;
	struct thrum__worker *w = thrum__current_worker();
	uint64_t waits = waits_of(w);
	bool go_on = v->visit(&t->future, v->arg);

	ENSURE(thrum__current_worker() == w && waits_of(w) == waits,
	       "what thrum_each_task calls must not wait");
	return go_on;
}

int thrum_each_task(struct thrum_runtime *rt, bool (*visit)(struct thrum_future *task, void *arg),
		    void *arg)
{
	struct visitor v = {visit, arg};
	struct thrum__worker *w;

	if (thrum__in_forked_child())
		return -ENOTSUP;
	if (!visit)
		return -EINVAL;
	if (!rt) {
		w = thrum__current_worker();
		if (!w)
			return thrum__no_task();
		rt = w->runtime;
	}
	thrum__tasks_walk(rt, visit_task, &v);
	return 0;
}

struct printing {
	int fd;
	int err;
};

static bool print_task(struct thrum_future *task, void *printing)
{
	struct printing *p = printing;
	char line[256];
	size_t n;

	snprintf(line, sizeof(line) - 1, "%-31s %-16s %s", thrum_name(task), thrum_state_name(task),
		 thrum_place(task));
	n = strlen(line);
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < ' ')
			line[i] = '?';
	line[n++] = '\n';
	p->err = thrum__os_write_all(p->fd, line, n);
	return !p->err;
}

int thrum_print_tasks(struct thrum_runtime *rt, int fd)
{
	struct printing p = {.fd = fd};
	int err = thrum_each_task(rt, print_task, &p);

	return err ? err : p.err;
}
