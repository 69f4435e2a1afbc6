/* SPDX-License-Identifier: MIT */
/*
 * litmus.h - small programs whose outcomes are known: the explorer's own tests.
 *
 * A program is data, so that the explorer can run it (litmus.c) and the axioms can judge it
 * (axioms.c).
 */
#ifndef MODEL_LITMUS_H
#define MODEL_LITMUS_H

#include "model_atomic.h"

#include <stdio.h>

enum { LITMUS_THREADS = 4, LITMUS_LENGTH = 6, LITMUS_VARS = 3, LITMUS_REGS = 6, OUTCOMES = 4096 };

enum instr_kind { END, WRITE, READ, EXCHANGE, COMPARE, ADD, FENCE };

struct instr {
	enum instr_kind kind;
	unsigned var;
	enum model_order order;
	unsigned value;    /* written; added */
	unsigned expected; /* COMPARE */
	unsigned reg;      /* where the value read goes */
};

struct litmus {
	const char *name;
	struct instr thread[LITMUS_THREADS][LITMUS_LENGTH];
	unsigned regs,
	    vars;         /* an outcome is the registers, then the final values of vars variables */
	const char *weak; /* the outcome that the program is about, a digit each; "" none */
	bool allowed;     /* by C11, as the literature has it */
	const char *why;  /* where the model differs from C11: why; else NULL */
};

/* A set of outcomes; one is its digits, packed four bits each. */
struct outcomes {
	unsigned n;
	uint64_t at[OUTCOMES];
};

extern const struct litmus litmus_table[];
extern const unsigned litmus_count;

bool outcomes_have(const struct outcomes *s, uint64_t o);
void outcomes_add(struct outcomes *s, uint64_t o);

bool outcomes_same(const struct outcomes *a, const struct outcomes *b);

/* What the explorer shows (until the next call); NULL: not exhausted. */
const struct outcomes *litmus_outcomes(const struct litmus *l, unsigned bound, bool all,
				       bool insert);

/*
 * @n random programs: the explorer against the axioms, and with against without its reductions. 
 * Exit status.
 */
int fuzz_run(uint64_t n, uint64_t seed, bool quiet);

/*
 * What C11 allows, with the fences of C++20 (RC11); and what of it needs no load that reads from
 * the future.
 */
void axioms_outcomes(const struct litmus *l, struct outcomes *c11, struct outcomes *executable);

/*
 * Runs all; the table on @f (NULL: nothing).  Returns the programs that failed; stops at the first
 * if @first.
 */
unsigned litmus_run(FILE *f, bool first);
const char *litmus_first_bad(void); /* of the last run; NULL: none */

#endif
