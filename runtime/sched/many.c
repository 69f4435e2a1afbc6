/* SPDX-License-Identifier: MIT */
/*
 * many.c - waiting for several futures: gather, one after the other, and wait_any, with a node on
 * each.
 *
 * What can fail: an array for more than eight futures (wait_any: -ENOMEM), and what await.c names.
 */
#include "sched/await.h"
#include "sched/worker.h"

/* Futures of one wait_any that need no memory. */
#define FEW 8

int thrum_gather(struct thrum_future *const fs[], size_t n, intptr_t results[])
{
	struct thrum__task *t = thrum__current_task();
	int cut = 0;
	intptr_t first = 0;

	if (!t)
		return thrum__no_task();
	thrum__wants_call("thrum_gather");
	for (size_t i = 0; i < n; i++) {
		intptr_t r = -ENOMEM;

		if (fs[i] && !cut)
			cut = thrum__await_any(fs[i], THRUM_FOREVER);
		if (fs[i])
			r = thrum_result(fs[i]);
		if (results)
			results[i] = r;
		if (!first && thrum_failed(r))
			first = r;
	}
	return cut ? thrum__bracket_learn(t, cut, THRUM_FOREVER) : (int)first;
}

/* The lowest index that is done; @n: none. */
static size_t first_done(struct thrum_future *const fs[], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!fs[i] || thrum__future_is_done(fs[i]))
			break;
	return i;
}

/* Waits with @nodes, one for each future, none of which was done a moment ago. */
static ssize_t wait_with(struct thrum_future *const fs[], size_t n, struct thrum__wait_node *nodes)
{
	struct thrum__task *t = thrum__current_task();
	uint64_t seq = thrum__parker_seq(&t->parker);
	size_t hung;
	int err = 0;

	for (hung = 0; hung < n; hung++) {
		thrum__wait_node_init(&nodes[hung], &t->parker, seq);
		if (!thrum__future_register(fs[hung], &nodes[hung].waiter))
			break;
	}
	if (hung == n) {
		thrum__wants_first(t, fs, n);
		err = thrum__wait_out(t, seq, THRUM_FOREVER, false);
	} else {
		thrum__parker_abandon(&t->parker, seq);
	}
	for (size_t i = 0; i < hung; i++)
		thrum__future_withdraw(fs[i], &nodes[i].waiter);
	return err ? thrum__bracket_learn(t, err, THRUM_FOREVER) : (ssize_t)first_done(fs, n);
}

ssize_t thrum_wait_any(struct thrum_future *const fs[], size_t n)
{
	struct thrum__task *t = thrum__current_task();
	struct thrum__wait_node few[FEW];
	struct thrum__wait_node *nodes = few;
	size_t done;
	ssize_t r;

	if (!t)
		return thrum__no_task();
	if (n == 0)
		return -EINVAL;
	thrum__wants_call("thrum_wait_any");
	done = first_done(fs, n);
	if (done < n)
		return (ssize_t)done;
	r = thrum__wait_entry(t);
	if (r)
		return r;
	if (n > FEW)
		nodes = thrum__os_alloc(n * sizeof(*nodes));
	if (!nodes)
		return -ENOMEM;
	r = wait_with(fs, n, nodes);
	if (nodes != few)
		thrum__os_free(nodes);
	return r;
}
