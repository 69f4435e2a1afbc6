/* SPDX-License-Identifier: MIT */
/*
 * standing.h - for tests of what is waited for in a queue (sched/stand.h): each kind of call that
 * waits, with its thing, which is not to be had at first; and tasks that make one such call.
 */
#ifndef TESTS_UNIT_STANDING_H
#define TESTS_UNIT_STANDING_H

#include "core/waitqueue.h"
#include "meeting.h"
#include "sync/mutex.h"
#include "sync/rwlock.h"

struct standing {
	const char *name;
	void (*begin)(unsigned waiters);  /* makes the thing, which @waiters will wait for */
	int (*wait)(int64_t deadline_ns); /* what the call returned; what it took is given back */
	void (*let_go)(void);             /* by who began: all that wait can have it */
	void (*end)(void);                /* by who began: nobody waits */
	void *thing;                      /* a word, and a queue behind it */
	unsigned (*turns)(void);          /* where they are not on that one: how many wait */
	bool is_open;                     /* once let go, it is to be had without a wait */
	bool has_until;                   /* there is a call with a deadline of its own */
	bool counts;                      /* who is cut short when all have it has it, too */
};

/* ---- Locks, which whoever began holds ---- */

static struct thrum_mutex mutex;

static void mutex_begin(unsigned waiters)
{
	(void)waiters;
	thrum_mutex_init(&mutex);
	is_int(thrum_mutex_try_lock(&mutex), 0);
	kept = true;
}

static int mutex_wait(int64_t deadline_ns)
{
	int err = CALL(thrum_mutex_lock, &mutex, deadline_ns);

	if (!err)
		thrum_mutex_unlock(&mutex);
	return err;
}

static void mutex_let_go(void)
{
	kept = false;
	thrum_mutex_unlock(&mutex);
}

static void mutex_end(void)
{
	if (kept)
		mutex_let_go();
	thrum_mutex_fini(&mutex);
}

/* Those on @q, which is under @word. */
static inline unsigned turns_on(struct atomic32 *word, struct thrum__waitqueue *q)
{
	uint32_t v = thrum__hold(word);
	unsigned n = 0;

	if (!thrum__waitqueue_is_empty(q))
		for (struct thrum__turn_links *l = q->ends.next; l != &q->ends; l = l->next)
			n++;
	thrum__drop(word, v);
	return n;
}

static struct thrum_rwlock rwlock;

/* The one that is next, and those that wait to be. */
static unsigned write_turns(void)
{
	struct thrum__rwlock *l = (struct thrum__rwlock *)&rwlock;
	struct thrum__mutex *m = (struct thrum__mutex *)&l->in_front;

	return turns_on(&l->word, &l->front) + turns_on(&m->word, &m->queue);
}

static void rwlock_begin(unsigned waiters)
{
	(void)waiters;
	thrum_rwlock_init(&rwlock);
	is_int(thrum_rwlock_try_write_lock(&rwlock), 0);
	kept = true;
}

static int read_wait(int64_t deadline_ns)
{
	int err = CALL(thrum_rwlock_read_lock, &rwlock, deadline_ns);

	if (!err)
		thrum_rwlock_read_unlock(&rwlock);
	return err;
}

static int write_wait(int64_t deadline_ns)
{
	int err = CALL(thrum_rwlock_write_lock, &rwlock, deadline_ns);

	if (!err)
		thrum_rwlock_write_unlock(&rwlock);
	return err;
}

static void rwlock_let_go(void)
{
	kept = false;
	thrum_rwlock_write_unlock(&rwlock);
}

static void rwlock_end(void)
{
	if (kept)
		rwlock_let_go();
	thrum_rwlock_fini(&rwlock);
}

/* ---- Permits: three, for those that want one as well ---- */

static struct thrum_sem sem;

static void permits_begin(unsigned waiters)
{
	(void)waiters;
	thrum_sem_init(&sem, 0);
}

static int one_wait(int64_t deadline_ns)
{
	int err = CALL(thrum_sem_wait, &sem, deadline_ns);

	if (!err)
		is_int(thrum_sem_post(&sem), 0);
	return err;
}

