/* SPDX-License-Identifier: MIT */
/*
 * sched.c - simulated threads: who runs next, waiting loops, sleep.
 *
 * Each atomic operation is a scheduling point before it; plain accesses are none, because the race
 * check finds in any order what another order would show.  Taking the processor from a thread that
 * could go on is a preemption and counts against the bound; all other changes are free.
 *
 * Threads that yield again let those go first that could have run meanwhile and did not (fair
 * schedules: Musuvathi and Qadeer, PLDI 2008).  Waiting loops: spin.c.
 */
#include "internal.h"

#include <stdarg.h>
#include <string.h>

struct explorer X;

static unsigned bit(const struct thread *t)
{
	return 1u << t->id;
}

static bool can_wake(const struct thread *t)
{
	switch (t->asleep) {
	case SPINNING:
		return spin_has_news(t);
	case ON_FUTEX:
		return t->woken;
	default:
		return t->pred(t->arg);
	}
}

static unsigned enabled_now(void)
{
	unsigned m = X.ready, late = 0;

	if (!(X.sleepers | X.yielders))
		return m;
	for (unsigned b = X.sleepers; b; b &= b - 1) {
		unsigned i = (unsigned)__builtin_ctz(b);

		if (can_wake(&X.threads[i]))
			m |= 1u << i;
	}
	for (unsigned b = m & X.yielders; b; b &= b - 1) {
		unsigned i = (unsigned)__builtin_ctz(b);

		if (X.threads[i].after & m)
			late |= 1u << i;
	}
	return m != late ? m & ~late : m;
}

/* Waiting loops that have not tried without news. */
static unsigned patient_spinners(void)
{
	unsigned m = 0;

	for (unsigned b = X.sleepers; b; b &= b - 1) {
		unsigned i = (unsigned)__builtin_ctz(b);

		if (X.threads[i].asleep == SPINNING && !X.threads[i].impatient)
			m |= 1u << i;
	}
	return m;
}

static struct thread *nth(unsigned mask, unsigned n)
{
	while (n--)
		mask &= mask - 1;
	return &X.threads[__builtin_ctz(mask)];
}

static void log_step(const void *p, enum access a)
{
	if (X.nlog < sizeof(X.log) / sizeof(X.log[0]))
		X.log[X.nlog++] = (struct step){p, (uint8_t)a};
}

static void go(struct thread *t)
{
	struct thread *from = X.self;

	if (t->asleep) {
		log_step(NULL, ACCESS_ALL);
		if (t->asleep == SPINNING && !spin_has_news(t)) {
			t->impatient = true;
			t->patience = SPIN_PATIENCE;
		}
		t->asleep = AWAKE;
		X.sleepers &= ~bit(t);
		X.ready |= bit(t);
	}
	if (t == from)
		return;
	X.self = t;
	fiber_switch(&from->fiber, &t->fiber);
}

/* PCT: the thread in @mask with the highest priority, as an index into it. */
static unsigned favourite(unsigned mask)
{
	unsigned best = 0, n = bits_of(mask);

	for (unsigned i = 1; i < n; i++)
		if (nth(mask, i)->priority > nth(mask, best)->priority)
			best = i;
	return best;
}

static unsigned choose_thread(unsigned mask)
{
	unsigned n = bits_of(mask);

	if (X.mode != PCT)
		return choose(n);
	choose_as(n, favourite(mask));
	return favourite(mask);
}

static unsigned preempt_others(struct thread *t)
{
	unsigned others = enabled_now();

	if (X.scenario->bounded_spin)
		others |= patient_spinners();
	return others & ~bit(t);
}

/* PCT: lower priorities at the places drawn; then the favourite of all. */
static unsigned preempt_by_priority(struct thread *t, unsigned others)
{
	unsigned k = others ? favourite(others) : 0, c = 0;

	for (unsigned i = 0; i < X.nchanges; i++)
		if (X.steps == X.changes[i])
			t->priority = i;
	if (others && nth(others, k)->priority > t->priority)
		c = k + 1;
	choose_as(1 + bits_of(others), c);
	return c;
}

/* Did any operation since number @from of the log conflict with @mine? */
static bool conflict_since(unsigned from, const struct step *mine)
{
	for (; from < X.nlog; from++)
		if (steps_conflict(&X.log[from], mine))
			return true;
	return false;
}

/*
 * May take the processor from @t before its operation @mine.  A preemption after which the others
 * did nothing that conflicts with it could as well have come after it: that schedule is explored,
 * this one is left out.  @alone: no other thread can notice @mine.
 */
static void preempt(struct thread *t, const struct step *mine, bool alone)
{
	unsigned others = 0, c, since = X.nlog;

	if (X.preemptions < X.bound && X.broken != BREAK_PREEMPT && !alone)
		others = preempt_others(t);
	if (X.mode == PCT)
		c = preempt_by_priority(t, others);
	else
		c = choose_point(1 + bits_of(others));
	if (!c)
		return;
	X.preemptions++;
	go(nth(others, c - 1));
	if (X.reduce && mine && !conflict_since(since, mine))
		sched_leave(PRUNED);
}

/* Fairness: a step of @t. */
static void step_seen(struct thread *t)
{
	unsigned now = enabled_now();

	for (unsigned b = X.yielders; b; b &= b - 1) {
		struct thread *y = &X.threads[__builtin_ctz(b)];

		y->scheduled |= (uint8_t)bit(t);
		y->after &= (uint8_t)~bit(t);
		y->enabled &= (uint8_t)now;
	}
}

