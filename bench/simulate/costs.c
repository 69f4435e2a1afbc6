/* SPDX-License-Identifier: MIT */
/*
 * costs.c - the defaults.
 *
 * Measured on a virtual machine with two cores: a locked operation and a full fence 4.5 ns; a
 * flag's round trip between the cores 80 to 140 ns on a good day and up to 590 on a bad one, which
 * is two transfers, so 80 for one is on the slow side and 400 a distant one; a wake reaches a
 * sleeper after 4 us if its core is awake and after 17 to 38 us if that sleeps too, and costs the
 * waker 6 to 8 us; membarrier 8 us; a trivial system call 113 ns.
 *
 * Not measured, assumed: a hit (1 ns), a pause (40 ns), a clock reading (25 ns), a yield to nobody
 * (300 ns); a spawn without its queue (15 ns); what an interrupt takes from the core that gets it
 * (1 us); how long a read that changes nothing keeps the next one waiting (10 ns; as long as a
 * transfer would mean that a line is read by one core after the other).  spin is the library's own.
 *
 * ahead is the simulation's own: how old a copy may be that a core reads without asking who is
 * earlier.
 */
#include "cache.h"

struct costs costs = {
    .hit = 1,
    .locked = 5,
    .near = 80,
    .far = 400,
    .share = 10,
    .sockets = 1,
    .pause = 40,
    .clock = 25,
    .syscall = 113,
    .yield = 300,
    .wake_min = 4000,
    .wake_max = 40000,
    .waker = 6000,
    .membarrier = 8000,
    .barriers = BARRIERS_LOCKED,
    .shared = 1,
    .interrupt = 1000,
    .spawn = 15,
    .spin = 50000,
    .ahead = 50,
};
