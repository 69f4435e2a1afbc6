/* SPDX-License-Identifier: MIT */
/*
 * fuzz.c - random litmus programs.  The explorer must show what the axioms allow (but for reads
 * from the future), and under each bound the same with its reductions as without.
 */
#include "litmus.h"

#include "internal.h"

#include <string.h>

static struct instr random_instr(unsigned *regs)
{
	static const enum model_order fences[] = {MODEL_SEQ_CST, MODEL_LIGHT, MODEL_HEAVY,
						  MODEL_LIGHT};
	struct instr i = {
	    WRITE, random_below(2), MODEL_RELAXED, 1 + random_below(3), random_below(3), 0};
	unsigned kind = random_below(10);

	if (kind < 3) {
		i.order = random_below(3) ? MODEL_RELAXED : MODEL_RELEASE;
		return i;
	}
	if (kind >= 8 || *regs == LITMUS_REGS) {
		i.kind = FENCE;
		i.order = fences[random_below(4)];
		return i;
	}
	i.reg = (*regs)++;
	i.kind = kind < 6 ? READ : kind == 6 ? EXCHANGE : random_below(2) ? COMPARE : ADD;
	i.order =
	    i.kind == READ ? (enum model_order)random_below(2) : (enum model_order)random_below(4);
	return i;
}

static void random_program(struct litmus *l)
{
	unsigned threads = 2 + random_below(2), left = threads == 2 ? 7 : 6;

	memset(l, 0, sizeof(*l));
	l->name = "random";
	l->vars = 2;
	for (unsigned t = 0; t < threads; t++) {
		unsigned n = 1 + random_below(4);

		for (unsigned i = 0; i < n && left > 0; i++, left--)
			l->thread[t][i] = random_instr(&l->regs);
	}
}

static void program_print(const struct litmus *l)
{
	static const char *const kinds[] = {"", "write", "read", "exchange", "cas", "add", "fence"};
	static const char *const orders[] = {"relaxed", "acquire", "release", "acq_rel",
					     "",        "light",   "full",    "heavy"};

	for (unsigned t = 0; t < LITMUS_THREADS; t++)
		for (unsigned k = 0; k < LITMUS_LENGTH && l->thread[t][k].kind != END; k++) {
			const struct instr *i = &l->thread[t][k];

			printf("  T%u %s %s %c value %u expected %u\n", t, kinds[i->kind],
			       orders[i->order], "xyz"[i->var], i -> value, i -> expected);
		}
}

static void difference_print(const char *what, const struct outcomes *a, const struct outcomes *b,
			     unsigned digits)
{
	printf("  %s:", what);
	for (unsigned i = 0; i < a->n; i++)
		if (!outcomes_have(b, a->at[i]))
			printf(" %0*llx", (int)digits, (unsigned long long)a->at[i]);
	putchar('\n');
}

static bool agree(const struct litmus *l, bool quiet)
{
	static struct outcomes c11, executable, without;
	const struct outcomes *model = litmus_outcomes(l, 99, false, true);

	axioms_outcomes(l, &c11, &executable);
	if (!model || !outcomes_same(model, &executable)) {
		if (quiet)
			return false;
		printf("the explorer and the axioms disagree:\n");
		program_print(l);
		if (model) {
			difference_print("axioms only", &executable, model, l->regs + l->vars);
			difference_print("model only", model, &executable, l->regs + l->vars);
		}
		return false;
	}
	for (unsigned k = 0; k < 8; k++) {
		const struct outcomes *o = litmus_outcomes(l, k / 2, true, k % 2);

		if (!o)
			return false;
		without = *o;
		o = litmus_outcomes(l, k / 2, false, k % 2);
		if (!o || !outcomes_same(o, &without)) {
			if (quiet)
				return false;
			printf("a reduction loses outcomes under bound %u:\n", k / 2);
			program_print(l);
			return false;
		}
	}
	return true;
}

int fuzz_run(uint64_t n, uint64_t seed, bool quiet)
{
	struct litmus l;
	uint64_t i;

	for (i = 0; i < n; i++) {
		X.random = (seed + i) * 0x9E3779B97F4A7C15u | 1;
		for (int k = 0; k < 4; k++)
			random_next();
		random_program(&l);
		if (!agree(&l, quiet)) {
			if (!quiet)
				printf("program %llu of seed %llu: model --fuzz 1 --seed %llu\n",
				       (unsigned long long)i, (unsigned long long)seed,
				       (unsigned long long)(seed + i));
			return 1;
		}
	}
	if (!quiet)
		printf("%llu random programs from seed %llu: the explorer agrees with the axioms, "
		       "its reductions lose nothing\n",
		       (unsigned long long)n, (unsigned long long)seed);
	return 0;
}
