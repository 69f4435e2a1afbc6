/* SPDX-License-Identifier: MIT */
/*
 * litmus.c - runs the litmus programs in the explorer, all executions, and compares the outcomes
 * with the axioms'.
 *
 * The model must show exactly what the axioms allow, but for outcomes in which a load reads from
 * the future: those a store history can't execute, and the program must say so (why).  The
 * literature's verdict on the outcome that each program is known for is the third opinion.
 */
#include "litmus.h"

#include "internal.h"

#include <stdlib.h>
#include <string.h>

static const struct litmus *program;
static struct atomic32 vars[LITMUS_VARS];
static unsigned regs[LITMUS_REGS];
static struct model_site litmus_sites[LITMUS_THREADS][LITMUS_LENGTH];
static struct outcomes seen;

bool outcomes_have(const struct outcomes *s, uint64_t o)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->at[i] == o)
			return true;
	return false;
}

void outcomes_add(struct outcomes *s, uint64_t o)
{
	if (!outcomes_have(s, o) && s->n < OUTCOMES)
		s->at[s->n++] = o;
}

static void litmus_setup(void)
{
	memset(vars, 0, sizeof(vars));
	memset(regs, 0, sizeof(regs));
}

static void instr_run(const struct instr *i, struct model_site *s)
{
	uint32_t *p = &vars[i->var].v;
	uint64_t was = i->expected;

	switch (i->kind) {
	case WRITE:
		model_store(s, p, 4, i->value);
		break;
	case READ:
		regs[i->reg] = (unsigned)model_load(s, p, 4);
		break;
	case EXCHANGE:
	case ADD:
		regs[i->reg] = (unsigned)model_rmw(s, p, 4, i->value);
		break;
	case COMPARE:
		model_cas(s, p, 4, &was, i->value);
		regs[i->reg] = (unsigned)was;
		break;
	case FENCE:
		model_fence(s);
		break;
	case END:
		break;
	}
}

static void litmus_thread(void)
{
	unsigned t = (unsigned)model_thread();

	for (unsigned i = 0; i < LITMUS_LENGTH && program->thread[t][i].kind != END; i++)
		instr_run(&program->thread[t][i], &litmus_sites[t][i]);
}

static void litmus_check(void)
{
	uint64_t o = 0;

	for (unsigned i = 0; i < program->regs; i++)
		o = o << 4 | regs[i];
	for (unsigned i = 0; i < program->vars; i++)
		o = o << 4 | vars[i].v;
	outcomes_add(&seen, o);
}

static void sites_prepare(const struct litmus *l)
{
	static const uint8_t kinds[] = {
	    [WRITE] = MODEL_STORE, [READ] = MODEL_LOAD, [EXCHANGE] = MODEL_EXCHANGE,
	    [COMPARE] = MODEL_CAS, [ADD] = MODEL_ADD,   [FENCE] = MODEL_FENCE};

	for (unsigned t = 0; t < LITMUS_THREADS; t++)
		for (unsigned i = 0; i < LITMUS_LENGTH; i++) {
			uint8_t order = (uint8_t)l->thread[t][i].order;

			litmus_sites[t][i] = (struct model_site){"litmus_table.c",
								 l->name,
								 "",
								 (int)i,
								 kinds[l->thread[t][i].kind],
								 order,
								 order,
								 false};
		}
}

static const struct outcomes *litmus_explore(const struct litmus *l, const struct options *o,
					     bool insert, struct result *r)
{
	struct scenario s = {
	    .name = l->name, .setup = litmus_setup, .check = litmus_check, .insert_stores = insert};

	program = l;
	seen.n = 0;
	sites_prepare(l);
	for (unsigned t = 0; t < LITMUS_THREADS && l->thread[t][0].kind != END; t++)
		s.thread[t] = litmus_thread;
	search_run(&s, o, r);
	return &seen;
}

const struct outcomes *litmus_outcomes(const struct litmus *l, unsigned bound, bool all,
				       bool insert)
{
	struct options o = {.bound = (int)bound, .seconds = 60, .all = all};
	static struct result r;

	litmus_explore(l, &o, insert, &r);
	return r.exhausted ? &seen : NULL;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void outcomes_print(FILE *f, const char *who, struct outcomes *s, unsigned digits)
{
	qsort(s->at, s->n, sizeof(s->at[0]), by_value);
	fprintf(f, "    %-6s%3u:", who, s->n);
	for (unsigned i = 0; i < s->n; i++) {
		if (i && i % 20 == 0)
			fprintf(f, "\n              ");
		fprintf(f, " %0*llx", (int)digits, (unsigned long long)s->at[i]);
	}
	fputc('\n', f);
}

bool outcomes_same(const struct outcomes *a, const struct outcomes *b)
{
	for (unsigned i = 0; i < a->n; i++)
		if (!outcomes_have(b, a->at[i]))
			return false;
	return a->n == b->n;
}

static const char *verdict(const struct litmus *l, const struct outcomes *c11,
			   const struct outcomes *executable, const struct result *r)
{
	bool equal = outcomes_same(&seen, c11);

	if (r->outcome == FAILED || !r->exhausted)
		return "NOT EXHAUSTED";
	if (l->weak[0] && outcomes_have(c11, strtoull(l->weak, NULL, 16)) != l->allowed)
		return "THE AXIOMS AND THE LITERATURE DIFFER";
	if (!outcomes_same(&seen, executable))
		return "THE MODEL DIFFERS";
	if (equal && l->why)
		return "EXPLAINS A DIFFERENCE THAT IS NOT THERE";
	if (!equal && !l->why)
		return "UNEXPLAINED DIFFERENCE";
	return equal ? "equal" : "explained";
}

static bool litmus_one(FILE *f, const struct litmus *l)
{
	static struct outcomes c11, executable;
	static struct result r;
	const char *v;
	bool good;

	litmus_explore(l, &(struct options){.bound = 99, .seconds = 60}, true, &r);
	axioms_outcomes(l, &c11, &executable);
	v = verdict(l, &c11, &executable, &r);
	good = !strcmp(v, "equal") || !strcmp(v, "explained");
	if (!f)
		return good;
	fprintf(f, "%-28s %8llu executions   ", l->name, (unsigned long long)r.executions);
	if (l->weak[0])
		fprintf(f, "%s: C11 %s, model %s   ", l->weak, l->allowed ? "allows" : "forbids",
			outcomes_have(&seen, strtoull(l->weak, NULL, 16)) ? "shows" : "never");
	fprintf(f, "[%s]\n", v);
	outcomes_print(f, "C11", &c11, l->regs + l->vars);
	outcomes_print(f, "model", &seen, l->regs + l->vars);
	if (l->why)
		fprintf(f, "    why: %s\n", l->why);
	if (r.outcome == FAILED)
		fprintf(f, "    %s\n", r.failure);
	return good;
}

static const char *first_bad;

const char *litmus_first_bad(void)
{
	return first_bad;
}

unsigned litmus_run(FILE *f, bool first)
{
	unsigned bad = 0;

	first_bad = NULL;
	for (unsigned i = 0; i < litmus_count && !(first && bad); i++) {
		if (litmus_one(f, &litmus_table[i]))
			continue;
		if (!bad++)
			first_bad = litmus_table[i].name;
	}
	if (f)
		fprintf(f, "%u litmus programs, %u failed\n", litmus_count, bad);
	return bad;
}
