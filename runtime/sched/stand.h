/* SPDX-License-Identifier: MIT */
/*
 * stand.h - the wait of whoever stands in a queue (core/waitqueue.h), a task or a thread outside:
 * all that the files of sync/ know of parking, deadlines and cancellation.
 *
 *	err = thrum__stand_check();
 *	if (err)
 *		return err;
 *	... to be had without a wait: return ...
 *	err = thrum__stand_begin(&s);
 *	...
 *	v = thrum__hold(&word);
 *	... look again: there: drop it, else ...
 *	thrum__turn_init(&turn, s.parker, s.seq);
 *	thrum__waitqueue_push(&queue, &turn);
 *	err = thrum__stand_in(&s, &turn, &word, &v, deadline_ns, deaf);
 *	if (err)
 *		... what leaving means for others; drop it ...
 *	return thrum__stand_end(&s, err, deadline_ns);
 */
#ifndef THRUM_SCHED_STAND_H
#define THRUM_SCHED_STAND_H

#include "core/waitqueue.h"
#ifndef THRUM_MODEL
#include "sched/await.h"
#include "sched/worker.h"
#endif

struct thrum__task;

struct thrum__stander {
	struct thrum__task *task; /* NULL: a thread outside */
	struct thrum__parker *parker;
	uint64_t seq; /* of the wait to come */
};

/* What a call that may wait looks at first: 0; -ECANCELED, -ETIMEDOUT, and its timeout is told;
 * -EDEADLK; -ENOTSUP. */
int thrum__stand_look(void);
int thrum__stand_look_turn(void);
#ifdef THRUM_MODEL
int thrum__stand_check(void);
#else
static inline int thrum__stand_check(void)
{
	const struct thrum__task *t = thrum__current_task();

	return LIKELY(t && thrum__wait_is_plain(t)) ? 0 : thrum__stand_look();
}
#endif
/* The same for a call that may be had again and again without a wait: a task whose turn is over
 * gives
 * way first. */
#ifdef THRUM_MODEL
int thrum__stand_check_turn(void);
#else
static inline int thrum__stand_check_turn(void)
{
	struct thrum__worker *w = thrum__current_worker();

	if (UNLIKELY(!w || !w->budget || !thrum__wait_is_plain(w->current)))
		return thrum__stand_look_turn();
	w->budget--;
	return 0;
}
#endif
/* For one wait, or none.  0; -ENOMEM: a thread's only. */
int thrum__stand_begin(struct thrum__stander *s);
/* The same, holding a word: false: something is to be done first for which it must not be held. */
bool thrum__stand_begin_holding(struct thrum__stander *s);
/* The wait: 0: a turn of its was claimed, or a node fired; -ECANCELED; -ETIMEDOUT; -ENOMEM: no
 * timer.  @deaf: neither cancel nor the task's own deadline ends it. */
int thrum__stand_wait(struct thrum__stander *s, int64_t deadline_ns, bool deaf);
/* For one wait more. */
void thrum__stand_again(struct thrum__stander *s);
/* Returns @err, which its caller will see; of -ETIMEDOUT the timeout that it is of is told, unless
 * it is that of @deadline_ns, the caller's own. */
int thrum__stand_end(struct thrum__stander *s, int err, int64_t deadline_ns);

/* Who may get what it wants from one that runs on another CPU looks after 1, 2, 4 ... pauses, up to
 * the longest one.  How many at first: more than that if no other CPU can be about to do it. */
#define THRUM__LONGEST_PAUSE 32
unsigned thrum__stand_pauses(void);
/* The caller, as long as it does not end: a task, or a thread outside. */
void *thrum__stand_who(void);

/* Whichever number. */
uint64_t thrum__stand_random(void);

/*
 * Waits with @t, the only turn of its wait, which is on a queue under @word; no node hangs
 * anywhere. 0: granted, and what was written is seen; else why not: @word is held, *@v its value,
 * and @t is on no queue.
 */
static inline int thrum__stand_on(struct thrum__stander *s, struct thrum__turn *t,
				  struct atomic32 *word, uint32_t *v, int64_t deadline_ns,
				  bool deaf)
{
	int err = thrum__stand_wait(s, deadline_ns, deaf);

	if (!err) {
		thrum__turn_await_gone(t);
		return 0;
	}
	*v = thrum__hold(word);
	thrum__turn_leave(t);
	return err;
}

/* The same, and @word is held at first, too, and given back with the value *@v. */
static inline int thrum__stand_in(struct thrum__stander *s, struct thrum__turn *t,
				  struct atomic32 *word, uint32_t *v, int64_t deadline_ns,
				  bool deaf)
{
	thrum__drop(word, *v);
	return thrum__stand_on(s, t, word, v, deadline_ns, deaf);
}

#endif
