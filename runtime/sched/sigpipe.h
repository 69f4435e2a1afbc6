/* SPDX-License-Identifier: MIT */
/* sigpipe.h - a write to a broken pipe is an error; sigpipe.c tells how. */
#ifndef THRUM_SCHED_SIGPIPE_H
#define THRUM_SCHED_SIGPIPE_H

/* Before the first worker starts; later calls do nothing.  From any thread. */
void thrum__sigpipe_install(void);

#endif
