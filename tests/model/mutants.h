/* SPDX-License-Identifier: MIT */
/*
 * mutants.h - the modes of the explorer beside running scenarios: mutants of the library, and of itself.
 */
#ifndef MODEL_MUTANTS_H
#define MODEL_MUTANTS_H

#include "internal.h"

extern const struct scenario *const __start_model_scenarios[];
extern const struct scenario *const __stop_model_scenarios[];

/* Both return the exit status. */
int mutants_run(const struct options *o, const char *survivors, unsigned njobs, bool json);
int self_run(bool json);

#endif
