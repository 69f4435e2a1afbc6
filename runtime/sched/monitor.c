/* SPDX-License-Identifier: MIT */
/*
 * monitor.c - one thread for each runtime that looks, each millisecond, or two, while any worker
 * is awake, whether a worker is held inside one task, and does for it what cannot wait.
 *
 * HELD    A worker inside a task that has started or resumed none since the last look.  Its timers
 *         are fired here (timer.c).  While none sleeps at the poller, and so none would hear of an
 *         event, the poller is looked at here, and tasks queued behind a task that is held for the
 *         limit are moved to the runtime's inbox.
 * STUCK   Held for the limit (stall_ns), and its thread was on a CPU: one that was put off its CPU
 *         is no hog, and gets some milliseconds more; then it is taken for one that blocks.
 *         When all are stuck and work waits, a spare is started (spare.c); if that is stuck too,
 *         another, as long as rt->workers has room.  A spare that is not needed any more
 *         is told to leave; one at rest ends half a second after its last use.
 * SLICES  Workers ask the kernel for short slices of CPU time, as this thread does: who asks for
 *         less gets its turn sooner (Linux 6.12).  One that is stuck and computes gets long ones,
 *         so that the others, and spares, take its CPU at once when an event comes.
 * STALL   All regular workers are stuck, and work waited.  Past REPORT_NS each task that holds a
 *         worker is reported, once.
 * SPARES' TIMERS  Those of a spare that rests, or whose thread has ended, stay where they are:
 *         the monitor comes back for the earliest of them.
 * REST    When all workers have been asleep for QUIET_NS the monitor sleeps until a worker that
 *         comes back from its sleep pokes it, and for the timers and the ends of spares.  Before,
 *         it lets sleepers whose earliest timer nobody waits for any more set their clocks anew;
 *         in a debug build it looks for cycles (cycle.c).  QUIET_NS is short: a poke is cheap.
 * WAITS   Those that have relied on an earlier watch are looked at again (poll/descriptor.c), now
 *         and then, and all of them before a rest.
 *
 * OWNERS  All but doze: the monitor's thread.  The workers' counters and current: theirs, read here
 *         without order: what they say may be a moment old.  The task that holds a worker may end
 *         at any time: its block stays a task's (task.c), so a reference can be tried for, and if
 *         the worker still names that task then, it is the one.
 *
 * What can fail: its memory and its thread, when a runtime is made; spares, which are tried again.
 *
 * ORDER   core/doze.c: the monitor sees who comes back from its sleep, or is poked.  Who sees a
 *         worker asleep sees the timer that it sleeps for (sched/idle.c: O4, O5).
 */
#include "sched/monitor.h"

#include "core/doze.h"
#include "sched/report.h"
#include "sched/spare.h"
#include "sched/timer.h"
#include "sched/worker.h"

#include <errno.h>
#include <stdio.h>

#define TICK_NS THRUM_MS(1)
#define TICK_LEAST_NS THRUM_US(100)
/* Where no task holds a worker for long, the look is this much rarer; and for so long after the
 * last one did, it is not.  A tick costs some 20 us of CPU time. */
#define CALM 2
#define CALM_AFTER_NS THRUM_SEC(1)
/* Slices of CPU time: the least and most that the kernel takes are 0.1 and 100 ms. */
#define SLICE_NS THRUM_US(100)
#define STUCK_SLICE_NS THRUM_MS(10)
/* To the second reading of a CPU clock. */
#define HURRY_NS THRUM_US(250)
/* A thread that was off its CPU is given so much more than the limit. */
#define OFF_CPU_NS THRUM_MS(4)
#define REPORT_NS THRUM_MS(10)
#define QUIET_NS THRUM_MS(5)
/* A thread that uses no CPU time is reported so many times later: it may wait for a CPU. */
#define BLOCKED 5
/* How long a spare that is not needed goes on with what it has, and how long it rests. */
#define LINGER_NS THRUM_MS(10)
#define KEEP_NS THRUM_MS(500)
/* After a spare could not be had. */
#define RETRY_NS THRUM_MS(10)
/* A wait at a descriptor is verified when it has lasted for one to two of these. */
#define VERIFY_NS THRUM_MS(20)
/* Tasks taken from a worker's queue at one look. */
#define QUEUE_BATCH 256
/* Wheels of timers taken at once: each costs its owner a wait if it comes by, and all of them cost
 * one membarrier. */
