/* SPDX-License-Identifier: MIT */
/* chan_calls.h - all calls of channels that wait, for the tests of what ends or forbids a wait. */
#ifndef TESTS_UNIT_CHAN_CALLS_H
#define TESTS_UNIT_CHAN_CALLS_H

#include "chan_test.h"

static inline intptr_t task_recv_many(void *call)
{
	struct word_call *k = call;

	return thrum_chan_recv_many(k->c, &k->item, 1, k->deadline_ns);
}

/* The same without a deadline of their own. */
static inline intptr_t task_send_for_ever(void *call)
{
	struct word_call *k = call;

	return thrum_chan_send(k->c, &k->item);
}

static inline intptr_t task_recv_for_ever(void *call)
{
	struct word_call *k = call;

	return thrum_chan_recv(k->c, &k->item);
}

static inline intptr_t task_reserve_for_ever(void *call)
{
	struct word_call *k = call;

	return thrum_chan_reserve(k->c);
}

enum what { SENDS, RECEIVES, RESERVES };

static const struct kind {
	thrum_fn fn;
	enum what what;
	intptr_t done; /* what it returns then */
	bool until;
} kinds[] = {
    {task_send, SENDS, 0, true},
    {task_send_for_ever, SENDS, 0, false},
    {task_recv, RECEIVES, 0, true},
    {task_recv_for_ever, RECEIVES, 0, false},
    {task_recv_many, RECEIVES, 1, true},
    {task_reserve, RESERVES, 0, true},
    {task_reserve_for_ever, RESERVES, 0, false},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

#define OLD 7  /* in the channel before */
#define OWN 50 /* of the call, and in a receiver's place before */

#endif
