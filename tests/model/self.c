/* SPDX-License-Identifier: MIT */
/*
 * self.c - the explorer is tested by mutants, too: broken in each way of `enum broken`, its litmus
 * programs, its own scenarios (named self_...) or the random programs must go wrong.  Unbroken,
 * they must not.
 */
#include "litmus.h"
#include "mutants.h"

#include <stdlib.h>
#include <string.h>

static const char *const names[BREAK_COUNT] = {
    [BREAK_NONE] = "not broken",
    [BREAK_SC_FENCE] = "full fences leave the global view alone",
    [BREAK_SC_ONE_WAY] = "full fences take from the global view, but give nothing",
    [BREAK_ACQUIRE] = "acquire loads ignore the message",
    [BREAK_RELEASE] = "release stores carry no view",
    [BREAK_RELAXED] = "relaxed loads acquire",
    [BREAK_COHERENCE] = "a load does not move the view on",
    [BREAK_STALE] = "loads read the newest store only",
    [BREAK_RMW] = "read-modify-writes may read any store",
    [BREAK_RMW_CHAIN] = "no release sequences",
    [BREAK_CAS_FAILURE] = "a failed CAS reads the newest store only",
    [BREAK_APPEND] = "stores land at the end only",
    [BREAK_HEAVY] = "a heavy fence interrupts nobody",
    [BREAK_LIGHT] = "a light fence is a full one",
    [BREAK_FENCE_ACQUIRE] = "fences make nothing of earlier relaxed loads",
    [BREAK_FENCE_RELEASE] = "fences give later relaxed stores nothing",
    [BREAK_SC_CLOCK] = "fences synchronise by themselves",
    [BREAK_RACE] = "no race check",
    [BREAK_LIFETIME] = "no check of freed memory",
    [BREAK_PREEMPT] = "no preemption",
    [BREAK_BACKTRACK] = "the last alternative is never tried",
    [BREAK_BLOCKED] = "threads that sleep at the end are no failure",
    [BREAK_FUTEX] = "looking at a futex word and going to sleep are two steps",
    [BREAK_REDUCE] = "loads and stores of one place may be exchanged",
    [BREAK_HINT] = "waiting loops are never put to sleep",
};

/* The first of the explorer's own scenarios that goes wrong; NULL: none. */
static const char *first_wrong(void)
{
	static struct result r;
	const struct scenario *const *all;
	unsigned n = scenarios_all(&all);

	for (unsigned i = 0; i < n; i++) {
		const struct scenario *s = all[i];
		struct options o = {.bound = -1, .seconds = 20};

		if (strncmp(s->name, "self_", 5))
			continue;
		search_run(s, &o, &r);
		if (s->expect
			? r.outcome != FAILED || !strstr(r.failure, s->expect)
			: r.outcome == FAILED || !r.exhausted || r.executions < s->min_executions)
			return s->name;
	}
	return NULL;
}

int self_run(bool json)
{
	unsigned bad = 0;

	for (int b = BREAK_NONE; b < BREAK_COUNT; b++) {
		const char *by;
		bool good;

		X.broken = (enum broken)b;
		by = litmus_run(NULL, true) ? litmus_first_bad() : first_wrong();
		if (!by && fuzz_run(300, 1, true))
			by = "random programs";
		good = (b == BREAK_NONE) == !by;
		bad += !good;
		if (json)
			printf("{\"broken\":\"%s\",\"noticed_by\":\"%s\",\"good\":%s}\n", names[b],
			       by ? by : "", good ? "true" : "false");
		else
			printf("%-58s %s %s\n", names[b],
			       good ? (b ? "noticed by" : "all well") : "WRONG:",
			       by  ? by
			       : b ? "nobody noticed"
				   : "");
	}
	X.broken = BREAK_NONE;
	return bad ? 1 : 0;
}
