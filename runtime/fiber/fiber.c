/* SPDX-License-Identifier: MIT */
/*
 * fiber.c - fibers: born on a stack from the cache, with a first frame that a switch can return
 * into.
 *
 * States and owners stand in fiber.h.  Only create can fail, and returns NULL.
 *
 * The walk of a task goes on in sched/await.c, the only place that suspends one.
 */
#define _GNU_SOURCE

#include "fiber/fiber.h"

#include <string.h>

#include "base/assert.h"
#include "base/os.h"

#ifdef THRUM_ASAN
#include <pthread.h>
#endif

/* What thrum__fiber_swap takes off a stack; see switch_*.S. */
#if defined(__x86_64__)
struct frame {
	void *r15, *r14, *r13, *r12, *rbx, *rbp;
	void (*resume)(void);
};
#define frame_fiber r12
#elif defined(__aarch64__)
struct frame {
	uint64_t d[8];
	void *x19, *x20_28[9], *x29;
	void (*resume)(void);
};
#define frame_fiber x19
#else
#error "thrum runs on x86-64 and AArch64"
#endif

#ifndef THRUM_SANITIZED
_Static_assert(sizeof(struct thrum__fiber) == CACHE_LINE, "a fiber is one cache line");
#endif
/* Colour, fiber and 1.5 KiB of frames share the top page. */
_Static_assert(THRUM__STACK_COLOURS * CACHE_LINE + sizeof(struct thrum__fiber) + 1536 <= 4096,
	       "one page");

_Noreturn void thrum__fiber_main(struct thrum__fiber *self);

/* Where thrum__fiber_entry goes. */
_Noreturn UNINSTRUMENTED void thrum__fiber_main(struct thrum__fiber *self)
{
	thrum__sanitize_arrive(&self->sanitize);
	self->entry(self->arg);
	thrum__assert_fail(
	    __FILE__, __LINE__, "the fiber's function never returns",
	    "a task left its frame by other means than return; do not longjmp out of one");
}

static struct thrum__fiber *fiber_place(char *low, size_t usable_bytes, void (*entry)(void *arg),
					void *arg, bool valgrind)
{
	char *high = low + usable_bytes;
	struct thrum__fiber *f = (void *)thrum__stack_top(low, high, sizeof(*f));
	/* Once it is taken off, the stack pointer is at f, which the ABI wants to be a multiple of
	 * 16. */
	struct frame *frame = (struct frame *)f - 1;

	memset(frame, 0, sizeof(*frame));
	frame->frame_fiber = f;
	frame->resume = thrum__fiber_entry;
	f->sp = frame;
	f->low = low;
	f->high = high;
	f->task = NULL;
	f->next = NULL;
	f->entry = entry;
	f->arg = arg;
	f->mapped = false;
	thrum__sanitize_create(&f->sanitize, low, high, valgrind);
	return f;
}

struct thrum__fiber *thrum__fiber_create(struct thrum__stack_cache *cache, void (*entry)(void *arg),
					 void *arg)
{
	char *low = thrum__stack_get(cache);

	if (!low)
		return NULL;
	return fiber_place(low, cache->pool->usable_bytes, entry, arg, cache->pool->valgrind);
}

struct thrum__fiber *thrum__fiber_create_sized(struct thrum__stack_cache *cache, size_t stack_bytes,
					       void (*entry)(void *arg), void *arg)
{
	size_t usable_bytes = thrum__stack_round(stack_bytes);
	char *low = thrum__stack_map(cache->pool, usable_bytes);
	struct thrum__fiber *f;

	if (!low)
		return NULL;
	f = fiber_place(low, usable_bytes, entry, arg, cache->pool->valgrind);
	f->mapped = true;
	return f;
}

void thrum__fiber_destroy(struct thrum__stack_cache *cache, struct thrum__fiber *f)
{
	/* The struct lies on the stack that goes. */
	char *low = f->low;
	size_t usable_bytes = (size_t)(f->high - low);
	bool mapped = f->mapped;

	thrum__sanitize_destroy(&f->sanitize, cache->pool->valgrind);
	if (mapped)
		thrum__stack_unmap(cache->pool, low, usable_bytes);
	else
		thrum__stack_put(cache, low);
}

#ifdef THRUM_ASAN
/* AddressSanitizer wants the bounds of every stack that is switched to. */
static void thread_bounds(char **low, char **high)
{
	pthread_attr_t attr;
	void *bottom;
	size_t size;

	if (pthread_getattr_np(pthread_self(), &attr))
		return;
	if (!pthread_attr_getstack(&attr, &bottom, &size)) {
		*low = bottom;
		*high = *low + size;
	}
	pthread_attr_destroy(&attr);
}
#endif

void thrum__fiber_init_thread(struct thrum__fiber *f)
{
	memset(f, 0, sizeof(*f));
#ifdef THRUM_ASAN
	thread_bounds(&f->low, &f->high);
#endif
	thrum__sanitize_thread(&f->sanitize);
}

#ifdef THRUM_SANITIZED
UNINSTRUMENTED NOINLINE void thrum__fiber_switch(struct thrum__fiber *from, struct thrum__fiber *to)
{
	thrum__sanitize_leave(&from->sanitize, &to->sanitize, to->low, to->high, false);
	thrum__fiber_swap(&from->sp, to->sp);
	thrum__sanitize_arrive(&from->sanitize);
}
#endif

_Noreturn UNINSTRUMENTED NOINLINE void thrum__fiber_switch_exit(struct thrum__fiber *from,
								struct thrum__fiber *to)
{
	thrum__sanitize_leave(&from->sanitize, &to->sanitize, to->low, to->high, true);
	thrum__fiber_swap(&from->sp, to->sp);
	__builtin_unreachable();
}