static int three_wait(int64_t deadline_ns)
{
	int err = thrum_sem_wait_many(&sem, 3, deadline_ns);

	if (!err)
		is_int(thrum_sem_post_many(&sem, 3), 0);
	return err;
}

static void permits_let_go(void)
{
	is_int(thrum_sem_post_many(&sem, 3), 0);
}

static void permits_end(void)
{
	must(thrum_sem_value(&sem) % 3 == 0);
	thrum_sem_fini(&sem);
}

/* ---- A signal, which is passed on ---- */

static struct thrum_cond cond;

static void signal_begin(unsigned waiters)
{
	(void)waiters;
	thrum_mutex_init(&mutex);
	thrum_cond_init(&cond);
}

/* Whatever is requested, it comes to the wait. */
static int signal_wait(int64_t deadline_ns)
{
	int err;

	while (thrum_mutex_try_lock(&mutex))
		thread_yield();
	err = deadline_ns == THRUM_FOREVER ? thrum_cond_wait(&cond, &mutex)
					   : thrum_cond_wait_until(&cond, &mutex, deadline_ns);
	thrum_mutex_unlock(&mutex);
	if (!err)
		thrum_cond_signal(&cond);
	return err;
}

static void signal_let_go(void)
{
	thrum_cond_signal(&cond);
}

static void signal_end(void)
{
	thrum_cond_fini(&cond);
	thrum_mutex_fini(&mutex);
}

/* ---- All of them ---- */

#define STANDING(name, call, what, thing, ...)                                                    \
	{                                                                                         \
		name, what##_begin, call##_wait, what##_let_go, what##_end, &(thing), __VA_ARGS__ \
	}

static const struct standing standings[] = {
    STANDING("mutex", mutex, mutex, mutex, .is_open = true, .has_until = true),
    STANDING("read", read, rwlock, rwlock, .is_open = true, .has_until = true),
    STANDING("write", write, rwlock, rwlock, .turns = write_turns, .is_open = true,
	     .has_until = true),
    STANDING("one", one, permits, sem, .is_open = true, .has_until = true),
    STANDING("three", three, permits, sem, .is_open = true, .has_until = true),
    STANDING("signal", signal, signal, cond, .has_until = true),
    STANDING("event", event, event, event, .is_open = true, .has_until = true),
    STANDING("barrier", barrier, barrier, barrier, .counts = true, .has_until = true),
    STANDING("group", group, group, group, .is_open = true, .has_until = true),
    STANDING("once", once, once, once, .is_open = false),
};
#define STANDINGS ((int)(sizeof(standings) / sizeof(standings[0])))

static inline struct atomic32 *word_of(const struct standing *s)
{
	return s->thing;
}

/* How many wait, or have not left yet. */
static inline unsigned turns_of(const struct standing *s)
{
	struct {
		struct atomic32 word;
		struct thrum__waitqueue queue;
	} *thing = s->thing;

	return s->turns ? s->turns() : turns_on(&thing->word, &thing->queue);
}

/* A thread that holds the word, until some time after go; then it is @v. */
struct word_holder {
	struct atomic32 *word, go;
	uint32_t v;
	pthread_t thread;
};

static inline void *thread_drops(void *holder)
{
	struct word_holder *h = holder;

	while (!load_acquire(&h->go))
		thread_yield();
	for (int i = 0; i < 1000; i++)
		thread_yield();
	thrum__drop(h->word, h->v);
	return NULL;
}

static inline void word_hold(struct word_holder *h, const struct standing *s)
{
	h->word = word_of(s);
	h->v = thrum__hold(h->word);
	store_relaxed(&h->go, 0);
	h->thread = thread_of(thread_drops, h);
}

static inline void word_go(struct word_holder *h)
{
	store_release(&h->go, 1);
}

static inline void until_turns(const struct standing *s, unsigned n)
{
	while (turns_of(s) != n)
		thread_yield();
}

#endif
