/* SPDX-License-Identifier: MIT */
/*
 * mutants.h - the modes of the explorer beside running scenarios: mutants of the library, and of
 * itself.
 */
#ifndef MODEL_MUTANTS_H
#define MODEL_MUTANTS_H

#include "internal.h"

/* All scenarios by name, in @out; their number. */
unsigned scenarios_all(const struct scenario *const **out);

enum { SCENARIOS_MAX = 512 };

/*
 * select.c: takes those that @names mean (none: all).  False: one of them means nothing, and
 * standard error says what would.
 */
bool scenarios_select(char **names, unsigned nnames);
bool scenario_is_selected(const struct scenario *s);
void names_print(FILE *out);

/* Both return the exit status.  Not @whole: only sites that the selected scenarios reach. */
int mutants_run(const struct options *o, const char *survivors, unsigned njobs, bool json,
		bool whole);
int self_run(bool json);

#endif
