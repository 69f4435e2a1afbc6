/* SPDX-License-Identifier: MIT */
/*
 * retry.c - call it again, after pauses that grow and are partly random.
 *
 * Everything is in the caller's frame and task; what is left of a call when it is cut short is
 * nothing.  Random numbers are made of the runtime's seed, the worker and how often it has
 * suspended a task: tasks that retry at one moment get different ones, and with one worker and the
 * virtual clock a run's are the next run's.  (The worker's own generator is used by its searches,
 * too, which go by the real time.)
 *
 * What can fail: fn, which is why it is here; the sleeps.
 */
#include "sched/await.h"
#include "sched/config.h"
#include "sched/worker.h"

#include <float.h>

#include <thrum/pace.h>

/* NaN is in no range. */
static int check_options(const struct thrum_retry_options *o)
{
	bool fits = o->first_ns >= 0 && o->most_ns >= 0 && o->factor >= 1 && o->factor <= DBL_MAX &&
		    o->jitter >= 0 && o->jitter <= 1;

	return fits ? 0 : -EINVAL;
}

static uint64_t mix(uint64_t x)
{
	x += 0x9E3779B97F4A7C15u; /* splitmix64: Steele, Lea, Flood 2014 */
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

/* Another one at each pause: this worker has suspended a task once more by then. */
static uint64_t random_here(void)
{
	struct thrum__worker *w = thrum__tls_worker();

	return mix(mix(w->runtime->seed + w->index) + load_relaxed(&w->counters.suspensions));
}

/* @ns * @factor, and @most_ns at most. */
static int64_t grown(int64_t ns, double factor, int64_t most_ns)
{
	double longer = (double)ns * factor;

	/* A double rounds: the largest int64_t is not one, and below it the cast is defined. */
	if (!(longer < (double)most_ns))
		return most_ns;
	return thrum__min64((int64_t)longer, most_ns);
}

/* @ns without a random part of its share @jitter. */
static int64_t jittered(int64_t ns, double jitter)
{
	double share = (double)ns * jitter;
	uint64_t most = share < (double)ns ? (uint64_t)share : (uint64_t)ns;
	uint64_t random = random_here();

	/* Evenly 0 ... most: the high half of the product (Lemire 2019). */
	return ns - (int64_t)((unsigned __int128)random * (most + 1) >> 64);
}

static bool is_worth_it(const struct thrum_retry_options *o, intptr_t result, void *arg)
{
	if (result == -ECANCELED && thrum__cancel_requested() == THRUM_HARD)
		return false;
	return o->again ? o->again(result, arg) : thrum_failed(result);
}

static intptr_t attempt(const struct thrum_retry_options *o, struct thrum__task *t, thrum_fn fn,
			void *arg)
{
	int64_t pause = thrum__min64(o->first_ns, o->most_ns);

	for (uint64_t left = o->attempts;;) {
		intptr_t result = fn(arg);
		int64_t ns, end;
		int err;

		if (left == 1 || !is_worth_it(o, result, arg))
			return result;
		left -= left != 0;
		ns = jittered(pause, o->jitter);
		end = thrum__deadline_after(thrum__runtime_now_ns(t->future.runtime), ns);
		if (t->deadline_ns != THRUM_FOREVER && end >= t->deadline_ns)
			return result;
		err = thrum_sleep(ns);
		if (err)
			return err;
		pause = grown(pause, o->factor, o->most_ns);
	}
}

intptr_t thrum_retry(const struct thrum_retry_options *options, thrum_fn fn, void *arg)
{
	struct thrum_retry_options o = THRUM_RETRY_INIT;
	struct thrum__task *t = thrum__current_task();
	int err;

	if (!t)
		return thrum__no_task();
	err = options ? thrum__copy_known(options, &o, sizeof(o)) : 0;
	if (!err)
		err = fn ? check_options(&o) : -EINVAL;
	if (!err)
		err = thrum__wait_entry(t);
	return err ? err : attempt(&o, t, fn, arg);
}
