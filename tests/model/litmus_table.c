/* SPDX-License-Identifier: MIT */
/*
 * litmus_table.c - the litmus programs.  Names as in the literature (Alglave, Maranget, Tautschnig
 * 2014); what follows the + says how the threads are ordered.
 *
 * Outcomes: the registers r0 r1 ..., then final values of x y z where a program has them.
 */
#include "litmus.h"

enum { x, y, z };

/* clang-format off: one program a line */
#define W(var, v)                                  \
	{                                          \
		WRITE, var, MODEL_RELAXED, v, 0, 0 \
	}
#define WREL(var, v)                               \
	{                                          \
		WRITE, var, MODEL_RELEASE, v, 0, 0 \
	}
#define R(var, r)                                 \
	{                                         \
		READ, var, MODEL_RELAXED, 0, 0, r \
	}
#define RACQ(var, r)                              \
	{                                         \
		READ, var, MODEL_ACQUIRE, 0, 0, r \
	}
#define XCHG(var, v, r)                               \
	{                                             \
		EXCHANGE, var, MODEL_RELAXED, v, 0, r \
	}
#define XCHG_ACQREL(var, v, r)                        \
	{                                             \
		EXCHANGE, var, MODEL_ACQ_REL, v, 0, r \
	}
#define INC(var, v, r)                           \
	{                                        \
		ADD, var, MODEL_RELAXED, v, 0, r \
	}
#define CAS(var, e, v, r)                            \
	{                                            \
		COMPARE, var, MODEL_RELAXED, v, e, r \
	}
#define CAS_ACQ(var, e, v, r)                        \
	{                                            \
		COMPARE, var, MODEL_ACQUIRE, v, e, r \
	}
#define SC                                       \
	{                                        \
		FENCE, 0, MODEL_SEQ_CST, 0, 0, 0 \
	}
#define LIGHT                                  \
	{                                      \
		FENCE, 0, MODEL_LIGHT, 0, 0, 0 \
	}
#define HEAVY                                  \
	{                                      \
		FENCE, 0, MODEL_HEAVY, 0, 0, 0 \
	}

#define FUTURE                                                                                    \
	"it takes a load that reads a store made later (ARM may, x86 does not); a history holds " \
	"only the past"

