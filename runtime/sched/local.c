/* SPDX-License-Identifier: MIT */
/*
 * local.c - task-locals: sets of values that tasks share.
 *
 * A set is never changed once a task has it.  thrum_local_set makes another, with one binding (key
 * and value) exchanged, and shares the other bindings with the old one; a child gets its spawner's
 * set as it is.  So a task has one pointer, NULL at rest, and who has no locals pays for a look at
 * its spawner's.
 *
 * REFERENCES  (core/refs.h) of a set: each task or job that has it.  Of a binding: each set that
 * it is in.  Whoever gives the last one back, on whichever thread, frees, and calls drop.
 *
 * OWNERS  A task's locals, and its mark THRUM__LOCAL: who makes it, until it is published; then
 * itself, running; then whoever finishes it, before anybody learns of the end.  Others read them in
 * two cases alone, both of which keep the set:
 *   - A spawner reads its own.  The child may run on another worker at once: it gets what was
 *     written through the queue that it lies in, as its argument.
 *   - A thief reads those of a fork's maker, which runs meanwhile.  It does so with the maker's
 *     lane locked, between take and taken (core/lane.c: O5, O6), and sees what the maker had when
 *     it pushed the fork (O1, O3).  thrum_local_set first makes tasks of all forks in its lane;
 *     after that no thief is between take and taken with one of them, nor will be.  So no set is
 *     exchanged under a thief's eyes, and a fork has what its maker had when it was made, wherever
 *     it runs.
 *
 * What can fail: memory for a set and a binding (-ENOMEM), for a task for each fork; the number of
 * keys (-ENOSPC).
 */
#include "sched/local.h"

#include "core/refs.h"
#include "sched/await.h"
#include "sched/blocking.h"
#include "sched/fork.h"
#include "sched/worker.h"

#include <thrum/local.h>

#define BINDINGS_MAX 256

struct binding {
	struct atomic32 refs;
	const struct thrum_local *key;
	void *value;
};

struct thrum__locals {
	struct atomic32 refs;
	uint32_t count;
	struct binding *bindings[]; /* what was set last comes first */
};

static void *find(const struct thrum__locals *set, const struct thrum_local *key)
{
	for (uint32_t i = 0; set && i < set->count; i++)
		if (set->bindings[i]->key == key)
			return set->bindings[i]->value;
	return NULL;
}

void *thrum_local_get(const struct thrum_local *key)
{
	struct thrum__worker *w = thrum__tls_worker();

	if (!w)
		return find(thrum__job_here().locals, key);
	return w->current ? find(w->current->locals, key) : NULL;
}

/* ---- References ---- */

static void release_binding(struct binding *b)
{
	void (*drop)(void *) = b->key->drop;
	void *value = b->value;

	if (!thrum__refs_release(&b->refs))
		return;
	thrum__os_free(b);
	if (drop)
		drop(value);
}

void thrum__locals_release(struct thrum__locals *set)
{
	if (!set || !thrum__refs_release(&set->refs))
		return;
	for (uint32_t i = 0; i < set->count; i++)
		release_binding(set->bindings[i]);
	thrum__os_free(set);
}

struct thrum__locals *thrum__locals_of(const struct thrum__task *t)
{
	if (t->locals)
		thrum__refs_retain(&((struct thrum__locals *)t->locals)->refs);
	return t->locals;
}

void thrum__locals_share(struct thrum__task *t, const struct thrum__task *from)
{
	t->locals = thrum__locals_of(from);
	t->marks |= THRUM__LOCAL;
}

void thrum__locals_end(struct thrum__task *t)
{
	struct thrum__locals *set = t->locals;

	t->locals = NULL;
	t->marks &= (uint8_t)~THRUM__LOCAL;
	thrum__locals_release(set);
	ENSURE(!t->locals, "the drop of a task-local sets no locals");
}

/* ---- Changes ---- */

static struct binding *binding_of(const struct thrum_local *key, void *value)
{
	struct binding *b = thrum__os_alloc(sizeof(*b));

	if (!b)
		return NULL;
	b->key = key;
	b->value = value;
	thrum__refs_publish(&b->refs, 1);
	return b;
}

/* Room for @count bindings, of which there is none yet. */
static struct thrum__locals *create(uint32_t count)
{
	struct thrum__locals *set =
	    thrum__os_alloc(sizeof(*set) + count * sizeof(set->bindings[0]));

	if (set) {
		set->count = 0;
		thrum__refs_publish(&set->refs, 1);
	}
	return set;
}

/* *@out: @old with @value for @key; NULL: nothing is left. */
static int exchange(const struct thrum__locals *old, const struct thrum_local *key, void *value,
		    struct thrum__locals **out)
{
	uint32_t had = old ? old->count : 0;
	uint32_t count = had - (find(old, key) != NULL) + (value != NULL);
	struct thrum__locals *set;

	*out = NULL;
	if (!count)
		return 0;
	if (count > BINDINGS_MAX)
		return -ENOSPC;
	set = create(count);
	if (!set)
		return -ENOMEM;
	if (value) {
		set->bindings[0] = binding_of(key, value);
		if (!set->bindings[0]) {
			thrum__os_free(set);
			return -ENOMEM;
		}
		set->count = 1;
	}
	for (uint32_t i = 0; i < had; i++) {
		struct binding *b = old->bindings[i];

		if (b->key == key)
			continue;
		thrum__refs_retain(&b->refs);
		set->bindings[set->count++] = b;
	}
	*out = set;
	return 0;
}

int thrum_local_set(struct thrum_local *key, void *value)
{
	struct thrum__worker *w = thrum__current_worker();
	struct thrum__locals *old, *set;
	struct thrum__task *t;
	int err;

	if (!w)
		return thrum__no_task();
	if (!key)
		return -EINVAL;
	t = w->current;
	old = t->locals;
	if (find(old, key) == value)
		return 0;
	if (!thrum__fork_queue_all(w))
		return -ENOMEM;
	err = exchange(old, key, value, &set);
	if (err)
		return err;
	t->locals = set;
	if (set)
		t->marks |= THRUM__LOCAL;
	else
		t->marks &= (uint8_t)~THRUM__LOCAL;
	thrum__locals_release(old);
	return 0;
}