#define WHEELS 16
#define BATCHES 4 /* of events, for each look at the poller */

/* What the monitor remembers of a worker. */
struct watched {
	uint64_t progress; /* the count of what it does */
	uint64_t armed;    /* timers that it had started */
	int64_t since_ns;  /* when that count, or no task, was first seen */
	int64_t cpu_ns;    /* its thread's CPU time at cpu_at_ns */
	int64_t cpu_at_ns; /* 0: not read since */
	int64_t again_ns;  /* blames none before: it waited for a CPU */
	int64_t next_ns;   /* its earliest timer, if timers_known */
	uint64_t left;     /* how many tasks were taken from its deque */
	uint64_t ready;    /* how many lay in its ready ring */
	bool timers_known; /* and nobody has started one since */
	bool stuck;
	bool computes; /* stuck, and uses its CPU: has long slices */
	bool reported;
	/* Of a spare: */
	int64_t needed_ns;  /* last time that it was needed */
	int64_t resting_ns; /* 0: does not rest */
};

struct thrum__monitor {
	struct thrum__doze doze;
	bool started;
	pthread_t thread;
	struct thrum_runtime *runtime;
	int64_t limit_ns, report_ns, tick_ns;
	bool spares_wanted; /* at all */

	/* This look. */
	int64_t now_ns;
	int64_t next_ns; /* the earliest of the timers that are fired here, and ends of spares */
	unsigned active; /* workers with a thread that runs */
	unsigned held;   /* of those */
	unsigned stuck;  /* of those */
	unsigned regular_stuck;
	bool moved; /* somebody did something since the last look */
	bool hurry;
	unsigned looks_count;
	struct thrum__timers_look looks[WHEELS]; /* to be fired */

	int64_t quiet_ns;    /* since when all sleep */
	int64_t verified_ns; /* when descriptors were last looked at */
	int64_t stuck_ns;    /* when one was last stuck */
	int64_t retry_ns;    /* no spare before */
	bool work_waited;    /* in this stall */
	struct watched watched[];
};

/* ---- What workers do ---- */

static uint64_t progress_of(const struct thrum__worker *w)
{
	return load_relaxed(&w->counters.started) + load_relaxed(&w->counters.resumes) +
	       load_relaxed(&w->counters.parks);
}

/* Fires what is due on those that were put down for it. */
static void run_timers(struct thrum__monitor *m)
{
	thrum__timers_run_for_some(m->looks, m->looks_count);
	for (unsigned i = 0; i < m->looks_count; i++) {
		struct watched *s = &m->watched[m->looks[i].worker->index];

		s->timers_known = m->looks[i].done;
		s->next_ns = m->looks[i].next_ns;
		if (s->timers_known)
			m->next_ns = thrum__min64(m->next_ns, s->next_ns);
	}
	m->looks_count = 0;
}

/* @w's timers are to be fired, if one may be due: soon, with those of others.  One that
 * rests may do so for long. */
static void look_at_timers(struct thrum__monitor *m, struct thrum__worker *w, struct watched *s)
{
	uint64_t armed = load_relaxed(&w->counters.armed);

	if (armed != s->armed)
		s->timers_known = false;
	s->armed = armed;
	if (s->timers_known && s->next_ns > m->now_ns) {
		m->next_ns = thrum__min64(m->next_ns, s->next_ns);
		return;
	}
	m->looks[m->looks_count++] =
	    (struct thrum__timers_look){.worker = w, .exact = s->resting_ns};
	if (m->looks_count == WHEELS)
		run_timers(m);
}

