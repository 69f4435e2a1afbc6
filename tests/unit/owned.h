/* SPDX-License-Identifier: MIT */
/*
 * owned.h - for tests of things whose memory goes as soon as the last of several users has come,
 * while another may be about to return from its call: two tasks on two workers and a thread use one
 * after another at the same time.
 */
#ifndef TESTS_UNIT_OWNED_H
#define TESTS_UNIT_OWNED_H

#include "core/waitqueue.h"
#include "run.h"

#define OWNERS 3
#define OWNED 64 /* in one round */

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESSES_CHECKED 1
#elif defined(__has_feature)
#define ADDRESSES_CHECKED (__has_feature(address_sanitizer))
#else
#define ADDRESSES_CHECKED 0
#endif

static void *owned[OWNED];
static size_t owned_size;
static void (*owned_begin)(void *thing);
static bool (*owned_use)(void *thing, int who); /* true: it has ended, nobody else uses it */
static unsigned owned_rounds;
static struct atomic64 owners_met;
static struct atomic32 givers_linger;
static struct atomic32 owned_gone; /* how many */

/* There is time for a thing to go before its giver returns.  By the clock: where many threads want
 * the CPUs each yield takes milliseconds. */
static inline void linger(void)
{
	uint32_t gone = load_relaxed(&owned_gone);
	int64_t end_ns = thrum_now() + THRUM_US(30);

	if (!load_relaxed(&givers_linger))
		return;
	while (load_relaxed(&owned_gone) == gone && thrum_now() < end_ns)
		spin_hint();
	if (load_relaxed(&owned_gone) == gone)
		thread_yield();
}

/* What the linker puts before the library's own; the build file says so. */
void __real_thrum__granted_resume(struct thrum__granted *g);
void __wrap_thrum__granted_resume(struct thrum__granted *g);
void __wrap_thrum__granted_resume(struct thrum__granted *g)
{
	bool is_any = g->first;

	__real_thrum__granted_resume(g);
	if (is_any)
		linger();
}

void __real_thrum__waitqueue_grant_all(struct thrum__waitqueue *q, struct atomic32 *word,
				       uint32_t v);
void __wrap_thrum__waitqueue_grant_all(struct thrum__waitqueue *q, struct atomic32 *word,
				       uint32_t v);
void __wrap_thrum__waitqueue_grant_all(struct thrum__waitqueue *q, struct atomic32 *word,
				       uint32_t v)
{
	bool is_any = !thrum__waitqueue_is_empty(q);

	__real_thrum__waitqueue_grant_all(q, word, v);
	if (is_any)
		linger();
}

/* Where addresses are not checked, it can be seen whether somebody writes to it. */
static inline void owned_goes(void *thing)
{
	if (ADDRESSES_CHECKED)
		free(thing);
	else
		memset(thing, 0x5a, owned_size);
	fetch_add_relaxed(&owned_gone, 1);
}

static inline void owned_has_gone(void *thing)
{
	if (ADDRESSES_CHECKED)
		return;
	for (size_t i = 0; i < owned_size; i++)
		is_int(((unsigned char *)thing)[i], 0x5a);
	free(thing);
}

/* All and who made the things, the @times-th time.  A task keeps no worker from the others. */
static inline void owners_meet(unsigned times)
{
	uint64_t all = (uint64_t)times * (OWNERS + 1);

	fetch_add_acq_rel(&owners_met, 1);
	while (load_acquire(&owners_met) < all)
		if (thrum_yield())
			thread_yield();
}

/* For every second of the things, there is time for another to come and wait: @queued in its word
 * says so. */
static inline void let_one_wait(void *thing, uint32_t queued)
{
	int64_t end_ns = thrum_now() + THRUM_US(30);

	if (!(((uintptr_t)thing >> 6) % 2))
		return;
	while (!(load_relaxed((struct atomic32 *)thing) & queued) && thrum_now() < end_ns)
		if (thrum_yield())
			spin_hint();
}

static inline intptr_t task_uses_owned(void *who)
{
	for (unsigned round = 0; round < owned_rounds; round++) {
		owners_meet(2 * round + 1);
		for (int i = 0; i < OWNED; i++)
			if (owned_use(owned[i], (int)(intptr_t)who))
				owned_goes(owned[i]);
		owners_meet(2 * round + 2);
	}
	return 0;
}

static inline void *thread_uses_owned(void *who)
{
	is_int(task_uses_owned(who), 0);
	return NULL;
}

static inline void use_owned(size_t size, void (*begin)(void *), bool (*use)(void *, int),
			     unsigned rounds)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);
	struct thrum_future *fs[OWNERS - 1];
	pthread_t thread;

	owned_size = size;
	owned_begin = begin;
	owned_use = use;
	owned_rounds = rounds;
	store_relaxed(&owners_met, 0);
	store_relaxed(&givers_linger, 1);
	thread = thread_of(thread_uses_owned, as_arg(OWNERS - 1));
	for (int i = 0; i < OWNERS - 1; i++)
		fs[i] = thrum_runtime_submit(rt, task_uses_owned, as_arg(i));
	for (unsigned round = 0; round < rounds; round++) {
		for (int i = 0; i < OWNED; i++) {
			must((owned[i] = malloc(size)));
			begin(owned[i]);
		}
		owners_meet(2 * round + 1);
		owners_meet(2 * round + 2);
		for (int i = 0; i < OWNED; i++)
			owned_has_gone(owned[i]);
	}
	for (int i = 0; i < OWNERS - 1; i++)
		is_int(thrum_join(fs[i]), 0);
	thread_end(thread);
	store_relaxed(&givers_linger, 0);
	is_int(thrum_runtime_destroy(rt), 0);
}

#endif
