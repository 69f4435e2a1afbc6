/* SPDX-License-Identifier: MIT */
/* name.c - what a future is called, where it was made and what it does, in words. */
#include "sched/worker.h"

#include <string.h>

#define NAME_MAX_BYTES 31

const char *thrum_place(const struct thrum_future *f)
{
	return f && f->place ? f->place : "?";
}

const char *thrum_name(const struct thrum_future *f)
{
	const char *name;

	if (!f)
		return "?";
	if (f->kind == THRUM__TASK && container_of(f, struct thrum__task, future)->name)
		return container_of(f, struct thrum__task, future)->name;
	/* "file:line name": a file may have blanks, a function has none. */
	name = strrchr(thrum_place(f), ' ');
	return name ? name + 1 : thrum_place(f);
}

int thrum_set_name(const char *name)
{
	struct thrum__task *t = thrum__current_task();
	size_t n;

	if (!t)
		return -EPERM;
	if (!name)
		return -EINVAL;
	n = strnlen(name, NAME_MAX_BYTES);
	if (!t->name) {
		t->name = thrum__os_alloc_zeroed(NAME_MAX_BYTES + 1);
		if (!t->name)
			return -ENOMEM;
	}
	memset(t->name, 0, NAME_MAX_BYTES + 1);
	memcpy(t->name, name, n);
	return 0;
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