/* Has nobody taken from @w's queue since the last look? */
static bool is_left_alone(struct thrum__worker *w, struct watched *s)
{
	uint64_t left = thrum__deque_left(&w->spawned), ready = thrum__ready_count(&w->ready);
	bool alone = left == s->left && ready >= s->ready;

	s->left = left;
	s->ready = ready;
	return alone;
}

/* While none sleeps, the others are busy with queues of their own and may never look at this one's:
 * what is queued behind the task goes to where they do look. */
static void take_queue(struct thrum__monitor *m, struct thrum__worker *w)
{
	struct thrum_runtime *rt = m->runtime;
	struct thrum__task *t;
	int n = 0;

	for (; n < QUEUE_BATCH; n++) {
		t = thrum__deque_steal(&w->spawned);
		if (!t)
			t = thrum__ready_take(&w->ready);
		if (!t)
			break;
		thrum__inbox_push(&rt->woken, &t->link);
	}
	if (n)
		thrum__idle_wake_one(&rt->idle);
}

void thrum__monitor_set_slice(struct thrum__worker *w, bool is_held)
{
	pid_t tid = (pid_t)load_relaxed(&w->tid);

	if (tid)
		(void)thrum__os_thread_set_slice(tid, is_held ? STUCK_SLICE_NS : SLICE_NS);
}

/* Has it been stuck long enough, and on a CPU?  One that is off its CPU for long is stuck as well,
 * and may turn out to compute after all. */
static void judge(struct thrum__monitor *m, struct thrum__worker *w, struct watched *s)
{
	int64_t held_ns = m->now_ns - s->since_ns;
	int64_t cpu_ns, used_ns;

	if (s->computes || held_ns < m->limit_ns)
		return;
	cpu_ns = thrum__os_thread_cpu_ns(w->thread);
	used_ns = cpu_ns - s->cpu_ns;
	s->computes = s->cpu_at_ns && (2 * used_ns >= m->now_ns - s->cpu_at_ns ||
				       (s->stuck && used_ns >= m->limit_ns));
	if (s->computes)
		thrum__monitor_set_slice(w, true);
	if (s->stuck)
		return;
	s->stuck = s->computes || cpu_ns < 0 || held_ns - OFF_CPU_NS >= m->limit_ns;
	s->cpu_ns = cpu_ns;
	s->cpu_at_ns = m->now_ns;
	m->hurry |= !s->stuck;
}

/* It is held no more. */
static void is_free(struct thrum__worker *w, struct watched *s)
{
	if (s->computes)
		thrum__monitor_set_slice(w, false);
	s->timers_known = s->stuck = s->computes = s->reported = false;
}

/* @all_awake: none sleeps, or only spares do. */
static void look_at_active(struct thrum__monitor *m, struct thrum__worker *w, struct watched *s,
			   bool all_awake)
{
	uint64_t progress = progress_of(w);

	m->active++;
	s->resting_ns = 0;
	if (progress != s->progress || !load_relaxed(&w->current_seen)) {
		m->moved |= progress != s->progress;
		s->progress = progress;
		s->since_ns = m->now_ns;
		s->cpu_at_ns = 0;
		is_free(w, s);
		return;
	}
	m->held++;
	look_at_timers(m, w, s);
	judge(m, w, s);
	if (!THRUM__MIGRATES && is_left_alone(w, s) && all_awake &&
	    m->now_ns - s->since_ns >= m->limit_ns)
		take_queue(m, w);
	if (s->stuck) {
		m->stuck++;
		m->regular_stuck += !thrum__worker_is_spare(w);
	}
}

/* A spare that rests or has no thread: its timers, and the end of its rest. */
static void look_at_inactive(struct thrum__monitor *m, struct thrum__worker *w, struct watched *s)
{
	int64_t end_ns;

	if (!s->resting_ns) {
		s->resting_ns = m->now_ns;
		is_free(w, s);
	}
	look_at_timers(m, w, s);
	if (!thrum__standby_is(&w->spare, THRUM__STANDBY_RESTING))
		return;
	end_ns = s->resting_ns + KEEP_NS;
	if (m->now_ns >= end_ns)
		thrum__spare_end(w);
	else
		m->next_ns = thrum__min64(m->next_ns, end_ns);
}