void sched_count(void)
{
	if (UNLIKELY(++X.steps > X.max_steps))
		model_fail("livelock: more than %u operations in one execution", X.max_steps);
}

void sched_point(struct model_site *s, const void *p, enum access a)
{
	struct step mine = {p, (uint8_t)a};
	struct thread *t = X.self;
	bool alone;

	t->at = s;
	if (X.phase != RUN)
		return;
	s->reached = true;
	sched_count();
	alone = X.reduce && share_is_private(p, a, t->id);
	if (t->fresh)
		t->fresh = false;
	else
		preempt(t, &mine, alone);
	log_step(p, a);
	if (UNLIKELY(X.yielders))
		step_seen(t);
}

void sched_between(void)
{
	sched_count();
	preempt(X.self, NULL, false);
	log_step(NULL, ACCESS_HEAVY);
	if (UNLIKELY(X.yielders))
		step_seen(X.self);
}

static void describe(char *out, size_t size)
{
	static const char *const how[] = {"", "spins", "sleeps on a futex", "sleeps"};
	size_t n = 0;

	out[0] = 0;
	for (unsigned i = 1; i < X.nthreads && n < size; i++) {
		struct thread *t = &X.threads[i];

		if (t->asleep)
			n += (size_t)snprintf(out + n, size - n, "%sT%u %s at %s:%d", n ? ", " : "",
					      i - 1, how[t->asleep], site_file(t->at), t->at->line);
	}
}

/* The current thread can't go on, or need not. */
static void move_on(void)
{
	unsigned m = enabled_now();
	char who[300];

	if (!m)
		m = patient_spinners();
	if (m) {
		go(nth(m, choose_thread(m)));
		return;
	}
	if (!(X.sleepers & ~(X.scenario->may_sleep << 1)) || X.broken == BREAK_BLOCKED) {
		go(&X.threads[0]);
		return;
	}
	describe(who, sizeof(who));
	model_fail("nobody can run: %s", who);
}

void sched_sleep(enum sleep_reason why)
{
	struct thread *t = X.self;

	log_step(NULL, ACCESS_ALL);
	t->asleep = (uint8_t)why;
	X.ready &= ~bit(t);
	X.sleepers |= bit(t);
	move_on();
	t->fresh = true;
}

void sched_give_way(struct thread *t)
{
	log_step(NULL, ACCESS_ALL);
	if (X.yielders & bit(t))
		t->after |= (uint8_t)(t->enabled & ~t->scheduled & ~bit(t));
	X.yielders |= bit(t);
	t->scheduled = 0;
	t->enabled = (uint8_t)enabled_now();
	if (X.mode == PCT)
		t->priority = 0;
	move_on();
	t->fresh = true;
}

void model_yield(void)
{
	if (X.phase == RUN) {
		sched_count();
		sched_give_way(X.self);
	}
}

void model_call_on(void *stack, size_t size, void (*fn)(void *arg), void *arg)
{
	fiber_call(stack, size, fn, arg);
}

int model_thread(void)
{
	return X.phase == RUN ? X.self->id - 1 : -1;
}

void sched_leave(enum outcome o)
{
	struct thread *t = X.self;

	X.outcome = o;
	fiber_switch(&t->fiber, &X.loop);
	__builtin_unreachable();
}

void model_fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(X.failure, sizeof(X.failure), format, ap);
	va_end(ap);
	sched_leave(FAILED);
}

void model_assert_failed(const char *what, const char *file, int line)
{
	model_fail("assertion failed: %s at %s:%d", what, trace_file(file), line);
}

static void thread_main(void)
{
	struct thread *t = X.self;

	X.scenario->thread[t->id - 1]();
	t->done = true;
	X.ready &= ~bit(t);
	move_on();
}

static void first_main(void)
{
	X.phase = SETUP;
	if (X.scenario->setup)
		X.scenario->setup();
	X.phase = RUN;
	X.ready = (1u << X.nthreads) - 2;
	move_on();
	X.phase = CHECK;
	if (X.scenario->check)
		X.scenario->check();
	sched_leave(PASSED);
}

static void thread_reset(struct thread *t)
{
	t->fresh = true;
	t->done = false;
	t->asleep = AWAKE;
	t->woken = false;
	t->nreads = 0;
	t->wrote = false;
	t->patience = 0;
	t->impatient = false;
	t->turn = 1;
	t->last_turn = 0;
	t->after = t->enabled = t->scheduled = 0;
}

void sched_run(void)
{
	X.ready = X.sleepers = X.yielders = 0;
	X.nlog = X.steps = X.preemptions = X.stale_reads = X.position = 0;
	X.execution++;
	X.failure[0] = 0;
	memory_reset();
	place_reset();
	for (unsigned i = 0; i < X.nthreads; i++) {
		struct thread *t = &X.threads[i];

		thread_reset(t);
		if (!t->fiber.stack) {
			t->id = (uint8_t)i;
			fiber_create(&t->fiber);
		}
		fiber_prepare(&t->fiber, i ? thread_main : first_main);
	}
	X.self = &X.threads[0];
	fiber_switch(&X.loop, &X.threads[0].fiber);
}