const struct litmus litmus_table[] = {
    /* Store buffering: each stores, then looks at the other. */
    {"SB", {{W(x, 1), R(y, 0)}, {W(y, 1), R(x, 1)}}, 2, 0, "00", true, NULL},
    {"SB+rel-acq", {{WREL(x, 1), RACQ(y, 0)}, {WREL(y, 1), RACQ(x, 1)}}, 2, 0, "00", true, NULL},
    {"SB+fences", {{W(x, 1), SC, R(y, 0)}, {W(y, 1), SC, R(x, 1)}}, 2, 0, "00", false, NULL},
    {"SB+fence-none", {{W(x, 1), SC, R(y, 0)}, {W(y, 1), R(x, 1)}}, 2, 0, "00", true, NULL},
    {"SB+light-heavy",
     {{W(x, 1), LIGHT, R(y, 0)}, {W(y, 1), HEAVY, R(x, 1)}},
     2,
     0,
     "00",
     false,
     NULL},
    {"SB+light-light",
     {{W(x, 1), LIGHT, R(y, 0)}, {W(y, 1), LIGHT, R(x, 1)}},
     2,
     0,
     "00",
     true,
     NULL},
    {"SB+heavy-heavy",
     {{W(x, 1), HEAVY, R(y, 0)}, {W(y, 1), HEAVY, R(x, 1)}},
     2,
     0,
     "00",
     false,
     NULL},
    {"SB+heavy-none", {{W(x, 1), R(y, 0)}, {W(y, 1), HEAVY, R(x, 1)}}, 2, 0, "00", true, NULL},
    {"SB+light-fence", {{W(x, 1), LIGHT, R(y, 0)}, {W(y, 1), SC, R(x, 1)}}, 2, 0, "00", true, NULL},
    {"SB+heavy-fence",
     {{W(x, 1), HEAVY, R(y, 0)}, {W(y, 1), SC, R(x, 1)}},
     2,
     0,
     "00",
     false,
     NULL},
    {"SB+rmw",
     {{XCHG_ACQREL(x, 1, 2), R(y, 0)}, {XCHG_ACQREL(y, 1, 3), R(x, 1)}},
     2,
     0,
     "00",
     true,
     NULL},
    {"3.SB+light-light-heavy",
     {{W(x, 1), LIGHT, R(y, 0)}, {W(y, 1), LIGHT, R(z, 1)}, {W(z, 1), HEAVY, R(x, 2)}},
     3,
     0,
     "000",
     true,
     NULL},

    /* Message passing: data, then a flag. */
    {"MP", {{W(x, 1), W(y, 1)}, {R(y, 0), R(x, 1)}}, 2, 0, "10", true, NULL},
    {"MP+rel-acq", {{W(x, 1), WREL(y, 1)}, {RACQ(y, 0), R(x, 1)}}, 2, 0, "10", false, NULL},
    {"MP+rel-rlx", {{W(x, 1), WREL(y, 1)}, {R(y, 0), R(x, 1)}}, 2, 0, "10", true, NULL},
    {"MP+rlx-acq", {{W(x, 1), W(y, 1)}, {RACQ(y, 0), R(x, 1)}}, 2, 0, "10", true, NULL},
    {"MP+fences", {{W(x, 1), SC, W(y, 1)}, {R(y, 0), SC, R(x, 1)}}, 2, 0, "10", false, NULL},
    {"MP+fence-acq", {{W(x, 1), SC, W(y, 1)}, {RACQ(y, 0), R(x, 1)}}, 2, 0, "10", false, NULL},
    {"MP+rel-fence", {{W(x, 1), WREL(y, 1)}, {R(y, 0), SC, R(x, 1)}}, 2, 0, "10", false, NULL},
    {"MP+light-heavy",
     {{W(x, 1), LIGHT, W(y, 1)}, {R(y, 0), HEAVY, R(x, 1)}},
     2,
     0,
     "10",
     false,
     NULL},
    {"MP+heavy-light",
     {{W(x, 1), HEAVY, W(y, 1)}, {R(y, 0), LIGHT, R(x, 1)}},
     2,
     0,
     "10",
     false,
     NULL},
    {"MP+light-light",
     {{W(x, 1), LIGHT, W(y, 1)}, {R(y, 0), LIGHT, R(x, 1)}},
     2,
     0,
     "10",
     true,
     NULL},
    {"MP+cas", {{W(x, 1), WREL(y, 1)}, {CAS_ACQ(y, 3, 2, 0), R(x, 1)}}, 2, 0, "10", false, NULL},
    {"MP+cas-rlx", {{W(x, 1), WREL(y, 1)}, {CAS(y, 3, 2, 0), R(x, 1)}}, 2, 0, "10", true, NULL},

    /*
     * Release sequences: a read-modify-write hands the message on, a store doesn't (C++20; C11 let
     * the same thread's).
     */
    {"RelSeq+rmw",
     {{W(x, 1), WREL(y, 1)}, {INC(y, 1, 2)}, {RACQ(y, 0), R(x, 1)}},
     2,
     0,
     "20",
     false,
     NULL},
    {"RelSeq+store",
     {{W(x, 1), WREL(y, 1), W(y, 2)}, {RACQ(y, 0), R(x, 1)}},
     2,
     0,
     "20",
     true,
     NULL},
    {"RelSeq+two-rmw",
     {{W(x, 1), WREL(y, 1)}, {INC(y, 1, 2)}, {INC(y, 1, 3)}, {RACQ(y, 0), R(x, 1)}},
     2,
     0,
     "30",
     false,
     NULL},

    /* Load buffering: reads from the future. */
    {"LB", {{R(x, 0), W(y, 1)}, {R(y, 1), W(x, 1)}}, 2, 0, "11", true, FUTURE},
    {"LB+rel-acq", {{RACQ(x, 0), WREL(y, 1)}, {RACQ(y, 1), WREL(x, 1)}}, 2, 0, "11", false, NULL},
    {"LB+fences", {{R(x, 0), SC, W(y, 1)}, {R(y, 1), SC, W(x, 1)}}, 2, 0, "11", false, NULL},

    /* Two writers, two readers that disagree. */
    {"IRIW",
     {{W(x, 1)}, {W(y, 1)}, {R(x, 0), R(y, 1)}, {R(y, 2), R(x, 3)}},
     4,
     0,
     "1010",
     true,
     NULL},
    {"IRIW+rel-acq",
     {{WREL(x, 1)}, {WREL(y, 1)}, {RACQ(x, 0), RACQ(y, 1)}, {RACQ(y, 2), RACQ(x, 3)}},
     4,
     0,
     "1010",
     true,
     NULL},
    {"IRIW+fences",
     {{W(x, 1)}, {W(y, 1)}, {R(x, 0), SC, R(y, 1)}, {R(y, 2), SC, R(x, 3)}},
     4,
     0,
     "1010",
     false,
     NULL},
    {"IRIW+light-heavy",
     {{W(x, 1)}, {W(y, 1)}, {R(x, 0), LIGHT, R(y, 1)}, {R(y, 2), HEAVY, R(x, 3)}},
     4,
     0,
     "1010",
     false,
     NULL},

    /* Coherence: one location. */
    {"CoRR", {{W(x, 1)}, {R(x, 0), R(x, 1)}}, 2, 0, "10", false, NULL},
    {"CoRR2",
     {{W(x, 1)}, {W(x, 2)}, {R(x, 0), R(x, 1)}, {R(x, 2), R(x, 3)}},
     4,
     0,
     "1221",
     false,
     NULL},
    {"CoWR", {{W(x, 1), R(x, 0)}, {W(x, 2)}}, 1, 1, "21", false, NULL},
    {"CoRW", {{R(x, 0), W(x, 1)}, {W(x, 2)}}, 1, 1, "22", false, NULL},
    {"CoRW1", {{R(x, 0), W(x, 1)}}, 1, 1, "11", false, NULL},
    {"CoWW", {{W(x, 1), W(x, 2)}, {W(x, 3)}}, 0, 1, "1", false, NULL},

    /* Modification orders against each other. */
    {"2+2W", {{W(x, 1), W(y, 2)}, {W(y, 1), W(x, 2)}}, 0, 2, "11", true, NULL},
    {"2+2W+rel", {{WREL(x, 1), WREL(y, 2)}, {WREL(y, 1), WREL(x, 2)}}, 0, 2, "11", true, NULL},
    {"2+2W+fences", {{W(x, 1), SC, W(y, 2)}, {W(y, 1), SC, W(x, 2)}}, 0, 2, "11", false, NULL},
    {"R", {{W(x, 1), W(y, 1)}, {W(y, 2), R(x, 0)}}, 1, 2, "012", true, NULL},
    {"R+fences", {{W(x, 1), SC, W(y, 1)}, {W(y, 2), SC, R(x, 0)}}, 1, 2, "012", false, NULL},
    {"S", {{W(x, 2), W(y, 1)}, {R(y, 0), W(x, 1)}}, 1, 1, "12", true, NULL},
    {"S+rel-acq", {{W(x, 2), WREL(y, 1)}, {RACQ(y, 0), W(x, 1)}}, 1, 1, "12", false, NULL},

    /* Causality over three threads. */
    {"WRC", {{W(x, 1)}, {R(x, 0), W(y, 1)}, {R(y, 1), R(x, 2)}}, 3, 0, "110", true, NULL},
    {"WRC+rel-acq",
     {{W(x, 1)}, {R(x, 0), WREL(y, 1)}, {RACQ(y, 1), R(x, 2)}},
     3,
     0,
     "110",
     false,
     NULL},
    {"ISA2+rel-acq",
     {{W(x, 1), WREL(y, 1)}, {RACQ(y, 0), WREL(z, 1)}, {RACQ(z, 1), R(x, 2)}},
     3,
     0,
     "110",
     false,
     NULL},
    {"ISA2+rlx",
     {{W(x, 1), WREL(y, 1)}, {R(y, 0), WREL(z, 1)}, {RACQ(z, 1), R(x, 2)}},
     3,
     0,
     "110",
     true,
     NULL},
    {"RWC+fences",
     {{W(x, 1)}, {R(x, 0), SC, R(y, 1)}, {W(y, 1), SC, R(x, 2)}},
     3,
     0,
     "100",
     false,
     NULL},
    {"RWC+rel-acq",
     {{WREL(x, 1)}, {RACQ(x, 0), RACQ(y, 1)}, {WREL(y, 1), RACQ(x, 2)}},
     3,
     0,
     "100",
     true,
     NULL},
    {"W+RWC+fences",
     {{W(x, 1), WREL(z, 1)}, {RACQ(z, 0), SC, R(y, 1)}, {W(y, 1), SC, R(x, 2)}},
     3,
     0,
     "100",
     false,
     NULL},
    {"W+RWC+fence-none",
     {{W(x, 1), WREL(z, 1)}, {RACQ(z, 0), R(y, 1)}, {W(y, 1), SC, R(x, 2)}},
     3,
     0,
     "100",
     true,
     NULL},
    {"Z6.U+fences",
     {{W(x, 1), SC, W(y, 1)}, {W(y, 2), WREL(z, 1)}, {RACQ(z, 0), SC, R(x, 1)}},
     2,
     2,
     "1012",
     false,
     NULL},

    /* Read-modify-writes. */
    {"RMW+once", {{CAS(x, 0, 1, 0)}, {CAS(x, 0, 2, 1)}}, 2, 1, "001", false, NULL},
    {"RMW+count", {{INC(x, 1, 0)}, {INC(x, 1, 1)}, {INC(x, 1, 2)}}, 3, 1, "0002", false, NULL},
    {"RMW+store", {{XCHG(x, 1, 0)}, {W(x, 2), R(x, 1)}}, 2, 1, "", false, NULL},
    {"CAS+fails-on-old",
     {{W(x, 1), WREL(y, 1)}, {R(y, 0), CAS(x, 1, 2, 1)}},
     2,
     1,
     "101",
     true,
     NULL},
    {"CAS+coherent", {{W(x, 1)}, {R(x, 0), CAS(x, 1, 2, 1)}}, 2, 1, "101", false, NULL},
};

/* clang-format on */

const unsigned litmus_count = sizeof(litmus_table) / sizeof(litmus_table[0]);