static void look_at_workers(struct thrum__monitor *m)
{
	struct thrum_runtime *rt = m->runtime;
	unsigned total = thrum__workers_total(rt);
	unsigned asleep = thrum__idle_asleep(&rt->idle);
	bool all_awake = asleep + rt->workers_count <= m->active || !asleep;

	m->next_ns = THRUM_FOREVER;
	m->active = m->held = m->stuck = m->regular_stuck = 0;
	m->moved = m->hurry = false;
	for (unsigned i = 0; i < total; i++) {
		struct thrum__worker *w = rt->workers[i];

		if (i < rt->workers_count || thrum__spare_is_active(w))
			look_at_active(m, w, &m->watched[i], all_awake);
		else
			look_at_inactive(m, w, &m->watched[i]);
	}
	run_timers(m);
	thrum__idle_set_held(&rt->idle, m->stuck);
	m->hurry &= m->held == m->active;
}

/* Events that no worker would hear of. */
static void look_at_poller(struct thrum__monitor *m)
{
	struct thrum_runtime *rt = m->runtime;
	struct thrum__poll_event events[THRUM__POLL_BATCH];
	int n = THRUM__POLL_BATCH;

	if (!m->held || !load_relaxed(&rt->descriptors.watching) || thrum__idle_asleep(&rt->idle))
		return;
	for (int i = 0; i < BATCHES && n == THRUM__POLL_BATCH; i++) {
		bool token = false;

		n = rt->poller->ops->wait(rt->poller, events, THRUM__POLL_BATCH, 0, &token);
		thrum__descriptors_dispatch(&rt->descriptors, events, n);
	}
}

static void look_at_waits(struct thrum__monitor *m)
{
	if (m->now_ns - m->verified_ns < VERIFY_NS)
		return;
	m->verified_ns = m->now_ns;
	thrum__descriptors_verify(&m->runtime->descriptors, false);
}

/* ---- Spares ---- */

/* As many spares are needed as let one thread be free. */
static void let_go_of_spares(struct thrum__monitor *m)
{
	struct thrum_runtime *rt = m->runtime;
	unsigned total = thrum__workers_total(rt);
	unsigned needed = m->stuck < rt->workers_count ? 0 : m->stuck + 1 - rt->workers_count;
	bool call = false;

	for (unsigned i = rt->workers_count; i < total; i++) {
		struct thrum__worker *w = rt->workers[i];
		struct watched *s = &m->watched[i];

		if (!thrum__spare_is_active(w))
			continue;
		if (needed) {
			needed--;
			s->needed_ns = m->now_ns;
			thrum__spare_want(w, true);
		} else if (m->now_ns - s->needed_ns >= LINGER_NS) {
			thrum__spare_want(w, false);
			call |= !load_relaxed(&w->current_seen);
		}
	}
	/* It may sleep, with the others: it is called until it comes. */
	if (call && thrum__idle_asleep(&rt->idle))
		thrum__idle_wake_all(&rt->idle);
}

static void start_spare(struct thrum__monitor *m)
{
	if (m->stuck < m->active || !m->work_waited || !m->spares_wanted ||
	    m->now_ns < m->retry_ns || !thrum__runtime_has_work(m->runtime))
		return;
	if (thrum__spare_start(m->runtime))
		m->retry_ns = m->now_ns + RETRY_NS;
	else
		m->active++; /* all_sleep: it may sleep already */
}

/* ---- Stalls ---- */

