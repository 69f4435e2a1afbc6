/* SPDX-License-Identifier: MIT */
/* values.h - for the tests of task-locals: values that count how often they were dropped, keys. */
#ifndef TESTS_UNIT_VALUES_H
#define TESTS_UNIT_VALUES_H

#include "base/atomic.h"
#include "run.h"

/* A value that counts its drops. */
struct value {
	struct atomic32 drops;
};

static inline void drop_value(void *value)
{
	struct value *v = value;

	fetch_add_relaxed(&v->drops, 1);
}

static struct thrum_local key = THRUM_LOCAL_INIT(drop_value);
static struct thrum_local plain = THRUM_LOCAL_INIT(NULL);

#define DROPS(v) load_relaxed(&(v).drops)

static inline void *get(void)
{
	return thrum_local_get(&key);
}

static inline void set(void *value)
{
	is_int(thrum_local_set(&key, value), 0);
}

static inline intptr_t task_has(void *value)
{
	return thrum_local_get(&plain) == value;
}

static struct value ones, twos;

static inline void values_reset(void)
{
	store_relaxed(&ones.drops, 0);
	store_relaxed(&twos.drops, 0);
}

#endif
