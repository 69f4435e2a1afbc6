/* SPDX-License-Identifier: MIT */
/*
 * trace.c - the events of one execution, and how they are printed.
 *
 * Recorded only when a failed execution is run again or one is replayed.
 */
#include "internal.h"

#include <string.h>

enum { EVENTS = 1 << 16, NAMES = 64 };

static struct event events[EVENTS];
static unsigned nevents;
static struct {
	const volatile void *p;
	const char *name;
} names[NAMES];
static unsigned nnames;

void trace_reset(void)
{
	nevents = 0;
	nnames = 0;
}

struct event *trace_event(struct model_site *s, void *addr)
{
	struct event *e = &events[nevents < EVENTS - 1 ? nevents++ : nevents];

	memset(e, 0, sizeof(*e));
	e->site = s;
	e->addr = addr;
	e->thread = X.self->id;
	e->clock = X.self->now.c[0][X.self->id];
	return e;
}

void model_name(const volatile void *p, const char *name)
{
	if (!X.tracing || nnames == NAMES)
		return;
	names[nnames].p = p;
	names[nnames++].name = name;
}

const char *trace_file(const char *path)
{
	static const char *const roots[] = {"/runtime/", "/include/thrum/", "/tests/"};

	for (unsigned i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		const char *at = NULL;

		for (const char *p = path; (p = strstr(p, roots[i])); p++)
			at = p;
		if (at)
			return at + 1;
	}
	return path;
}

void trace_find(uint8_t thread, int16_t clock, const void *addr, char *out, size_t size)
{
	const struct event *best = NULL;

	for (unsigned i = 0; i < nevents && X.tracing; i++) {
		const struct event *e = &events[i];

		if (e->thread != thread || e->clock > clock)
			continue;
		if (e->addr == addr || (!best && e->clock == clock))
			best = e;
	}
	if (best)
		snprintf(out, size, "%s at %s:%d", best->site->op, site_file(best->site),
			 best->site->line);
	else
		snprintf(out, size, "an access");
}

static const char *name_of(const struct event *e, char *out, size_t size)
{
	for (unsigned i = nnames; i-- > 0;)
		if (names[i].p == e->addr)
			return names[i].name;
	if (!e->addr)
		return "";
	snprintf(out, size, "*%06lx", (unsigned long)((uintptr_t)e->addr & 0xFFFFFF));
	return out;
}

static const char *value(uint64_t v, char *out, size_t size)
{
	if (v < 100000)
		snprintf(out, size, "%llu", (unsigned long long)v);
	else if (v >> 40 && v >> 47 == 0)
		snprintf(out, size, "*%06llx", (unsigned long long)v & 0xFFFFFF);
	else
		snprintf(out, size, "0x%llx", (unsigned long long)v);
	return out;
}

static void describe(const struct event *e, char *out, size_t size)
{
	char a[24], b[24];
	size_t n = 0;

	out[0] = 0;
	if (e->what & 1)
		n += (size_t)snprintf(out + n, size - n, "reads %s", value(e->read, a, sizeof(a)));
	if ((e->what & 1) && e->from)
		n += (size_t)snprintf(out + n, size - n, " of T%u", e->from - 1);
	if (e->what & 4)
		n += (size_t)snprintf(out + n, size - n, ", fails");
	if (e->what & 2)
		n += (size_t)snprintf(out + n, size - n, "%swrites %s", n ? ", " : "",
				      value(e->written, b, sizeof(b)));
	if ((e->what & 3) == 2 && e->number < e->latest)
		snprintf(out + n, size - n, "  <- lands before %d later store(s)",
			 e->latest - e->number);
	else if ((e->what & 3) == 1 && e->number < e->latest)
		snprintf(out + n, size - n, "  <- %d store(s) old", e->latest - e->number);
}

void trace_print(FILE *f)
{
	char what[120], name[24], where[200];

	for (unsigned i = 0; i < nevents; i++) {
		const struct event *e = &events[i];

		describe(e, what, sizeof(what));
		snprintf(where, sizeof(where), "%s:%d", site_file(e->site), e->site->line);
		if (!e->site->line)
			where[0] = 0;
		fprintf(f, "%4u  %*sT%u %-18s %-10s %-36s %s%s\n", i + 1, (e->thread - 1) * 2, "",
			e->thread - 1, e->site->op, name_of(e, name, sizeof(name)), what, where,
			e->site->order != e->site->declared ? "   <- weakened" : "");
	}
	if (nevents == EVENTS - 1)
		fprintf(f, "      ... (the rest was not recorded)\n");
}