static void report_one(struct thrum__monitor *m, struct thrum__worker *w, struct watched *s)
{
	struct thrum__task *t = load_relaxed(&w->current_seen);

	if (!t || !thrum__future_try_retain(&t->future))
		return;
	if (load_relaxed(&w->current_seen) == t && progress_of(w) == s->progress) {
		s->reported = true;
		thrum__report(m->runtime->reporter, THRUM_REPORT_STALL,
			      "%s has held its worker for %lld ms while others wait, made at %s",
			      thrum_name(&t->future),
			      (long long)((m->now_ns - s->since_ns) / THRUM_MS(1)),
			      thrum_place(&t->future));
	}
	thrum_release(&t->future);
}

/* Has it computed since it was found stuck, most of the time or for long, or been blocked for long?
 * One that waits for a CPU on a loaded machine is no news of the task's: it is looked at again as
 * much later. */
static bool is_to_blame(struct thrum__monitor *m, struct thrum__worker *w, struct watched *s)
{
	int64_t used_ns;

	DEBUG_ENSURE(!thrum__worker_is_spare(w) ||
			 !thrum__standby_is(&w->spare, THRUM__STANDBY_NONE),
		     "a spare without a thread is not stuck");
	used_ns = thrum__os_thread_cpu_ns(w->thread) - s->cpu_ns;
	if (used_ns <= 0) {
		if ((m->now_ns - s->since_ns) / BLOCKED < m->report_ns || m->now_ns < s->again_ns)
			return false;
		s->again_ns = m->now_ns + BLOCKED * m->report_ns;
		return !thrum__os_thread_is_runnable((pid_t)load_relaxed(&w->tid));
	}
	return used_ns >= m->report_ns || 2 * used_ns >= m->now_ns - s->cpu_at_ns;
}

static void report_stall(struct thrum__monitor *m)
{
	struct thrum_runtime *rt = m->runtime;
	unsigned total = thrum__workers_total(rt);

	for (unsigned i = 0; i < total; i++) {
		struct watched *s = &m->watched[i];

		if (!m->work_waited && !thrum__handed_any(&rt->workers[i]->handed))
			continue;
		if (s->stuck && !s->reported && m->now_ns - s->since_ns >= m->report_ns &&
		    is_to_blame(m, rt->workers[i], s))
			report_one(m, rt->workers[i], s);
	}
}

static void look_at_stall(struct thrum__monitor *m)
{
	if (m->regular_stuck < m->runtime->workers_count)
		m->work_waited = false;
	else if (!m->work_waited)
		m->work_waited = thrum__runtime_has_work(m->runtime);
	if (m->stuck)
		report_stall(m);
}

/* ---- Sleep ---- */

static bool all_sleep(struct thrum__monitor *m)
{
	struct thrum_runtime *rt = m->runtime;

	return m->active == rt->workers_count && thrum__idle_asleep(&rt->idle) == m->active;
}

/* Does anybody sleep for a timer that nobody waits for any more? */
static bool anyone_would_wake_for_nothing(struct thrum__monitor *m)
{
	struct thrum_runtime *rt = m->runtime;
	bool any = false;
	int64_t next_ns;

	for (unsigned i = 0; i < rt->workers_count; i++) {
		int64_t until_ns = (int64_t)load_relaxed(&rt->workers[i]->next_ns);

		any |= until_ns != THRUM_FOREVER &&
		       thrum__timers_run_for(rt->workers[i], &next_ns) && next_ns != until_ns;
	}
	return any;
}

static void forget_timers_of_spares(struct thrum__monitor *m)
{
	struct thrum_runtime *rt = m->runtime;
	unsigned total = thrum__workers_total(rt);

	m->next_ns = THRUM_FOREVER;
	for (unsigned i = rt->workers_count; i < total; i++) {
		m->watched[i].timers_known = false;
		look_at_inactive(m, rt->workers[i], &m->watched[i]);
	}
	run_timers(m);
}

