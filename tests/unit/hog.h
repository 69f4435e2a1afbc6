/* SPDX-License-Identifier: MIT */
/*
 * hog.h - tasks that hold their workers, for the tests of what goes on beside them.
 *
 * A hog computes until its flag is set.  If nobody can set it, it gives up after GIVE_UP_NS and the
 * test fails: that is how a task that did not go on is noticed.
 */
#ifndef TESTS_UNIT_HOG_H
#define TESTS_UNIT_HOG_H

#include <dirent.h>
#include <errno.h>
#include <time.h>

#include "base/atomic.h"
#include "base/clock.h"
#include "run.h"

#define GIVE_UP_NS THRUM_SEC(60)

/* The sanitizers' headers give gcc a __has_feature that knows none. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SLOWED 1
#elif defined(__has_feature)
#define SLOWED (__has_feature(thread_sanitizer) || __has_feature(address_sanitizer))
#else
#define SLOWED 0
#endif

/* Ten times what is seen on a busy machine. */
#define LATE_NS (SLOWED ? THRUM_SEC(2) : THRUM_MS(100))

struct hogs {
	struct atomic32 running;
	struct atomic32 go; /* may end */
	struct thrum_future *f[8];
	unsigned n;
};

static inline intptr_t task_hogs(void *hogs)
{
	struct hogs *h = hogs;
	int64_t end = thrum__clock_monotonic_ns() + GIVE_UP_NS;

	fetch_add_relaxed(&h->running, 1);
	while (!load_acquire(&h->go))
		must(thrum__clock_monotonic_ns() < end);
	return 0;
}

static inline void hogs_end(struct hogs *h)
{
	store_release(&h->go, 1);
}

static inline void hogs_join(struct hogs *h)
{
	for (unsigned i = 0; i < h->n; i++)
		is_int(thrum_join(h->f[i]), 0);
}

static inline void hogs_clear(struct hogs *h)
{
	store_relaxed(&h->running, 0);
	store_relaxed(&h->go, 0);
}

/* After hogs_clear: what ends them may come before they begin. */
static inline void hogs_spawn(struct hogs *h, unsigned n)
{
	h->n = n;
	for (unsigned i = 0; i < n; i++) {
		h->f[i] = thrum_spawn(task_hogs, h);
		must(h->f[i]);
	}
}

/* Spawns @n; the caller may be one more: task_hogs. */
static inline void hogs_begin(struct hogs *h, unsigned n)
{
	hogs_clear(h);
	hogs_spawn(h, n);
}

static inline unsigned threads_of_process(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	unsigned n = 0;

	must(d);
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	closedir(d);
	return n;
}

/* The time passes and this thread does nothing. */
static inline void let_pass(int64_t ns)
{
	sem_t never;
	struct timespec until;

	must(sem_init(&never, 0, 0) == 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ns % THRUM_SEC(1);
	until.tv_sec += ns / THRUM_SEC(1) + until.tv_nsec / THRUM_SEC(1);
	until.tv_nsec %= THRUM_SEC(1);
	while (sem_timedwait(&never, &until) && errno == EINTR)
		;
	sem_destroy(&never);
}

#endif
