/* SPDX-License-Identifier: MIT */
/*
 * report.c - lines for people.  Each runtime limits its own (ten a second of each kind, a hundred
 * of what is stuck as it stops; the next one says how many were held back).  A future may outlive
 * its runtime: then its report goes to standard error.
 */
#define _GNU_SOURCE /* strerrordesc_np */
#include "sched/report.h"

#include "sched/registry.h"
#include "sched/worker.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINES 10
#define LINES_STUCK 100
#define LINE_BYTES 512
#define PREFIX "thrum: "

/* Places where locks are taken, of which each is told of once; of more, none is. */
#define PLACES 256

static struct thrum__reporter standard;

/* May one more line go out in this second? */
static bool allow(struct thrum__report_rate *r, uint32_t lines)
{
	uint64_t now = (uint64_t)thrum__clock_monotonic_ns();
	uint64_t start = load_relaxed(&r->window_ns);

	if (now - start >= (uint64_t)THRUM_SEC(1) && cas_relaxed(&r->window_ns, &start, now))
		store_relaxed(&r->sent, 0);
	if (fetch_add_relaxed(&r->sent, 1) < lines)
		return true;
	fetch_add_relaxed(&r->held_back, 1);
	return false;
}

/* Mostly in one write, and through none of stdio's buffers: the stack may be a small task's.  A
 * rest that cannot be written is lost. */
static void to_standard_error(const char *line, size_t n)
{
	(void)thrum__os_write_all(STDERR_FILENO, line, n);
}

void thrum__report(struct thrum__reporter *reporter, int what, const char *format, ...)
{
	struct thrum__reporter *r = reporter ? reporter : &standard;
	struct thrum__report_rate *rate = &r->rates[what];
	char line[sizeof(PREFIX) + LINE_BYTES] = PREFIX; /* and the end of the line */
	size_t used = strlen(PREFIX);
	uint32_t held;
	va_list args;
	int n;

	if (!allow(rate, what == THRUM_REPORT_STUCK ? LINES_STUCK : LINES))
		return;
	va_start(args, format);
	n = vsnprintf(line + used, LINE_BYTES, format, args);
	va_end(args);
	held = exchange_relaxed(&rate->held_back, 0);
	if (held && n >= 0 && n < LINE_BYTES)
		snprintf(line + used + n, (size_t)(LINE_BYTES - n), " (and %u more were held back)",
			 held);
	if (r->report) {
		r->report(r->report_arg, what, line + strlen(PREFIX));
		return;
	}
	used = strlen(line);
	line[used] = '\n';
	to_standard_error(line, used + 1);
}

void thrum__report_held_back(struct thrum__reporter *reporter, int what)
{
	struct thrum__report_rate *rate = &(reporter ? reporter : &standard)->rates[what];
	uint32_t held = exchange_relaxed(&rate->held_back, 0);

	if (!held)
		return;
	store_relaxed(&rate->window_ns, 0); /* this line goes out */
	thrum__report(reporter, what, "%u more were held back", held);
}

static void report_failure_to(struct thrum__reporter *reporter, struct thrum_future *f)
{
	const char *error = strerrordesc_np((int)-f->result);

	thrum__report(reporter, THRUM_REPORT_FAILURE,
		      "%s failed and nobody looked: %s (%d), made at %s", thrum_name(f),
		      error ? error : "unknown error", (int)f->result, f->place);
}

void thrum__report_failure(struct thrum_future *f)
{
	struct thrum__worker *w = thrum__tls_worker();
	struct thrum_runtime *rt = f->runtime;

	if (w && (!rt || w->runtime == rt)) {
		report_failure_to(w->runtime->reporter, f);
	} else if (rt && thrum__registry_enter(rt)) {
		report_failure_to(rt->reporter, f); /* it stays as long as the visit lasts */
		thrum__registry_leave(rt);
	} else {
		report_failure_to(NULL, f);
	}
}

void thrum__report_unset(struct thrum_future *f)
{
#ifdef THRUM_DEBUG
	struct thrum__worker *w = thrum__tls_worker();

	if (f->kind == THRUM__BARE)
		thrum__report(w ? w->runtime->reporter : NULL, THRUM_REPORT_UNSET,
			      "a future was released and never set, made at %s", f->place);
#else
	(void)f;
#endif
}

#ifdef THRUM__SEES_LOCKS
#include <dlfcn.h>

/* Has nothing been told of @place yet? */
static bool is_new(const void *place)
{
	static struct atomicptr places[PLACES];
	uintptr_t start = (uintptr_t)place / 4 % PLACES;

	for (size_t i = 0; i < PLACES; i++) {
		struct atomicptr *p = &places[(start + i) % PLACES];
		void *found = NULL;

		if (cas_relaxed(p, &found, (void *)place))
			return true;
		if (found == place)
			return false;
	}
	return false;
}

void thrum__report_held(struct thrum__task *t)
{
	struct thrum_runtime *rt = t->future.runtime;
	struct thrum__held newest;
	unsigned n = thrum__held_forget(&newest);
	Dl_info in = {.dli_fname = NULL};

	if (!n || !is_new(newest.caller))
		return;
	(void)dladdr(newest.caller, &in);
	thrum__report(rt->reporter, THRUM_REPORT_HELD,
		      "%s waits and holds %u of the OS's locks, the last taken by %s+%#tx (at %p), "
		      "made at %s",
		      thrum_name(&t->future), n, in.dli_fname ? in.dli_fname : "?",
		      (const char *)newest.caller - (const char *)in.dli_fbase, newest.lock,
		      thrum_place(&t->future));
}

#endif
