/* SPDX-License-Identifier: MIT */
/*
 * scen_queue.h - what the scenarios of the deque and of the ready queue share: capacity 2, indices
 * that wrap, takers at the old end.  queue.h tells what the includer defines first.
 *
 * An item is the address of a plain variable that is written before its push and read by whoever
 * takes it, so an item that is seen too early is a race.  At the end what is left is taken, and
 * each item must have come out once.
 */
#ifndef MODEL_SCEN_QUEUE_H
#define MODEL_SCEN_QUEUE_H

#include "../queue.h"
#include "explorer.h"

#define ITEMS 6

static struct queue q;
static int payload[ITEMS];
static unsigned taken[ITEMS], pushed;

static void push(unsigned i)
{
	plain_write(&payload[i], (int)i);
	model_assert(queue_push(&q, &payload[i]) == 0);
	pushed++;
}

static int took(void *item)
{
	int i;

	if (!item)
		return -1;
	i = plain_read((int *)item);
	model_assert(i >= 0 && i < ITEMS && item == &payload[i]);
	taken[i]++;
	model_assert(taken[i] == 1);
	return i;
}

/* The name that a trace shows is the one in the queue's struct. */
#define NAME(member) NAME_EXPANDED(member)
#define NAME_EXPANDED(member) model_name(&q.member, #member)

static void start_empty(void)
{
	model_assert(queue_init_at(&q, UINT64_MAX, 2) == 0);
	pushed = 0;
	for (unsigned i = 0; i < ITEMS; i++)
		taken[i] = 0;
	NAME(queue_oldest);
	NAME(queue_newest);
	NAME(slots);
}

static void start_two(void)
{
	start_empty();
	push(0);
	push(1);
}

static void all_once(void)
{
	unsigned n = 0;

	model_assert(queue_count(&q) <= pushed);
	while (took(queue_take(&q)) >= 0)
		;
	for (unsigned i = 0; i < ITEMS; i++)
		n += taken[i];
	model_assert(n == pushed);
	queue_fini(&q);
	model_assert(model_live() == 0);
}

static void taker(void)
{
	took(queue_take(&q));
}

/* Items come out in their order. */
static void taker_twice(void)
{
	int first = took(queue_take(&q));
	int second = took(queue_take(&q));

	model_assert(first < 0 || second < 0 || first < second);
}

#endif