static void rest(struct thrum__monitor *m)
{
	if (anyone_would_wake_for_nothing(m)) {
		thrum__idle_wake_all(&m->runtime->idle);
		return;
	}
	forget_timers_of_spares(m);
	if (!thrum__doze_begin(&m->doze))
		return;
	if (all_sleep(m)) {
		thrum__descriptors_verify(&m->runtime->descriptors, true);
		thrum__cycles_look(m->runtime);
		thrum__doze_sleep(&m->doze, m->next_ns);
	}
	thrum__doze_end(&m->doze);
}

void thrum__monitor_poke(struct thrum_runtime *rt)
{
	if (rt->monitor)
		thrum__doze_poke(&rt->monitor->doze);
}

/* ---- Its thread ---- */

static int64_t next_look_ns(struct thrum__monitor *m)
{
	int64_t tick_ns = m->hurry ? HURRY_NS : m->tick_ns;

	if (m->stuck)
		m->stuck_ns = m->now_ns;
	if (!m->held && m->now_ns - m->stuck_ns > CALM_AFTER_NS)
		tick_ns *= CALM;
	return thrum__min64(m->next_ns, m->now_ns + tick_ns);
}

static void *monitor_main(void *monitor)
{
	struct thrum__monitor *m = monitor;
	char name[16];

	snprintf(name, sizeof(name), "%s-m", m->runtime->name);
	thrum__os_thread_setname(name);
	(void)thrum__os_thread_set_slice(0, SLICE_NS); /* where it can't be had: later, at times */
	m->quiet_ns = thrum__clock_monotonic_ns();
	while (!thrum__doze_is_over(&m->doze)) {
		m->now_ns = thrum__clock_monotonic_ns();
		look_at_workers(m);
		look_at_poller(m);
		look_at_waits(m);
		look_at_stall(m);
		start_spare(m);
		let_go_of_spares(m);
		if (m->moved || !all_sleep(m))
			m->quiet_ns = m->now_ns;
		if (m->now_ns - m->quiet_ns >= QUIET_NS) {
			rest(m);
			m->quiet_ns = m->now_ns;
		} else {
			thrum__doze_nap(&m->doze, next_look_ns(m));
		}
	}
	return NULL;
}

static int64_t clamp(int64_t ns, int64_t least, int64_t most)
{
	return ns < least ? least : thrum__min64(ns, most);
}

int thrum__monitor_create(struct thrum_runtime *rt)
{
	int64_t stall_ns = rt->limits.stall_ns;
	struct thrum__monitor *m;

	if (rt->virtual_clock)
		return 0;
	m = thrum__os_alloc_zeroed(sizeof(*m) + rt->workers_max * sizeof(m->watched[0]));
	if (!m)
		return -ENOMEM;
	for (unsigned i = 0; i < rt->workers_max; i++)
		m->watched[i].progress = UINT64_MAX; /* the first look finds progress */
	m->runtime = rt;
	thrum__descriptors_trust(&rt->descriptors);
	m->limit_ns = stall_ns == THRUM_FOREVER ? REPORT_NS : stall_ns;
	m->report_ns = clamp(m->limit_ns, REPORT_NS, THRUM_FOREVER);
	m->tick_ns = clamp(m->limit_ns, TICK_LEAST_NS, TICK_NS);
	m->spares_wanted = rt->workers_max > rt->workers_count;
	rt->monitor = m;
	return 0;
}

int thrum__monitor_start(struct thrum_runtime *rt)
{
	struct thrum__monitor *m = rt->monitor;
	int err;

	if (!m)
		return 0;
	err = thrum__os_thread_create(&m->thread, monitor_main, m, 0);
	m->started = !err;
	return err;
}

void thrum__monitor_stop(struct thrum_runtime *rt)
{
	struct thrum__monitor *m = rt->monitor;

	if (!m || !m->started)
		return;
	thrum__doze_stop(&m->doze);
	thrum__os_thread_join(m->thread);
	m->started = false;
	thrum__spares_stop(rt);
}

void thrum__monitor_destroy(struct thrum_runtime *rt)
{
	thrum__os_free(rt->monitor);
	rt->monitor = NULL;
}
