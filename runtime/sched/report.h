/* SPDX-License-Identifier: MIT */
/* report.h - lines for people: unseen failures, stuck tasks; report.c tells how. */
#ifndef THRUM_SCHED_REPORT_H
#define THRUM_SCHED_REPORT_H

#include "base/held.h"
#include "sched/task.h"

#define THRUM__REPORT_KINDS (THRUM_REPORT_HELD + 1) /* 0: what is none of them */

/* How many lines of one kind went. */
struct thrum__report_rate {
	struct atomic64 window_ns; /* start of the current second */
	struct atomic32 sent;      /* in it */
	struct atomic32 held_back; /* since the last one that was sent */
};

/* Where one runtime's reports go.  Each kind has its own limit: many failures do not keep back who
 * is stuck. */
struct thrum__reporter {
	void (*report)(void *report_arg, int what, const char *line); /* NULL: standard error */
	void *report_arg;
	struct thrum__report_rate rates[THRUM__REPORT_KINDS];
};

/* One line, at most LINES a second of the kind @what; @reporter NULL: standard error. */
void thrum__report(struct thrum__reporter *reporter, int what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* No more of that kind follow for now: how many were held back, if any were. */
void thrum__report_held_back(struct thrum__reporter *reporter, int what);
/* @f's last handle goes and nobody looked at its failure. */
void thrum__report_failure(struct thrum_future *f);
/* @f's last handle goes and it was never set: reported in a debug build. */
void thrum__report_unset(struct thrum_future *f);
/* @t, the current task, is about to leave its thread: the locks of the OS that it holds, which are
 * forgotten with that, are reported in a debug build, once for each place where one was taken. */
#ifdef THRUM__SEES_LOCKS
void thrum__report_held(struct thrum__task *t);
#else
static inline void thrum__report_held(struct thrum__task *t)
{
	(void)t;
}
#endif

#endif
