/* SPDX-License-Identifier: MIT */
/*
 * linear_locks.h - the serial models of locks, and of what tasks meet at, for linear.h.
 *
 * A wait at a condition has three parts: it stands in line; it gives the mutex back; it has the
 * mutex again.  A mutex has no line: who comes may be faster than one who waits; nor has a lock of
 * readers and writers, but where a writer waits nobody needs to be let in.
 */
#ifndef TESTS_UNIT_LINEAR_LOCKS_H
#define TESTS_UNIT_LINEAR_LOCKS_H

#include <errno.h>

#include "linear.h"

enum lock_op {
	SEM_WAIT = QUIET + 1, /* for arg permits */
	SEM_TRY,
	SEM_POST,
	SEM_VALUE,
	RW_LOCK, /* a reader's arg is 1, a writer's RW_ALL, downgrade gives back all but 1 */
	RW_TRY,
	RW_UNLOCK,
	MUTEX_LOCK,
	MUTEX_TRY,
	MUTEX_UNLOCK,
	COND_WAIT,
	COND_SIGNAL,
	COND_BROADCAST,
	EVENT_WAIT,
	EVENT_SET,
	EVENT_CLEAR,
	EVENT_IS_SET,
	BARRIER_WAIT,
	GROUP_WAIT,
	GROUP_ADD,
	GROUP_DONE,
};

static const char *const lock_names[] = {
    "quiet",        "wait",       "try wait",   "post",     "value",  "rw lock",
    "rw try",       "rw unlock",  "lock",       "try lock", "unlock", "cond wait",
    "signal",       "broadcast",  "event wait", "set",      "clear",  "is set",
    "barrier wait", "group wait", "add",        "done",
};

#define RW_ALL 1000

struct locks_model {
	int permits;    /* of a semaphore; for readers and writers; of a wait group: not done yet */
	int parties;    /* of a barrier */
	uint8_t locked; /* the mutex; the event is set */
	struct line line;
} __attribute__((may_alias)); /* the state of a history */

_Static_assert(sizeof(struct locks_model) <= LINEAR_STATE, "it fits");

struct lock_step {
	const struct history *h;
	struct locks_model *m;
	uint64_t ended;
};

/* The first in line ends with @result.  False: it did not. */
static inline bool lock_grant(struct lock_step *s, int result)
{
	unsigned i = s->m->line.who[0];

	line_remove_at(&s->m->line, 0);
	s->ended |= linear_bit(i);
	return !s->h->ops[i].cut && s->h->ops[i].result == result;
}

static inline bool lock_grant_all(struct lock_step *s)
{
	while (s->m->line.n)
		if (!lock_grant(s, 0))
			return false;
	return true;
}

/* Permits for those in front. */
static inline bool sem_serve(struct lock_step *s)
{
	while (s->m->line.n) {
		int wants = s->h->ops[s->m->line.who[0]].arg;

		if (wants > s->m->permits)
			break;
		s->m->permits -= wants;
		if (!lock_grant(s, 0))
			return false;
	}
	return true;
}

/* @i stands in line, unless it @goes on at once. */
static inline bool lock_wait(struct lock_step *s, unsigned i, bool goes)
{
	if (goes)
		return !s->h->ops[i].cut && s->h->ops[i].result == 0;
	s->ended &= ~linear_bit(i);
	line_push(&s->m->line, i);
	return true;
}

/* Each is told which one it was. */
static inline bool barrier_wait(struct lock_step *s, unsigned i)
{
	s->ended &= ~linear_bit(i);
	line_push(&s->m->line, i);
	if (s->m->line.n < s->m->parties)
		return true;
	for (int k = 0; k < s->m->parties; k++)
		if (!lock_grant(s, k))
			return false;
	return true;
}

static inline bool sem_do(struct lock_step *s, unsigned i)
{
	const struct operation *o = &s->h->ops[i];
	struct locks_model *m = s->m;
	bool is_there = !m->line.n && o->arg <= m->permits;

	switch (o->what) {
	case SEM_WAIT:
		m->permits -= is_there ? o->arg : 0;
		return lock_wait(s, i, is_there);
	case SEM_TRY:
		m->permits -= is_there ? o->arg : 0;
		return is_there == !o->result;
	case SEM_POST:
		m->permits += o->arg;
		return sem_serve(s);
	default:
		return o->result == m->permits;
	}
}

