/* SPDX-License-Identifier: MIT */
/*
 * signal.c - signals as futures.
 *
 * The handler, on whichever thread the kernel chose, notes that the signal has come and has the
 * service thread (sched/callback.c) look; that completes the futures which wait for it.  Nothing
 * runs until a signal comes.  Rejected: signalfd, which needs the signal blocked in every thread of
 * the program, and the mask goes on to whatever it executes.
 *
 * arrived says that the signal came and nobody has heard of it yet: it stays set while no future
 * waits, so several count as one, as with the kernel's pending signals.
 *
 * OWNERS  waiting, count, limit, installed, before: under lock.  A future on the list is held by
 * one reference of ours.  One that nobody else holds, or that is done (cancelled), waits no more:
 * it takes no signal, and is freed with the next one or when the list has doubled.
 *
 * FORK  A child that is forked while a runtime lives has no service thread: there the handler puts
 * the action back that it found, and sends the signal again.  It tells by the process id, as the
 * signal may come before the child has run its first instruction.
 *
 * What can fail: the future's memory, the service thread, sigaction: NULL and nothing is changed
 * (but a handler installed before stays).
 *
 * ORDER   arrived is a note, and the look an errand (core/errand.h): whatever arrived before a
 *         handler asks is seen by a look that begins later, and one that asks while a look goes on
 *         has it made again.  Who takes the note sees what came before the signal on that thread.
 */
#include <thrum/signal.h>

#include <unistd.h>

#include "core/errand.h"
#include "core/refs.h"
#include "sched/callback.h"
#include "sched/fork_check.h"
#include "sched/interrupt.h"
#include "sched/registry.h"
#include "sched/worker.h"

#define SIGNALS 65 /* they are numbered from 1 to 64 */
/* Futures on a list before those that wait no more are looked for. */
#define LIMIT_MIN 16

/* A bare future with a link. */
struct waiting {
	struct thrum_future future;
	struct waiting *next;
};

struct slot {
	struct thrum__note arrived;
	bool installed;
	size_t count, limit; /* of waiting */
	struct waiting *waiting;
	struct sigaction before; /* the handler: what it found */
};

static struct slot slots[SIGNALS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool watched;          /* fork is; under lock */
static struct atomic32 owner; /* the process whose signals are waited for */
static struct thrum__errand looking;
static struct thrum__deferred look_call;

static bool still_waits(const struct waiting *w)
{
	return !thrum__refs_is_only(&w->future.refs) && !thrum__future_is_done(&w->future);
}

/* Lets a future go that is done or that nobody else holds. */
static void let_go(struct waiting *w)
{
	if (!thrum__future_is_done(&w->future))
		(void)thrum_cancel(&w->future);
	thrum_release(&w->future);
}

/* Under lock: keeps those that still wait. */
static void prune(struct slot *s)
{
	struct waiting **p = &s->waiting;

	while (*p) {
		struct waiting *w = *p;

		if (still_waits(w)) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		s->count--;
		let_go(w);
	}
	s->limit = 2 * s->count + LIMIT_MIN;
}

/* Under lock: if the signal has come, those that wait for it hear of it; if none does, the signal
 * stays. */
static void deliver(struct slot *s, int sig)
{
	bool heard = false;

	if (!s->waiting || !thrum__note_take(&s->arrived))
		return;
	while (s->waiting) {
		struct waiting *w = s->waiting;

		s->waiting = w->next;
		if (still_waits(w) && thrum_future_set(&w->future, sig) == 0)
			heard = true;
		let_go(w);
	}
	s->count = 0;
	s->limit = LIMIT_MIN;
	if (!heard)
		thrum__note_leave(&s->arrived);
}

/* On the service thread. */
static void look(struct thrum_future *none, void *unused)
{
	(void)none;
	(void)unused;
	thrum__errand_take(&looking);
	pthread_mutex_lock(&lock);
	for (int sig = 1; sig < SIGNALS; sig++)
		deliver(&slots[sig], sig);
	pthread_mutex_unlock(&lock);
	/* Others' callbacks have their turn between two looks. */
	if (!thrum__errand_finish(&looking))
		thrum__callback_defer(&look_call, NULL, look);
}

/* Calls nothing that a signal handler may not. */
static void handle(int sig)
{
	int saved = errno;
	pid_t self = getpid();

	if ((pid_t)load_relaxed(&owner) != self) {
		(void)thrum__os_sigaction(sig, &slots[sig].before, NULL);
		kill(self, sig);
	} else {
		thrum__note_leave(&slots[sig].arrived);
		if (thrum__errand_ask(&looking))
			thrum__callback_defer(&look_call, NULL, look);
	}
	errno = saved;
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
}

static void after_fork_parent(void)
{
	pthread_mutex_unlock(&lock);
}

/* Pending signals are the parent's, and so is a look that was queued. */
static void after_fork_child(void)
{
	for (int sig = 1; sig < SIGNALS; sig++)
		thrum__note_init(&slots[sig].arrived);
	thrum__errand_init(&looking);
	if (!thrum__in_forked_child())
		store_relaxed(&owner, (uint32_t)getpid());
	pthread_mutex_unlock(&lock);
}

/* Under lock.  Its fork handlers come after those of service_start. */
static int watch_fork(void)
{
	int err = watched ? 0 : thrum__os_atfork(before_fork, after_fork_parent, after_fork_child);

	if (!err && !watched)
		store_relaxed(&owner, (uint32_t)getpid());
	watched |= !err;
	return err;
}

static bool can_be_caught(int sig)
{
	return sig > 0 && sig < SIGNALS && sig != SIGSEGV && sig != SIGBUS && sig != SIGFPE &&
	       sig != SIGILL;
}

/* Under lock. */
static int install(struct slot *s, int sig)
{
	/* On the worker's own signal stack: a fiber's may be nearly used up. */
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART | SA_ONSTACK};
	int err = watch_fork();

	if (err || s->installed)
		return err;
	sigemptyset(&action.sa_mask);
	err = thrum__interrupt_hand_over(sig, &action, &s->before);
	s->installed = !err;
	return err;
}

struct thrum_future *thrum_signal_next(int sig)
{
	struct thrum__worker *worker = thrum__current_worker();
	struct slot *s = &slots[can_be_caught(sig) ? sig : 0];
	struct waiting *w;

	_Static_assert(sizeof(*w) <= 3 * CACHE_LINE, "it fits a block of the future pool");
	if (!worker || s == slots || thrum__service_start())
		return NULL;
	w = thrum__future_alloc(worker, THRUM__BARE, "? signal");
	if (!w)
		return NULL;
	thrum__refs_publish(&w->future.refs, 2);
	pthread_mutex_lock(&lock);
	if (install(s, sig)) {
		pthread_mutex_unlock(&lock);
		thrum__future_free_block(worker, &w->future);
		return NULL;
	}
	deliver(s, sig); /* to those that were here when it came */
	if (thrum__note_take(&s->arrived)) {
		(void)thrum_future_set(&w->future, sig);
		thrum_release(&w->future);
	} else {
		if (s->count >= s->limit)
			prune(s);
		w->next = s->waiting;
		s->waiting = w;
		s->count++;
	}
	pthread_mutex_unlock(&lock);
	return &w->future;
}
