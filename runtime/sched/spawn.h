/* SPDX-License-Identifier: MIT */
/* spawn.h - making tasks, and the limit on how many live; spawn.c tells how. */
#ifndef THRUM_SCHED_SPAWN_H
#define THRUM_SCHED_SPAWN_H

#include "sched/task.h"

struct thrum_runtime;

/* How a task is to be made. */
struct thrum__spawn {
	const char *place;
	thrum_fn fn;
	void *arg;         /* or what to copy */
	size_t copy_bytes; /* 0 with copies false: no copy */
	bool copies;
	void (*drop)(void *);
	bool released; /* nobody wants a handle */
};

/* From a task: 0 or -errno; *@out the task's future unless released. */
int thrum__spawn(const struct thrum__spawn *how, struct thrum_future **out);
/* From any thread, into @rt's injection queue. */
int thrum__submit(struct thrum_runtime *rt, const struct thrum__spawn *how,
		  struct thrum_future **out);
/* A 16-aligned copy of @size bytes, to be freed with thrum__os_free; NULL: no memory. */
void *thrum__copy_args(const void *args, size_t size);
/* What a worker keeps in store of a limit of @tasks_max; 0: nothing. */
size_t thrum__spawn_share(size_t tasks_max, unsigned workers);
/* One live task less. */
void thrum__spawn_ended(struct thrum__worker *w);
/* Ends @t without calling its function; drop is called. */
void thrum__task_abort(struct thrum__worker *w, struct thrum__task *t, intptr_t err);

#endif
