/* SPDX-License-Identifier: MIT */
/*
 * block.c - sleep in the model: futex, event, predicate, mutex; and the library's calls to the
 * system.
 *
 * runtime/base/os.c is not under the explorer.  The few of its functions that structures call stand
 * here, on model memory and simulated sleep; likewise the pthread mutex, by another name
 * (CMakeLists.txt).
 */
#include "internal.h"

#include "base/assert.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define SITE(name_, op_)                   \
	static struct model_site name_ = { \
	    "", "", op_, 0, MODEL_OTHER, MODEL_RELAXED, MODEL_RELAXED, false}

bool model_futex_wait(struct atomic32 *p, uint32_t expected)
{
	SITE(site, "futex_wait");
	struct thread *t = X.self;

	if (memory_latest(&site, &p->v, sizeof(p->v)) != expected)
		return false;
	if (X.phase != RUN)
		model_fail("setup or check would sleep");
	if (X.broken == BREAK_FUTEX)
		model_yield();
	t->arg = p;
	t->woken = false;
	sched_sleep(ON_FUTEX);
	return true;
}

void model_futex_wake(struct atomic32 *p, unsigned n)
{
	SITE(site, "futex_wake");

	sched_point(&site, NULL, ACCESS_ALL);
	if (UNLIKELY(X.tracing) && X.phase == RUN)
		trace_event(&site, &p->v)->what = 0;
	for (; n; n--) {
		struct thread *asleep[THREADS];
		unsigned found = 0;

		for (unsigned i = 1; i < X.nthreads; i++) {
			struct thread *t = &X.threads[i];

			if (t->asleep == ON_FUTEX && t->arg == p && !t->woken)
				asleep[found++] = t;
		}
		if (!found)
			return;
		asleep[choose(found)]->woken = true;
	}
}

void model_block_until(bool (*pred)(void *), void *arg)
{
	SITE(site, "block_until");
	struct thread *t = X.self;

	sched_point(&site, NULL, ACCESS_ALL);
	if (pred(arg))
		return;
	if (X.phase != RUN)
		model_fail("setup or check would sleep");
	t->pred = pred;
	t->arg = arg;
	sched_sleep(ON_PREDICATE);
}

void model_event_init(struct model_event *e)
{
	store_relaxed(&e->count, 0);
}

void model_event_set(struct model_event *e)
{
	fetch_add_acq_rel(&e->count, 1);
}

static bool event_is_set(void *arg)
{
	return ((struct model_event *)arg)->count.v != 0;
}

void model_event_wait(struct model_event *e)
{
	do
		model_block_until(event_is_set, e);
	while (!exchange_acq_rel(&e->count, 0));
}

bool model_event_poll(struct model_event *e)
{
	return model_choose(2) == 0 && exchange_acq_rel(&e->count, 0);
}

unsigned model_choose(unsigned n)
{
	return n < 2 ? 0 : choose(n);
}

/* A mutex is the first word of the library's pthread_mutex_t; zero: free. */
static struct atomic32 *mutex_word(pthread_mutex_t *m)
{
	return (struct atomic32 *)(void *)m;
}

int model_mutex_init(pthread_mutex_t *m, const pthread_mutexattr_t *attr)
{
	(void)attr;
	memset(m, 0, sizeof(*m));
	return 0;
}

int model_mutex_destroy(pthread_mutex_t *m)
{
	return mutex_word(m)->v ? EBUSY : 0;
}

static bool mutex_is_free(void *arg)
{
	return ((struct atomic32 *)arg)->v == 0;
}

int model_mutex_trylock(pthread_mutex_t *m)
{
	return exchange_acquire(mutex_word(m), 1) ? EBUSY : 0;
}

int model_mutex_lock(pthread_mutex_t *m)
{
	while (model_mutex_trylock(m))
		model_block_until(mutex_is_free, mutex_word(m));
	return 0;
}

int model_mutex_unlock(pthread_mutex_t *m)
{
	store_release(mutex_word(m), 0);
	return 0;
}

/* base/os.h, as far as structures call it. */
void *thrum__os_alloc(size_t size);
void *thrum__os_alloc_zeroed(size_t size);
void *thrum__os_alloc_aligned(size_t align, size_t size);
void thrum__os_free(void *p);
int thrum__os_futex_wait(uint32_t *addr, uint32_t expected, int64_t deadline_ns);
void thrum__os_futex_wake(uint32_t *addr, int n);

void *thrum__os_alloc(size_t size)
{
	return model_alloc(size);
}

void *thrum__os_alloc_zeroed(size_t size)
{
	return memset(model_alloc(size), 0, size);
}

void *thrum__os_alloc_aligned(size_t align, size_t size)
{
	model_assert(align <= 64);
	return model_alloc(size);
}

void thrum__os_free(void *p)
{
	model_free(p);
}

int thrum__os_futex_wait(uint32_t *addr, uint32_t expected, int64_t deadline_ns)
{
	if (deadline_ns != INT64_MAX && model_choose(2))
		return -ETIMEDOUT;
	return model_futex_wait((struct atomic32 *)(void *)addr, expected) ? 0 : -EAGAIN;
}

void thrum__os_futex_wake(uint32_t *addr, int n)
{
	model_futex_wake((struct atomic32 *)(void *)addr, (unsigned)n);
}

/*
 * base/assert.h: an assertion of the library ends the execution, with its interleaving, and not the
 * process.
 */
const char *(*thrum__assert_task)(void);

void thrum__assert_fail(const char *file, int line, const char *what, const char *advice)
{
	model_fail("ENSURE failed: %s at %s:%d: %s", what, trace_file(file), line, advice);
}
