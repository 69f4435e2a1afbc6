/* SPDX-License-Identifier: MIT */
/*
 * blocking_wait.c - jobs of the blocking pool that wait for others: for the writer of a FIFO, a
 * line on a terminal, a connection that another process was faster to take.  They may wait for
 * ever, so a cancel, a deadline or a close brings them out: a signal makes the system call return
 * -EINTR. What the call did before that is its result: nothing is lost.
 *
 * SIGNAL  A realtime signal whose disposition was the default when it was first needed, SIGRTMAX -
 *         3 or the next below; it gets a handler that does nothing, without SA_RESTART.  (Java
 *         has SIGRTMAX - 2 for it.)  Rejected: SIGURG, as Go has it: others install handlers with
 *         SA_RESTART for it.  It is unblocked in the job's thread alone, from enter to leave, and
 *         sent to that thread alone, so no other call of the program is interrupted.  Should the
 *         program take it for itself, another one is taken for the next job; should it restore the
 *         default, the handler is put there again.
 * RACE    A signal that comes before the system call begins is lost: it is sent again, at 1 ms and
 *         then less and less often, until the job has ended.  Not more often, for signals to a
 *         thread that is off its CPU are queued, and all programs of a user share the room for
 *         them.  A virtual clock stands still while there is a job, so there the waiter goes round
 *         the ready queue meanwhile.
 *
 * STATES  of a job: OUT -> INSIDE -> OUT, by its thread; WANTED from the first request on: whoever
 *         would go inside then does not.
 * OWNERS  struct job: the waiter's frame, until the job's future is done; its lock guards thread,
 *         signal, inside, wanted.  A signal is sent under it, so to a thread that is inside.
 *
 * What can fail: what can with any job.  Without a free signal the job is not brought out.
 */
#define _GNU_SOURCE

#include "sched/blocking_wait.h"

#include "sched/await.h"
#include "sched/blocking.h"
#include "sched/spawn.h"
#include "sched/worker.h"

#include <pthread.h>
#include <signal.h>

#define RESEND_MIN_NS THRUM_MS(1)
#define RESEND_MAX_NS THRUM_MS(100)

struct job {
	const struct thrum__blocking_wait *how;
	struct thrum__edge ended; /* raised once, when it has run or was taken back */
	pthread_mutex_t lock;
	pthread_t thread;
	int signal; /* 0: there is none */
	bool inside;
	bool wanted;
};

/* ---- The signal ---- */

static pthread_mutex_t signal_lock = PTHREAD_MUTEX_INITIALIZER;
static int signal_taken; /* 0: none yet */

static void on_signal(int sig)
{
	(void)sig;
}

/* Is it, or can it be made, ours? */
static bool take(int sig)
{
	struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK}, now;

	if (thrum__os_sigaction(sig, NULL, &now) || now.sa_flags & SA_SIGINFO)
		return false;
	if (now.sa_handler == on_signal)
		return true;
	return now.sa_handler == SIG_DFL && !thrum__os_sigaction(sig, &ours, NULL);
}

/* 0: all are the program's. */
static int choose_signal(void)
{
	int sig;

	pthread_mutex_lock(&signal_lock);
	sig = signal_taken;
	if (!sig || !take(sig))
		for (sig = SIGRTMAX - 3; sig >= SIGRTMIN && !take(sig); sig--)
			;
	signal_taken = sig >= SIGRTMIN ? sig : 0;
	sig = signal_taken;
	pthread_mutex_unlock(&signal_lock);
	return sig;
}

static bool is_ours(int sig)
{
	bool ours;

	pthread_mutex_lock(&signal_lock);
	ours = sig && take(sig);
	pthread_mutex_unlock(&signal_lock);
	return ours;
}

static void mask(int how, int sig)
{
	sigset_t set;

	sigemptyset(&set);
	if (sig)
		sigaddset(&set, sig);
	pthread_sigmask(how, &set, NULL);
}

/* ---- The job's thread ---- */

static bool enter(struct job *j)
{
	int sig = choose_signal();
	bool may;

	pthread_mutex_lock(&j->lock);
	may = !j->wanted;
	j->thread = pthread_self();
	j->signal = sig;
	j->inside = may;
	pthread_mutex_unlock(&j->lock);
	if (may)
		mask(SIG_UNBLOCK, sig);
	return may;
}

static void leave(struct job *j)
{
	pthread_mutex_lock(&j->lock);
	j->inside = false;
	pthread_mutex_unlock(&j->lock);
	mask(SIG_BLOCK, j->signal);
}

static intptr_t run(void *job)
{
	struct job *j = job;
	intptr_t r = -EINTR;

	if (enter(j)) {
		r = j->how->fn(j->how->arg);
		leave(j);
	}
	return r;
}

/* It has run or was taken back. */
static void tell(void *job)
{
	struct job *j = job;

	thrum__edge_raise(&j->ended);
}

/* ---- The waiter ---- */

static void request(struct job *j)
{
	pthread_mutex_lock(&j->lock);
	j->wanted = true;
	if (j->inside && is_ours(j->signal))
		pthread_kill(j->thread, j->signal); /* no room for it now: it is sent again */
	pthread_mutex_unlock(&j->lock);
}

/* Until it has ended. */
static void bring_out(struct job *j, struct thrum_future *f)
{
	struct thrum_runtime *rt = f->runtime;
	int64_t ns = RESEND_MIN_NS, due_ns = 0;

	while (!thrum__future_is_done(f)) {
		int64_t now_ns = thrum__clock_monotonic_ns();

		if (now_ns >= due_ns) {
			request(j);
			due_ns = now_ns + ns;
			ns = thrum__min64(2 * ns, RESEND_MAX_NS);
		}
		if (rt->virtual_clock || thrum__await_untold(f, due_ns, true) == -ENOMEM)
			thrum__worker_give_way(thrum__tls_worker());
	}
}

/* Until it has ended: 0; or why to wait no more. */
static int wait(struct job *j)
{
	const struct thrum__blocking_wait *how = j->how;
	struct thrum__edge *edges[3] = {&j->ended};
	uint64_t ticks[3] = {0};
	int err = 0;

	for (size_t i = 0; i < how->hears_count; i++)
		edges[1 + i] = how->hears[i];
	while (!err && !thrum__edge_tick(&j->ended)) {
		for (size_t i = 0; i < how->hears_count; i++)
			ticks[1 + i] = thrum__edge_tick(how->hears[i]);
		if (how->hears_count && how->is_over(how->arg))
			return -EBADF;
		err = thrum__wait_edges_untold(edges, ticks, 1 + how->hears_count, THRUM_FOREVER);
	}
	return err;
}

int thrum__blocking_wait(const struct thrum__blocking_wait *how, intptr_t *result)
{
	struct job j = {.how = how, .lock = PTHREAD_MUTEX_INITIALIZER};
	struct thrum__spawn job = {.place = how->place, .fn = run, .arg = &j, .drop = tell};
	struct thrum_future *f;
	int err = thrum__blocking_begin(THRUM__JOBS_FILE, &job, &f);

	if (err)
		return err;
	err = wait(&j);
	if (err) {
		thrum_cancel(f);
		bring_out(&j, f);
	}
	thrum__await_end(f);
	/* What was done counts. */
	if (thrum__job_started(f) && thrum__future_look(f) != -EINTR)
		err = 0;
	err = thrum__blocking_end(f, err, result);
	pthread_mutex_destroy(&j.lock);
	return err;
}
