/* SPDX-License-Identifier: MIT */
/*
 * name.c - what a future is called, where it was made and what it does, in words.
 *
 * A task may name itself again while others read its name: each name has memory of its own until
 * the task's block goes.
 *
 * ORDER   O1 release of name (its bytes) pairs with O2 acquire in thrum_name.
 */
#include "sched/await.h"
#include "sched/blocking.h"
#include "sched/worker.h"

#include <string.h>

#define NAME_MAX_BYTES 31
/* Different names that one task may have had. */
#define NAMES_MAX 64

struct thrum__name {
	struct thrum__name *older;
	char text[NAME_MAX_BYTES + 1];
};

const char *thrum_place(const struct thrum_future *f)
{
	return f && f->place ? f->place : "?";
}

const char *thrum_name(const struct thrum_future *f)
{
	struct thrum__name *given = NULL;
	const char *name;

	if (!f)
		return "?";
	if (f->kind == THRUM__TASK)
		given = load_acquire(&container_of(f, struct thrum__task, future)->name); /* O2 */
	if (given)
		return given->text;
	/* "file:line name": a file may have blanks, a function has none. */
	name = strrchr(thrum_place(f), ' ');
	return name ? name + 1 : thrum_place(f);
}

/* The memory of name @text of @t: one that it had before, or new; NULL: *@err says why. */
static struct thrum__name *find_or_add(struct thrum__task *t, const char *text, int *err)
{
	struct thrum__name *n;
	int count = 0;

	for (n = t->names; n; n = n->older, count++)
		if (!strncmp(n->text, text, NAME_MAX_BYTES))
			return n;
	*err = -ENOSPC;
	if (count == NAMES_MAX)
		return NULL;
	*err = -ENOMEM;
	n = thrum__os_alloc_zeroed(sizeof(*n));
	if (!n)
		return NULL;
	memcpy(n->text, text, strnlen(text, NAME_MAX_BYTES));
	n->older = t->names;
	t->names = n;
	return n;
}

int thrum__task_set_name(struct thrum__task *t, const char *name)
{
	int err = 0;
	struct thrum__name *given = find_or_add(t, name, &err);

	if (!given)
		return err;
	t->marks |= THRUM__NAMED;
	store_release(&t->name, given); /* O1 */
	return 0;
}

int thrum_set_name(const char *name)
{
	struct thrum__task *t = thrum__current_task();

	if (!t)
		return thrum__no_task();
	return name ? thrum__task_set_name(t, name) : -EINVAL;
}

void thrum__names_free(struct thrum__task *t)
{
	store_relaxed(&t->name, NULL);
	while (t->names) {
		struct thrum__name *older = t->names->older;

		thrum__os_free(t->names);
		t->names = older;
	}
}

const char *thrum_state_name(const struct thrum_future *f)
{
	if (!f)
		return "failed";
	if (thrum__future_is_done(f)) {
		if (f->result == -ECANCELED)
			return "cancelled";
		return thrum_failed(f->result) ? "failed" : "done";
	}
	if (f->kind == THRUM__JOB)
		return thrum__job_started(f) ? "running" : "waiting to start";
	if (f->kind != THRUM__TASK)
		return "pending";
	switch (
	    (enum thrum__phase)load_relaxed(&container_of(f, struct thrum__task, future)->phase)) {
	case THRUM__NEW:
		return "waiting to start";
	case THRUM__RUNNING:
	case THRUM__ENDED:
		return "running";
	case THRUM__WAITING:
		return "waiting";
	}
	return "running";
}
