/* SPDX-License-Identifier: MIT */
/* takers.h - for tests of the rate limiter: tasks that ask for permits at some time, with a
 * deadline or a cancel, and what became of them. */
#ifndef TESTS_UNIT_TAKERS_H
#define TESTS_UNIT_TAKERS_H

#include "run.h"

static struct thrum_rate rate;

struct taker {
	int64_t at_ns, n; /* when it asks, and for how many */
	int64_t patience_ns;
	int64_t cancel_ns; /* 0: is not cancelled */
	struct thrum_future *task;
	intptr_t result;
	int64_t end_ns;
	bool told; /* its timeout was */
};

static inline intptr_t task_take(void *taker)
{
	struct taker *k = taker;
	struct thrum_timeout t;
	int err = thrum_sleep_until(k->at_ns);

	thrum_timeout_begin(&t, k->patience_ns ? k->patience_ns : THRUM_FOREVER);
	err = err ? err : thrum_rate_take(&rate, k->n);
	k->end_ns = thrum_now();
	k->told = thrum_timeout_end(&t);
	return err;
}

static inline intptr_t task_cancel(void *taker)
{
	struct taker *k = taker;

	is_int(thrum_sleep_until(k->cancel_ns), 0);
	(void)thrum_cancel(k->task); /* unless it has ended */
	return 0;
}

static inline void run_takers(struct taker *k, size_t n)
{
	struct thrum_scope cancels;

	is_int(thrum_scope_open(&cancels), 0);
	for (size_t i = 0; i < n; i++) {
		k[i].task = thrum_spawn(task_take, &k[i]);
		must(k[i].task);
		if (k[i].cancel_ns)
			is_int(thrum_scope_spawn(&cancels, task_cancel, &k[i]), 0);
	}
	is_int(thrum_scope_close(&cancels), 0);
	for (size_t i = 0; i < n; i++)
		k[i].result = thrum_join(k[i].task);
}

static inline void ended(const struct taker *k, intptr_t result, int64_t ns)
{
	is_int(k->result, result);
	is_int(k->end_ns, ns);
	is_int(k->told, result == -ETIMEDOUT);
}

#endif
