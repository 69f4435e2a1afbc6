/* SPDX-License-Identifier: MIT */
/* support.h - what the stress programs share: checks, scaled counts, what the kernel says of the
 * process, a runtime that is watched to its end. */
#ifndef THRUM_STRESS_SUPPORT_H
#define THRUM_STRESS_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <thrum/thrum.h>

/* Under a sanitizer or an emulator memory and threads are not the program's alone. */
#if defined(EMULATED) || defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INSTRUMENTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INSTRUMENTED 1
#endif
#endif
#ifndef INSTRUMENTED
#define INSTRUMENTED 0
#endif

/* Ends the program with what failed and where. */
#define CHECK(cond)                                                                              \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

/* @n divided by THRUM_TEST_DIV, 1 at least. */
uint64_t scaled(uint64_t n);
/* THRUM_POLLER=sim: calls are cut short, interrupted, begun for nothing. */
bool hostile_poller(void);
/* scaled, and with the hostile poller a tenth of that. */
uint64_t scaled_io(uint64_t n);
/* A field of /proc/self/status: a number, in KiB where it has a unit. */
long status_of(const char *field);
/* Open descriptors of the process. */
int descriptors(void);
/* Sum over all threads of their voluntary context switches; @threads: how many there are. */
long voluntary_switches(int *threads);
/* From THRUM_SEED or the clock; printed. */
uint64_t seed(void);
/* xorshift64: the next number below @n. */
uint64_t random_below(uint64_t *state, uint64_t n);
/* Tasks, futures and jobs that somebody still refers to; runtimes that are there. */
uint64_t live_blocks(void);
uint64_t live_runtimes(void);
/* Destroys @rt, once all that was spawned in it has ended: its counts. */
struct thrum_stats take_apart(struct thrum_runtime *rt);
/* Runs @fn, which returns 0, in a runtime of its own, with @workers (0: the default).  Returns the
 * counts once all that was spawned has ended. */
struct thrum_stats run_to_the_end_on(unsigned workers, thrum_fn fn);
struct thrum_stats run_to_the_end(thrum_fn fn);

#endif
