/* SPDX-License-Identifier: MIT */
/*
 * engine.h - simulated time.  Each core is a fiber with a clock of its own; whoever is to do
 * something that others can see first lets all go that are earlier (engine_sync).  One real thread,
 * no real clock: the same seed gives the same run.
 */
#ifndef SIMULATE_ENGINE_H
#define SIMULATE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

/* 256 workers and those that are none. */
#define CORES_MAX 320
#define NEVER UINT64_MAX

/* Begins anew, at 0, without cores. */
void engine_reset(uint64_t seed);
/* One more core, which runs @run from 0 on; it ends when @run returns.  Its number, from 0 on. */
unsigned engine_add(void (*run)(void *), void *arg);
/* Until engine_stop, or until nobody has anything left to wait for. */
void engine_run(void);

/* The rest: for what runs on a core. */
_Noreturn void engine_stop(void);
/* The number of the running core; -1 outside the simulation. */
int engine_self(void);
/* The running core's clock. */
uint64_t engine_now(void);
/* Its clock goes on; nobody else runs meanwhile. */
void engine_spend(uint64_t ns);
/* All that are earlier go first.  What it does then, it does in its turn. */
void engine_sync(void);
/* How far its clock has gone since its last turn. */
uint64_t engine_ahead(void);
/* Sleeps until engine_wake (true) or @until_ns (false). */
bool engine_sleep(uint64_t until_ns);
/* Ends the sleep of @core at @at_ns, if that is before the sleep would end. */
void engine_wake(unsigned core, uint64_t at_ns);
/* An interrupt takes @ns from each other core that does not sleep. */
void engine_interrupt_others(uint64_t ns);
/* Of the one generator that is behind all chance of a run. */
uint64_t engine_random(uint64_t below);

#endif
