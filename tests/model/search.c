/* SPDX-License-Identifier: MIT */
/*
 * search.c - which executions are run: depth-first over all choices, PCT, or one that was written
 * down.
 *
 * An execution is a function of its choices (which thread, which store).  Depth-first search keeps
 * them on a stack, runs the same prefix again with the last one advanced, and is done when none can
 * be.  PCT (Burckhardt et al., ASPLOS 2010) runs the thread of the highest random priority and
 * lowers it at depth - 1 random steps.  A failed execution is run once more with its events
 * recorded.
 *
 * The code under test may also crash or hang, mutants do: signals end the execution like a failed
 * assertion.
 */
#include "internal.h"

#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static sigjmp_buf escape;
static volatile sig_atomic_t running;
static unsigned last_execution, last_steps;

uint64_t random_next(void)
{
	X.random ^= X.random << 13;
	X.random ^= X.random >> 7;
	X.random ^= X.random << 17;
	return X.random;
}

unsigned random_below(unsigned n)
{
	return (unsigned)((random_next() >> 16) % n);
}

void choose_as(unsigned n, unsigned which)
{
	struct choice *c = &X.choices[X.position];

	if (X.position == MAX_CHOICES)
		model_fail("livelock: more than %d choices in one execution", MAX_CHOICES);
	*c = (struct choice){(uint8_t)which, (uint8_t)n};
	X.depth = ++X.position;
}

static unsigned choose_again(unsigned n)
{
	struct choice *c = &X.choices[X.position];

	if (X.mode == REPLAY && c->taken >= n)
		model_fail("the schedule does not fit this scenario");
	if (X.mode == DFS && c->n != n)
		model_fail(
		    "not repeatable: the scenario depends on something other than its choices");
	X.position++;
	return c->taken;
}

unsigned choose_point(unsigned n)
{
	unsigned which = 0;

	if (n > 255)
		model_fail("more than 255 ways to go on");
	if (X.mode != PCT && X.position < X.depth)
		return choose_again(n);
	if (X.mode == PCT)
		which = random_below(n);
	choose_as(n, which);
	return which;
}

unsigned choose(unsigned n)
{
	return n < 2 ? 0 : choose_point(n);
}

unsigned choose_read(unsigned n)
{
	if (n > 1 && X.mode == PCT && random_below(2)) {
		choose_as(n, 0);
		return 0;
	}
	return choose(n);
}

static bool next_schedule(void)
{
	while (X.depth) {
		struct choice *c = &X.choices[X.depth - 1];

		if (c->taken + 1 + (X.broken == BREAK_BACKTRACK) < c->n) {
			c->taken++;
			return true;
		}
		X.depth--;
	}
	return false;
}

static void on_signal(int signal)
{
	if (!running)
		_exit(128 + signal);
	X.outcome = FAILED;
	snprintf(X.failure, sizeof(X.failure), "signal %d (%s), last operation %s at %s:%d", signal,
		 strsignal(signal), X.self->at ? X.self->at->op : "none",
		 X.self->at ? site_file(X.self->at) : "", X.self->at ? X.self->at->line : 0);
	siglongjmp(escape, 1);
}

/* Each second of CPU time: an execution that makes no step is in a loop without an operation. */
static void on_profile(int signal)
{
	(void)signal;
	if (running && X.execution == last_execution && X.steps == last_steps) {
		X.outcome = FAILED;
		snprintf(X.failure, sizeof(X.failure),
			 "hangs in a loop without an atomic operation");
		siglongjmp(escape, 1);
	}
	last_execution = X.execution;
	last_steps = X.steps;
}

void search_init_signals(void)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
	static char stack[64 * 1024];
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK | SA_NODEFER};
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};

	sigaltstack(&alt, NULL);
	for (unsigned i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &a, NULL);
	a.sa_handler = on_profile;
	a.sa_flags |= SA_RESTART;
	sigaction(SIGPROF, &a, NULL);
}

static double seconds_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void pct_prepare(const struct options *o, uint64_t nth)
{
	X.random = (o->seed + nth) * 0x9E3779B97F4A7C15u | 1;
	for (int i = 0; i < 4; i++)
		random_next();
	for (unsigned i = 1; i < X.nthreads; i++) {
		unsigned j = 1 + random_below(i);

		X.threads[i].priority = X.threads[j].priority;
		X.threads[j].priority = 100 + i;
	}
	X.nchanges = o->pct_depth > 0 ? o->pct_depth - 1 : 0;
	if (X.nchanges > sizeof(X.changes) / sizeof(X.changes[0]))
		X.nchanges = sizeof(X.changes) / sizeof(X.changes[0]);
	for (unsigned i = 0; i < X.nchanges; i++)
		X.changes[i] = 1 + random_below(X.longest ? X.longest : 1);
	X.depth = 0;
}

static void run_once(void)
{
	if (sigsetjmp(escape, 0) == 0) {
		running = 1;
		sched_run();
	}
	running = 0;
	if (X.steps > X.longest)
		X.longest = X.steps;
}

