/* SPDX-License-Identifier: MIT */
/*
 * interrupt.c - SIGINT and SIGTERM while thrum_run runs: the first asks the main task softly, and
 * hard after a while; the second asks hard at once; the third ends the process.
 *
 * The handler, on whichever thread the kernel chose, counts the signal at each root and queues a
 * call to the root's workers; both are lock-free, and the wake is a write.  The call, on a worker,
 * makes the requests.  No thread is needed for it, nor memory, but for the pause between soft and
 * hard, which a task waits for; if none can be had the hard request comes at once.
 *
 * Where nobody in the runtime has ever asked what is requested, softly or by its root's token, a
 * soft request would be heard by nobody: the hard one follows at once.
 *
 * A signal that the program ignores or handles when thrum_run begins is left to it; so is one that
 * it waits for by thrum_signal_next, from then on.
 *
 * OWNERS  installed, users: under lock.  roots: begin puts a root there, under lock, and end takes
 * it out; the handlers visit.
 *
 * FORK  In a child that is forked meanwhile the handler puts the action back that was found, and
 * sends the signal again, as in io/signal.c.
 *
 * What can fail: sigaction; a free place: then thrum_run goes on without.
 *
 * ORDER   core/places.h: no handler is at a root that has ended.  core/errand.h: the call sees what
 *         was counted before it was asked for, and its link is free again when one asks anew.
 */
#include "sched/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include "base/os.h"
#include "core/places.h"
#include "sched/spawn.h"
#include "sched/worker.h"

static const int handled[] = {SIGINT, SIGTERM};
#define HANDLED (sizeof(handled) / sizeof(handled[0]))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct sigaction dfl = {.sa_handler = SIG_DFL}; /* what is put back */
static bool installed[HANDLED];
static unsigned users;        /* roots that there are */
static struct atomic32 owner; /* the process whose signals are handled */
static struct thrum__places roots;

/* ---- On a worker ---- */

static void ask_hard(struct thrum__root *root)
{
	thrum_token_cancel(root->token, THRUM_HARD, (intptr_t)load_relaxed(&root->reason));
}

/* The pause is over; or the runtime stops. */
static intptr_t task_asks_hard(void *arg)
{
	struct thrum__root *root = arg;
	int err = thrum_sleep(root->soft_ns);

	if (err == -ECANCELED)
		return err;
	ask_hard(root); /* also if there is no timer */
	return 0;
}

/* It could not run. */
static void no_pause(void *arg)
{
	struct thrum__root *root = arg;

	if (!thrum__gate_is_shut(&root->runtime->gate))
		ask_hard(root);
}

static bool anyone_minds(const struct thrum__root *root)
{
	return load_relaxed(&root->runtime->minds_requests);
}

static void act(struct thrum_future *none, void *arg)
{
	struct thrum__root *root = arg;
	struct thrum__spawn how = {.place = "? hard_after_soft",
				   .fn = task_asks_hard,
				   .drop = no_pause,
				   .arg = root,
				   .released = true};

	(void)none;
	thrum__errand_take(&root->acting);
	thrum_token_cancel(root->token, THRUM_SOFT, (intptr_t)load_relaxed(&root->reason));
	if (load_relaxed(&root->signals) > 1 || !anyone_minds(root) ||
	    thrum__submit(root->runtime, &how, NULL))
		ask_hard(root);
	if (!thrum__errand_finish(&root->acting))
		thrum__callback_run_in(&root->call, root->runtime, act, root);
}

/* ---- The handler ---- */

/* Calls nothing that a signal handler may not. */
static uint32_t tell(struct thrum__root *root, int sig)
{
	uint32_t n;

	store_relaxed(&root->reason, (uint32_t)sig);
	n = fetch_add_relaxed(&root->signals, 1);
	if (thrum__errand_ask(&root->acting))
		thrum__callback_run_in(&root->call, root->runtime, act, root);
	return n;
}

static void put_back_and_raise(int sig)
{
	(void)thrum__os_sigaction(sig, &dfl, NULL);
	kill(getpid(), sig);
}

static void handle(int sig)
{
	bool patient = false;
	int saved = errno;

	if ((pid_t)load_relaxed(&owner) != getpid()) {
		put_back_and_raise(sig);
		errno = saved;
		return;
	}
	thrum__places_enter(&roots);
	for (unsigned k = 0; k < THRUM__PLACES; k++) {
		struct thrum__root *root = thrum__places_at(&roots, k);

		if (!root)
			continue;
		patient |= tell(root, sig) < 2;
	}
	thrum__places_leave(&roots);
	if (!patient)
		put_back_and_raise(sig);
	errno = saved;
}

/* ---- Begin and end ---- */

/* Is the handler still, or again, in place? */
static bool is_ours(const struct sigaction *a)
{
	return !(a->sa_flags & SA_SIGINFO) && a->sa_handler == handle;
}

/* Under lock. */
static int install(size_t i)
{
	struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART | SA_ONSTACK};
	struct sigaction found;
	int err;

	if (installed[i])
		return 0;
	sigfillset(&action.sa_mask); /* another handler might not come back to this one */
	err = thrum__os_sigaction(handled[i], NULL, &found);
	/* Ours: somebody has put back what he found in a thrum_run that has ended. */
	if (err || (found.sa_handler != SIG_DFL && !is_ours(&found)))
		return err;
	err = thrum__os_sigaction(handled[i], &action, NULL);
	installed[i] = !err;
	return err;
}

/* Under lock.  What the program has put in place meanwhile stays. */
static void uninstall(size_t i)
{
	struct sigaction found;

	if (installed[i] && !thrum__os_sigaction(handled[i], NULL, &found) && is_ours(&found))
		(void)thrum__os_sigaction(handled[i], &dfl, NULL);
	installed[i] = false;
}

int thrum__interrupt_begin(struct thrum__root *root)
{
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!thrum__places_put(&roots, root)) {
		pthread_mutex_unlock(&lock);
		return -EAGAIN;
	}
	store_relaxed(&owner, (uint32_t)getpid());
	users++;
	for (size_t i = 0; i < HANDLED; i++)
		if (install(i))
			err = -EINVAL;
	pthread_mutex_unlock(&lock);
	if (err)
		thrum__interrupt_end(root);
	return err;
}

void thrum__interrupt_end(struct thrum__root *root)
{
	pthread_mutex_lock(&lock);
	if (!--users)
		for (size_t i = 0; i < HANDLED; i++)
			uninstall(i);
	thrum__places_take(&roots, root);
	pthread_mutex_unlock(&lock);
}

int thrum__interrupt_hand_over(int sig, const struct sigaction *action, struct sigaction *found)
{
	int err;

	pthread_mutex_lock(&lock);
	err = thrum__os_sigaction(sig, NULL, found);
	if (!err && is_ours(found))
		*found = dfl;
	if (!err)
		err = thrum__os_sigaction(sig, action, NULL);
	for (size_t i = 0; i < HANDLED && !err; i++)
		if (handled[i] == sig)
			installed[i] = false;
	pthread_mutex_unlock(&lock);
	return err;
}
