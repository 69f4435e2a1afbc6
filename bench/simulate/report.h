/* SPDX-License-Identifier: MIT */
/*
 * report.h - the table, the JSON file and the bounds.
 */
#ifndef SIMULATE_REPORT_H
#define SIMULATE_REPORT_H

#include "workload.h"

/* In percent, percent and microseconds; report.c says of what. */
extern struct bounds {
	uint64_t vain, waiting, ignored;
} bounds;

/* Every figure goes to @file as well; false: it cannot be written. */
bool report_json(const char *file);
void report_begin(enum fault fault, uint64_t seed, uint64_t divide);
void report_workers(unsigned workers);
void report_run(const struct workload *load, unsigned workers, const struct figures *f);
/* How many bounds were broken. */
unsigned report_end(void);

#endif
