/* SPDX-License-Identifier: MIT */
/* rig.h - for the tests of splice: two ends, of all kinds, and the other sides of both. */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include "io_test.h"

/* Byte by byte, and many by the pool: few. */
#define BYTES (is_hostile() ? (size_t)1024 | 13 : (size_t)512 << 10 | 13)

#define A_FILE PAIR_KINDS
#define KINDS (PAIR_KINDS + 1)
#define MODES 4

/* What is spliced, and the other sides of both ends; -1: there is none, or it is closed. */
struct rig {
	int kind_in, kind_out;
	int in, out;
	int feed, taken;
};

static inline struct rig rig_make(int kind_in, int kind_out, int modes)
{
	struct rig r = {.kind_in = kind_in, .kind_out = kind_out, .feed = -1, .taken = -1};
	int ends[2];

	if (kind_in == A_FILE) {
		r.in = file_make(BYTES);
	} else {
		pair_make(ends, (enum pair_kind)kind_in, false);
		r.in = ends[0];
		r.feed = ends[1];
	}
	if (kind_out == A_FILE) {
		r.out = file_make(0);
	} else {
		pair_make(ends, (enum pair_kind)kind_out, false);
		r.taken = ends[0];
		r.out = ends[1];
	}
	if (modes & 1)
		make_nonblocking(r.in);
	if (modes & 2)
		make_nonblocking(r.out);
	return r;
}

static inline void end_close(int *fd)
{
	if (*fd >= 0)
		is_int(thrum_close(*fd), 0);
	*fd = -1;
}

static inline void rig_close(struct rig *r)
{
	end_close(&r->in);
	end_close(&r->out);
	end_close(&r->feed);
	end_close(&r->taken);
}

/* Calls fn with each pair of kinds that has a pipe, in each mode, and in both ways of a bool. */
static inline void each_rig(void (*fn)(struct rig *r, bool way))
{
	for (int i = 0; i < KINDS * KINDS * MODES * 2; i++) {
		int in = i / 2 / MODES / KINDS, out = i / 2 / MODES % KINDS;
		struct rig r;

		if (in != PIPE && out != PIPE)
			continue;
		r = rig_make(in, out, i / 2 % MODES);
		fn(&r, i % 2);
		rig_close(&r);
	}
}

static inline int bytes_in(int fd)
{
	int n;

	must(ioctl(fd, FIONREAD, &n) == 0);
	return n;
}

#endif