static void search_prepare(const struct scenario *s, const struct options *o)
{
	static bool ready;

	if (!ready) {
		search_init_signals();
		ready = true;
	}
	for (unsigned i = 0; i < THREADS; i++) {
		memset(&X.threads[i].now, 0, sizeof(struct view));
		memset(&X.threads[i].acquired, 0, sizeof(struct view));
		X.threads[i].at = NULL;
	}
	memset(&X.sc, 0, sizeof(X.sc));
	X.scenario = s;
	X.nthreads = 1;
	while (X.nthreads < THREADS && s->thread[X.nthreads - 1])
		X.nthreads++;
	X.bound = o->bound >= 0 ? (unsigned)o->bound : s->bound ? s->bound : 3;
	X.stale = s->stale;
	X.max_steps = s->max_steps ? s->max_steps : 5000;
	if (X.max_steps > MAX_STEPS)
		X.max_steps = MAX_STEPS;
	X.append_only = !s->insert_stores || X.broken == BREAK_APPEND;
	X.mode = DFS;
	X.depth = 0;
	X.longest = 0;
	X.spins = false;
	X.light = 0;
	X.reduce = !o->all && !o->pct && !o->replay && !s->observes_order;
	X.restarts = 0;
	share_reset();
	X.tracing = false;
}

/*
 * "b3l0/12.1-0.2": bound, threads with light fences; then pairs: how many choices are 0, and the
 * one after them.
 */
static void replay_write(char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "b%ul%u/", X.bound, X.light);
	unsigned zeros = 0;

	for (unsigned i = 0; i < X.position && n < size; i++) {
		if (!X.choices[i].taken) {
			zeros++;
			continue;
		}
		n += (size_t)snprintf(out + n, size - n, "%s%u.%u", out[n - 1] == '/' ? "" : "-",
				      zeros, X.choices[i].taken);
		zeros = 0;
	}
	if (n >= size)
		snprintf(out, size, "too long to write down; use the seed");
}

static bool replay_read(const char *text)
{
	unsigned zeros, taken, light;
	int used;

	if (sscanf(text, "b%ul%u/%n", &X.bound, &light, &used) != 2)
		return false;
	X.light = (uint8_t)light;
	for (text += used; *text; text += used + (text[used] == '-')) {
		if (sscanf(text, "%u.%u%n", &zeros, &taken, &used) != 2 || taken > 255 ||
		    X.depth + zeros + 1 > MAX_CHOICES)
			return false;
		while (zeros--)
			X.choices[X.depth++] = (struct choice){0, 0};
		X.choices[X.depth++] = (struct choice){(uint8_t)taken, 0};
	}
	return true;
}

static void run_traced(void)
{
	X.mode = REPLAY;
	X.reduce = false;
	X.depth = X.position;
	X.tracing = true;
	trace_reset();
	run_once();
	while (X.outcome == AGAIN) {
		trace_reset();
		run_once();
	}
}

static void failed(const struct options *o, struct result *r)
{
	r->outcome = FAILED;
	replay_write(r->replay, sizeof(r->replay));
	snprintf(r->failure, sizeof(r->failure), "%s", X.failure);
	if (o->trace)
		run_traced();
}

static void search_depth_first(const struct options *o, struct result *r, double start)
{
	uint64_t n = 0;

	do {
		run_once();
		while (X.outcome == AGAIN) {
			X.depth = 0;
			r->executions = r->pruned = 0;
			run_once();
		}
		if (X.outcome == PRUNED)
			r->pruned++;
		else
			r->executions++;
		if (X.outcome == FAILED) {
			failed(o, r);
			return;
		}
		if (o->seconds > 0 && (++n & 4095) == 0 && seconds_now() - start > o->seconds)
			return;
	} while (next_schedule());
	r->exhausted = true;
}

static void search_pct(const struct options *o, struct result *r, double start)
{
	X.mode = PCT;
	X.bound = 999999;
	for (uint64_t i = 0; i < o->pct; i++) {
		pct_prepare(o, i);
		run_once();
		while (X.outcome == AGAIN) {
			pct_prepare(o, i);
			run_once();
		}
		r->executions++;
		if (X.outcome == FAILED) {
			failed(o, r);
			return;
		}
		if (o->seconds > 0 && (i & 1023) == 1023 && seconds_now() - start > o->seconds)
			return;
	}
}

static void search_replay(const struct options *o, struct result *r)
{
	if (!replay_read(o->replay)) {
		r->outcome = FAILED;
		snprintf(r->failure, sizeof(r->failure), "not a schedule: %s", o->replay);
		return;
	}
	X.position = X.depth;
	run_traced();
	r->executions = 1;
	r->outcome = X.outcome;
	snprintf(r->replay, sizeof(r->replay), "%s", o->replay);
	snprintf(r->failure, sizeof(r->failure), "%s", X.failure);
}

void search_run(const struct scenario *s, const struct options *o, struct result *r)
{
	static const struct itimerval second = {{1, 0}, {1, 0}};
	double start = seconds_now();

	memset(r, 0, sizeof(*r));
	setitimer(ITIMER_PROF, &second, NULL); /* a process that was forked has none */
	search_prepare(s, o);
	if (o->replay)
		search_replay(o, r);
	else if (o->pct)
		search_pct(o, r, start);
	else
		search_depth_first(o, r, start);
	r->seconds = seconds_now() - start;
}
