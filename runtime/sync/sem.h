/* SPDX-License-Identifier: MIT */
/* sem.h - permits in the order in which they are asked for: semaphores, and rwlocks on top.  sem.c
 * tells how. */
#ifndef THRUM_SYNC_SEM_H
#define THRUM_SYNC_SEM_H

#include "core/waitqueue.h"
#include "sched/stand.h"

/* How the permits that are left stand in the word: as they are; or as those that are not, so that
 * all zero is a lock which nobody has. */
#define THRUM__SEM_LEFT 0u
#define THRUM__SEM_TAKEN 0x3fffffffu

/* @form, below: one of those, always the same. */
struct thrum__sem {
	struct atomic32 word; /* HELD, QUEUED, permits */
	struct thrum__waitqueue queue;
} __attribute__((may_alias));

/* Of the word, beside HELD and the permits: the queue has turns. */
#define THRUM__SEM_QUEUED 0x40000000u

/* The permits that are left in a word, whatever its flags; and the other way round. */
static inline uint32_t thrum__sem_left_in(uint32_t v, uint32_t form)
{
	return (v ^ form) & (THRUM__SEM_QUEUED - 1);
}

static inline uint32_t thrum__sem_word(uint32_t left, uint32_t form)
{
	return left ^ form;
}

/* False: as @v says it is not to be had; or *@v is held. */
static ALWAYS_INLINE bool thrum__sem_take_free(struct thrum__sem *s, uint32_t form, uint32_t n,
					       uint32_t *v)
{
	*v = load_relaxed(&s->word);
	do
		if (*v >= THRUM__SEM_QUEUED || thrum__sem_left_in(*v, form) < n)
			return false;
	while (!cas_acquire(&s->word, v, /* sem.c: T1, O2 */
			    thrum__sem_word(thrum__sem_left_in(*v, form) - n, form)));
	return true;
}

/* The rest of take: it is not to be had at once. */
int thrum__sem_take_slowly(struct thrum__sem *s, uint32_t form, uint32_t n, int64_t deadline_ns);
/* The rest of give: somebody waits, or holds the word, or there would be too many. */
bool thrum__sem_give_slowly(struct thrum__sem *s, uint32_t form, uint32_t n);

/* 0; what thrum__stand_check and the wait return. */
static ALWAYS_INLINE int thrum__sem_take(struct thrum__sem *s, uint32_t form, uint32_t n,
					 int64_t deadline_ns)
{
	int err = thrum__stand_check();
	uint32_t v;

	if (UNLIKELY(err) || UNLIKELY(n == 0))
		return err;
	return LIKELY(thrum__sem_take_free(s, form, n, &v))
		   ? 0
		   : thrum__sem_take_slowly(s, form, n, deadline_ns);
}
bool thrum__sem_try_take(struct thrum__sem *s, uint32_t form, uint32_t n);
/* False: there would be more than THRUM_SEM_MAX, nothing was given. */
static ALWAYS_INLINE bool thrum__sem_give(struct thrum__sem *s, uint32_t form, uint32_t n)
{
	uint32_t v = load_relaxed(&s->word);

	do {
		if (UNLIKELY(v >= THRUM__SEM_QUEUED ||
			     n >= THRUM__SEM_QUEUED - thrum__sem_left_in(v, form)))
			return thrum__sem_give_slowly(s, form, n);
	} while (!cas_release(&s->word, &v, /* sem.c: T2, O1 */
			      thrum__sem_word(thrum__sem_left_in(v, form) + n, form)));
	return true;
}
uint32_t thrum__sem_left(const struct thrum__sem *s, uint32_t form);
/* Does nobody wait? */
bool thrum__sem_is_quiet(const struct thrum__sem *s);

#endif
