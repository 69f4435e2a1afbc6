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
 * ORDER   O1 acq_rel of looking: a handler that finds it set has set arrived before the look begins
 *         (which clears it first, and then sees arrived); one that finds it clear asks for a look.
 *         O2 acq_rel of arrived: who takes it sees what came before the signal on that thread.
 *         O3 acquire of refs pairs with the acq_rel of task.c: the last user is done with it.
 */
#include <thrum/signal.h>

#include <unistd.h>

#include "sched/callback.h"
#include "sched/fork_check.h"
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
	struct atomic32 arrived;
	bool installed;
	size_t count, limit; /* of waiting */
	struct waiting *waiting;
	struct sigaction before; /* the handler: what it found */
};

static struct slot slots[SIGNALS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct atomic32 owner;   /* the process whose signals are waited for */
static struct atomic32 looking; /* look is queued */
static struct thrum__deferred look_call;

static bool still_waits(const struct waiting *w)
{
	return load_acquire(&w->future.refs) > 1 /* O3 */ && !thrum__future_is_done(&w->future);
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

	if (!s->waiting || !exchange_acq_rel(&s->arrived, 0)) /* O2 */
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
		store_release(&s->arrived, 1); /* O2 */
}

/* On the service thread. */
static void look(struct thrum_future *none, void *unused)
{
	(void)none;
	(void)unused;
	exchange_acq_rel(&looking, 0); /* O1 */
	pthread_mutex_lock(&lock);
	for (int sig = 1; sig < SIGNALS; sig++)
		deliver(&slots[sig], sig);
	pthread_mutex_unlock(&lock);
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
		exchange_acq_rel(&slots[sig].arrived, 1); /* O2 */
		if (!exchange_acq_rel(&looking, 1))       /* O1 */
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
		store_relaxed(&slots[sig].arrived, 0);
	store_relaxed(&looking, 0);
	if (!thrum__in_forked_child())
		store_relaxed(&owner, (uint32_t)getpid());
	pthread_mutex_unlock(&lock);
}

static void start(void)
{
	store_relaxed(&owner, (uint32_t)getpid());
	pthread_atfork(before_fork, after_fork_parent, after_fork_child);
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
	int err;

	if (s->installed)
		return 0;
	sigemptyset(&action.sa_mask);
	/* Before the handler can run. */
	err = thrum__os_sigaction(sig, NULL, &s->before);
	if (!err)
		err = thrum__os_sigaction(sig, &action, NULL);
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
	store_relaxed(&w->future.refs, 2);
	pthread_once(&once, start); /* its fork handlers after those of service_start */
	pthread_mutex_lock(&lock);
	if (install(s, sig)) {
		pthread_mutex_unlock(&lock);
		thrum__future_free_block(worker, &w->future);
		return NULL;
	}
	deliver(s, sig);                        /* to those that were here when it came */
	if (exchange_acq_rel(&s->arrived, 0)) { /* O2 */
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
