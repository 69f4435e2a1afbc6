/* SPDX-License-Identifier: MIT */
/*
 * nodes.h - what the scenarios of waiter lists share: numbered nodes that count how often they are
 * fired and tell who waits.  Their memory goes as soon as it may, and all of it is reached through
 * plain accesses: whoever fires or unlinks a node that has left is caught there.
 */
#ifndef MODEL_NODES_H
#define MODEL_NODES_H

#include "explorer.h"

#include "base/assert.h"
#include "core/waiter.h"

#include <stddef.h>

enum { NODES = 5 };

struct node {
	struct thrum__waiter waiter;
	unsigned number;
};

static struct node *nodes[NODES];
static unsigned fired[NODES];
static struct model_event woken[NODES];

static void node_fire(struct thrum__waiter *w)
{
	struct node *n = container_of(w, struct node, waiter);
	unsigned i = plain_read(&n->number);

	fired[i]++;
	thrum__waiter_let_go(&n->waiter);
	model_event_set(&woken[i]);
}

static void node_new(unsigned i)
{
	nodes[i] = model_alloc(sizeof(*nodes[i]));
	plain_write(&nodes[i]->number, i);
	plain_write(&nodes[i]->waiter.fire, node_fire);
	store_relaxed(&nodes[i]->waiter.gone, 0);
}

static void nodes_reset(void)
{
	for (unsigned i = 0; i < NODES; i++) {
		nodes[i] = NULL;
		fired[i] = 0;
		model_event_init(&woken[i]);
	}
}

#endif
