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
/* The same from a worker, for a task that is prepared, which may fail, and tied to something else
 * before it is queued; untie: as it could not be. */
struct thrum__spawn_link {
	int (*prepare)(struct thrum__worker *w, struct thrum__task *t, void *arg); /* or NULL */
	void (*tie)(struct thrum__task *t, void *arg);
	void (*untie)(struct thrum__task *t, void *arg);
};
int thrum__spawn_linked(const struct thrum__spawn *how, const struct thrum__spawn_link *link,
			void *arg, struct thrum_future **out);
/* The steps of a spawn by @w, the calling worker, for a task that starts later (later.c).  Made:
 * within the limit, with its argument; only its maker knows it. */
int thrum__spawn_make(struct thrum__worker *w, const struct thrum__spawn *how,
		      struct thrum__task **out);
/* The same, and it inherits nothing: by a thief, for whom no task may run. */
int thrum__spawn_make_bare(struct thrum__worker *w, const struct thrum__spawn *how,
			   struct thrum__task **out);
/* Counted and found by walkers; undo is due if it fails, or what follows does: -ESHUTDOWN. */
int thrum__spawn_publish(struct thrum__worker *w, const struct thrum__spawn *how,
			 struct thrum__task *t);
void thrum__spawn_undo(struct thrum__worker *w, const struct thrum__spawn *how,
		       struct thrum__task *t);
/* @t was armed and starts, or ends, now: nothing is left of that. */
void thrum__spawn_disarm(struct thrum__task *t);
/* @t is armed, and @w would call its function now.  True: what woke it was false: it waits again,
 * may run elsewhere by now, and is not to be touched. */
bool thrum__spawn_put_off(struct thrum__worker *w, struct thrum__task *t);
/* From any thread, into @rt's injection queue. */
int thrum__submit(struct thrum_runtime *rt, const struct thrum__spawn *how,
		  struct thrum_future **out);
/* A 16-aligned copy of @size bytes, to be freed with thrum__os_free; NULL: no memory. */
void *thrum__copy_args(const void *args, size_t size);
/* What a worker keeps in store of a limit of @tasks_max; 0: nothing. */
size_t thrum__spawn_share(size_t tasks_max, unsigned workers);
/* @t, which was pinned, ends. */
void thrum__spawn_unpin(struct thrum__task *t);
/* @w has more credits than it keeps. */
void thrum__spawn_give_back(struct thrum__worker *w);
/* Ends @t without calling its function; drop is called. */
void thrum__task_abort(struct thrum__worker *w, struct thrum__task *t, intptr_t err);

#endif
