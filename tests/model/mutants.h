/* SPDX-License-Identifier: MIT */
/*
 * mutants.h - the modes of the explorer beside running scenarios: mutants of the library, and of itself.
 */
#ifndef MODEL_MUTANTS_H
#define MODEL_MUTANTS_H

#include "internal.h"

/* All scenarios by name, in @out; their number. */
unsigned scenarios_all(const struct scenario *const **out);

/* Both return the exit status. */
int mutants_run(const struct options *o, const char *survivors, unsigned njobs, bool json);
int self_run(bool json);

#endif