static inline bool rw_is_beside_writer(const struct history *h, unsigned i)
{
	for (unsigned j = 0; j < h->n; j++)
		if (j != i && h->ops[j].what == RW_LOCK && h->ops[j].arg == RW_ALL &&
		    h->ops[j].begins < h->ops[i].ends && h->ops[i].begins < h->ops[j].ends)
			return true;
	return false;
}

static inline bool rw_do(struct lock_step *s, unsigned i)
{
	const struct operation *o = &s->h->ops[i];
	bool is_there = o->arg <= s->m->permits;

	if (o->what == RW_UNLOCK) {
		s->m->permits += o->arg;
		return true;
	}
	if (o->what == RW_TRY && o->result)
		return !is_there || rw_is_beside_writer(s->h, i);
	s->m->permits -= o->arg;
	return is_there && !o->cut && !o->result;
}

/* A reader beside readers: by a writer that waits. */
static inline bool rw_is_kept_out(const struct history *h, const struct locks_model *m, unsigned i)
{
	return h->ops[i].arg > m->permits || (m->permits < RW_ALL && rw_is_beside_writer(h, i));
}

static inline bool mutex_do(struct lock_step *s, const struct operation *o)
{
	bool was_locked = s->m->locked;

	s->m->locked = o->what != MUTEX_UNLOCK;
	switch (o->what) {
	case MUTEX_LOCK:
		return !was_locked && !o->cut;
	case MUTEX_TRY:
		return was_locked == (o->result == -EBUSY);
	default:
		return was_locked;
	}
}

static inline bool cond_do(struct lock_step *s, unsigned i)
{
	switch (s->h->ops[i].what) {
	case COND_WAIT:
		return lock_wait(s, i, false);
	case COND_SIGNAL:
		return !s->m->line.n || lock_grant(s, 0);
	default:
		return lock_grant_all(s);
	}
}

static inline bool event_do(struct lock_step *s, unsigned i)
{
	struct locks_model *m = s->m;

	switch (s->h->ops[i].what) {
	case EVENT_WAIT:
		return lock_wait(s, i, m->locked);
	case EVENT_SET:
		m->locked = true;
		return lock_grant_all(s);
	case EVENT_CLEAR:
		m->locked = false;
		return true;
	default:
		return s->h->ops[i].result == m->locked;
	}
}

static inline bool group_do(struct lock_step *s, unsigned i)
{
	switch (s->h->ops[i].what) {
	case GROUP_WAIT:
		return lock_wait(s, i, !s->m->permits);
	case GROUP_ADD:
		s->m->permits += s->h->ops[i].arg;
		return true;
	default:
		return --s->m->permits || lock_grant_all(s);
	}
}

static inline bool lock_enter(const struct history *h, void *state, unsigned i, uint64_t *ended)
{
	struct lock_step s = {h, state, linear_bit(i)};
	unsigned what = h->ops[i].what;
	bool is_possible;

	if (what <= SEM_VALUE)
		is_possible = sem_do(&s, i);
	else if (what <= RW_UNLOCK)
		is_possible = rw_do(&s, i);
	else if (what <= MUTEX_UNLOCK)
		is_possible = mutex_do(&s, &h->ops[i]);
	else if (what <= COND_BROADCAST)
		is_possible = cond_do(&s, i);
	else if (what <= EVENT_IS_SET)
		is_possible = event_do(&s, i);
	else if (what == BARRIER_WAIT)
		is_possible = barrier_wait(&s, i);
	else
		is_possible = group_do(&s, i);
	*ended = s.ended;
	return is_possible;
}

static inline bool lock_leave(const struct history *h, void *state, unsigned i, uint64_t *ended)
{
	struct lock_step s = {h, state, 0};
	bool is_possible;

	line_remove(&s.m->line, i);
	is_possible = h->ops[i].what != SEM_WAIT || sem_serve(&s);
	*ended = s.ended;
	return is_possible;
}

static inline bool lock_keeps_out(const struct history *h, const void *state, unsigned i)
{
	const struct locks_model *m = state;

	if (h->ops[i].what == RW_LOCK)
		return rw_is_kept_out(h, m, i);
	return h->ops[i].what == MUTEX_LOCK && m->locked;
}

static const struct linear_model lock_linear = {lock_names, lock_enter, lock_leave, lock_keeps_out,
						NULL};

#endif
