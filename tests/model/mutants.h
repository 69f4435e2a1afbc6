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

/* Does its name contain one of @names (none: yes)? */
bool scenario_is_named(const struct scenario *s, char **names, unsigned nnames);

/* Both return the exit status. */
int mutants_run(const struct options *o, const char *survivors, unsigned njobs, bool json,
		char **names, unsigned nnames);
int self_run(bool json);

#endif
